"""Sixteen at once on every action that moves a balance: exact counts of done and refused, and books that agree."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from tests.platform.ledger.conftest import DAYS
from tests.platform.pipeline.world import NOW, World, differences, make_world

from abate.bookkeeping.kinds import RULES, Kind
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.ledger import actions, closing, errors, expiring, holds, queries, standing
from abate.platform.ledger.actions import Spend
from abate.platform.ledger.queries import EntryRow

pytestmark = [pytest.mark.platform]
WRITERS = 16
SOON = NOW + timedelta(hours=1)


def together(work: Callable[[int], object]) -> list[object]:
    """What each of the writers got, on a connection of its own, from one starting gun; a refusal as its code."""
    gate = threading.Barrier(WRITERS, timeout=60)

    def one(number: int) -> object:
        try:
            connection.ensure_connection()
            gate.wait()
            return work(number)
        except Problem as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def tally(found: list[object]) -> dict[str, int]:
    """How many were done, and how many refused by each code."""
    return dict(Counter(one if isinstance(one, str) else "done" for one in found))


def redeem(person: int, amount: int, order: str) -> EntryRow:
    with transaction.atomic(), connection.cursor() as cursor:
        return actions.post_redeem(cursor, person, amount, order)


def bulk(person: int, amount: int, order: str) -> EntryRow | str:
    """As the caller of one in bulk sees it: the verdict's code, refusals by their names."""
    (verdict,) = actions.spend_all(Kind.CANCEL, [Spend(person, amount, order)])
    return {"done": "done", "insufficient": "insufficient-credits"}[verdict.code]


SPENDS: dict[str, Callable[[int, int, int], object]] = {
    "redeem": lambda one, _, n: redeem(one, 3, f"o{n}"),
    "cancel": lambda one, _, n: actions.cancel(one, 3, f"o{n}"),
    "exchange_out": lambda one, _, n: actions.exchange_out(one, 3, f"o{n}"),
    "hold": lambda one, _, n: holds.hold(one, 3, f"o{n}", SOON),
    "transfer": lambda one, two, n: actions.transfer(one, two, 3, f"o{n}"),
    "bulk": lambda one, _, n: bulk(one, 3, f"o{n}"),
}


def spent_exactly(person: int, found: dict[str, int]) -> None:
    """Of 10 credits, 16 took 3 each: three got them, one credit is left, and the books agree."""
    assert found == {"done": 3, "insufficient-credits": 13}
    assert standing.standing(person).free == 1 and differences() == {}


@pytest.mark.parametrize("name", SPENDS)
def test_nothing_is_spent_twice(expiring_room: World, name: str) -> None:
    one, two = (person.pk for person in expiring_room.people[:2])
    actions.adjust(one, 10, "ten")
    spent_exactly(one, tally(together(lambda n: SPENDS[name](one, two, n))))


@pytest.mark.parametrize("taken_back", [False, True])
def test_no_milligram_is_retired_twice(expiring_room: World, taken_back: bool) -> None:
    """Of an award, 16 retire a quarter each; and the same while its partner takes it back at any moment between them."""
    world, person = expiring_room, expiring_room.people[0].pk
    (award,) = world.send(world.ride("one"))
    quarter = (award.er_mg or 0) // 4

    def work(n: int) -> object:
        if taken_back and n == 7:
            return credits.reverse(person, award.entry, "withdrawn")
        return actions.retire(person, quarter, f"o{n}")

    found = tally(together(work))
    retired = sum(row.kind == Kind.RETIRE for row in queries.entries(person, limit=100))
    undone = sum(row.kind == Kind.REVERSE for row in queries.entries(person, limit=100))
    assert found == {"done": retired + undone, "carbon-retired": WRITERS - retired - undone}
    # Either it was taken back whole, or its milligrams went out of circulation, each once.
    assert (retired, undone) == ((0, 1) if undone else (4, 0))
    assert queries.balance(person).carbon_mg == (0 if undone else award.er_mg - 4 * quarter)
    assert differences() == {}


