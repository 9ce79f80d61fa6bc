"""Figures of a month: what may be shown, what joins `other`, and that an edition stays what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform.credits import actions as credits
from abate.platform.credits.actions import Per
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import closing
from abate.platform.sharing import editions, errors
from abate.platform.sharing.editions import OTHER, Group
from abate.platform.sharing.models import Cell, Edition

MONTH = date(2026, 6, 1)
JULY = date(2026, 7, 1)
AFTER = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
IN_JULY = AFTER + timedelta(days=20)
MOVES = st.dictionaries(
    st.tuples(st.sampled_from("abcde"), st.integers(1, 14)), st.integers(1, 100), max_size=50
)


def group(behaviours: Sequence[str], moves: dict[tuple[str, int], int]) -> Group:
    by_person: dict[int, int] = {}
    for (behaviour, person), moved in moves.items():
        if behaviour in behaviours:
            by_person[person] = by_person.get(person, 0) + moved
    total = sum(by_person.values())
    return Group(tuple(sorted(behaviours)), len(by_person), len(by_person), total, 0,
                 ((max(by_person.values(), default=0), total),))  # fmt: skip


@pytest.mark.clause("P-8.5-b")
@given(moves=MOVES, least=st.integers(2, 8), percent=st.integers(20, 100))
def test_all_of_the_month_or_nothing_and_no_small_group(
    moves: dict[tuple[str, int], int], least: int, percent: int
) -> None:
    behaviours = sorted({behaviour for behaviour, _ in moves})
    groups = [group([one], moves) for one in behaviours]
    shown = editions.grouped(groups, lambda some: group(some, moves), least, percent)
    for one in shown:
        assert one.people >= least and all(most * 100 <= all_of * percent for most, all_of in one.parts)
    # What is not shown cannot be had as a difference: either it is in a group of several, or nothing is told.
    assert sum(one.carbon_mg for one in shown) in (0, sum(moves.values()))
    assert sorted(name for one in shown for name in one.behaviours) in ([], behaviours)
    assert len([one for one in shown if one.name == OTHER]) <= 1
    if all(one.showable(least, percent) for one in groups):
        assert [one.name for one in shown] == behaviours
    if shown == [] and moves:
        assert not group(behaviours, moves).showable(least, percent) or len(behaviours) == 1


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    """Twelve people who met online, eleven of them cycled, three of them walked."""
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        made = make_world(12)
        results = made.send(
            *(made.meeting(f"m-{n}", n) for n in range(12)),
            *(made.ride(f"r-{n}", n) for n in range(11)),
            *(made.ride(f"w-{n}", n) | {"type": "org.abate.behaviour.walking"} for n in range(3)),
        )
        assert {one.outcome for one in results} == {Outcome.CREDITED}
    with clock.frozen(AFTER):
        yield made


def close() -> None:
    closing.close_day(clock.today() - timedelta(days=1))
    closing.close_month(MONTH)


def cells() -> dict[str, tuple[int, int, int, int]]:
    return {
        one.behaviour: (one.behaviours, one.people, one.acts, int(one.carbon_mg))
        for one in Cell.objects.filter(month=MONTH)
    }


@pytest.mark.platform
@pytest.mark.clause("P-8.5-b", "P-8.5-d")
def test_a_small_group_takes_the_smallest_large_one_with_it(world: World) -> None:
    close()
    made = editions.edition(MONTH)
    assert not made.withheld and set(cells()) == {"online-meeting", OTHER}
    assert cells()["online-meeting"][:3] == (1, 12, 12)
    # Three walked and cycled: eleven people, fourteen acts.
    assert cells()[OTHER][:3] == (2, 11, 14)
    assert sum(one[3] for one in cells().values()) == sum(mg for mg, _, _ in world.totals())


@pytest.mark.platform
def test_one_person_who_makes_most_of_it_hides_the_group(world: World) -> None:
    with clock.frozen(NOW):
        world.send(world.ride("far", 0, km=190))
    close()
    editions.edition(MONTH)
    assert "cycling" not in cells() and cells()[OTHER][0] >= 2


@pytest.mark.platform
@pytest.mark.clause("P-8.5-b")
def test_who_took_back_all_of_it_stands_in_for_nobody(world: World) -> None:
    """Eleven of twelve meetings did not happen: the sum of the twelve people was the twelfth's, to the milligram."""
    with clock.frozen(NOW):
        world.send(*(withdrawal(world, f"x-{n}", f"m-{n}", n) for n in range(11)))
    close()
    editions.edition(MONTH)
    assert "online-meeting" not in cells() and cells()[OTHER][1] == 12


