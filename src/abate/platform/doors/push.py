"""The adapter for notices to browsers: Web Push (RFC 8030), encrypted to the browser (RFC 8291), signed by us (RFC 8292).

The address is the browser's choice, so it may point anywhere: only public servers are called (outbound.py). What is said is
readable in that browser alone; the push service sees that something was sent, and when.
"""

from __future__ import annotations

import base64
import io
import json
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from abate.platform.doors import outbound
from abate.platform.doors.keyring import keyring
from abate.platform.doors.messages import Gone

TTL = 86_400
"""Seconds for which the push service keeps a notice for a browser that is away: a day, our policy."""
_TIMEOUT, _MOST_ANSWER = 15.0, 1_000


def _private() -> ec.EllipticCurvePrivateKey:
    pem = keyring().push
    if pem is None:
        raise OSError("web push: the secret file holds no key for it; `abate serve` makes one")
    found = load_pem_private_key(pem.encode(), None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise OSError("web push: the key in the secret file is not of P-256")
    return found


def public_key() -> str:
    """The public half (uncompressed point, base64url), by which a browser ties a subscription to this installation.

    Raises OSError where there is no key yet.
    """
    point = _private().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def subscription(endpoint: str, p256dh: str, auth: str) -> str:
    """What a browser gave, looked at, as JSON. Raises ValueError where it cannot be a subscription."""
    parts = urlsplit(endpoint)
    loopback = settings.ABATE_WEBHOOK_LOOPBACK and parts.scheme == "http"
    plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and len(endpoint) <= 1_000
    if not plain or not (parts.scheme == "https" or loopback) or not parts.hostname or parts.username:
        raise ValueError("endpoint")
    point, secret = _bytes(p256dh), _bytes(auth)
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    if len(point) != 65 or len(secret) != 16:
        raise ValueError("keys")
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": _text(point), "auth": _text(secret)}})


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Push:
    """Sends to browsers. Needs the extra `push`; a browser that is subscribed no more is Gone."""

    kinds: ClassVar[frozenset[str]] = frozenset({"push"})

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        from webpush import WebPushSubscription  # lazy: an extra of its own

        told = json.dumps({"title": subject, "body": body, "name": name}, ensure_ascii=False).encode()
        place = WebPushSubscription.model_validate_json(to)
        made = _sender(keyring().push or "").get(told, place)
        headers = {**made.headers, "Content-Type": "application/octet-stream", "Urgency": "normal"}
        try:
            status, _ = outbound.post_public(
                str(place.endpoint), made.encrypted, headers, timeout=_TIMEOUT, most=_MOST_ANSWER,
                loopback=settings.ABATE_WEBHOOK_LOOPBACK,
            )  # fmt: skip
        except outbound.Unanswered as fault:
            raise OSError(f"push service: {fault}"[:200]) from None
        if status in (404, 410):
            raise Gone("push service: the browser is subscribed no more")
        if not 200 <= status < 300:
            raise OSError(f"push service: status {status}")


@lru_cache(maxsize=1)
def _sender(_pem: str) -> Any:
    from webpush import WebPush  # lazy: as above

    private = _private()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # RFC 8292 wants somebody whom a push service can write to.
    contact = settings.DEFAULT_FROM_EMAIL
    return WebPush(io.BytesIO(secret), io.BytesIO(public), subscriber=contact, ttl=TTL)
