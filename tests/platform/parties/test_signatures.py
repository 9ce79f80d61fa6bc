"""Signed requests as a partner makes them: taken once, for this platform, with this content; or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.test import Client as Browser
from http_message_signatures import HTTPMessageSigner, algorithms
from tests.platform.events.test_intake import BATCH, Answer, call, token, world  # noqa: F401 (a fixture by its name)
from tests.platform.pipeline.world import NOW, World, state

from abate.platform.doors import clock
from abate.platform.events.errors import TokenRefused
from abate.platform.parties import actions, queries, standing
from abate.platform.parties.errors import PublicKeyUnfit
from abate.platform.parties.models import Nonce
from abate.platform.parties.signatures import Signed
from abate.platform.web import caller, intake
from abate.platform.web.caller import Call

pytestmark = [pytest.mark.platform]
KINDS: dict[str, tuple[Callable[[], Any], Any]] = {
    "ed25519": (ed25519.Ed25519PrivateKey.generate, algorithms.ED25519),
    "ecdsa-p256-sha256": (lambda: ec.generate_private_key(ec.SECP256R1()), algorithms.ECDSA_P256_SHA256),
    "ecdsa-p384-sha384": (lambda: ec.generate_private_key(ec.SECP384R1()), algorithms.ECDSA_P384_SHA384),
    "rsa-pss-sha512": (lambda: rsa.generate_private_key(65537, 3072), algorithms.RSA_PSS_SHA512),
}
COVERED = ("@method", "@target-uri", "content-digest")


def pem(key: Any) -> str:
    public = key.public_key()
    return str(
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
    )


class Partner:
    """A party's own side: a private key that the platform never sees."""

    def __init__(self, world: World, kind: str = "ed25519", **more: Any) -> None:  # noqa: F811
        make, self.algorithm = KINDS[kind]
        self.private = make()
        self.client_id, _ = actions.issue_client(queries.party(world.sender.code))
        self.key_id = actions.register_public_key(self.client_id, pem(self.private), **more)
        self.count = 0

    def resolve_private_key(self, key_id: str) -> Any:
        return self.private

    def headers(self, body: bytes, *, target: str = "/v1/events", created: datetime = NOW, origin: str = "",
                covered: tuple[str, ...] = COVERED, **signed: Any) -> dict[str, str]:  # fmt: skip
        self.count += 1
        origin = origin or settings.ABATE_ORIGIN
        given = {"nonce": f"nonce-number-{self.count:08d}", "tag": origin, "key_id": self.key_id} | signed
        extra, method = given.pop("extra", {}), given.pop("method", "POST")
        request = Signed(method, origin + target, {"content-type": BATCH, **extra})
        signer = HTTPMessageSigner(signature_algorithm=self.algorithm, key_resolver=self)  # type: ignore[arg-type]
        more = {"body": body} if "content-digest" in covered else {}
        signer.sign(request, created=created, covered_component_ids=[*covered, *extra], **given, **more)
        return {name.lower(): value for name, value in request.headers.items()}

    def send(self, body: bytes, sent: bytes | None = None, **more: Any) -> Answer:
        return call("POST", body if sent is None else sent, self.headers(body, **more))


def batch(world: World, *names: str) -> bytes:  # noqa: F811
    return json.dumps([world.meeting(name) for name in names]).encode()


@pytest.mark.clause("P-6.1-b", "P-7.3.3.3-b")
@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_request_needs_no_token(world: World, kind: str) -> None:  # noqa: F811
    partner = Partner(world, kind)
    answer = partner.send(batch(world, "m"))
    assert answer.json()["results"][0]["outcome"] == "credited", answer.body
    assert partner.key_id.startswith(partner.client_id)


