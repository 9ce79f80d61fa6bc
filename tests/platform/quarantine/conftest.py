"""A world at a fixed moment, without rules of one act but where a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platform.pipeline import conftest as pipeline
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform.doors import clock

lane = pipeline.lane


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT = "demo", "none"
    with clock.frozen(NOW):
        yield make_world()
