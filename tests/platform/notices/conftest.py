"""The messages that left, by the adapter that writes files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings


@pytest.fixture
def left() -> Iterator[Callable[[], list[dict[str, str]]]]:
    """What left since the test began, the newest last."""
    path = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    path.unlink(missing_ok=True)
    yield lambda: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    path.unlink(missing_ok=True)
