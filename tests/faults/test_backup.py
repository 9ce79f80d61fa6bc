"""The database's disk is lost, or its past is asked for: what was acknowledged comes back, and the log tells one story."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.faults.children import Child
from tests.faults.load import Partner
from tests.faults.stack import PROGRAM, Stack, until
from tests.faults.test_kill import losses, reconciled

from abate.platform.doors import private_postgres, recovery

pytestmark = pytest.mark.platform


class Restored:
    """A restored installation, as far as the checks of a Stack ask for it."""

    def __init__(self, old: Stack, data: Path) -> None:
        self._old, self.data = old, data

    def url(self) -> str:
        return private_postgres.address(self.data, database="abate")

    def environment(self) -> dict[str, str]:
        return self._old.environment() | self._own()

    def _own(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url(), "ABATE_OWNER_URL": "", "ABATE_DATA_DIR": str(self.data)}

    def begin(self, *arguments: str) -> Child:
        return self._old.begin(*arguments, **self._own())

    def abate(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._old.abate(*words, **self._own())


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="abb-") as name:
        made = Stack(Path(name))
        try:
            made.create()
            made.start_server()
            yield made
        finally:
            made.stop()
            for data in Path(name).glob("new*"):
                private_postgres.stop(data)


def partner_of(stack: Stack) -> Partner:
    keys = stack.city(5)
    return Partner(stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]))  # type: ignore[call-overload]


@contextlib.contextmanager
def following(stack: Stack, copy: Path, *options: str) -> Iterator[psutil.Process]:
    """`abate backup --follow` as a process of its own; yields the receiver below it."""
    said = stack.folder / "follow.log"
    with said.open("w") as out:
        process = stack.begin(*PROGRAM, "backup", str(copy), "--follow", *options, log=out)
    try:
        until(
            "the backup's following",
            lambda: process.poll() is not None or "following into" in said.read_text(),
        )
        assert process.poll() is None, said.read_text()
        (receiver,) = [p for p in psutil.Process(process.pid).children() if p.name() == "pg_receivewal"]
        yield receiver
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children():
                child.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)


def begun(stack: Stack, copy: Path, into: Path, *options: str) -> subprocess.Popen[str]:
    """A restore that knows nothing of the old installation but its copy."""
    kept = {k: v for k, v in stack.environment().items() if k not in ("DATABASE_URL", "ABATE_DATA_DIR")}
    return subprocess.Popen([sys.executable, "-m", "abate", "restore", str(copy), "--into", str(into), *options],
                            env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def restored(stack: Stack, copy: Path, into: Path, *options: str) -> subprocess.CompletedProcess[str]:
    child = begun(stack, copy, into, *options)
    told, wrong = child.communicate()
    return subprocess.CompletedProcess(child.args, child.returncode, told, wrong)


def restore(stack: Stack, copy: Path, name: str = "new", *options: str) -> tuple[Restored, dict[str, object]]:
    data = stack.folder / name
    data.mkdir()
    shutil.copy(stack.data / "secrets.json", data)
    done = restored(stack, copy, data, "--json", *options)
    assert done.returncode == 0, done.stderr
    private_postgres.start(data)
    return Restored(stack, data), json.loads(done.stdout)


def lose_the_disk(stack: Stack) -> None:
    stack.kill_postgres()
    stack.kill_server()
    shutil.rmtree(stack.cluster)


def heads(url: str) -> dict[int, str]:
    with psycopg.connect(url) as connection:
        return dict(connection.execute("select size, note from log_checkpoint").fetchall())


def received(stack: Stack) -> None:
    """Wait until the receiver has said that it wrote all that stands in the log by now."""
    with psycopg.connect(stack.url(), autocommit=True) as connection:
        now = connection.execute("select pg_current_wal_lsn()::text").fetchone()
        caught_up = "select count(*) from pg_stat_replication where write_lsn >= %s::pg_lsn"
        until("the receiver's word", lambda: connection.execute(caught_up, now).fetchone() != (0,))


def all_signed(url: str) -> bool:
    """Whether the newest head is over every entry and decision that is booked."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select (select max(size) from log_checkpoint) = (select count(*) from log_leaf)"
            " and not exists (select from log_pending) and not exists (select from ledger_due)"
        ).fetchone()
    return bool(row and row[0])


