"""Who calls the interface as a partner: one reading of a request for the intake and for the views of Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events.errors import ScopeMissing, TokenRefused
from abate.platform.parties import actions, answers, limits, signatures
from abate.platform.parties import queries as parties
from abate.platform.parties.answers import Asked
from abate.platform.parties.errors import OtherArea, SignatureInvalid
from abate.platform.parties.queries import Asker, TokenParty
from abate.platform.parties.signatures import Content, Signed
from abate.platform.web import refusals


@dataclass(frozen=True, slots=True)
class Call:
    """What of a request tells who sends it. `target` is path and query; headers by lower-case name, lines joined. `asker`
    is what becomes known of the sender on the way; `at` is when it came, before its body did."""

    method: str
    target: str
    headers: Mapping[str, str]
    address: str
    asker: Asker = field(default_factory=Asker, compare=False)
    at: datetime = field(default_factory=clock.now, compare=False)


def from_scope(scope: Mapping[str, Any]) -> Call:
    """The call of an ASGI request."""
    query = scope.get("query_string") or b""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    client = scope.get("client")
    lines = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    target = f"{path}?{query.decode('latin-1')}" if query else path
    return Call(scope["method"], target, _joined(lines), client[0] if client else "")


def from_request(request: HttpRequest) -> Call:
    """The call of a Django request, which from now on knows it by `abate_call`."""
    lines = ((name.lower(), value) for name, value in request.headers.items())
    call = Call(
        request.method or "", request.get_full_path(), _joined(lines), request.META.get("REMOTE_ADDR", "")
    )
    request.abate_call = call
    return call


def _joined(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in lines:
        found[name] = f"{found[name]}, {value}" if name in found else value.strip()
    return found


def sender(call: Call, scope: str, *, body: bytes | Content | None = None, first: bool = False) -> TokenParty:
    """The party that speaks, by its token or its signature; both must agree where both are there.

    A signed `body` (or what was read of it) is held against its digest; where it is the `first` look, the nonce is
    spent. Raises TokenRefused, ScopeMissing, KeyExpired, AddressRefused, SignatureNeeded, and of signatures.py what is
    wrong with one. (P-6.1-b)
    """
    # An address that neither spends the nonce nor sees the body takes tokens only: half a check would be none.
    checked = first or body is not None
    signed = _signer(call, body, first) if checked and "signature-input" in call.headers else None
    found = signed if signed and "authorization" not in call.headers else _bearer(call, signed)
    if scope not in found.scopes:
        raise ScopeMissing(scope)
    if found.last_used_on != clock.today():
        actions.note_use(found.client_id)
    return found


def _bearer(call: Call, signed: TokenParty | None) -> TokenParty:
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise TokenRefused
    found = parties.token_party(
        token.strip(), None, call.address, signed=signed is not None, asker=call.asker
    )
    if found is None or (signed is not None and signed.client_id != found.client_id):
        raise TokenRefused
    return found


def _signer(call: Call, body: bytes | Content | None, first: bool) -> TokenParty:
    """Who signed the request."""
    key_id = signatures.named_key(call.headers)
    if of_other_area(key_id):
        raise OtherArea
    call.asker.claim = key_id
    known = parties.signing_party(key_id, call.address)
    if known is None:
        # Said, and sooner than a wrong signature is: 128 bits of it are random, so nobody learns of a key by asking.
        raise SignatureInvalid("keyid")
    found, key = known
    request = Signed(call.method, settings.ABATE_ORIGIN + call.target, call.headers)
    # Looked at again once the body is there, a signature is as old as it was when it came: its nonce was spent then, and a
    # large file may take longer than a signature is good for.
    nonce, until = signatures.verify(request, key, at=call.at, with_body=call.method == "POST")
    if isinstance(body, Content):
        body.check()
    elif body is not None:
        signatures.check_digest(call.headers, body)
    if first:
        signatures.spend_nonce(key, nonce, until)
    call.asker.showed(found.client_id, found.code)
    return found


def of_other_area(key: str) -> bool:
    """Whether a key's id is of a sandbox while this is live, or of live while this is a sandbox."""
    return bool(key) and key.startswith(actions.SANDBOX) != settings.ABATE_SANDBOX


def admitted(call: Call, scope: str) -> tuple[TokenParty, dict[str, str]]:
    """The sender, within its limits, and the headers that say how much of them is left. Raises LimitReached too."""
    found = sender(call, scope, first=True)
    left = limits.take(limits.of_requests(found))
    return found, left.headers() if left else {}


def refused(problem: Problem) -> HttpResponse:
    """A refusal of a partner's call by a view of Django's."""
    answer = refusals.problem_json(problem)
    for name, value in challenge(problem).items():
        answer[name] = value
    return answer


def challenge(problem: Problem) -> dict[str, str]:
    """The headers that go with a refusal: how to be let in, or when to come again."""
    if problem.status == 401:
        return {"WWW-Authenticate": 'Bearer realm="abate", error="invalid_token"'}
    if isinstance(problem, ScopeMissing):
        return {
            "WWW-Authenticate": f'Bearer realm="abate", error="insufficient_scope", scope="{problem.detail}"'
        }
    return {}


def asked(call: Call, found: TokenParty, body: bytes) -> Asked | None:
    """The call under its `Idempotency-Key`, if it names one. Raises KeyMalformed."""
    media = call.headers.get("content-type", "")
    parts = (call.method.encode(), call.target.encode(), media.encode(), body)
    return answers.asked(found.party_id, call.headers.get("idempotency-key"), *parts)
