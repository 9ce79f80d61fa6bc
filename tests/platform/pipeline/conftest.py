"""A world at a fixed moment, on real connections: the main path commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform.doors import clock
from abate.platform.events import actions as events


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world()


@pytest.fixture(params=["careful", "plain"])
def lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which ids are claimed: looked for one by one, and by plain insert as large batches begin."""
    if request.param == "plain":
        monkeypatch.setattr(events, "PLAIN_FROM", 1)
