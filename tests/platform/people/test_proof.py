"""The text that says that somebody entered the code of a contact: ours, unchanged, for this purpose, for half an hour."""

from __future__ import annotations

import base64
import json
import time

import pytest
from django.core import signing

from abate.platform.people import proof

pytestmark = [pytest.mark.platform]
CONTACT = b"\x07" * 32


def test_only_ours_unchanged_and_for_this_purpose_proves_anything() -> None:
    text = proof.issue(CONTACT)
    assert proof.proved([text]) == {CONTACT}
    body, _, tag = text.partition(":")
    other = base64.urlsafe_b64encode(json.dumps("08" * 32).encode()).decode().rstrip("=")
    elsewhere = signing.dumps(CONTACT.hex(), salt="abate.of.another.purpose")
    of_another = signing.dumps(CONTACT.hex(), key="of another installation", salt="abate.people.contact")
    for wrong in ("", body, text[:-1], text[:-1] + "-", f"{other}:{tag}", elsewhere, of_another):
        assert proof.proved([wrong]) == frozenset()


def test_it_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text, now = proof.issue(CONTACT), time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 29 * 60)
    assert proof.proved([text]) == {CONTACT}
    monkeypatch.setattr(signing.time, "time", lambda: now + 31 * 60)
    assert proof.proved([text]) == frozenset()