def test_the_check_sees_a_writer_who_reads_first_and_writes_later(expiring_room: World) -> None:
    """The planted fault: all read what is free before anybody wrote. The very check of the spends turns red."""
    person = expiring_room.people[0].pk
    actions.adjust(person, 10, "ten")
    all_have_read = threading.Barrier(WRITERS, timeout=60)

    def naive(_: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            free = standing.standing(person).free
            all_have_read.wait()
            if free < 3:
                raise errors.InsufficientCredits
            values = [free - 3, person]
            cursor.execute("update ledger_balance set credits = %s where person_id = %s", values)

    found = tally(together(naive))
    assert found == {"done": WRITERS}
    with pytest.raises(AssertionError):
        spent_exactly(person, found)
    assert differences() != {}


def test_transfers_in_a_ring_never_wait_in_a_circle(expiring_room: World) -> None:
    people = [person.pk for person in expiring_room.people]
    for person in people:
        actions.adjust(person, 30, "opening")
    ring = together(lambda n: actions.transfer(people[n % 3], people[(n + 1 + n // 8) % 3], 2, f"t{n}"))
    assert tally(ring) == {"done": WRITERS}
    assert sum(queries.balance(person).credits for person in people) == 90 and differences() == {}


def test_a_hold_ends_once(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    actions.adjust(person, 10, "ten")
    held = holds.hold(person, 4, "held", SOON)
    found = tally(together(lambda n: (holds.settle if n % 2 else holds.release)(person, held.id, f"c{n}")))
    assert found == {"done": 1, "hold-ended": 15}
    assert queries.balance(person).credits == standing.standing(person).free
    assert queries.balance(person).credits in (6, 10) and differences() == {}


@pytest.mark.parametrize("capped", [False, True])
def test_an_entry_is_reversed_once(expiring_room: World, capped: bool) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    if capped:
        credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("每日上限", "Daily cap"))
    one, two = world.send(world.ride("one"), world.ride("two"))
    found = tally(together(lambda n: credits.reverse(person, one.entry, f"r{n}")))
    assert found == {"done": 1, "reversed-already": 15}
    assert queries.balance(person) == queries.Balance(
        two.er_mg, two.er_mg // 1000, two.er_mg, 1000 * two.er_mg
    )
    assert differences() == {}


def test_reversals_beside_batches_keep_the_cap(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    credits.add_cap("cycling", date(2026, 5, 1), 1_000_500, ("每日上限", "Daily cap"))
    sent = world.send(*[world.ride(f"before-{n}") for n in range(8)])

    def work(n: int) -> object:
        if n % 2:
            return credits.reverse(person, sent[n // 2].entry, "withdrawn")
        return world.send(world.ride(f"beside-{n}"))[0]

    assert tally(together(work)) == {"done": WRITERS}
    left = 8 * sent[0].er_mg
    most = min(left, 1_000_500)
    assert queries.balance(person) == queries.Balance(left, most // 1000, most, 1000 * most)
    assert differences() == {}


def test_an_order_asked_sixteen_times_is_booked_once(expiring_room: World) -> None:
    one, two, new = (person.pk for person in expiring_room.people)
    actions.adjust(one, 10, "ten")
    asked: list[tuple[Callable[[int], object], int, int]] = [
        (lambda _: actions.adjust(one, 5, "given"), one, 15),
        (lambda _: actions.exchange_in(one, 5, "in"), one, 20),
        (lambda _: actions.transfer(one, two, 2, "moved"), one, 18),
        (lambda _: actions.adjust(one, -2, "taken"), one, 16),
        (lambda _: actions.cancel(one, 2, "cancelled"), one, 14),
        (lambda _: actions.exchange_out(one, 2, "out"), one, 12),
        (lambda _: holds.hold(one, 2, "held", SOON), one, 12),
        (lambda _: actions.adjust(new, 2, "a first entry"), new, 2),
        (lambda _: actions.adjust(new, -5, "a debt"), new, -3),
    ]
    for work, person, left in asked:
        found = together(work)
        assert tally(found) == {"done": WRITERS}
        assert len({entry.id for entry in found if isinstance(entry, EntryRow)}) == 1
        assert queries.balance(person).credits == left
    assert differences() == {}


def test_one_order_with_sixteen_contents_is_booked_with_one(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    found = together(lambda n: actions.adjust(person, n + 1, "the same"))
    assert tally(found) == {"done": 1, "order-taken": 15}
    (made,) = [one for one in found if isinstance(one, EntryRow)]
    assert queries.balance(person).credits == made.credits and differences() == {}


def test_every_adjustment_counts(expiring_room: World) -> None:
    """Eight take 5 and eight give 3: what is taken beyond what is there is owed, whatever the order."""
    person = expiring_room.people[0].pk
    actions.adjust(person, 12, "opening")
    found = tally(together(lambda n: actions.adjust(person, -5 if n % 2 else 3, f"a{n}")))
    assert found == {"done": WRITERS} and queries.balance(person).credits == 12 - 40 + 24
    seen = standing.standing(person)
    assert (seen.free, seen.owed) == (0, 4) and differences() == {}


def test_expired_credits_are_taken_once_and_never_spent(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    actions.adjust(person, 10, "ten")
    over = NOW + timedelta(days=5)

    with clock.frozen(over):
        found = together(lambda n: expiring.expire_due() if n % 2 else redeem(person, 1, f"o{n}"))
        assert tally(found) == {"done": 8, "insufficient-credits": 8}
        assert sum(one for one in found if isinstance(one, int)) == 10
        assert queries.balance(person).credits == 0 and differences() == {}


def test_an_expired_award_is_taken_back_once(expiring_room: World) -> None:
    """Its credits expire and are taken back at the same moment: they come back for it once, and make no debt."""
    world, person = expiring_room, expiring_room.people[0].pk
    (award,) = world.send(world.ride("one"))
    with clock.frozen(NOW + timedelta(days=DAYS)):
        expiring.cut_all()
        found = together(
            lambda n: credits.reverse(person, award.entry, f"r{n}") if n % 2 else expiring.expire_due()
        )
        assert tally(found) == {"done": 9, "reversed-already": 7}
        assert queries.balance(person) == queries.Balance(0, 0, 0, 0)
        assert standing.standing(person).owed == 0 and differences() == {}


def test_a_day_is_closed_once_beside_spends(expiring_room: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Midnight: who closes is past it, who spends is not yet. A spend is in the close, or of the first open day."""
    person, today = expiring_room.people[0].pk, clock.day(NOW)
    actions.adjust(person, 12, "opening")

    own = threading.local()  # a clock for each writer: the frozen one is the same for all
    monkeypatch.setattr(clock, "now", lambda: getattr(own, "at", NOW))

    def work(n: int) -> object:
        if n % 4:
            return actions.cancel(person, 1, f"c{n}")
        own.at = NOW + timedelta(days=1)
        return closing.close_day(today)

    found = together(work)
    assert tally(found) == {"done": WRITERS}
    spends = [one for one in found if isinstance(one, EntryRow)]
    assert {one.day for one in spends} <= {today, today + timedelta(days=1)}
    (row,) = [one for one in closing.rows("day", today) if (one.account, one.asset) == ("people", "credits")]
    within = sum(one.day == today for one in spends)
    assert (row.closing, row.entries) == (12 - within, 1 + within)
    assert queries.balance(person).credits == 0 and differences() == {}


# Where each kind of entry is raced by sixteen; here, where no file is named.
RACED = {
    Kind.AWARD: "tests/platform/pipeline/test_races.py",
    Kind.REDEEM: "test_nothing_is_spent_twice",
    Kind.CANCEL: "test_nothing_is_spent_twice",
    Kind.EXPIRE: "test_expired_credits_are_taken_once_and_never_spent",
    Kind.TRANSFER: "test_transfers_in_a_ring_never_wait_in_a_circle",
    Kind.HOLD: "test_nothing_is_spent_twice",
    Kind.SETTLE: "test_a_hold_ends_once",
    Kind.RELEASE: "test_a_hold_ends_once",
    Kind.REVERSE: "test_an_entry_is_reversed_once",
    Kind.ADJUST: "test_every_adjustment_counts",
    Kind.EXCHANGE_OUT: "test_nothing_is_spent_twice",
    Kind.EXCHANGE_IN: "test_an_order_asked_sixteen_times_is_booked_once",
    Kind.RETIRE: "test_no_milligram_is_retired_twice",
    Kind.COLLECT: "tests/platform/ledger/test_collecting.py",
    Kind.LAPSE: "tests/platform/ledger/test_collecting.py",
    Kind.RESTORE: "test_an_expired_award_is_taken_back_once",
}
MOVE_NOTHING = {Kind.ERASED, Kind.DECIDED, Kind.AUDITED}


def test_every_kind_of_entry_is_raced() -> None:
    assert set(RACED) == set(RULES) - MOVE_NOTHING
    assert all(Path(place).is_file() or callable(globals().get(place)) for place in RACED.values())


MIXED = ("cancel", "hold", "transfer", "exchange_out", "redeem")


def crowd(people: list[int]) -> Counter[str]:
    """Sixteen writers go over the accounts from both ends, 3 credits each time: how many of each kind, or refused."""
    after = dict(zip(people, [*people[1:], people[0]], strict=True))

    def work(n: int) -> Counter[str]:
        found: Counter[str] = Counter()
        for place, person in enumerate(people if n % 2 else reversed(people)):
            kind = MIXED[(n + place) % len(MIXED)]
            try:
                SPENDS[kind](person, after[person], n)
                found[kind] += 1
            except Problem as refused:
                found[refused.code] += 1
        return found

    total: Counter[str] = Counter()
    for one in together(work):
        assert isinstance(one, Counter)
        total.update(one)
    return total


@pytest.mark.slow
def test_a_thousand_accounts_and_sixteen_writers_of_mixed_kinds(expiring_room: World) -> None:
    people = [person.pk for person in make_world(1000).people]
    for person in people:
        actions.adjust(person, 10, "opening")
    found = crowd(people)
    assert found.total() == WRITERS * len(people) and set(found) == {*MIXED, "insufficient-credits"}
    gone = 3 * (found["cancel"] + found["exchange_out"] + found["redeem"])
    assert sum(queries.balance(person).credits for person in people) == 10 * len(people) - gone
    seen = [standing.standing(person) for person in people]
    assert sum(one.held for one in seen) == 3 * found["hold"]
    assert all(one.free >= 0 and one.owed == 0 for one in seen)
    assert differences() == {}
