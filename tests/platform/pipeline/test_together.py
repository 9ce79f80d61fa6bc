"""Small batches that wait at the same moment share a transaction: each keeps its own verdict, none harms another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import errors
from tests.platform.pipeline.world import World, differences, make_world

from abate.platform import pipeline, together
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.events.errors import Busy
from abate.platform.events.models import Batch
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger.models import Entry

pytestmark = pytest.mark.platform
Call = Callable[[], list[Result]]


class Gathered:
    """Calls that are made while the first one's statement is held back, so that all others wait for the next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self._held, self._go = threading.Event(), threading.Event()
        self._monkeypatch = monkeypatch

    def _patch(self) -> None:
        really = together._send

        def send(batches: Any) -> Any:
            self.sizes.append(len(batches))
            if len(self.sizes) == 1:
                self._held.set()
                assert self._go.wait(20)
            return really(batches)

        self._monkeypatch.setattr(together, "_send", send)

    def run(self, first: Call, *others: Call) -> list[Any]:
        """What each call came to: results or what it raised."""
        self._patch()
        found: list[Any] = [None] * (1 + len(others))
        now = clock.now()

        def one(place: int, call: Call) -> None:
            try:
                with clock.frozen(now):
                    found[place] = call()
            except Exception as fault:
                found[place] = fault
            finally:
                connection.close()

        threads = [threading.Thread(target=one, args=(n, call)) for n, call in enumerate((first, *others))]
        threads[0].start()
        assert self._held.wait(20)
        for thread in threads[1:]:
            thread.start()
        pause = threading.Event()
        for _ in range(2000):
            if len(together._waiting) + sum(not thread.is_alive() for thread in threads[1:]) == len(others):
                break
            pause.wait(0.01)
        self._go.set()
        for thread in threads:
            thread.join(20)
        assert together._waiting == [] and not together._busy
        return found


@pytest.fixture
def gathered(world: World, monkeypatch: pytest.MonkeyPatch) -> Gathered:
    return Gathered(monkeypatch)


def outcomes(found: list[Any]) -> list[str]:
    return ["+".join(one.outcome.text for one in results) for results in found]


def test_who_waits_is_booked_together_and_keeps_a_batch_of_his_own(world: World, gathered: Gathered) -> None:
    other = make_world(2)
    found = gathered.run(
        lambda: world.send(world.ride("first")),
        lambda: world.send(world.ride("a", 1), world.meeting("b", 1), world.meeting("c", 2)),
        lambda: other.send(other.ride("a", 0)),
        lambda: other.send(other.meeting("b", 1)),
    )
    assert gathered.sizes == [1, 3]
    assert outcomes(found) == ["credited", "credited+credited+credited", "credited", "credited"]
    batches = {batch.pk: batch for batch in Batch.objects.all()}
    entries = {entry.id: entry for entry in Entry.objects.all()}
    assert len(batches) == 4 and len({bytes(one.body_sha256) for one in batches.values()}) == 4
    for results, whose in zip(found, (world, world, other, other), strict=True):
        booked = [entries[result.entry] for result in results]
        assert len({one.batch_id for one in booked}) == 1
        assert batches[booked[0].batch_id].party_id == whose.sender.party_id == booked[0].cause_party
        assert [(one.cause, one.place) for one in booked] == [(r.id, r.place) for r in results]
        assert [(one.carbon_mg, one.credits) for one in booked] == [(r.er_mg, r.credits) for r in results]
    assert differences() == {}


