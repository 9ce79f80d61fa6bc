"""Any order, any batching, any repetition: the same totals, to the milligram and the credit. Caps
included.
"""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.platform.pipeline.world import World, differences, make_world

from abate.platform.carbon import queries as carbon
from abate.platform.credits import actions as credits
from abate.platform.credits.errors import CapTooLate
from abate.platform.events.outcomes import Outcome

pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("lane")]

CAP = 1_500_000
DAYS = ("2026-05-20T23:30:00+08:00", "2026-05-21T00:30:00+08:00")


def acts(world: World) -> list[dict]:
    """Rides of three people over midnight in Shanghai, and meetings: a cap takes part of some."""
    made = []
    for number in range(18):
        who, day = number % 3, DAYS[number % 2]
        made.append(world.ride(f"ride-{number}", who, day, km=round(0.7 + number * 0.431, 3)))
    return made + [world.meeting(f"meeting-{number}", number % 3) for number in range(3)]


def expected(world: World) -> list[tuple[int, int, int]]:
    """The rule, spelled out: eligible per day is min(total, cap); credits are whole grams of the sum."""
    found = []
    for person in world.people:
        rows = carbon.feed(person.pk, limit=100)
        by_day: dict[tuple[str, date], int] = {}
        for row in rows:
            by_day[row.behaviour, row.day] = by_day.get((row.behaviour, row.day), 0) + (row.er_mg or 0)
        eligible = sum(min(mg, CAP) if name == "cycling" else mg for (name, _), mg in by_day.items())
        found.append((sum(by_day.values()), eligible // 1000, eligible))
    return found


@pytest.mark.clause("P-7.4", "P-3.4")
def test_order_batching_and_repetition_do_not_matter(world: World) -> None:
    credits.add_cap("cycling", date(2026, 5, 1), CAP, ("每日上限", "Daily cap"))
    reference = None

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def deliver(seed: int) -> None:
        nonlocal reference
        choose = random.Random(seed)
        fresh = make_world()
        sent = [one for one in acts(fresh) for _ in range(choose.randint(1, 3))]
        choose.shuffle(sent)
        capped = 0
        while sent:
            size = choose.choice([1, 2, 5, 20])
            results = fresh.send(*sent[:size])
            assert {r.outcome for r in results} <= {Outcome.CREDITED, Outcome.EXISTS}
            capped += sum(r.capped for r in results if r.outcome == Outcome.CREDITED)
            del sent[:size]
        assert capped > 0
        assert fresh.totals() == expected(fresh)
        reference = reference or fresh.totals()
        assert fresh.totals() == reference

    deliver()
    assert differences() == {}


@pytest.mark.clause("P-7.4")
def test_a_cap_takes_its_part_and_says_so(world: World) -> None:
    credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("每日上限", "Daily cap"), to_day=date(2026, 5, 20))
    first, second, third = world.send(world.ride("a"), world.ride("b"), world.ride("c"))
    assert [(r.er_mg, r.capped) for r in (first, second, third)] == [
        (222_915, False),
        (222_915, True),
        (222_915, True),
    ]
    assert [r.credits for r in (first, second, third)] == [222, 78, 0]
    (tomorrow,) = world.send(world.ride("d", start="2026-05-21T09:00:00+08:00"))
    (other,) = world.send(world.meeting("m"))
    assert not tomorrow.capped and not other.capped
    assert world.totals()[0][2] == 300_000 + 222_915 + (other.er_mg or 0)
    assert differences() == {}


def test_a_cap_cannot_be_laid_over_days_that_were_counted(world: World) -> None:
    world.send(world.ride("a"))
    with pytest.raises(CapTooLate):
        credits.add_cap("cycling", date(2026, 5, 20), 1, ("上限", "cap"))
    credits.add_cap("cycling", date(2026, 5, 21), 1, ("上限", "cap"))