@pytest.mark.clause("P-8.5-e")
def test_a_lost_disk_loses_no_acknowledged_event_and_no_head(stack: Stack) -> None:
    partner, copy, going = partner_of(stack), stack.folder / "copy", [True]
    with following(stack, copy, "--synchronous"):
        threads = partner.run(lambda: going[0])
        until("acknowledged load", lambda: len(partner.acknowledged) > 300)
        until("signed heads", lambda: len(heads(stack.url())) > 1)
        signed = heads(stack.url())
        until("more load", lambda: len(partner.acknowledged) > 500)
        lose_the_disk(stack)
        going[0] = False
        for thread in threads:
            thread.join(30)
    new, said = restore(stack, copy)
    assert losses(new, partner) == []  # type: ignore[arg-type]
    assert signed.items() <= heads(new.url()).items()
    assert said["erased_again"] == 0 and "log" not in said
    check = reconciled(new)  # type: ignore[arg-type]
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_check_sees_what_a_receiver_that_lags_would_lose(stack: Stack) -> None:
    """Without --synchronous an acknowledged event can be lost with the disk: the same check must say so."""
    partner, copy = partner_of(stack), stack.folder / "copy"
    with following(stack, copy) as receiver:
        assert partner.deliver(partner.batch(20))
        received(stack)
        receiver.suspend()
        assert partner.deliver(partner.batch(20))
        lose_the_disk(stack)
        receiver.kill()
    new, _ = restore(stack, copy)
    assert len(losses(new, partner)) == 20  # type: ignore[arg-type]


def test_nothing_is_acknowledged_while_the_receiver_is_away(stack: Stack) -> None:
    partner, copy = partner_of(stack), stack.folder / "copy"
    with following(stack, copy, "--synchronous") as receiver:
        assert partner.deliver(partner.batch(5))
        receiver.suspend()
        sent = partner.batch(5)
        thread = threading.Thread(target=partner.deliver, args=(sent,))
        thread.start()
        waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
        with psycopg.connect(stack.url(), autocommit=True) as connection:
            until("a commit's waiting", lambda: connection.execute(waiting).fetchone() != (0,))
        assert not set(partner.acknowledged) & {event["id"] for event in sent}
        receiver.resume()
        thread.join(30)
        assert {event["id"] for event in sent} <= set(partner.acknowledged)