def many(calls: list[Call]) -> list[int]:
    """Threads that call at once; returns how many batches each transaction had."""
    sizes: list[int] = []
    really = together._send

    def send(batches: Any) -> Any:
        sizes.append(len(batches))
        return really(batches)

    def one(call: Call) -> None:
        with clock.frozen(now):
            call()
        connection.close()

    now = clock.now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "_send", send)
        threads = [threading.Thread(target=one, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert together._waiting == [] and not together._busy
    return sizes


def just_now(callers: int, thread: int = 0) -> together._Last:
    """A transaction that ended now, and took so long that its callers are waited for as long as it may be."""
    return together._Last(thread, callers, time.monotonic(), 100)


def test_those_that_were_answered_just_now_are_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [lambda n=n: world.send(world.ride(f"r{n}", n)) for n in range(3)]
    monkeypatch.setattr(together, "_last", just_now(3))
    assert many(calls) == [3]
    assert Entry.objects.count() == 3 and differences() == {}


def test_a_lone_caller_waits_for_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.send(world.ride("first"))
    assert together._last.callers == 1 and together._last.thread == threading.get_ident()

    def wait(*_: Any) -> None:
        raise AssertionError("waited")

    monkeypatch.setattr(together, "_last", just_now(1))
    monkeypatch.setattr(together._came, "wait", wait)
    assert world.send(world.ride("second"))[0].outcome == Outcome.CREDITED
    # Nor is it waited for who came long ago.
    monkeypatch.setattr(together, "_last", together._Last(0, 8, time.monotonic() - 1, 1.9))
    assert world.send(world.ride("third"))[0].outcome == Outcome.CREDITED


def test_who_led_last_leads_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection has the plans."""
    led: list[str] = []
    really = together._lead

    def lead(caller: Any, is_away: Any) -> None:
        led.append(threading.current_thread().name)
        really(caller, is_away)

    monkeypatch.setattr(together, "_lead", lead)
    own = threading.get_ident()
    monkeypatch.setattr(together, "_last", just_now(3, own))
    now, came = clock.now(), threading.Event()

    def one(n: int) -> None:
        with clock.frozen(now):
            came.set()
            world.send(world.ride(f"r{n}", n))
        connection.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    assert came.wait(20)
    world.send(world.ride("own"))
    for thread in threads:
        thread.join(60)
    assert led == [threading.main_thread().name] and Entry.objects.count() == 3


def test_one_that_does_not_fit_is_left_out_alone(world: World, gathered: Gathered) -> None:
    world.send(world.ride("known", 1))
    stranger = make_world(1)
    stranger.subjects = ["nobody"]
    found = gathered.run(
        lambda: world.send(world.ride("first")),
        lambda: world.send(world.ride("known", 1)),
        lambda: stranger.send(stranger.ride("s")),
        lambda: world.send(world.ride("good", 2)),
        lambda: world.send(world.meeting("none", 0, pkm_coach=0, electricity_kwh=1)),
    )
    assert outcomes(found) == ["credited", "exists", "refused", "credited", "not_below_baseline"]
    assert Entry.objects.count() == 3 and differences() == {}


def test_two_with_one_id_and_two_of_one_person(world: World, gathered: Gathered) -> None:
    """The same event twice at once is booked once; a person's second batch waits for the next transaction."""
    found = gathered.run(
        lambda: world.send(world.ride("first")),
        lambda: world.send(world.ride("same", 1)),
        lambda: world.send(world.ride("same", 1)),
        lambda: world.send(world.ride("other", 2)),
        lambda: world.send(world.ride("same", 2)),
    )
    told = outcomes(found)
    assert told[0] == told[3] == "credited"
    assert sorted(told[1:3] + told[4:]) in (
        ["conflict", "conflict", "credited"],
        ["conflict", "credited", "exists"],
    )
    assert Entry.objects.count() == 3 and differences() == {}


def test_a_cap_is_counted_the_longer_way(world: World, gathered: Gathered) -> None:
    day = clock.day(clock.now())
    credits.add_cap("cycling", day.replace(day=1, month=5), 10, ("理由", "a reason"))
    found = gathered.run(
        lambda: world.send(world.ride("first")),
        lambda: world.send(world.ride("a", 1)),
        lambda: world.send(world.meeting("b", 2)),
    )
    assert outcomes(found) == ["credited"] * 3
    assert [results[0].capped for results in found] == [True, True, False] and differences() == {}


@pytest.mark.parametrize("fault", [errors.DeadlockDetected, errors.LockNotAvailable, errors.InternalError_])
def test_what_ends_the_shared_transaction_ends_nobodys_batch(
    world: World, gathered: Gathered, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        with connection.wrap_database_errors:
            raise fault("planted")

    monkeypatch.setattr(together, "exchange", fails)
    found = gathered.run(
        lambda: world.send(world.ride("first")),
        lambda: world.send(world.ride("a", 1)),
        lambda: world.send(world.ride("b", 2)),
    )
    assert outcomes(found) == ["credited"] * 3 and gathered.sizes == [1, 2]
    assert Entry.objects.count() == 3 and differences() == {}


def test_where_the_database_goes_away_all_are_told_to_send_again(
    world: World, gathered: Gathered, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = together.exchange

    def cut(*arguments: Any) -> Any:
        url = connection.connection.info
        place = {"host": url.host, "port": url.port, "user": url.user, "dbname": url.dbname}
        with psycopg.connect(**place, password=url.password, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 10000)", (url.backend_pid,))
        return really(*arguments)

    monkeypatch.setattr(together, "exchange", cut)
    calls = [lambda n=n: world.send(world.ride(f"r{n}", n)) for n in range(3)]
    assert [type(one) for one in gathered.run(*calls)] == [Busy, Busy, Busy]
    assert Entry.objects.count() == 0
    monkeypatch.undo()
    connection.close()
    assert outcomes([call() for call in calls]) == ["credited"] * 3 and differences() == {}


def test_a_leader_that_dies_leaves_the_others_their_turn(
    world: World, gathered: Gathered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(together, "exchange", dies)
    first, *others = gathered.run(
        lambda: world.send(world.ride("first")),
        lambda: world.send(world.ride("a", 1)),
        lambda: world.send(world.ride("b", 2)),
    )
    assert isinstance(first, MemoryError)
    assert sorted(type(one).__name__ for one in others) == ["MemoryError", "list"]
    assert Entry.objects.count() == 1 and differences() == {}


def test_the_quick_way_is_taken_and_tells_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise everything above would hold for a way that nobody goes."""

    def sent(name: str) -> list[dict]:
        return [world.ride(f"{name}-1"), world.meeting(f"{name}-2", 1), world.ride(f"{name}-3", km=3)]

    # The first use of a basis writes it down, and goes the longer way.
    world.send(*sent("first"))
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_book", None)
        quick = world.send(*sent("quick"))
    with monkeypatch.context() as patch:
        patch.setattr(together, "book", None)
        patch.setattr(together, "FEW", 0)
        slow = world.send(*sent("slow"))
    assert [(one.place, one.outcome, one.er_mg, one.capped) for one in quick] == [
        (one.place, one.outcome, one.er_mg, one.capped) for one in slow
    ]
    columns = [
        f.attname
        for f in Entry._meta.fields
        if f.attname not in ("id", "batch_id", "cause", "record", "commitment")
    ]
    columns = [name for name in columns if not name.endswith("_after") and name not in ("pk", "credits")]
    rows = list(Entry.objects.order_by("id").values_list(*columns))[3:]
    assert sorted(map(str, rows[:3])) == sorted(map(str, rows[3:]))
    assert all(one.outcome == Outcome.CREDITED for one in quick + slow) and differences() == {}
