"""A world at a fixed moment under the rules of watched.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.platform.anomalies.watched import people, write
from tests.platform.pipeline.world import NOW, World

from abate.platform.doors import clock


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT = "demo", "none"
    settings.ABATE_ANOMALIES = write(tmp_path)
    with clock.frozen(NOW):
        yield people()
