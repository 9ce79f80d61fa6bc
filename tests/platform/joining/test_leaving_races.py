"""A party leaves beside a batch of its own: the batch is in the final account, or it is refused as a whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.conftest import lane as lane
from tests.platform.pipeline.conftest import world as world
from tests.platform.pipeline.world import World, differences
from tests.platform.revaluing.test_races import held

from abate.platform import pipeline
from abate.platform.events.models import Batch
from abate.platform.joining import decided
from abate.platform.joining.models import Settlement
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-d")]


def leave(world: World) -> Settlement:
    party = Party.objects.get(pk=world.sender.party_id)
    return decided.leave(party, despite=True, how="a test")


def booked() -> int:
    return int(json.loads(Settlement.objects.get().body)["booked"]["events"])


def withdrawal(world: World) -> dict[str, Any]:
    made = world.meeting("back")
    return made | {"type": "org.abate.withdrawal", "data": {"event": "first", "reason": "wrong_figure"}}


LATE: dict[str, Callable[[World], dict[str, Any]]] = {
    "an event": lambda world: world.meeting("late"),
    "a withdrawal": withdrawal,
}


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("what", LATE)
def test_a_batch_whose_token_was_looked_at_before_is_refused_after(world: World, what: str) -> None:
    world.send(world.meeting("first"))
    leave(world)
    before, batches = world.totals(), Batch.objects.count()
    with pytest.raises(PartySuspended):
        world.send(LATE[what](world))
    assert booked() == 1 and world.totals() == before and differences() == {}
    assert Batch.objects.count() == batches


@pytest.mark.usefixtures("lane")
def test_a_batch_that_comes_while_it_leaves_waits_and_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is written, and not committed: what waits for it reads the party's standing after it."""
    reached, go, really = threading.Event(), threading.Event(), Settlement.objects.create
    told: list[Any] = []

    def pause(**given: Any) -> Settlement:
        made = really(**given)
        reached.set()
        assert go.wait(20)
        return made

    monkeypatch.setattr(Settlement.objects, "create", pause)
    leaving = beside(lambda: leave(world), told)
    assert reached.wait(20)
    found: list[Any] = []
    sending = beside(lambda: world.send(world.meeting("late")), found)
    waits_for_the_lock()
    go.set()
    leaving.join(20), sending.join(20)
    assert found == ["party-suspended"] and booked() == 0 and differences() == {}
    assert not Batch.objects.exists()


@pytest.mark.parametrize("lane", ["plain"], indirect=True)
def test_a_batch_on_its_way_is_in_the_account(
    world: World, lane: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go = held(pipeline, "enter", monkeypatch)
    found: list[Any] = []
    told: list[Any] = []
    sending = beside(lambda: world.send(world.meeting("first")), found)
    assert reached.wait(20)
    leaving = beside(lambda: leave(world), told)
    waits_for_the_lock()
    go.set()
    sending.join(20), leaving.join(20)
    assert not isinstance(found[0], str) and isinstance(told[0], Settlement)
    assert booked() == 1 and differences() == {}
