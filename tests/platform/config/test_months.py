"""The turn of a month under eight writers, the way from unpartitioned tables, and who may do what with partitions."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from django.core.management import call_command
from django.db import connection, transaction
from tests.platform.pipeline.world import NOW, World, differences

from abate.cli import months as months_command
from abate.platform.config import doctor, grants, setup
from abate.platform.doors import clock, months, rotation
from abate.platform.doors.months import Month, MonthUnfit
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import queries, standing
from abate.platform.ledger.errors import ClocksApart

pytestmark = pytest.mark.platform
WRITERS = 8


def ask(statement: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def unturned(transactional_db: None) -> Iterator[None]:
    """As right after the migration, without months; and so again afterwards, for the tests that come later."""
    _forget_months()
    yield
    _forget_months()


def _forget_months() -> None:
    for table in rotation.tables():
        for part in months.parts(table.name):
            if part.month:
                ask(f"alter table {table.name} detach partition {part.name}")
                ask(f"drop table {part.name}")
            elif part.end > months.IDS_PER_MONTH:
                # Gone over with rows in months, it reaches past them: those months would be made no more.
                ask(f"alter table {table.name} detach partition {part.name}")
                ask(f"truncate {part.name}")
                bounds = f"for values from (minvalue) to ({months.IDS_PER_MONTH})"
                ask(f"alter table {table.name} attach partition {part.name} {bounds}")
        ask(f"select setval('{table.name}_id_seq', 1, false)")


def test_ids_carry_the_month_and_stay_exact_in_json() -> None:
    assert str(Month(322)) == "2026-11"
    assert Month.of(datetime(2026, 11, 30, tzinfo=UTC).date()) == Month(322)
    assert Month(8190).plus(0).first_id + months.IDS_PER_MONTH - 1 < 2**53
    for index in (0, 8191):
        with pytest.raises(MonthUnfit):
            Month(index)


def test_eight_writers_across_a_months_turn(unturned: None, world: World) -> None:
    """All is made and turned while they book: nothing lost, nothing doubled, nobody waits longer than a lock's time-out."""
    stop, waits = threading.Event(), [0.0]
    (owner,) = ask("select pg_backend_pid()")[0]
    world.send(world.ride("first"))

    def write(number: int) -> list[tuple[str, int]]:
        found = []
        try:
            while not stop.is_set() and len(found) < 200:
                name = f"w{number}-{len(found)}"
                (result,) = world.send(world.ride(name, number % 3, km=1 + number))
                assert result.outcome == Outcome.CREDITED and result.entry
                found.append((name, result.entry))
        finally:
            connection.close()
        return found

    def watch() -> None:
        """How long anybody waits behind the one that changes the tables, looked at again and again."""
        try:
            while not stop.wait(0.005):
                (longest,) = ask(
                    "select extract(epoch from max(clock_timestamp() - waitstart)) from pg_locks"
                    " where waitstart is not null and locktype = 'relation' and %s = any(pg_blocking_pids(pid))",
                    owner,
                )[0]
                waits.append(float(longest or 0))
        finally:
            connection.close()

    def wait_for_entries(month: Month | None, count: int) -> None:
        until = time.monotonic() + 60
        least = month.first_id if month else 0
        while ask("select count(*) from ledger_entry where id >= %s", least)[0][0] < count:
            assert time.monotonic() < until, "the writers stand still"

    this = Month.of(clock.today())
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        watching = pool.submit(watch)
        working = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            wait_for_entries(None, 20)
            done = rotation.keep_ahead()
            wait_for_entries(this, 20)
            with clock.frozen(datetime(2026, 7, 1, tzinfo=UTC)):
                done += rotation.keep_ahead()
            wait_for_entries(this.plus(1), 20)
        finally:
            stop.set()
        answered = [pair for future in working for pair in future.result()]
        watching.result()
    assert len(done) == 2 * 4 + 2 + 2 + 2
    stored = ask("select cause, id from ledger_entry where cause <> 'first'")
    assert sorted(stored) == sorted(answered)
    assert len({id for _, id in stored}) == len(stored)
    parts = dict(ask("select tableoid::regclass::text, count(*) from ledger_entry group by 1"))
    assert set(parts) == {"ledger_entry_m0", "ledger_entry_m202606", "ledger_entry_m202607"}
    assert differences() == {}
    # The time-out, and what a loaded machine needs to notice that it is over.
    assert len(waits) > 20 and max(waits) < 2.5 * months.LOCK_TIMEOUT_MS / 1000