def test_what_is_wrong_with_a_signature_is_named_and_books_nothing(world: World) -> None:  # noqa: F811
    partner, before = Partner(world), state()
    body, late = batch(world, "m"), timedelta(minutes=6)
    other = Partner(world)
    cases: list[tuple[str, Answer]] = [
        ("signature-stale", partner.send(body, created=NOW - late)),
        ("signature-stale", partner.send(body, created=NOW + late)),
        (
            "signature-stale",
            partner.send(body, created=NOW - timedelta(minutes=2), expires=NOW - timedelta(minutes=1)),
        ),
        ("signature-audience", partner.send(body, tag="https://elsewhere.example")),
        ("signature-audience", partner.send(body, tag=None)),
        ("signature-digest", partner.send(body, sent=batch(world, "n"))),
        ("signature-digest", partner.send(body, sent=b"")),
        ("signature-uncovered", partner.send(body, covered=("@method", "@target-uri"))),
        ("signature-uncovered", partner.send(body, covered=("@method", "content-digest"))),
        ("signature-uncovered", partner.send(body, covered=("@target-uri", "content-digest"))),
        ("signature-uncovered", partner.send(body, nonce=None)),
        ("signature-uncovered", partner.send(body, nonce="short")),
        (
            "signature-invalid",
            partner.send(body, origin="https://elsewhere.example", tag=settings.ABATE_ORIGIN),
        ),
        ("signature-invalid", partner.send(body, target="/v1/reconciliation")),
        ("signature-invalid", partner.send(body, key_id=other.key_id)),
        ("signature-invalid", partner.send(body, key_id="nobody")),
        ("party-key-other-area", partner.send(body, key_id="sandbox-1.2")),
    ]
    for number, (code, answer) in enumerate(cases):
        assert (answer.status_code, answer.json()["code"]) == (401, code), number
    keyed = partner.headers(body) | {"idempotency-key": "a-key"}
    assert call("POST", body, keyed).json()["code"] == "signature-uncovered"
    assert state() == before
    covered = call("POST", body, partner.headers(body, extra={"idempotency-key": "a-key"}))
    assert covered.json()["results"][0]["outcome"] == "credited"


