"""Files and settings are put in force between batches: which rules an entry stands on is told by its moment."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.conftest import lane as lane
from tests.platform.pipeline.conftest import world as world
from tests.platform.pipeline.world import World, differences, state
from tests.platform.revaluing.test_races import held

from abate.platform import pipeline
from abate.platform.carbon.actions import adopt
from abate.platform.carbon.errors import BasisNotInForce
from abate.platform.events.outcomes import Outcome

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.4-c")]


@pytest.mark.parametrize("lane", ["plain"], indirect=True)
def test_a_batch_on_its_way_is_booked_first(
    world: World, lane: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claims went by the former rules: booked after the adoption, reconciliation would have missed others for ever."""
    reached, go = held(pipeline, "enter", monkeypatch)
    found: list[Any] = []
    told: list[Any] = []
    sending = beside(lambda: world.send(world.meeting("first")), found)
    assert reached.wait(20)
    adopting = beside(adopt, told)
    waits_for_the_lock()
    go.set()
    sending.join(20), adopting.join(20)
    assert not isinstance(found[0], str) and told == [None] and differences() == {}
    with connection.cursor() as cursor:
        cursor.execute("select (select max(at) from carbon_adoption) >= (select max(at) from ledger_entry)")
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("changed", [{"ABATE_ZONE": "UTC"}, {"ABATE_SAME_ACT": "none"}])
def test_nothing_is_booked_by_what_nobody_put_in_force(
    world: World, lane: None, settings: Any, changed: dict[str, str]
) -> None:
    """Not in any lane, though the basis of the event is known: a basis says nothing of the zone, nor of the rules of one act."""
    adopt()
    assert world.send(world.meeting("first"))[0].outcome == Outcome.CREDITED
    for name, value in changed.items():
        setattr(settings, name, value)
    before = state()
    with pytest.raises(BasisNotInForce):
        world.send(world.meeting("second", start="2026-05-21T09:00:00+08:00"))
    assert state() == before
    adopt()
    assert (
        world.send(world.meeting("second", start="2026-05-21T09:00:00+08:00"))[0].outcome == Outcome.CREDITED
    )
