"""What a passkey's answer may be made to hold by anybody: it is refused, and none of it is a fault of ours."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2 import cbor
from tests.platform.signin.test_second_factor import by_link, clerk

from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-a")]
__all__ = ["clerk"]
# RFC 8949: an array in an array ..., a number cut off. WebAuthn 6.1: what stands before extensions, and before a key.
WITH_EXTENSIONS = bytes(32) + b"\x80" + bytes(4)
WITH_KEY = bytes(32) + b"\x40" + bytes(4) + bytes(16) + b"\x00\x01A"
ASKED = b'{"type":"webauthn.get","challenge":"AA","origin":"http://testserver"}'


def answer(data: bytes, asked: bytes = ASKED) -> str:
    def text(of: bytes) -> str:
        return base64.urlsafe_b64encode(of).decode().rstrip("=")

    shown = {
        "authenticatorData": text(data),
        "clientDataJSON": text(asked),
        "signature": "AA",
        "userHandle": text(b"1"),
    }
    return json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": shown})


def made(challenge: str, *, key: bool = True, more: str = "") -> str:
    """A new key as a browser tells it, of this challenge: by `none` attestation anybody can make one up."""

    def text(of: bytes) -> str:
        return base64.urlsafe_b64encode(of).decode().rstrip("=")

    number = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    public = {1: 2, 3: -7, -1: 1, -2: number.x.to_bytes(32, "big"), -3: number.y.to_bytes(32, "big")}
    # WebAuthn 6.1: whose, flags (present, verified, with a key), counter, kind of device, id and key.
    data = hashlib.sha256(b"testserver").digest() + (b"\x45" if key else b"\x05") + bytes(4)
    if key:
        data += bytes(16) + len(ID).to_bytes(2, "big") + ID + cbor.encode(public)
    asked = {"type": "webauthn.create", "challenge": challenge, "origin": "https://testserver"}
    shown = {
        "id": text(ID), "rawId": text(ID), "type": "public-key", "clientExtensionResults": {"credProps": {"rk": True}},
        "response": {
            "attestationObject": text(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})),
            "clientDataJSON": text(json.dumps(asked).encode()),
        },
    }  # fmt: skip
    return json.dumps(shown)[:-1] + more + "}"


ID = b"made up in tests"
NO_KEYS = {
    "none in it": {"key": False},
    "with NUL": {"more": ', "x": "\\u0000"'},
    "with half a sign": {"more": ', "x": "\\ud800"'},
    "with a name of half a sign": {"more": ', "\\ud800": 1'},
    "with no number": {"more": ', "x": NaN'},
    "with one past all": {"more": ', "x": 1e999'},
    "with one of 4,000 digits": {"more": f', "x": {"9" * 4_000}'},
}


@pytest.mark.parametrize("name", ["", *NO_KEYS])
def test_a_key_that_answers_the_challenge_and_is_none(clerk: User, name: str) -> None:
    """The library asserts, and the table refuses what it cannot hold: each was a fault of ours to whoever was signed in."""
    browser = by_link(clerk)
    browser.get("/security/passkey")
    challenge = browser.session["mfa.webauthn.state"]["challenge"]
    sent = made(challenge, **NO_KEYS.get(name, {}))  # type: ignore[arg-type]
    answer = browser.post("/security/passkey", {"name": "x", "credential": sent})
    assert answer.status_code == (403 if name else 200), answer.content
    assert Authenticator.objects.filter(user=clerk).exists() == (not name)


HOSTILE = {
    "deep": "[" * 19_000,
    "deep within": '{"a":' * 3_000,
    "deep extensions": answer(WITH_EXTENSIONS + b"\x81" * 9_000),
    "no extensions": answer(WITH_EXTENSIONS),
    "a number cut off": answer(WITH_EXTENSIONS + b"\x1b\x00"),
    "a key cut off": answer(WITH_KEY + b"\x1b"),
    "a deep question": answer(WITH_EXTENSIONS + b"\xa0", b"[" * 9_000),
    "no number of anybody": answer(WITH_EXTENSIONS + b"\xa0").replace('"MQ"', '"\\ud800"'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_at_the_door(db: None, name: str) -> None:
    browser = Client()
    browser.get("/sign-in/passkey")
    assert browser.post("/sign-in/passkey", {"credential": HOSTILE[name]}).status_code == 403


@pytest.mark.parametrize("name", HOSTILE)
def test_where_one_is_added(clerk: User, name: str) -> None:
    browser = by_link(clerk)
    browser.get("/security/passkey")
    sent = {"name": "x", "credential": HOSTILE[name]}
    assert browser.post("/security/passkey", sent).status_code == 403
