"""kill -9 within a batch that takes back, and within a revaluation that is booked: in each gap, wholly or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.faults.children import Child
from tests.faults.load import Partner
from tests.faults.stack import DEADLINE, Stack, until
from tests.faults.test_kill import reconciled
from tests.platform.revaluing.decided import BUS, COACH, write

pytestmark = pytest.mark.platform
COMMIT, SECOND = "the commit", "the second chunk"
LATE = "ledger_batch"
"""Both write it, and are let go from there to their commit."""
BEFORE, AFTER = 148_610, 102_150
"""mg for a kilometre ridden: by the factor of the sample pack, and by the one that takes its place."""
Cuts = list[tuple[str, str]]
"""(Gap, what is killed there). A gap is the table that is written next, all before it being written."""
SOME_TAKING: Cuts = [("events_withdrawal", "postgres"), (COMMIT, "postgres")]
SOME_BOOKING: Cuts = [("ledger_batch", "command"), (SECOND, "postgres")]
TAKING = ("events_seen", "ledger_balance", "ledger_entry", "ledger_batch", "ledger_lot", "ledger_reversal",
          "events_withdrawal", COMMIT)  # fmt: skip
ALL_TAKING: Cuts = list(product(TAKING, ("postgres", "server", "all")))
BOOKING = ("ledger_lot", "carbon_revision", "ledger_entry", "ledger_reversal", "ledger_batch")
ALL_BOOKING: Cuts = [*product((*BOOKING, SECOND, *BOOKING), ("command", "postgres", "all")), (COMMIT, "all")]


class Books:
    """A stack with two partners, what they were told, and what the books must come to."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.partners = [
            Partner(stack.origin, one["client_id"], one["secret"], one["subjects"])
            for one in stack.city(3, 1)["parties"]
        ]
        self.standing: list[dict[str, int]] = [{}, {}]
        """Of each partner: ride -> hectometres, of those that nothing took back."""
        self.rate = [BEFORE, BEFORE]
        self.day = (datetime.now(UTC) - timedelta(days=3)).replace(hour=1, minute=0, second=0, microsecond=0)
        self.days = f"{self.day - timedelta(days=1):%Y-%m-%d}", f"{self.day + timedelta(days=1):%Y-%m-%d}"

    # --- what partners send -----------------------------------------------------------------------------------------
    def ride(self, who: int, name: str, **more: str) -> dict[str, Any]:
        hundreds = 1 + (len(self.standing[who]) * 7 + len(name)) % 89
        self.standing[who][name] = hundreds
        data = {
            "trip_id": name,
            "start": f"{self.day:%FT%TZ}",
            "end": f"{self.day + timedelta(hours=3):%FT%TZ}",
        }
        data["distance_km"] = f"{hundreds // 10}.{hundreds % 10}"
        return self._event(who, name, "behaviour.cycling", data) | more

    def _event(self, who: int, name: str, type_: str, data: dict[str, Any]) -> dict[str, Any]:
        subjects = self.partners[who].subjects
        # The digits of a name say whose it is: what takes back is about the same person.
        subject = subjects[int("0" + "".join(c for c in name if c.isdigit())) % len(subjects)]
        return {"specversion": "1.0", "id": name, "source": f"faults{who or ''}", "type": f"org.abate.{type_}",
                "subject": subject, "time": f"{self.day:%FT%TZ}", "data": data}  # fmt: skip

    def taken_back(self, number: int) -> list[dict[str, Any]]:
        """A batch of a new ride, a withdrawal and a correction; what it takes back was told as booked."""
        gone, wrong = (f"r{n}" for n in (2 * number, 2 * number + 1))
        made = [self.ride(0, f"n{number}")]
        made.append(self._event(0, f"w{2 * number}", "withdrawal", {"event": gone, "reason": "returned"}))
        made.append(self.ride(0, f"c{2 * number + 1}", corrects=wrong, correctedfor="wrong_figure"))
        del self.standing[0][gone], self.standing[0][wrong]
        return made

    def send(self, who: int, events: list[dict[str, Any]]) -> int:
        """Until it is acknowledged; returns how many of it were booked before."""
        self.partners[who].sent.update({one["id"]: one for one in events})
        booked = self.partners[who].settle()
        told = [self.partners[who].acknowledged[one["id"]] for one in events]
        assert {one["outcome"] for one in told} <= {"credited", "withdrawn", "exists"}, told
        return booked

    # --- what is there ----------------------------------------------------------------------------------------------
    def state(self) -> dict[str, int]:
        """Rows and sums of all that a batch writes. A half of one is between two states. Leaves come later, by themselves."""
        tables = ("events_batch", "events_seen", "events_withdrawal", "carbon_quantity", "carbon_revision",
                  "ledger_entry", "ledger_reversal", "ledger_draw")  # fmt: skip
        sums = "sum(carbon_mg) as mg, sum(credits) as credits, sum(owed) as owed, sum(entries) as entries"
        with psycopg.connect(self.stack.url()) as connection:
            found = {t: connection.execute(f"select count(*) from {t}").fetchone()[0] for t in tables}  # type: ignore[index]
            row = connection.execute(f"select {sums} from ledger_balance").fetchone() or ()
        return found | dict(zip(("mg", "credits", "owed", "entries"), map(int, row), strict=True))

    def balances(self) -> list[int]:
        """Milligrams of the people of each partner."""
        with psycopg.connect(self.stack.url()) as connection:
            rows = connection.execute(
                "select sum(carbon_mg)::bigint from ledger_balance join people_subject using (person_id)"
                " group by party_id order by party_id"
            ).fetchall()
        return [row[0] for row in rows]

    def even(self) -> None:
        """The books hold what stands, and `abate reconcile` finds nothing."""
        wanted = [sum(own.values()) * mg // 10 for own, mg in zip(self.standing, self.rate, strict=True)]
        assert self.balances() == wanted
        check = reconciled(self.stack)
        assert check.returncode == 0, check.stdout + check.stderr

    # --- cutting ----------------------------------------------------------------------------------------------------
    def cut(self, gap: str, victim: str, begin: Callable[[], Child | None]) -> None:
        """Begin something, hold it still in `gap`, kill there, and have everything up again."""
        with psycopg.connect(self.stack.url()) as keeper:
            try:
                keeper.execute(*self._in_the_way(gap))
                started = begin()
                until(f"its coming to {gap}", lambda: self._waits(gap))
                if gap == COMMIT:
                    self._nobody_confirms()
                    keeper.rollback()
                    until("its commit", lambda: self._waits(gap, committing=True))
                self._kill(victim, started)
            finally:
                keeper.close()
        until("the end of what was cut off", lambda: not self._open())

    def _in_the_way(self, gap: str) -> tuple[str, list[Any]]:
        """What the test holds, so that everybody else stops there."""
        if gap == SECOND:
            theirs = "select person_id from people_subject where subject = any(%s)"
            return f"select from people_person where id in ({theirs}) for update", [self.partners[1].subjects]
        table = LATE if gap == COMMIT else gap
        return f"lock table {table} in share mode", []

    def _waits(self, gap: str, *, committing: bool = False) -> bool:
        if committing:
            asked = (
                "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and pid in ("
                " select pid from pg_locks where relation = 'events_batch'::regclass and mode = 'RowExclusiveLock')"
            )
        else:
            asked = "select count(*) from pg_locks where not granted and " + (
                "locktype in ('transactionid', 'tuple')"
                if gap == SECOND
                else f"relation = '{LATE if gap == COMMIT else gap}'::regclass"
            )
        with psycopg.connect(self.stack.url(), autocommit=True) as connection:
            return connection.execute(asked).fetchone() == (1,)

    def _open(self) -> bool:
        asked = "select exists (select from pg_locks where relation = 'events_batch'::regclass and mode = 'RowExclusiveLock')"
        with psycopg.connect(self.stack.url(), autocommit=True) as connection:
            return connection.execute(asked).fetchone() == (True,)

    def _nobody_confirms(self) -> None:
        """From here on what commits is on disk, and waits to be told so by a standby that does not exist."""
        self._configure("set synchronous_standby_names = 'nobody'")

        def probe() -> None:
            # It is killed with the others.
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.stack.url(), autocommit=True) as connection,
            ):
                connection.execute("select pg_logical_emit_message(true, 'probe', '')")

        threading.Thread(target=probe, daemon=True).start()

        def holds() -> bool:
            with psycopg.connect(self.stack.url(), autocommit=True) as connection:
                asked = "select exists (select from pg_stat_activity where wait_event = 'SyncRep')"
                return connection.execute(asked).fetchone() == (True,)

        until("a commit that waits", holds)

    def _configure(self, change: str) -> None:
        with psycopg.connect(self.stack.url(), autocommit=True) as connection:
            connection.execute(f"alter system {change}")  # type: ignore[arg-type]
            connection.execute("select pg_reload_conf()")

    def _kill(self, victim: str, started: Child | None) -> None:
        if victim in ("server", "all"):
            self.stack.kill_server()
        if started is not None and victim in ("command", "all"):
            started.kill()
        if victim in ("postgres", "all"):
            self.stack.kill_postgres()
            self.stack.start_postgres()
        self._configure("reset synchronous_standby_names")
        if victim in ("server", "all"):
            self.stack.start_server()
        until("readiness", self.stack._ready)
        if started is not None:
            assert started.wait(DEADLINE) != 0, "it was not cut off"