def test_a_turn_that_sets_the_sequence_back_is_found(unturned: None, world: World) -> None:
    """The planted fault: one more turn, without the look at what was drawn since, gives an id twice. Ours does not."""
    doubled = "select count(*) - count(distinct id) from ledger_entry"
    # Its basis has a number then: the first event of a basis tries the short way in vain, and that draws an id too.
    world.send(world.ride("known", 0))
    rotation.keep_ahead()
    this = Month.of(clock.today())
    world.send(world.ride("before", 0))
    assert not months.turn("ledger_entry", this)
    world.send(world.ride("after", 1))
    assert ask(doubled) == [(0,)]
    ask("select setval('ledger_entry_id_seq', %s, false)", this.first_id)
    world.send(world.ride("planted", 2))
    assert ask(doubled) == [(1,)]


def test_a_change_that_finds_the_table_in_use_lets_go_and_tries_again(unturned: None, world: World) -> None:
    """A transaction that keeps the table: nobody queues behind the change for longer than the time-out."""
    held, go = threading.Event(), threading.Event()

    def keep() -> None:
        with transaction.atomic():
            ask("lock table ledger_entry in row exclusive mode")
            # What attaching a partition waits for, where codes point at entries.
            ask("lock table incentives_code in row exclusive mode")
            held.set()
            assert go.wait(30)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(keep)
        assert held.wait(30)
        with pytest.raises(months.TablesBusy):
            months.patiently(
                lambda cursor: cursor.execute("lock table incentives_code in share mode"), patience=0
            )
        begun = time.monotonic()
        (result,) = world.send(world.ride("meanwhile"))
        assert result.outcome == Outcome.CREDITED and time.monotonic() - begun < 5
        go.set()
        keeping.result()
    assert months.make("ledger_entry", Month.of(clock.today()))


def test_a_month_is_never_turned_back_or_to_nowhere(unturned: None, world: World) -> None:
    with pytest.raises(MonthUnfit, match="no partition"):
        months.turn("ledger_entry", Month.of(clock.today()))
    assert rotation.least_ahead() == 0 and not rotation.turned()
    rotation.keep_ahead()
    assert rotation.least_ahead() == 3 and rotation.turned()
    assert rotation.keep_ahead() == []
    with clock.frozen(datetime(2026, 1, 5, tzinfo=UTC)):
        assert rotation.keep_ahead() == []
    assert world.send(world.ride("r"))[0].entry >= Month.of(clock.today()).first_id  # type: ignore[operator]


