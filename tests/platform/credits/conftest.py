"""A world of two partners who know the same people, at a fixed moment, on real connections: the main path commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platform.pipeline.world import BEHAVIOURS, GIVEN, NOW, World, make_world

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.events.envelope import Sender
from abate.platform.people import actions as people


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world()


@pytest.fixture
def other(world: World) -> World:
    """Another partner of the same people."""
    with clock.frozen(GIVEN):
        party = desk.create_party(
            f"{world.sender.code}-b", "data_provider", "乙城", "City B", BEHAVIOURS, made_up=True
        )
        subjects = [people.authorise(one, party, BEHAVIOURS, notice_version="1") for one in world.people]
    return World(Sender(party.pk, party.code, frozenset(BEHAVIOURS), "test"), world.people, subjects)


@pytest.fixture
def twin(world: World) -> World:
    """Another partner with people of its own: the same again, apart."""
    return make_world()