def cut_taking(books: Books, number: int, gap: str, victim: str) -> None:
    """Cut off a batch that takes back: the books are as before it, or as after it where its commit was on disk."""
    events, partner = books.taken_back(number), books.partners[0]
    partner.sent.update({one["id"]: one for one in events})
    answers: list[bool] = []

    def begin() -> None:
        threading.Thread(target=lambda: answers.append(partner.deliver(events)), daemon=True).start()

    before = books.state()
    books.cut(gap, victim, begin)
    until("the end of the request", lambda: bool(answers))
    assert answers == [False], "it was acknowledged"
    cut = books.state()
    if gap != COMMIT:
        assert cut == before, f"a half of it stands after {victim} was killed before {gap}"
    booked = books.send(0, events)
    after = books.state()
    assert booked == (len(events) if gap == COMMIT else 0)
    assert gap != COMMIT or cut | {"events_batch": after["events_batch"]} == after, "a half of it stands"
    grown = {
        name: after[name] - before[name]
        for name in ("events_withdrawal", "ledger_reversal", "carbon_quantity")
    }
    assert grown == {"events_withdrawal": 2, "ledger_reversal": 2, "carbon_quantity": 2}


def revalue(books: Books, digest: str) -> Child:
    first, last = books.days
    words = ["--behaviour", "cycling", "--from", first, "--to", last, "--book", digest, "--json"]
    return books.stack.begin(*books.stack.program, "revalue", *words)