def test_a_clock_that_jumped_turns_no_month(
    unturned: None, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A start, or a close that was refused for its clock, turned to a month years ahead: for good, and none in between."""
    rotation.keep_ahead()
    before = world.send(world.ride("r"))[0].entry
    monkeypatch.setattr(clock, "of_database", lambda: NOW)
    monkeypatch.setattr(months_command, "_platform", lambda _: nullcontext())
    with clock.frozen(NOW + timedelta(days=1500)):
        assert "时钟" not in capsys.readouterr().err
        setup._prepare(waiting=False)
        told = capsys.readouterr().err
        assert "时钟不在同一个月" in told and "in different months" in told and "abate months turn" in told
        with pytest.raises(ClocksApart):
            CliRunner().invoke(months_command.command, ["turn"], catch_exceptions=False)
    after = world.send(world.ride("s"))[0].entry
    assert (
        before is not None and after is not None and before < after < Month.of(clock.today()).plus(1).first_id
    )


def test_the_doctor_warns_before_months_run_out(unturned: None) -> None:
    with clock.frozen(datetime(2026, 6, 1, tzinfo=UTC)):
        assert [f.state for f in doctor.months()] == ["warning"]
        rotation.keep_ahead()
        assert [f.state for f in doctor.months()] == ["ok"]
    with clock.frozen(datetime(2026, 9, 30, tzinfo=UTC)):
        (finding,) = doctor.months()
        assert finding.state == "warning" and "abate months turn" in finding.remedy


def test_a_statement_and_a_balance_then_span_months(unturned: None, world: World) -> None:
    person = world.people[0].pk
    world.send(world.ride("old", km=9))
    rotation.keep_ahead()
    world.send(world.ride("new", km=8))
    (newest,) = queries.entries(person, limit=1)
    (oldest,) = queries.entries(person, before_id=newest.id)
    assert newest.id > Month.of(clock.today()).first_id > oldest.id
    assert newest.carbon_after == oldest.carbon_after + newest.carbon_mg == queries.balance(person).carbon_mg
    then = standing.at_moment(person, NOW)
    assert (then.carbon_mg, differences()) == (queries.balance(person).carbon_mg, {})


def test_the_application_adds_through_the_table_and_reaches_no_partition(
    unturned: None, world: World
) -> None:
    rotation.keep_ahead()
    grants.apply_grants(connection)
    # One more, made after the grants, as a job makes it.
    assert months.make("ledger_entry", Month.of(clock.today()).plus(9))
    rights = ask(
        "select count(*) filter (where has_table_privilege(%s, oid, 'select')"
        " or has_table_privilege(%s, oid, 'insert') or has_table_privilege(%s, oid, 'update')"
        " or has_table_privilege(%s, oid, 'delete')), count(*) from pg_class where relispartition and relkind = 'r'",
        *[grants.ROLE] * 4,
    )
    assert rights == [(0, 11)]
    ask(f"set role {grants.ROLE}")
    try:
        assert world.send(world.ride("as the application"))[0].outcome == Outcome.CREDITED
        for statement in ("update ledger_entry set credits = 0", "delete from ledger_entry_m202606"):
            with pytest.raises(Exception, match="permission denied"):
                ask(statement)
    finally:
        ask("reset role")


@pytest.mark.slow
def test_an_installation_with_rows_goes_over_and_back(unturned: None, world: World) -> None:
    """From months to the tables of before and over again, with rows in them: every row and every sum as it was.

    What books and what compares is of the newest schema; on the older one the rows alone are looked at.
    """
    rows = "select to_jsonb(entry) - 'sm3' from ledger_entry entry order by id"

    def back() -> None:
        call_command("migrate", "ledger", "0002_lots_holds_closes", verbosity=0)
        call_command("migrate", "events", "0001", verbosity=0)
        assert ask("select relkind from pg_class where relname = 'ledger_entry'") == [("r",)]
        assert ask("select count(*) from events_refusal") == [(1,)]

    world.send(
        *(world.ride(f"r{n}", n % 3, km=5) for n in range(30)),
        world.ride("later", start="2030-01-01T00:00:00+08:00"),
    )
    before = ask(rows)
    assert len(before) == 30
    back()
    assert ask(rows) == before
    call_command("migrate", verbosity=0)
    assert ask(rows) == before and differences() == {}
    assert ask("select tableoid::regclass::text, count(*) from ledger_entry group by 1") == [
        ("ledger_entry_m0", 30)
    ]
    rotation.keep_ahead()
    assert world.send(world.ride("r3", km=5))[0].outcome == Outcome.EXISTS
    assert world.send(world.ride("new"))[0].outcome == Outcome.CREDITED
    assert differences() == {} and len(ask(rows)) == 31
    before = ask(rows)
    back()
    assert ask(rows) == before
    (drawn,) = ask("select nextval('ledger_entry_id_seq')")
    assert drawn[0] > Month.of(clock.today()).first_id
    pointing = ask(
        "select count(*) from pg_constraint where contype = 'f' and confrelid = 'ledger_entry'::regclass"
    )
    assert pointing == [(1,)]
    call_command("migrate", verbosity=0)
    (result,) = world.send(world.ride("newer"))
    assert result.entry and result.entry > drawn[0]
    assert differences() == {} and len(ask(rows)) == 32