def test_a_step_back_remembers_the_head_that_was_signed_since(stack: Stack) -> None:
    partner, copy = partner_of(stack), stack.folder / "copy"
    with following(stack, copy):
        assert partner.deliver(partner.batch(10))
        until("the first leaves", lambda: all_signed(stack.url()))
        signed_in = abate_in(stack, SIGNED_IN)
        assert signed_in.returncode == 0, signed_in.stderr
        with psycopg.connect(stack.url()) as connection:
            assert connection.execute(OPEN).fetchone() == (1, 1, 2, 1)
            (moment,) = connection.execute("select clock_timestamp()").fetchone() or (datetime.now(UTC),)
        early = set(partner.acknowledged)
        erased = abate_in(stack, f"{PERSON}; people.destroy(person); print(person.pk)")
        assert erased.returncode == 0, erased.stderr
        kept = abate_in(stack, FREEZE)
        assert kept.returncode == 0, kept.stderr
        assert partner.deliver(partner.batch(10))
        until("the later leaves", lambda: all_signed(stack.url()))
        chosen = abate_in(stack, CHOSEN.format(signed_in.stdout.strip()))
        assert chosen.returncode == 0, chosen.stderr
        ended = abate_in(stack, END)
        assert ended.returncode == 0, ended.stderr
        with psycopg.connect(stack.url()) as connection:
            held = connection.execute(
                "select (select count(*) from review_grant), (select count(*) from parties_member)"
            ).fetchone() or (0, 0)
        later = max(heads(stack.url()).items())
    new, said = restore(stack, copy, "new", "--to", moment.isoformat())
    with psycopg.connect(new.url()) as connection:
        there = {row[0] for row in connection.execute("select event_id from carbon_quantity").fetchall()}
    assert there == early
    with psycopg.connect(new.url()) as connection:
        gone = connection.execute(
            "select id from people_person where commit_key is null and wrapped_key is null"
        )
        assert gone.fetchall() == [(int(erased.stdout),)]
        frozen = connection.execute(
            "select person.id, kept.until from people_person person join people_freeze kept on kept.person_id = person.id"
            " where person.status = 'frozen'"
        )
        assert frozen.fetchall() == [(int(kept.stdout), date(2099, 1, 1))]
        live = connection.execute("select count(*) from people_authorisation where person_id = %s and withdrawn_at is null",
                                  [int(ended.stdout)])  # fmt: skip
        assert live.fetchone() == (0,)
        left = "select (select count(*) from review_grant), (select count(*) from parties_member)"
        assert connection.execute(left).fetchone() == held
        assert connection.execute(
            "select count(*) from parties_client where revoked_at is null"
        ).fetchone() == (0,)
        assert connection.execute(
            "select count(*) from parties_party where status = 'suspended'"
        ).fetchone() == (1,)
        # Whoever was signed in then may have been ended since, and who chose two factors since is asked for them.
        assert connection.execute(OPEN).fetchone() == (0, 0, 0, 0)
        asked = connection.execute("select array_agg(id) from review_user where always_second").fetchone()
        assert asked == ([int(signed_in.stdout)],)
    assert said["erased_again"] == 1 and said["sessions_ended"] == 1
    # Behaviours of the person, the partner's key, the partner.
    assert int(str(said["ended_again"])) >= 3
    assert str(said["log"]).startswith("halted")
    assert heads(new.url())[later[0]] == later[1]
    # What would sign a second history refuses to, as soon as there is something to sign.
    with psycopg.connect(new.url()) as connection:
        connection.execute("insert into log_pending select person_id, -1, leaf, hash from log_leaf limit 1")
    round_ = abate_in(new, "from abate.platform.log import actions; actions.sequence()")
    assert round_.returncode != 0 and "LogDamaged" in round_.stderr


SIGNED_IN = (
    "from allauth.idp.oidc.models import Token; from allauth.mfa.totp.internal import auth as totp; "
    "from django.contrib.sessions.backends.db import SessionStore; "
    "from abate.platform.review import actions as review; from abate.platform.signin import proofs, lasting; "
    "user = review.create_user('staff', made_up=True); totp.TOTP.activate(user, totp.generate_totp_secret()); "
    "session = SessionStore(); session['x'] = 1; lasting.use(session, user, ''); session.save(); "
    "Token.objects.create(type='at', hash='x', user=user); review.issue_link(user); print(user.pk)"
)
OPEN = (
    "select (select count(*) from django_session), (select count(*) from signin_session),"
    " (select count(*) from allauth_idp_oidc_token), (select count(*) from review_signin_link where used_at is null)"
)
CHOSEN = (
    "from abate.platform.signin import factors; from abate.platform.review.models import User; "
    "factors.ask_always(User.objects.get(pk={}), True)"
)
FREEZE = (
    "from datetime import date; from abate.platform.people import freezing; "
    "from abate.platform.people.models import Person; "
    "person = Person.objects.filter(status='active').order_by('-pk').first(); "
    "freezing.freeze(person, date(2099, 1, 1), [('甲', 'a')]); print(person.pk)"
)
END = (
    "from abate.platform.people import actions as people; from abate.platform.people.models import Person; "
    "from abate.platform.parties import actions as parties; from abate.platform.parties.models import Client, Party; "
    "person = Person.objects.filter(status='active').order_by('pk').first(); "
    "client = Client.objects.filter(revoked_at=None).first(); "
    "people.withdraw_all(person, client.party); "
    "parties.revoke_client(client.pk); parties.suspend(client.party); "
    "from abate.platform.parties.models import Member; "
    "seat = Member.objects.first(); seat and parties.remove_member(seat.user, seat.party, seat.role); "
    "from abate.platform.review import actions as review; from abate.platform.review.models import Grant; "
    "held = Grant.objects.first(); held and review.withdraw(held.user, held.role); print(person.pk)"
)
PERSON = (
    "from abate.platform.people import actions as people; from abate.platform.people.models import Person; "
    "person = Person.objects.order_by('id').first()"
)


