"""A text that opens under no master key, beside a retired one: named, and settled by a stated step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from tests.platform.config import under_master
from tests.platform.config.test_exchanging import did, exchanged, file
from tests.platform.review.shell import refused, run, signed_in

from abate.cli import secrets
from abate.platform.config import exchanging
from abate.platform.doors import keyring, masters, sealed
from abate.platform.people.models import Recovery
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.3")]
__all__ = ["file"]


def shown_by_the_doctor() -> list[tuple[str, str]]:
    return [(one.state, one.what) for one in exchanging.findings()]


@pytest.mark.parametrize("spoilt", ["no head", "a retired key's head"])
def test_a_spoilt_text_beside_a_retired_key_is_named_and_settled_once_for_all(
    file: Path, spoilt: str
) -> None:
    under_master.fill(1)
    exchanged()
    former = keyring.keyring().masters[1]
    text = b"\x07" * 60 if spoilt == "no head" else former.head + b"\x07" * 48
    row = Recovery.objects.get()
    Recovery.objects.update(contact_enc=text)
    at = f"people_recovery.contact_enc {row.pk}"
    ((state, said), _) = shown_by_the_doctor()
    assert state == "warning" and at in said
    assert "prepared" not in did("rotate-master"), "it held every further exchange up"
    assert did("show")["spoilt"] == {"people_recovery.contact_enc": [row.pk]}
    why = ("--why", "damaged on disk")
    refused(run(secrets, "settle", "people_recovery.none", row.pk, *why), "sealed-text-unknown")
    for number in (row.pk + 1, "x"):
        refused(run(secrets, "settle", "people_recovery.contact_enc", number, *why), "sealed-text-unknown")
    refused(run(secrets, "settle", "people_recovery.code_enc", row.pk, *why), "sealed-text-not-spoilt")
    assert not Audit.objects.filter(what="secrets.settle").exists()
    signed_in("system_admin")
    refused(run(secrets, "settle", *at.split(), *why), "no-right")
    admin = signed_in("security_admin")
    assert did("settle", *at.split(), *why) == {"settled": at, "spoilt": {}}
    (told,) = Audit.objects.filter(what="secrets.settle")
    assert (told.account, told.subject, json.loads(told.detail)) == (
        admin.handle,
        at,
        {"why": "damaged on disk"},
    )
    assert [state for state, _ in shown_by_the_doctor()] == ["ok"]
    held = bytes(Recovery.objects.get().contact_enc)
    assert held == masters.SETTLED_HEAD + text, "what it was stays"
    with pytest.raises(InvalidTag):
        sealed.unwrap(held, b"abate-recovery-contact")
    refused(run(secrets, "settle", *at.split(), *why), "sealed-text-not-spoilt")
    assert "prepared" in did("rotate-master")
    assert not did("rotate-master", "--copied")["unreadable"] and did("show")["rows_settled"] == 1
    assert [state for state, _ in shown_by_the_doctor()] == ["ok"]


def test_what_a_newer_secret_file_opens_is_not_settled(file: Path) -> None:
    under_master.fill(1)
    exchanged()
    kept = keyring.read(file).masters
    keyring.keep_masters(file, (masters.Master(b"f" * 32, masters.PRESENT),))
    text = sealed.seal("x", b"abate-recovery-code")
    keyring.keep_masters(file, kept)
    Recovery.objects.update(code_enc=text)
    words = ("settle", "people_recovery.code_enc", Recovery.objects.get().pk, "--why", "x")
    refused(run(secrets, *words), "sealed-text-not-spoilt")
    assert bytes(Recovery.objects.get().code_enc) == text
