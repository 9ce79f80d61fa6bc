"""What every answer says to a browser, whoever gives it: a page, a file of ours, the intake and the upload beside Django."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from abate.platform.doors.errors import Problem

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
NOWHERE = "private, no-store"
"""Of what no view says otherwise: neither the browser nor a proxy keeps it."""


class NotEncrypted(Problem):
    code = "not-encrypted"
    status = 403
    zh = "接口只接受 HTTPS 请求。"
    en = "The interface takes requests over HTTPS only."
    why_zh = "明文请求中的密钥任何人都能看到；如果自动转到 HTTPS，泄露就不会被发现。"
    why_en = "A key in a plain request is everybody's to read; were it led on to HTTPS, nobody would notice."
    remedy_zh = "请改用 https:// 地址，并更换已经以明文发送过的密钥。"
    remedy_en = "Call the https:// address, and replace the key that travelled in the clear."


def shielded(headers: MutableMapping[str, str], *_of_a_file: object) -> None:
    """Adds the policy of content where an answer has none of its own. WhiteNoise calls it with path and address too."""
    if "Content-Security-Policy" not in headers:
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY


def as_a_page(answer: HttpResponse) -> HttpResponse:
    """The answer with what every one says that a view gives: no part of it from elsewhere, and kept by no cache, unless it says
    otherwise itself."""
    shielded(answer.headers)
    answer.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), camera=()")
    answer.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
    # A shared phone must not show the last person's account on "back", and no proxy may keep what a key was told: only a
    # view whose answer is the same for everybody says that it may be kept.
    answer.headers.setdefault("Cache-Control", NOWHERE)
    return answer


def beside_django() -> list[tuple[bytes, bytes]]:
    """The headers that Django's middleware would give, for answers that it never sees."""
    found = [
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    ]
    if settings.SECURE_HSTS_SECONDS:
        subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        value = f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}"
        found.append((b"strict-transport-security", value.encode()))
    return found


def require_encryption(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> None:
    """Raises NotEncrypted where HTTPS is used and an ASGI request came without it, as Django reads the same headers."""
    if not settings.SECURE_SSL_REDIRECT:
        return
    told = headers.get(b"x-forwarded-proto") if settings.SECURE_PROXY_SSL_HEADER else None
    scheme = scope.get("scheme", "http") if told is None else told.decode("latin-1").split(",")[0].strip()
    if scheme != "https":
        raise NotEncrypted