@pytest.mark.parametrize("spoil", ["twice", "half", "no signature", "text", "huge"])
def test_a_header_that_is_no_signature_is_refused_by_name(world: World, spoil: str) -> None:  # noqa: F811
    partner, body = Partner(world), batch(world, "m")
    headers = partner.headers(body)
    made = headers["signature-input"]
    headers |= {
        "twice": {"signature-input": f"{made}, {made.replace('pyhms', 'other')}"},
        "half": {"signature-input": made[: len(made) // 2]},
        "no signature": {"signature": ""},
        "text": {"signature-input": "pyhms=1"},
        "huge": {"signature-input": made.replace("nonce-number", "x" * 60_000)},
    }[spoil]
    answer = call("POST", body, headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature-invalid")


@pytest.mark.clause("P-8.3")
def test_a_caught_signature_cannot_be_sent_again(world: World) -> None:  # noqa: F811
    partner, body = Partner(world), batch(world, "m")
    headers = partner.headers(body)
    assert call("POST", body, headers).status_code == 200
    assert call("POST", body, headers).json()["code"] == "signature-replayed"
    # As long as its moment would be believed, its nonce is remembered; after that both are gone.
    with clock.frozen(NOW + timedelta(minutes=5)):
        assert call("POST", body, headers).json()["code"] == "signature-replayed"
    with clock.frozen(NOW + timedelta(hours=1)):
        assert call("POST", body, headers).json()["code"] == "signature-stale"
        partner.send(body, created=clock.now())
    assert Nonce.objects.count() == 1


def test_a_signature_is_as_old_as_it_was_when_its_request_came(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who sends more slowly than a signature is good for is let in by one that was fresh; by a stale one nobody is."""
    partner, body, really = Partner(world), batch(world, "m"), intake._in_time
    later = clock.frozen(NOW + timedelta(minutes=6))

    async def late(receive: Any) -> bytes:
        found = await really(receive)
        later.__enter__()
        return found

    monkeypatch.setattr(intake, "_in_time", late)
    headers = partner.headers(body)
    try:
        answer = call("POST", body, headers)
    finally:
        later.__exit__(None, None, None)
    assert answer.json()["results"][0]["outcome"] == "credited", answer.body
    monkeypatch.setattr(intake, "_in_time", really)
    assert call("POST", body, headers).json()["code"] == "signature-replayed"
    with clock.frozen(NOW + timedelta(minutes=6)):
        assert call("POST", body, headers).json()["code"] == "signature-stale"


def test_the_successor_of_a_key_that_must_sign_takes_no_token_either(world: World) -> None:  # noqa: F811
    partner, body = Partner(world, must_sign=True), batch(world, "m")
    client_id, secret = actions.rotate_client(partner.client_id, overlap=timedelta(days=7))
    given = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    bearer = Browser().post("/identity/o/api/token", given).json()["access_token"]
    refused = call("POST", body, {"authorization": f"Bearer {bearer}", "content-type": BATCH})
    assert (refused.status_code, refused.json()["code"]) == (401, "signature-needed")
    key_id = actions.register_public_key(client_id, pem(partner.private))
    assert call("POST", body, partner.headers(body, key_id=key_id)).status_code == 200


def test_a_key_that_must_sign_has_no_use_for_a_stolen_token(world: World) -> None:  # noqa: F811
    partner, body = Partner(world), batch(world, "m")
    bearer = token(world)
    client_id = bearer.removeprefix("token-")
    head = {"authorization": f"Bearer {bearer}", "content-type": BATCH}
    key_id = actions.register_public_key(client_id, pem(partner.private), must_sign=True)
    assert call("POST", body, head).json()["code"] == "signature-needed"
    # A token beside the signature must be of the same key.
    both = partner.headers(body) | {"authorization": f"Bearer {bearer}"}
    assert call("POST", body, both).json()["code"] == "token-refused"
    signed = partner.headers(body, key_id=key_id)
    assert call("POST", body, signed | {"authorization": f"Bearer {bearer}"}).status_code == 200


def test_a_revoked_key_and_public_key_and_a_suspended_party_are_out_at_once(world: World) -> None:  # noqa: F811
    partner, other, body = Partner(world), Partner(world), batch(world, "m")
    actions.revoke_public_key(partner.key_id)
    assert partner.send(body).json()["code"] == "signature-invalid"
    actions.revoke_client(other.client_id)
    assert other.send(body).json()["code"] == "signature-invalid"
    third = Partner(world)
    actions.suspend(queries.party(world.sender.code))
    refused = third.send(body)
    assert (refused.status_code, refused.json()["code"]) == (403, "party-suspended")
    # By the day itself, although no job has suspended it.
    party = queries.party(world.sender.code)
    actions.resume(party)
    standing.set_validity(party, clock.today() - timedelta(days=1))
    refused = third.send(body)
    assert (refused.status_code, refused.json()["code"]) == (403, "party-documents-expired")
    standing.set_validity(party, clock.today())
    assert third.send(body).status_code == 200


def test_views_of_django_take_signatures_too(world: World) -> None:  # noqa: F811
    partner, body = Partner(world), b'{"event": "none"}\n'
    target = "/v1/reconciliation?day=2026-05-20"
    headers = partner.headers(body, target=target)
    headers["content-type"] = "application/x-ndjson"
    browser = Browser()
    kind = headers.pop("content-type")
    first = browser.post(target, body, content_type=kind, headers=headers)
    assert first.status_code == 200, first.content
    again = browser.post(target, body, content_type=kind, headers=headers)
    assert again.json()["code"] == "signature-replayed"
    headers = partner.headers(body, target=target)
    del headers["content-type"]
    other = browser.post(target, body + b"\n", content_type=kind, headers=headers)
    assert other.json()["code"] == "signature-digest"


def test_an_address_that_checks_half_a_signature_takes_none(world: World) -> None:  # noqa: F811
    """Where neither the nonce is spent nor the body held against its digest, a signature lets nobody in."""
    partner, body = Partner(world), b"a,b"
    half = Call("POST", "/v1/events", partner.headers(body), "192.0.2.1")
    with pytest.raises(TokenRefused):
        caller.sender(half, "events")
    assert caller.sender(half, "events", first=True).client_id == partner.client_id


@pytest.mark.parametrize(
    "wrong",
    ["", "x", pem(rsa.generate_private_key(65537, 2048)), pem(ec.generate_private_key(ec.SECP256K1()))],
    ids=["empty", "no PEM", "short RSA", "another curve"],
)
def test_a_weak_or_unknown_public_key_is_refused(world: World, wrong: str) -> None:  # noqa: F811
    with pytest.raises(PublicKeyUnfit):
        actions.register_public_key("x", wrong)
