"""An account of a past moment, and a statement: as it was then, whenever somebody asks and whatever was written down since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from tests.platform.ledger.test_actions import redeem
from tests.platform.pipeline.world import NOW, World, differences

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.ledger import actions, expiring, holds, queries, standing, statement

pytestmark = [pytest.mark.platform]


@pytest.mark.clause("P-4.4")
def test_an_account_as_it_was_at_every_moment(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    seen = []
    steps: list[Callable[[], Any]] = [
        lambda: world.send(world.meeting("a")),
        lambda: redeem(person, 1, "one"),
        lambda: holds.hold(person, 1, "held", NOW + timedelta(days=9)),
        lambda: actions.adjust(person, 7, "gift"),
        lambda: actions.cancel(person, 2, "given up"),
    ]
    for hour, step in enumerate(steps):
        with clock.frozen(NOW + timedelta(hours=hour)):
            step()
            now = standing.standing(person)
            held = queries.balance(person)
            seen.append((held.carbon_mg, held.credits, now.held, now.lots))
    for hour, then in enumerate(seen):
        past = standing.at_moment(person, NOW + timedelta(hours=hour, minutes=30))
        assert (past.carbon_mg, past.credits, past.held, past.lots) == then
    assert standing.at_moment(person, NOW - timedelta(hours=1)) == standing.Past(0, 0, 0, ())


@pytest.mark.clause("P-4.4")
def test_a_debt_and_a_hold_that_ended_are_told_of_a_past_moment_as_they_were_then(
    expiring_room: World,
) -> None:
    """Nobody wrote down meanwhile that earnings had settled the debt, nor that the hold was over."""
    world, person = expiring_room, expiring_room.people[0].pk
    steps: list[Callable[[], Any]] = [
        lambda: actions.adjust(person, -1_000, "a debt that two awards settle"),
        lambda: world.send(world.meeting("a"), world.meeting("a2")),
        lambda: world.send(world.meeting("b")),
        lambda: holds.hold(person, 700, "held", NOW + timedelta(hours=4, minutes=20)),
        lambda: world.send(world.meeting("c")),
        lambda: None,
        lambda: actions.adjust(person, -100_000, "a debt that what was held settles in part"),
    ]
    seen = []
    for hour, step in enumerate(steps):
        with clock.frozen(NOW + timedelta(hours=hour)):
            step()
        with clock.frozen(NOW + timedelta(hours=hour, minutes=30)):
            now = standing.standing(person)
            held = queries.balance(person)
            seen.append(standing.Past(held.carbon_mg, held.credits, now.held, now.lots, now.owed))
    assert [bool(one.owed) for one in seen] == [True, *[False] * 5, True]
    assert [one.held for one in seen] == [0, 0, 0, 700, 0, 0, 0]
    with clock.frozen(NOW + timedelta(hours=9)):
        expiring.cut_all()
        for hour, then in enumerate(seen):
            assert standing.at_moment(person, NOW + timedelta(hours=hour, minutes=30)) == then, hour


@pytest.mark.clause("P-4.4")
@pytest.mark.parametrize(("former", "later"), [("Asia/Shanghai", "UTC"), ("UTC", "Asia/Shanghai")])
def test_a_debt_of_then_was_settled_by_what_had_not_expired_in_the_zone_of_then(
    expiring_room: World, settings: Any, former: str, later: str
) -> None:
    """A hold ends at one in the morning in Shanghai, on the day from which its credits are no more; in UTC the day before."""
    settings.ABATE_ZONE = former
    person, ends = expiring_room.people[0].pk, NOW + timedelta(days=4, hours=13)
    desk.staffed()
    expiring_room.send(expiring_room.meeting("a"), expiring_room.meeting("b"))
    holds.hold(person, 20, "held", ends)
    with clock.frozen(NOW + timedelta(hours=1)):
        actions.adjust(
            person, -queries.balance(person).credits + 10, "a debt that what is held could settle in part"
        )
    with clock.frozen(ends + timedelta(minutes=30)):
        now = standing.standing(person)
        assert (now.owed > 0) is (former == "Asia/Shanghai")
        held = queries.balance(person)
        then = standing.Past(held.carbon_mg, held.credits, now.held, now.lots, now.owed)
    settings.ABATE_ZONE = later
    # The next day, when the credits are no more in either zone.
    with clock.frozen(ends + timedelta(days=1)):
        desk.decide("basis.adopt")
        past = standing.at_moment(person, ends + timedelta(minutes=30))
        assert (past.owed, past.held) == (then.owed, then.held)
        expiring.cut_all(), holds.lapse_overdue()
        assert standing.at_moment(person, ends + timedelta(minutes=30)) == past
        with connection.cursor() as cursor:
            cursor.execute("select owed from ledger_balance where person_id = %s", [person])
            assert cursor.fetchone() == (then.owed,)
        assert differences() == {}


@pytest.mark.clause("P-4.4")
def test_a_statement_says_the_same_before_and_after_lots_are_cut(expiring_room: World) -> None:
    world, person, day = expiring_room, expiring_room.people[0].pk, clock.day(NOW)
    actions.adjust(person, -1_000, "a debt that earnings settle")
    world.send(world.meeting("a"), world.meeting("b"))
    with clock.frozen(NOW + timedelta(days=1)):
        world.send(world.meeting("c"))
        found = [statement.period(person, day, day), statement.period(person, day, day + timedelta(days=1))]
        assert [one.closing.owed for one in found] == [0, 0] and standing.standing(person).owed == 0
        assert (
            found[0].closing
            == statement.period(person, day + timedelta(days=1), day + timedelta(days=1)).opening
        )
        expiring.cut_all()
        assert found == [
            statement.period(person, day, day),
            statement.period(person, day, day + timedelta(days=1)),
        ]


@pytest.mark.clause("P-4.4")
@pytest.mark.parametrize("lapsed_after", [timedelta(hours=6), timedelta(days=1)])
def test_a_statement_says_the_same_before_and_after_a_hold_that_ran_out_is_written_down(
    expiring_room: World, lapsed_after: timedelta
) -> None:
    """What the hold gave back had paid of the debt before the awards came; one that ends after them pays nothing."""
    world, person, day = expiring_room, expiring_room.people[0].pk, clock.day(NOW)
    actions.adjust(person, 10, "gift")
    holds.hold(person, 6, "held", NOW + timedelta(hours=2))
    holds.hold(person, 3, "held for longer", NOW + timedelta(hours=5, minutes=30))
    actions.adjust(person, -14, "mistake")
    with clock.frozen(NOW + timedelta(hours=5)):
        world.send(world.meeting("a"), world.meeting("b"))
    with clock.frozen(NOW + lapsed_after):
        last = queries.entries(person, limit=1)[0].id
        before = statement.period(person, day, day)
        assert before.closing.owed == 6 and before.closing.held == 9
        assert sum(line.credits for line in before.lines[-1].lots) == before.lines[-1].credits - 7
        assert holds.lapse_overdue() == 1
        after = statement.period(person, day, day)
        assert tuple(line for line in after.lines if line.id <= last) == before.lines
        assert (after.closing == before.closing) == (lapsed_after > timedelta(hours=19))
        now = standing.standing(person)
        assert (now.owed, now.held) == (0, 0) and differences() == {}


@pytest.mark.clause("P-4.4")
def test_a_past_moment_is_a_state_that_was_even_where_the_clock_went_back(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    was = {}
    steps: list[tuple[int, Callable[[], Any]]] = [
        (0, lambda: actions.adjust(person, 7, "first")),
        (3, lambda: holds.hold(person, 2, "held", NOW + timedelta(days=9))),
        (1, lambda: actions.cancel(person, 1, "the clock was set back")),
        (2, lambda: actions.adjust(person, 5, "still behind")),
        (4, lambda: actions.cancel(person, 3, "last")),
    ]
    for hour, step in steps:
        with clock.frozen(NOW + timedelta(hours=hour)):
            step()
            now = standing.standing(person)
            was[hour] = standing.Past(0, queries.balance(person).credits, now.held, now.lots)
    # At 03:00 the last entry posted with that moment or an earlier one is the one of 02:00.
    for hour, step_of in ((0, 0), (1, 1), (2, 2), (3, 2), (4, 4)):
        seen = standing.at_moment(person, NOW + timedelta(hours=hour))
        assert seen == was[step_of], hour
        assert sum(lot.credits for lot in seen.lots) + seen.held == seen.credits
