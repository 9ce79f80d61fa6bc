"""The exchange of the master key by its command: every text opens before, during and after, and the old key is retired last."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings as django_settings
from django.core import signing as django_signing
from django.db import connection
from tests.faults.stack import until
from tests.platform.config import under_master
from tests.platform.review.shell import refused, run, signed_in

from abate.cli import secrets
from abate.platform.config import exchanging, reopening, rewrapping, setup
from abate.platform.doors import backup, clock, keyring, masters, sealed
from abate.platform.doors.errors import SetupError
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Delivery
from abate.platform.notices.queries import PLACE
from abate.platform.people import keys, recovering
from abate.platform.people.models import Person, Recovery
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.3")]


@pytest.fixture(autouse=True)
def file(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A secret file of the test's own, and a security administrator who is signed in at the shell."""
    path = tmp_path / "secrets.json"
    shutil.copy(django_settings.ABATE_SECRET_FILE, path)
    settings.ABATE_SECRET_FILE = str(path)
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))
    signed_in("security_admin")
    yield path
    keys.forget()


def did(*words: object) -> dict[str, Any]:
    made = run(secrets, *words)
    assert made.exit_code == 0, made.output + made.stderr
    return dict(json.loads(made.stdout))


def exchanged() -> dict[str, Any]:
    did("rotate-master")
    return did("rotate-master", "--copied")


def states(path: Path) -> list[str]:
    return [one.state for one in keyring.read(path).masters]


def test_every_text_opens_before_during_and_after_an_exchange(file: Path) -> None:
    under_master.fill()
    plain, first = under_master.opened(), keyring.keyring().masters[0]
    assert all(plain.values()), "a place without a text proves nothing"
    prepared = did("rotate-master")
    assert states(file) == ["present", "next"] and under_master.opened() == plain
    assert rewrapping.totals() == {first.id: sum(map(len, plain.values()))}, (
        "nothing is under it before it is copied"
    )
    assert did("rotate-master")["prepared"] == prepared["prepared"], "asked again it makes no third"
    done = did("rotate-master", "--copied")
    assert states(file) == ["present", "retired"] and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (
        done["present"] == prepared["prepared"] and done["retired"] == [first.id] and not done["unreadable"]
    )
    assert sum(done["sealed_anew"].values()) == sum(map(len, plain.values()))
    assert rewrapping.totals() == {done["present"]: sum(map(len, plain.values()))}
    assert under_master.opened() == plain
    # Nothing needs the old one: without it everything opens still.
    keyring.keep_masters(file, keyring.read(file).masters[:1])
    assert under_master.opened() == plain


def test_the_command_that_uses_a_key_prepares_none(file: Path) -> None:
    before = file.read_bytes()
    for _ in range(2):
        assert "prepared" not in did("rotate-master", "--copied") and file.read_bytes() == before
    present = exchanged()["present"]
    for _ in range(2):
        assert did("rotate-master", "--copied")["present"] == present and states(file) == [
            "present",
            "retired",
        ]


def test_texts_from_before_they_named_a_master_open_and_are_exchanged(file: Path) -> None:
    under_master.fill(1)
    plain = under_master.opened()
    under_master.as_of_old()
    assert set(rewrapping.totals()) == {""} and under_master.opened() == plain
    did("rotate-master")
    assert not exchanging.behind(keyring.read(file).masters, rewrapping.totals()), "none was retired yet"
    did("rotate-master", "--copied")
    assert set(rewrapping.totals()) == {keyring.keyring().masters[0].id} and under_master.opened() == plain


def test_who_does_it_is_a_security_administrator_with_a_fresh_factor_and_is_told_of(file: Path) -> None:
    before = file.read_bytes()
    with clock.frozen(clock.now() + timedelta(minutes=14)):
        refused(run(secrets, "rotate-master"), "fresh-proof-needed")
    signed_in("system_admin")
    for words in (["rotate-master"], ["forget-master", "0" * 16]):
        refused(run(secrets, *words), "no-right")
    assert file.read_bytes() == before
    admin = signed_in("security_admin")
    done = exchanged()
    rows = Audit.objects.filter(what__startswith="secrets.").order_by("id")
    assert [(one.what, one.account) for one in rows] == [
        (f"secrets.{step}", admin.handle) for step in ("prepare", "exchange", "exchanged")
    ]
    said = json.dumps(done) + json.dumps(did("show")) + "".join(f"{one.subject} {one.detail}" for one in rows)
    document = json.loads(file.read_text())
    for secret in (document["master"], document["other_masters"][0]["key"], document["identity"]):
        assert secret not in said


