"""A change by which an account would hold more than it can is left alone by name, and the others are booked."""

from __future__ import annotations

from typing import Any

import pytest
from tests.platform.pipeline.test_total_too_large import raise_to
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, MAY, adopt, book
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_revaluing import even
from tests.platform.revaluing.test_revaluing import world as world

from abate.platform import revaluing
from abate.platform.carbon import staging

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b")]


def test_each_is_judged_and_what_makes_room_comes_first(
    world: World, replace: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(BUS, "city-1")
    settings.ABATE_FORMER_PACKS = [settings.ABATE_OPERATOR_PACK]
    small, large, other = world.send(world.ride("a", km=1), world.ride("b", km=2), world.ride("c", 1, km=3))
    settings.ABATE_OPERATOR_PACK = "demo"
    adopt()
    # The account can hold what the smaller change makes of it, and not what both do.
    monkeypatch.setattr(staging, "MOST", 400_000)
    shown = revaluing.propose(MAY)
    assert (shown.changed, shown.too_large, shown.up) == (1, 2, 1)
    assert book(MAY, shown.digest) == shown
    assert world.totals()[0][0] == 148_610 + (large.er_mg or 0) and world.totals()[1][0] == other.er_mg
    assert small.er_mg == 102_150
    even()
    # Once there is room the same call goes on with what was approved.
    monkeypatch.setattr(staging, "MOST", 2**63 - 1)
    rest = book(MAY, shown.digest)
    assert (rest.booked_before, rest.changed, rest.too_large) == (1, 2, 0)
    assert [mg for mg, _, _ in world.totals()] == [3 * 148_610, 3 * 148_610, 0]
    even()
    assert revaluing.propose(MAY).changed == 0


def test_an_account_at_its_end_is_no_fault_of_the_others(world: World, replace: Any, settings: Any) -> None:
    """The real end, 2^63 - 1: found before PostgreSQL would say that a number is out of range."""
    replace(BUS, "city-1")
    settings.ABATE_FORMER_PACKS = [settings.ABATE_OPERATOR_PACK]
    world.send(world.ride("a", km=1), world.ride("b", 1, km=1))
    settings.ABATE_OPERATOR_PACK = "demo"
    adopt()
    raise_to(world.people[0].pk, staging.MOST - 1, 102_150)
    shown = revaluing.propose(MAY)
    assert (shown.changed, shown.too_large) == (1, 1)
    assert book(MAY, shown.digest) == shown
    assert [mg for mg, _, _ in world.totals()[:2]] == [staging.MOST - 1, 148_610]
