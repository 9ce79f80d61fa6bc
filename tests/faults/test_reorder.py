"""Every event delivered one to five times, shuffled, in batches and alone: the same totals to the milligram and credit."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.faults.load import Partner
from tests.faults.stack import Stack

pytestmark = pytest.mark.platform
EVENTS = 600
TOTALS = "select person_id - min(person_id) over (), carbon_mg, eligible_mg, credits from ledger_balance order by 1"


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="abf-") as one, tempfile.TemporaryDirectory(prefix="abf-") as two:
        yield Path(one), Path(two)


def totals(folder: Path, seed: int | None) -> list[tuple[int, ...]]:
    """Deliver the same events in order once (no seed), or shuffled and repeated; return every person's totals."""
    stack = Stack(folder)
    try:
        stack.create()
        stack.start_server()
        keys = stack.city(7)
        with psycopg.connect(stack.url(), autocommit=True) as connection:
            # A cap low enough to bite, so that the order of arrival could matter if the rule were wrong.
            connection.execute(
                "insert into credits_cap (behaviour, from_day, max_mg, reason_zh, reason_en)"
                " values ('online-meeting', '2020-01-01', 50000000, '测试上限', 'test cap')"
            )
        partner = Partner(stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]))  # type: ignore[call-overload]
        events = partner.batch(EVENTS)
        if seed is None:
            assert partner.deliver(events)
        else:
            dice = random.Random(seed)
            copies = [e for e in events for _ in range(dice.randrange(1, 6))]
            dice.shuffle(copies)
            while copies:
                size = dice.choice((1, 1, 2, 17, 90))
                part, copies = copies[:size], copies[size:]
                assert partner.deliver(part)
        with psycopg.connect(stack.url()) as connection:
            return connection.execute(TOTALS).fetchall()
    finally:
        stack.stop()


def test_repeats_and_shuffling_change_no_total(folders: tuple[Path, Path]) -> None:
    plain, shuffled = totals(folders[0], None), totals(folders[1], seed=5)
    assert plain == shuffled
    assert sum(row[3] for row in plain) > 0