@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_writes_meanwhile_keeps_what_they_wrote(file: Path) -> None:
    """It is passed over, waited for, and read anew: without the lock the older text would be written over the newer."""
    under_master.fill(1)
    did("rotate-master")
    newer = sealed.seal("newer", b"abate-recovery-contact")
    values = connection.get_connection_params()
    where = {key: values[key] for key in ("host", "port", "user", "password", "dbname") if values.get(key)}
    with psycopg.connect(**where) as other, ThreadPoolExecutor(1) as beside:
        other.execute("update people_recovery set contact_enc = %s", [newer])
        going = beside.submit(_exchange)
        waits = "select count(*) from pg_locks where locktype in ('transactionid', 'tuple') and not granted"
        until("its waiting for the row", lambda: connection.cursor().execute(waits).fetchone() == (1,))
        other.commit()
        done = going.result()
    assert set(rewrapping.totals()) == {done["present"]}
    assert sealed.unseal(Recovery.objects.get().contact_enc, b"abate-recovery-contact") == "newer"


def _exchange() -> dict[str, Any]:
    try:
        return exchanging.exchange(copied=True, told=lambda *_: None)
    finally:
        connection.close()


def test_a_row_that_opens_under_no_key_is_told_and_holds_nothing_up(file: Path) -> None:
    under_master.fill(1)
    Recovery.objects.update(contact_enc=b"\x07" * 60)
    done = exchanged()
    assert done["unreadable"] == {"people_recovery.contact_enc": 1} and states(file) == ["present", "retired"]
    assert bytes(Recovery.objects.get().contact_enc) == b"\x07" * 60


def test_a_text_under_a_key_that_the_file_does_not_hold_is_told_by_name_and_kept(file: Path) -> None:
    under_master.fill(1)
    foreign = masters.Master(b"f" * 32, masters.PRESENT)
    kept = keyring.read(file).masters
    keyring.keep_masters(file, (foreign,))
    text = sealed.seal("x", b"abate-recovery-code")
    Recovery.objects.update(code_enc=text)
    keyring.keep_masters(file, kept)
    with pytest.raises(sealed.MasterMissing, match=foreign.id):
        sealed.unseal(text, b"abate-recovery-code")
    did("rotate-master")
    done = did("rotate-master", "--copied")
    assert done["unreadable"] == {"people_recovery.code_enc": 1} and states(file) == ["present", "retired"]
    assert done["rows_of_missing_masters"] == did("show")["rows_of_missing_masters"] == {foreign.id: 1}
    assert set(rewrapping.totals()) == {done["present"], foreign.id}
    assert [one.state for one in exchanging.findings()] == ["fault", "ok"]
    assert bytes(Recovery.objects.get().code_enc) == text