def abate_in(new: Restored | Stack, code: str) -> subprocess.CompletedProcess[str]:
    start = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'abate.platform.config.settings'; django.setup(); "
    child = new.begin("-c", start + code)
    told, wrong = child.communicate()
    return subprocess.CompletedProcess(code, child.wait(), told, wrong)


def test_refusals_name_the_remedy_and_leave_nothing(stack: Stack) -> None:
    copy, into = stack.folder / "copy", stack.folder / "new-refused"
    made = stack.abate("backup", str(copy), "--json")
    assert made.returncode == 0, made.stderr
    base = Path(json.loads(made.stdout)["base"])
    into.mkdir()

    none = stack.abate("restore", str(copy), "--into", str(into))
    assert none.returncode == 1 and "no secret file" in none.stderr

    shutil.copy(stack.data / "secrets.json", into)
    early = stack.abate("restore", str(copy), "--into", str(into), "--to", "2020-01-01T00:00:00+08:00")
    assert early.returncode == 1 and "no base copy from before" in early.stderr

    naive = stack.abate("restore", str(copy), "--into", str(into), "--to", "2026-01-01T00:00:00")
    assert naive.returncode == 2 and "zone" in naive.stderr

    victim = max((base / "base").rglob("*"), key=lambda path: path.stat().st_size)
    victim.write_bytes(b"x" + victim.read_bytes()[1:])
    damaged = stack.abate("restore", str(copy), "--into", str(into))
    assert damaged.returncode == 1 and "is not what was copied" in damaged.stderr
    assert not (into / "postgres").exists()

    (into / "postgres").mkdir()
    there = stack.abate("restore", str(copy), "--into", str(into))
    assert there.returncode == 1 and "is there already" in there.stderr


def test_a_copy_of_another_program_and_a_killed_restore_leave_nothing_to_open(stack: Stack) -> None:
    """With sessions open and who was erased since alive, it lay in its place: the next command would have opened it."""
    copy, into = stack.folder / "copy", stack.folder / "new-older"
    into.mkdir()
    shutil.copy(stack.data / "secrets.json", into)
    forget = "delete from django_migrations where (app, name) = ('parties', '0013_former_secrets') returning app, name, applied"
    with psycopg.connect(stack.url(), autocommit=True) as connection:
        row = connection.execute(forget).fetchone()
        assert row, "an older program's books"
        older = stack.abate("backup", str(copy))
        connection.execute("insert into django_migrations (app, name, applied) values (%s, %s, %s)", row)
    assert older.returncode == 0, older.stderr
    refused = restored(stack, copy, into)
    assert refused.returncode == 1 and "parties.0013_former_secrets" in refused.stderr, refused.stderr
    assert "with the program of the copy's time" in refused.stderr and "Traceback" not in refused.stderr
    assert sorted(path.name for path in into.iterdir()) == ["secrets.json"]

    assert stack.abate("backup", str(copy)).returncode == 0
    killed = begun(stack, copy, into)
    laid_out = into / recovery.RESTORING / "postgres" / "postmaster.pid"
    until("the database of the copy is there", laid_out.exists)
    killed.kill()
    killed.communicate()
    assert not (into / "postgres").exists()
    again = restored(stack, copy, into)
    assert again.returncode == 0, again.stderr
    assert (into / "postgres").exists() and not (into / recovery.RESTORING).exists()