@pytest.mark.platform
def test_too_few_people_and_nothing_is_told(transactional_db: None) -> None:
    with clock.frozen(NOW):
        made = make_world(3)
        made.send(*(made.meeting(f"m-{n}", n) for n in range(3)))
    with clock.frozen(AFTER):
        close()
        assert editions.edition(MONTH).withheld and cells() == {}


@pytest.mark.platform
def test_an_open_month_has_no_figures(world: World) -> None:
    with pytest.raises(errors.MonthOpen):
        editions.edition(MONTH)
    assert not Edition.objects.exists()


@pytest.mark.platform
@pytest.mark.clause("P-8.5-b")
def test_what_is_taken_back_later_belongs_to_the_later_month(world: World) -> None:
    close()
    editions.edition(MONTH)
    before = cells()
    world.send(*(withdrawal(world, f"x-{n}", f"m-{n}", n) for n in range(12)))
    with clock.frozen(AFTER + timedelta(days=31)):
        closing.close_day(date(2026, 7, 31))
        closing.close_month(date(2026, 7, 1))
        editions.edition(date(2026, 7, 1))
    assert cells() == before
    (july,) = Cell.objects.filter(month=date(2026, 7, 1))
    assert (july.behaviour, july.people, july.acts) == ("online-meeting", 12, -12)
    assert int(july.carbon_mg) == -before["online-meeting"][3]


@pytest.mark.platform
def test_several_editions_in_one_transaction_do_not_mix(world: World) -> None:
    close()
    with clock.frozen(AFTER + timedelta(days=31)):
        closing.close_day(date(2026, 7, 31))
        closing.close_month(date(2026, 7, 1))
        with transaction.atomic():
            editions.edition(MONTH)
            editions.edition(date(2026, 7, 1))
    assert cells() and not Cell.objects.filter(month=date(2026, 7, 1)).exists()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from sharing_part")
        assert cursor.fetchone() == (0,)


@pytest.mark.platform
@pytest.mark.clause("P-8.5-b")
def test_credits_that_a_cap_left_to_one_person_hide_the_group(world: World) -> None:
    """Twelve walked as far as each other, and all credits of the twelve were one person's, to the credit."""
    credits.add_cap("walking", JULY, 300_000, ("满", "full"), per=Per("party", "month"))
    with clock.frozen(IN_JULY):
        walks = (world.ride(f"c-{n}", n, "2026-07-20T09:00:00+08:00", km=3) for n in range(12))
        world.send(*(one | {"type": "org.abate.behaviour.walking"} for one in walks))
    with clock.frozen(AFTER + timedelta(days=31)):
        closing.close_day(date(2026, 7, 31))
        closing.close_month(JULY)
        made = editions.edition(JULY)
    assert made.withheld and not Cell.objects.filter(month=JULY).exists()


@pytest.mark.platform
@pytest.mark.clause("P-8.5-b")
def test_acts_most_of_which_are_one_persons_hide_the_group(world: World) -> None:
    """Short rides, as much CO2e together as another's one: how often somebody went out was told nearly to the act."""
    with clock.frozen(IN_JULY):
        long = (world.ride(f"l-{n}", n, "2026-07-20T09:00:00+08:00", km=9) for n in range(12))
        short = (world.ride(f"s-{n}", 0, f"2026-07-{n + 1:02}T09:00:00+08:00", km="0.5") for n in range(15))
        world.send(*long, *short)
    with clock.frozen(AFTER + timedelta(days=31)):
        closing.close_day(date(2026, 7, 31))
        closing.close_month(JULY)
        made = editions.edition(JULY)
    assert made.withheld and not Cell.objects.filter(month=JULY).exists()