def test_what_lies_under_a_key_that_is_away_is_not_thrown_away(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that was not given the new file: notices wait, and a recovery stays as it was asked for."""
    under_master.fill(1)
    kept = keyring.read(file).masters
    keyring.keep_masters(file, (masters.Master(b"f" * 32, masters.PRESENT),))
    places = sealed.seal("a@example.org", PLACE), sealed.seal("12345678", b"abate-recovery-code")
    keyring.keep_masters(file, kept)
    Delivery.objects.update(to_enc=places[0], next_at=clock.now(), sent_at=None)
    with pytest.raises(sealed.MasterMissing):
        notices.send_due()
    Recovery.objects.update(code_enc=places[1])
    monkeypatch.setattr(
        recovering, "_look_up", lambda one: sealed.unseal(one.code_enc, b"abate-recovery-code")
    )
    with pytest.raises(sealed.MasterMissing):
        recovering.look()
    assert (
        bytes(Delivery.objects.get().to_enc) == places[0]
        and bytes(Recovery.objects.get().code_enc) == places[1]
    )


def test_a_key_that_a_program_does_not_know_makes_it_look_at_the_file_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale, former = keyring.keyring(), sealed.seal("before", b"one")
    keyring.keep_masters(file, masters.begun(masters.prepared(stale.masters, b"n" * 32, "")))
    text = sealed.seal("after", b"one")
    # A disk that keeps times to the second: the file looks as it did.
    monkeypatch.setattr(sealed, "keyring", lambda: stale)
    assert sealed.unseal(text, b"one") == "after" and sealed.unseal(former, b"one") == "before"


def test_a_text_bound_to_another_purpose_or_head_does_not_open() -> None:
    text = sealed.wrap(b"secret", b"one")
    assert sealed.unwrap(text, b"one") == b"secret" and masters.named(text) == keyring.keyring().masters[0].id
    for broken in (text[:-1] + bytes([text[-1] ^ 1]), text[12:], b"", b"short"):
        with pytest.raises(InvalidTag):
            sealed.unwrap(broken, b"one")
    with pytest.raises(InvalidTag):
        sealed.unwrap(text, b"two")


def test_a_restored_backup_of_before_opens_and_is_sealed_anew_without_another_exchange(file: Path) -> None:
    under_master.fill(1)
    plain = under_master.opened()
    with connection.cursor() as cursor:
        cursor.execute(
            "create temp table yesterday on commit drop as select id, wrapped_key from people_person"
        )
        cursor.execute("create temp table old on commit drop as select id, contact_enc from people_recovery")
    exchanged()
    with connection.cursor() as cursor:
        cursor.execute(
            "update people_recovery one set contact_enc = old.contact_enc from old where old.id = one.id"
        )
    assert under_master.opened() == plain, "the retired key opens it"
    (behind, _) = exchanging.findings()
    assert behind.state == "warning" and "1 texts" in behind.what
    present = keyring.keyring().masters[0].id
    done = did("rotate-master")
    assert done["present"] == present and done["sealed_anew"] == {"people_recovery.contact_enc": 1}
    assert set(rewrapping.totals()) == {present} and under_master.opened() == plain


def test_a_master_is_forgotten_only_when_nothing_needs_it(file: Path, settings: Any, tmp_path: Path) -> None:
    under_master.fill(1)
    refused(run(secrets, "forget-master", "0" * 16), "master-unknown")
    refused(run(secrets, "forget-master", keyring.keyring().masters[0].id), "master-needed")
    former = exchanged()["retired"][0]
    refused(run(secrets, "forget-master", former), "master-needed")
    copy = tmp_path / "copies" / (clock.now() - timedelta(hours=1)).strftime(backup.FORM)
    copy.mkdir(parents=True)
    settings.ABATE_BACKUP = str(copy.parent)
    with clock.frozen(clock.now() + timedelta(days=2)):
        signed_in("security_admin")
        plain = under_master.opened()
        made = run(secrets, "forget-master", former)
        refused(made, "master-needed")
        assert "1 base copies" in made.stderr
        assert states(file) == ["present", "retired"]
        did("forget-master", former, "--despite-backups")
    assert states(file) == ["present"] and under_master.opened() == plain
    assert Audit.objects.get(what="secrets.forget").subject == former


def test_what_a_restore_brought_under_a_retired_key_counts_from_when_it_left_it(
    file: Path, settings: Any, tmp_path: Path
) -> None:
    """Base copies of between hold such texts too, though they are younger than the exchange."""
    under_master.fill(1)
    older = sealed.seal("x", b"abate-recovery-code")
    former = exchanged()["retired"][0]
    Recovery.objects.update(code_enc=older)
    copy = tmp_path / "copies" / (clock.now() + timedelta(days=1)).strftime(backup.FORM)
    copy.mkdir(parents=True)
    settings.ABATE_BACKUP = str(copy.parent)
    for day, words in ((2, "sessions may hold"), (4, "1 base copies")):
        with clock.frozen(clock.now() + timedelta(days=day)):
            signed_in("security_admin")
            made = run(secrets, "forget-master", former)
            assert made.exit_code == 1 and f"cannot be forgotten yet. ({words}" in made.stderr, made.stderr
    assert set(rewrapping.totals()) == {keyring.keyring().masters[0].id} and states(file)[1] == "retired"
    Recovery.objects.update(code_enc=older)
    with clock.frozen(clock.now() + timedelta(days=5)):
        signed_in("security_admin")
        did("rotate-master")
        refused(run(secrets, "forget-master", former, "--despite-backups"), "master-needed")


def test_one_that_was_prepared_and_leaked_is_forgotten_unused(file: Path) -> None:
    prepared = did("rotate-master")["prepared"]
    did("forget-master", prepared)
    assert states(file) == ["present"]
    assert did("rotate-master")["prepared"] != prepared


def test_a_restore_goes_on_beside_rows_of_an_unknown_key_where_persons_keys_open(file: Path) -> None:
    under_master.fill(2)
    Recovery.objects.update(contact_enc=masters.MARK + b"j" * 60)
    one = Person.objects.first()
    assert one is not None
    one.wrapped_key = masters.MARK + b"j" * 60
    one.save()
    behind, lost = reopening._keys_open_something()
    assert not behind and lost == {"people_recovery.contact_enc": 1, "people_person.wrapped_key": 1}
    keyring.keep_masters(file, (masters.Master(b"f" * 32, masters.PRESENT),))
    with pytest.raises(SetupError, match="not the one"):
        reopening._keys_open_something()


def test_a_second_command_is_refused_by_name(file: Path) -> None:
    values = connection.get_connection_params()
    names = {key: values[key] for key in ("host", "port", "user", "password", "dbname") if key in values}
    with psycopg.connect(**names) as other:
        other.execute("select pg_advisory_lock(4912026, 22)")
        refused(run(secrets, "rotate-master"), "exchange-under-way")
        refused(run(secrets, "forget-master", "0" * 16), "exchange-under-way")
    assert states(file) == ["present"]


def test_a_program_that_still_seals_under_the_former_key_is_named_and_the_key_stays(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_master.fill(1)
    did("rotate-master")
    seal, former = rewrapping.seal_anew, sealed.seal("x", b"abate-recovery-code")

    def meanwhile(told: rewrapping.Told) -> dict[str, list[Any]]:
        shut = seal(told)
        Recovery.objects.update(code_enc=former)
        return shut

    monkeypatch.setattr(rewrapping, "seal_anew", meanwhile)
    made = run(secrets, "rotate-master", "--copied")
    assert made.exit_code == 1 and "master-still-used" in made.stderr
    assert "people_recovery.code_enc: 1" in made.stderr and states(file) == ["present", "leaving"]
    (half, _) = exchanging.findings()
    assert half.state == "warning" and "1 texts" in half.what
    monkeypatch.setattr(rewrapping, "seal_anew", seal)
    did("rotate-master")
    assert states(file) == ["present", "retired"]


def test_the_doctor_says_how_old_it_is_and_what_is_prepared(file: Path) -> None:
    (fresh,) = exchanging.findings()
    assert fresh.state == "ok" and "0 days" in fresh.what
    with clock.frozen(clock.now() + exchanging.LONG + timedelta(days=2)):
        (old,) = exchanging.findings()
    assert old.state == "warning" and "rotate-master" in old.remedy
    prepared = did("rotate-master")["prepared"]
    (waiting, _) = exchanging.findings()
    assert waiting.state == "warning" and prepared in waiting.what


def test_the_key_of_sessions_is_exchanged_and_what_it_signed_holds_on_unless_it_leaked(file: Path) -> None:
    """Asked in a process of its own: settings are read once, at the start."""
    first = keyring.read(file).django
    signed = django_signing.dumps("x", key=first.hex(), salt="s")
    assert did("rotate-django")["next"].startswith("Copy the secret file")
    assert keyring.read(file).former_django == first != keyring.read(file).django
    assert _loads(file, signed) == "x"
    did("rotate-django", "--leaked")
    assert keyring.read(file).former_django is None and _loads(file, signed) == "BadSignature"
    told = Audit.objects.filter(what="secrets.django").order_by("id").values_list("detail", flat=True)
    assert [json.loads(detail)["leaked"] for detail in told] == [False, True]


def _loads(file: Path, signed: str) -> str:
    program = """
import sys
from django.core import signing
try:
    print(signing.loads(sys.argv[1], salt="s"))
except signing.BadSignature as fault:
    print(type(fault).__name__)
"""
    path = os.pathsep.join(filter(None, sys.path))
    environment = os.environ | {"ABATE_SECRET_FILE": str(file), "PYTHONPATH": path}
    made = subprocess.run(
        [sys.executable, "-c", program, signed], env=environment, capture_output=True, text=True, check=True
    )
    return made.stdout.strip()
