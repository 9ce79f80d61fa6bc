"""Fixtures of this room's tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from tests.platform.people.townspeople import made_up_person

from abate.platform.parties.actions import create_party
from abate.platform.parties.models import Party
from abate.platform.people.models import Person


@pytest.fixture
def person(db: None) -> Person:
    return made_up_person()


@pytest.fixture
def party(db: None) -> Party:
    return create_party("metro-app", "data_provider", "地铁应用", "Metro app", ["metro", "bus"], made_up=True)


@pytest.fixture
def sent() -> Iterator[Callable[[], list[dict[str, str]]]]:
    """The messages that left since the test began, newest last."""
    path = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    path.unlink(missing_ok=True)

    def read() -> list[dict[str, str]]:
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    yield read
    path.unlink(missing_ok=True)


@pytest.fixture
def statements_logged() -> Iterator[None]:
    """The server writes every statement into its own log."""
    with connection.cursor() as cursor:
        cursor.execute("set log_statement = 'all'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("reset log_statement")
