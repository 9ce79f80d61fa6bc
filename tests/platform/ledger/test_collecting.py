"""Credits under a claim window: issued at once, spendable when collected, lapsed when not; the carbon is booked either way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from tests.platform.ledger.test_actions import each_receipt_opens
from tests.platform.ledger.test_erasing_spends import together as beside
from tests.platform.ledger.test_races import tally, together
from tests.platform.pipeline.world import NOW, World, differences, make_world, state

from abate.bookkeeping.kinds import Counter, Kind
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import actions, collecting, erasing, expiring, queries, standing
from abate.platform.ledger.errors import AccountErased, InsufficientCredits, NothingToCollect
from abate.platform.log import actions as log

pytestmark = pytest.mark.platform
CLAIM, LIFE = 7, 30


@pytest.fixture
def room(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW - timedelta(days=1)):
        credits.add_rule(
            clock.day(NOW), ("七日内领取", "Collect within seven days"), expiry_days=LIFE, claim_days=CLAIM
        )
    with clock.frozen(NOW):
        yield make_world()


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)


def issued_went_somewhere(world: World) -> bool:
    """Issued = spendable + held + what waits - debts, + redeemed, expired, cancelled, exchanged, lapsed, corrected."""
    with connection.cursor() as cursor:
        cursor.execute("select kind, sum(credits)::bigint from ledger_entry group by kind")
        by_kind = dict(cursor.fetchall())
    found = [standing.standing(person.pk) for person in world.people]
    there = sum(one.free + one.held + one.waiting - one.owed for one in found)
    # What is due by date and not yet posted lies in lots that nobody can touch.
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(left_credits), 0)::bigint from ledger_lot where expires_on <= %s",
            [clock.today()],
        )
        (due,) = cursor.fetchone()
    return by_kind.pop(Kind.AWARD, 0) == there + due - sum(by_kind.values())


def test_what_is_booked_waits_and_is_spent_only_when_collected(room: World) -> None:
    person = room.people[0].pk
    (got,) = room.send(room.meeting("a"))
    seen = standing.standing(person)
    assert (seen.free, seen.waiting, seen.lots) == (0, got.credits, ())
    assert [(lot.expires_on, lot.origin) for lot in seen.uncollected] == [
        (clock.today() + timedelta(days=CLAIM), Kind.UNCOLLECTED)
    ]
    assert queries.balance(person).carbon_mg == got.er_mg, "what was avoided is booked at once"
    with pytest.raises(InsufficientCredits):
        actions.cancel(person, 1, "too early")
    with clock.frozen(later(3)):
        made = collecting.collect(person)
        assert (made.kind, made.credits, made.counter) == (Kind.COLLECT, 0, Counter.NONE)
        seen = standing.standing(person)
        assert (seen.free, seen.waiting) == (got.credits, 0)
        assert [(lot.day, lot.expires_on) for lot in seen.lots] == [
            (clock.today(), clock.today() + timedelta(days=LIFE))
        ]
        assert issued_went_somewhere(room)
        actions.cancel(person, got.credits, "all")
        with pytest.raises(NothingToCollect):
            collecting.collect(person)
        assert issued_went_somewhere(room) and differences() == {}


def test_one_day_is_collected_and_the_other_waits(room: World) -> None:
    person = room.people[0].pk
    (one,) = room.send(room.meeting("a"))
    with clock.frozen(later(1)):
        (two,) = room.send(room.meeting("b"))
        with pytest.raises(NothingToCollect):
            collecting.collect(person, date(2026, 5, 1))
        collecting.collect(person, clock.today())
        seen = standing.standing(person)
        assert (seen.free, seen.waiting) == (two.credits, one.credits)
        assert differences() == {}


def test_what_is_not_collected_in_time_lapses_by_date_and_then_by_entry(room: World) -> None:
    person = room.people[0].pk
    (got,) = room.send(room.meeting("a"))
    with clock.frozen(later(CLAIM) - timedelta(hours=13)):
        assert standing.standing(person).waiting == got.credits, "the last day has not ended"
        assert collecting.lapse_due() == 0
    with clock.frozen(later(CLAIM)):
        assert standing.standing(person).waiting == 0, "whether or not the job has run"
        with pytest.raises(NothingToCollect):
            collecting.collect(person)
        expiring.cut_all()
        assert issued_went_somewhere(room)
        assert expiring.expire_due() == 0 and collecting.lapse_due() == got.credits
        assert collecting.lapse_due() == 0
        last = queries.entries(person)[0]
        assert (last.kind, last.credits, last.counter) == (Kind.LAPSE, -got.credits, Counter.EXPIRY)
        assert queries.balance(person).credits == 0 and queries.balance(person).carbon_mg == got.er_mg
        assert issued_went_somewhere(room) and differences() == {}


def test_collected_credits_expire_counted_from_then(room: World) -> None:
    person = room.people[0].pk
    (got,) = room.send(room.meeting("a"))
    with clock.frozen(later(5)):
        collecting.collect(person)
    with clock.frozen(later(5 + LIFE) - timedelta(days=1)):
        assert standing.standing(person).free == got.credits
    with clock.frozen(later(5 + LIFE)):
        assert standing.standing(person).free == 0 and expiring.expire_due() == got.credits
        assert issued_went_somewhere(room) and differences() == {}


def test_an_award_taken_back_takes_what_waits_of_it(room: World) -> None:
    person = room.people[0].pk
    one, two = room.send(room.meeting("a"), room.meeting("b"))
    credits.reverse(person, one.entry, "withdrawn")
    seen = standing.standing(person)
    assert (seen.free, seen.owed, seen.waiting) == (0, 0, queries.balance(person).credits)
    assert seen.waiting == two.er_mg // 1000 and differences() == {}


def test_a_debt_is_settled_by_what_is_collected_and_not_before(room: World) -> None:
    person = room.people[0].pk
    (got,) = room.send(room.meeting("a"))
    actions.adjust(person, -100, "a decided dispute")
    assert (standing.standing(person).owed, standing.standing(person).waiting) == (100, got.credits)
    collecting.collect(person)
    assert (standing.standing(person).owed, standing.standing(person).free) == (0, got.credits - 100)
    assert issued_went_somewhere(room) and differences() == {}


def test_sixteen_taps_collect_once(room: World) -> None:
    person = room.people[0].pk
    (got,) = room.send(room.meeting("a"))
    assert tally(together(lambda _: collecting.collect(person))) == {"done": 1, "nothing-to-collect": 15}
    assert standing.standing(person).free == got.credits and differences() == {}


def test_taps_spends_and_awards_at_once_agree(room: World) -> None:
    person = room.people[0].pk
    room.send(room.meeting("first"))

    def work(number: int) -> object:
        if number % 3 == 0:
            return room.send(room.meeting(f"m{number}"))
        if number % 3 == 1:
            return collecting.collect(person)
        return actions.cancel(person, 500, f"c{number}")

    tally(together(work))
    assert issued_went_somewhere(room) and differences() == {}


# What is planted, and the rule that must name it.
PLANTED = {
    "update ledger_lot set origin = 1 where origin = 16": "draws",
    "update ledger_lot set left_credits = left_credits - 1 where origin = 17": "lots",
    "update ledger_lot set expires_on = expires_on + 1 where origin = 16": "expiry",
    "update ledger_draw set credits = credits + 1 where origin = 16": "spends",
    "update ledger_draw set origin = 17 where origin = 16": "spends",
    "update ledger_entry set counter = 2 where kind = 18": "counter",
}


@pytest.mark.parametrize("statement", PLANTED)
def test_what_is_planted_is_named(room: World, statement: str) -> None:
    room.send(room.meeting("a"), room.meeting("b", 1), room.meeting("c", 2))
    collecting.collect(room.people[0].pk)
    with clock.frozen(later(1)):
        room.send(room.meeting("d"))
    with clock.frozen(later(CLAIM)):
        expiring.cut_all()
        assert collecting.lapse_due() > 0 and differences() == {}
        with connection.cursor() as cursor:
            cursor.execute(statement)
            assert cursor.rowcount > 0, "nothing was planted"
        assert PLANTED[statement] in differences()


@pytest.mark.clause("P-8.5-e")
def test_collecting_and_lapsing_have_receipts_that_open(room: World) -> None:
    person = room.people[0]
    room.send(room.meeting("a"))
    collecting.collect(person.pk)
    room.send(room.meeting("b"))
    with clock.frozen(later(CLAIM)):
        expiring.cut_all()
        assert collecting.lapse_due() > 0
    log.sequence()
    rows = queries.entries(person.pk, limit=100)
    assert {row.kind for row in rows} == {Kind.AWARD, Kind.COLLECT, Kind.LAPSE}
    each_receipt_opens(person, rows)


def test_nothing_is_collected_for_the_erased(room: World) -> None:
    room.send(room.meeting("a"))
    person = room.people[0]
    erasing.erase(person)
    before = state()
    with pytest.raises(AccountErased):
        collecting.collect(person.pk)
    assert state() == before and standing.standing(person.pk).waiting > 0
    with clock.frozen(later(CLAIM)):
        expiring.cut_all()
        assert collecting.lapse_due() > 0, "what ends by itself goes on"
        assert differences() == {} and issued_went_somewhere(room)


def test_who_is_erased_while_collecting_waits_collects_nothing(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.send(room.meeting("a"))
    person = room.people[0]
    leaving = (lambda: erasing.erase(person), [lambda: collecting.collect(person.pk)])
    found, came = beside(*leaving, (erasing.people, "destroy"), monkeypatch)
    assert found == [1] and came == ["account-erased"] and differences() == {}
