"""Figures and corrections take effect when three people decided so, and not before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, MAY
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_revaluing import even
from tests.platform.revaluing.test_revaluing import world as world

from abate.demo import desk
from abate.platform import revaluing
from abate.platform.carbon.errors import BasisNotInForce
from abate.platform.review.errors import NotApproved

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.4-c")]


def test_nothing_is_booked_that_three_people_did_not_decide(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3))
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    with pytest.raises(NotApproved):
        revaluing.book(MAY, digest)
    even()


def test_a_figure_is_used_only_when_it_is_in_force(world: World, replace: Any, settings: Any) -> None:
    desk.staffed()
    world.send(world.ride("a", km=3))
    replace(BUS, in_force=False)
    assert revaluing.propose(MAY).changed == 1
    with pytest.raises(BasisNotInForce):
        world.send(world.ride("b", km=3))
    desk.decide("basis.adopt")
    world.send(world.ride("b", km=3))
    # Back to one that is known already: known is not in force.
    settings.ABATE_OPERATOR_PACK = "demo"
    with pytest.raises(BasisNotInForce):
        world.send(world.ride("c", km=3))
