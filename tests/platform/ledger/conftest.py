"""A world on real connections whose credits expire, at a moment after that rule began."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform.credits import actions as credits
from abate.platform.doors import clock

DAYS = 5
"""Credits of the expiring world live so many days."""


@pytest.fixture
def expiring_room(transactional_db: None, settings: Any) -> Iterator[World]:
    """Three people, the operator's sample figures, credits that expire after DAYS days."""
    settings.ABATE_OPERATOR_PACK = "demo"
    first: date = clock.day(NOW)
    with clock.frozen(NOW - timedelta(days=30)):
        credits.add_rule(first, ("五天有效", "Good for five days"), expiry_days=DAYS)
    with clock.frozen(NOW):
        yield make_world()
