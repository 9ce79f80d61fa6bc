"""Computed again under caps and claim windows: what comes out is what the same events had given under the new figure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from time import monotonic
from typing import Any

import pytest
from tests.platform.ledger.test_collecting import issued_went_somewhere
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World, make_world
from tests.platform.revaluing.decided import BUS, COACH, MAY, adopt, book
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_revaluing import even
from tests.platform.revaluing.test_revaluing import world as world

from abate.bookkeeping.kinds import Kind
from abate.platform import revaluing
from abate.platform.credits import actions as credits
from abate.platform.credits.actions import Per
from abate.platform.doors import clock
from abate.platform.ledger import actions, collecting, erasing, expiring, standing
from abate.platform.ledger import queries as ledger

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.2-a")]
FIRST, CAP = date(2026, 5, 1), ("上限", "A cap")
PER = {
    "a person's month": Per("person", "month"),
    "a partner's month": Per("party", "month"),
    "a person in all": Per("person", "ever"),
    "an object": Per("object", "ever", "trip_id"),
}


def revalue(factor: str | None, replace: Any, name: str = "city-2") -> revaluing.Effect:
    replace(factor, name)
    shown = revaluing.propose(MAY)
    done = book(MAY, shown.digest)
    assert done == shown, "the effect that was shown is what was booked"
    return done


def rides(world: World, name: str) -> list[dict]:
    """24 rides of three people; the last four tell again of objects that another person told of."""
    dice, made = Random(20260602), []
    for n in range(24):
        day = f"2026-05-{dice.randint(1, 31):02}T09:00:00+08:00"
        made.append(world.ride(f"{name}{n}", n % 3, day, dice.choice([1.5, 3, 4.2])))
        made[-1]["data"]["trip_id"] = f"{name}{n % 20}"
    return made


@pytest.mark.parametrize("way", ["down", "up"])
@pytest.mark.parametrize("per", PER)
def test_as_if_the_new_figure_had_held_from_the_beginning(
    world: World, replace: Any, settings: Any, per: str, way: str
) -> None:
    credits.add_cap("cycling", FIRST, 400_000 if per == "an object" else 900_000, CAP, per=PER[per])
    if way == "up":
        replace(BUS, "city-1")
        settings.ABATE_FORMER_PACKS = [settings.ABATE_OPERATOR_PACK]
    for part in (rides(world, "a")[:7], rides(world, "a")[7:]):
        world.send(*part)
    before = world.totals()
    assert any(eligible < mg for mg, _, eligible in before), "the cap was reached"
    if way == "up":
        former = settings.ABATE_OPERATOR_PACK
        settings.ABATE_OPERATOR_PACK = "demo"
        settings.ABATE_FORMER_PACKS = [former]
        adopt()
        shown = revaluing.propose(MAY)
        assert book(MAY, shown.digest) == shown and shown.up == 24
    else:
        assert revalue(BUS, replace).down == 24
    even()
    twin = make_world()
    twin.send(*rides(twin, "b"))
    even()
    mine, other = world.totals(), twin.totals()
    assert [mg for mg, _, _ in mine] == [mg for mg, _, _ in other]
    if PER[per].scope != "person":
        # One room for many people: who gets it follows the order of booking, how much there is does not.
        assert sum(eligible for *_, eligible in mine) == sum(eligible for *_, eligible in other)
    else:
        assert mine == other


def test_twice_and_after_a_withdrawal_under_a_cap(world: World, replace: Any, settings: Any) -> None:
    credits.add_cap("cycling", FIRST, 900_000, CAP, per=PER["a person's month"])
    sent = rides(world, "a")
    world.send(*sent)
    world.send(withdrawal(world, "w", sent[0]["id"], 0))
    even()
    done = revalue(BUS, replace, "city-1")
    assert (done.changed, done.left_alone["taken_back"]) == (23, 1)
    even()
    settings.ABATE_FORMER_PACKS = ["demo", settings.ABATE_OPERATOR_PACK]
    world.send(withdrawal(world, "v", sent[1]["id"], 1))
    done = revalue(COACH, replace, "city-2")
    assert (done.changed, done.left_alone["taken_back"]) == (22, 2)
    even()
    twin = make_world()
    twin.send(*rides(twin, "b")[2:])
    assert world.totals() == twin.totals()
    # And once more, to the same figure: there is nothing left to do.
    assert revaluing.propose(MAY).changed == 0


@pytest.fixture
def waiting(transactional_db: None, settings: Any) -> Iterator[World]:
    """Credits are to be collected within seven days."""
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW - timedelta(days=1)):
        credits.add_rule(
            clock.day(NOW), ("七日内领取", "Collect within seven days"), expiry_days=30, claim_days=7
        )
    with clock.frozen(NOW):
        yield make_world()


@pytest.mark.parametrize("when", ["waiting", "collected", "spent", "lapsed"])
def test_credits_under_a_claim_window(waiting: World, replace: Any, when: str) -> None:
    """Old credits go as far as they are there, what is missing is owed, and new ones wait like any others."""
    person = waiting.people[0].pk
    first = waiting.send(waiting.ride("a", km=3), waiting.ride("b", km=4))
    old = sum(one.credits for one in first)
    with clock.frozen(NOW + timedelta(days=1)):
        if when in ("collected", "spent"):
            collecting.collect(person)
        if when == "spent":
            actions.cancel(person, old, "all of it")
    with clock.frozen(NOW + timedelta(days=8 if when == "lapsed" else 2)):
        expiring.cut_all()
        assert (collecting.lapse_due() > 0) == (when == "lapsed")
        done = revalue(BUS, replace)
        new = ledger.balance(person).eligible_mg // 1000
        seen = standing.standing(person)
        assert done.changed == 2 and 0 < new < old
        assert (seen.free, seen.waiting) == (0, new), "new credits wait, in whatever state the old ones were"
        assert seen.owed == (old if when == "spent" else 0), "what lapsed was no benefit that could be owed"
        assert issued_went_somewhere(waiting)
        even()
        collecting.collect(person)
        seen = standing.standing(person)
        assert (seen.waiting, seen.free) == (0, max(new - (old if when == "spent" else 0), 0))
        assert issued_went_somewhere(waiting)
        even()


def test_who_is_erased_between_reading_and_booking_is_left_alone(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The changes were read, and the person leaves before the accounts are locked: nothing is booked for them."""
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7), world.ride("c", who=1, km=2))
    replace(BUS)
    shown = revaluing.propose(MAY)
    really, left = revaluing.events.open_batch, []

    def leave_first(*arguments: Any) -> int:
        if not left:
            left.append(erasing.erase(world.people[0]))
        return really(*arguments)

    before = ledger.entries(world.people[0].pk)
    # The transaction of the booking is the one that erases: no lock is between the two.
    monkeypatch.setattr(revaluing.events, "open_batch", leave_first)
    done = book(MAY, shown.digest)
    assert (shown.changed, done.changed, done.erased) == (3, 2, 1)
    after = ledger.entries(world.people[0].pk)
    assert [row for row in after if row.kind != Kind.ERASED] == before
    even()


@pytest.mark.slow
def test_a_hundred_thousand_events(transactional_db: None, settings: Any, replace: Any) -> None:
    """Shown and booked set by set: both together take a small multiple of what booking the events took."""
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        world = make_world(1000)
        begun = monotonic()
        for part in range(10):
            world.send(
                *[
                    world.ride(f"{part}-{n}", n % 1000, f"2026-05-{n % 31 + 1:02}T09:00:00+08:00", 1 + n % 5)
                    for n in range(10_000)
                ],
                everything=False,
            )
        booked = monotonic() - begun
        replace(BUS)
        begun = monotonic()
        shown = revaluing.propose(MAY)
        looked = monotonic() - begun
        done = book(MAY, shown.digest)
        took = monotonic() - begun
        print(
            f"100,000 events booked in {booked:.1f} s; effect {looked:.1f} s, with the booking {took:.1f} s"
        )
        assert done == shown and (done.changed, done.down) == (100_000, 100_000)
        assert took < 12 * booked
        even()
