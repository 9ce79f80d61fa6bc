"""Events computed again and taken back, in either order: the award that stands goes, and nothing comes again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, COACH, MAY, book
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_revaluing import even
from tests.platform.revaluing.test_revaluing import world as world

from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.events.outcomes import Outcome

pytestmark = [pytest.mark.platform]


def revalue(factor: str | None, replace: Any, name: str) -> revaluing.Effect:
    replace(factor, name)
    return book(MAY, revaluing.propose(MAY).digest)


def test_what_was_computed_again_goes_as_it_stands(world: World, replace: Any) -> None:
    world.send(world.ride("a"), world.ride("b"), world.ride("c", who=1))
    assert revalue(BUS, replace, "p-1").changed == 3
    found = {e: carbon.behaviour(world.people[e == "c"].pk, world.sender.party_id, e) for e in "abc"}
    (one, two) = world.send(withdrawal(world, "w", "a"), correction(world.ride("d", who=1), "c"))
    assert (one.outcome, one.er_mg) == (Outcome.WITHDRAWN, -found["a"].er_mg)  # type: ignore[union-attr, operator]
    assert two.undone and world.totals()[0][0] == found["b"].er_mg and world.totals()[1][0] == two.er_mg  # type: ignore[union-attr]
    again = world.send(withdrawal(world, "w", "a"))[0]
    assert (again.outcome, again.entry) == (Outcome.EXISTS, one.entry)
    even()


def test_what_was_taken_back_is_not_computed_again(world: World, replace: Any, settings: Any) -> None:
    """Neither an award nor an event that credited nothing for want of a figure."""
    replace(None, "p-1")
    settings.ABATE_FORMER_PACKS = ["demo", settings.ABATE_OPERATOR_PACK]
    world.send(world.ride("none"), world.ride("kept"))
    replace(BUS, "p-2")
    settings.ABATE_FORMER_PACKS = [*settings.ABATE_FORMER_PACKS, settings.ABATE_OPERATOR_PACK]
    world.send(world.ride("some", who=1))
    world.send(withdrawal(world, "w", "none"), withdrawal(world, "v", "some", 1))
    done = revalue(COACH, replace, "p-3")
    assert (done.changed, done.left_alone["taken_back"]) == (1, 2)
    assert world.totals()[1] == (0, 0, 0) and world.totals()[0][0] > 0
    even()
    # And what came out of it can go too.
    assert world.send(withdrawal(world, "u", "kept"))[0].entry and world.totals()[0][0] == 0
    even()
