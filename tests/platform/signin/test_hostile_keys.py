"""What a passkey's answer may be made to hold by anybody: it is refused, and none of it is a fault of ours."""

from __future__ import annotations

import base64
import json

import pytest
from django.test import Client
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