def decided(books: Books, folder: Path, factor: str = BUS) -> str:
    """Another figure is in force, and three people decided that the past is booked by it; returns the digest."""
    former = books.stack.environment()
    known = [former["ABATE_OPERATOR_PACK"], *former.get("ABATE_FORMER_PACKS", "").split(os.pathsep)]
    books.stack.more = {
        "ABATE_OPERATOR_PACK": str(write(folder, factor, factor)),
        "ABATE_FORMER_PACKS": os.pathsep.join(filter(None, known)),
    }
    shown = books.stack.script("decided.py", *books.days)
    assert shown["changed"] == sum(map(len, books.standing)), shown
    return str(shown["digest"])


def cut_booking(books: Books, cuts: Cuts, digest: str) -> None:
    """Cut the booking off again and again; the first partner's people are done when it comes to the second's."""
    first = len(books.standing[0])
    for gap, victim in cuts:
        before = books.state()
        books.cut(gap, victim, lambda: revalue(books, digest))
        cut = books.state()
        if gap in (SECOND, COMMIT):
            books.rate[gap == COMMIT] = AFTER
            there = first if gap == SECOND else sum(map(len, books.standing))
            assert (cut["carbon_revision"], cut["ledger_reversal"] - before["ledger_reversal"]) == (
                there,
                there - before["carbon_revision"],
            )
        else:
            assert cut == before, f"a half of it stands after {victim} was killed before {gap}"


def play(books: Books, folder: Path, taking: Cuts, booking: Cuts) -> None:
    books.send(0, [books.ride(0, f"r{n}") for n in range(2 * len(taking) + 6)])
    books.send(1, [books.ride(1, f"s{n}") for n in range(4)])
    for number, (gap, victim) in enumerate(taking):
        cut_taking(books, number, gap, victim)
    digest = decided(books, folder)
    cut_booking(books, booking, digest)
    # The same call completes it; once more it changes nothing.
    child = revalue(books, digest)
    out, wrong = child.communicate()
    assert child.returncode == 0, wrong
    found, every = json.loads(out), sum(map(len, books.standing))
    assert found["changed"] + found["booked_before"] == every == books.state()["carbon_revision"]
    books.rate = [AFTER, AFTER]
    books.even()


# Planted: a commit in the middle, in the server before what is taken back is noted, in the command between the reversals
# and the awards.
HALVES = """
from abate.platform.config import setup
migrate = setup.migrate
def planted():
    migrate()
    from django.db import connection
    from abate.platform import revaluing
    from abate.platform.credits import taking
    note, reverse = taking._note, revaluing._reverse
    def half_note(*given):
        connection.connection.commit()
        return note(*given)
    def half_reverse(*given):
        reverse(*given)
        connection.connection.commit()
    taking._note, revaluing._reverse = half_note, half_reverse
setup.migrate = planted
from abate.cli.main import main
main()
"""


def planted(books: Books, number: int) -> None:
    """To be the last: the books are not even any more."""
    books.stack.program = ["-c", HALVES]
    books.stack.kill_server()
    books.stack.start_server()
    with pytest.raises(AssertionError, match="a half of it stands"):
        cut_taking(books, number, "events_withdrawal", "postgres")


@pytest.fixture
def books() -> Iterator[Books]:
    # A short path of its own: a Unix socket's address holds 107 bytes.
    with tempfile.TemporaryDirectory(prefix="abf-") as name:
        stack = Stack(Path(name))
        try:
            stack.create()
            stack.start_server()
            yield Books(stack)
        finally:
            stack.stop()


@pytest.mark.clause("P-7.3.3.3-b")
def test_killed_within_what_takes_back_and_within_a_revaluation(books: Books, tmp_path: Path) -> None:
    play(books, tmp_path, SOME_TAKING, SOME_BOOKING)
    planted(books, len(SOME_TAKING))


@pytest.mark.slow
def test_killed_in_every_gap_by_every_end(books: Books, tmp_path: Path) -> None:
    play(books, tmp_path, ALL_TAKING, ALL_BOOKING)
    digest = decided(books, tmp_path, COACH)
    books.stack.program = ["-c", HALVES]
    with pytest.raises(AssertionError, match="a half of it stands"):
        cut_booking(books, [("ledger_batch", "command")], digest)
    assert reconciled(books.stack).returncode != 0
    planted(books, len(ALL_TAKING))
