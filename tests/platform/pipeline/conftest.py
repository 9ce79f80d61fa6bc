"""A world at a fixed moment, on real connections: the main path commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform import together
from abate.platform.doors import clock
from abate.platform.events import actions as events


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world()


@pytest.fixture(params=["together", "careful", "plain"])
def lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways of a batch: one statement where it is small; step by step, ids looked for one by one; step by step, ids by
    plain insert as large batches begin.
    """
    if request.param != "together":
        monkeypatch.setattr(together, "FEW", 0)
    if request.param == "plain":
        monkeypatch.setattr(events, "PLAIN_FROM", 1)
