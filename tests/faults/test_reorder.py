"""Every event delivered one to five times, shuffled, up to 30 days late, in batches and alone: the same totals."""

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
EVENTS_ALL = 100_000
DAYS = 30
"""The acts lie in so many days; all of them are told now, in any order."""
# Entries are counted from the rows themselves; a repeat that was booked would show here and in every sum.
TOTALS = (
    "select person_id - min(person_id) over (), carbon_mg, eligible_mg, credits, entries,"
    " (select count(*) from ledger_entry entry where entry.person_id = balance.person_id)"
    " from ledger_balance balance order by 1"
)


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="abf-") as one, tempfile.TemporaryDirectory(prefix="abf-") as two:
        yield Path(one), Path(two)


def totals(
    folder: Path, seed: int | None, count: int = EVENTS, sizes: tuple[int, ...] = (1, 1, 2, 17, 90)
) -> list[tuple[int, ...]]:
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
                " values ('online-meeting', '2020-01-01', %s, '测试上限', 'test cap')",
                [count * 3_000_000 // (7 * DAYS)],
            )
        partner = Partner(
            stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]), days=DAYS
        )  # type: ignore[call-overload]
        events = partner.batch(count)
        if seed is None:
            for start in range(0, count, 1000):
                assert partner.deliver(events[start : start + 1000])
        else:
            dice = random.Random(seed)
            copies = [e for e in events for _ in range(dice.randrange(1, 6))]
            dice.shuffle(copies)
            while copies:
                size = dice.choice(sizes)
                part = copies[-size:]
                del copies[-size:]
                assert partner.deliver(part)
        with psycopg.connect(stack.url()) as connection:
            return connection.execute(TOTALS).fetchall()
    finally:
        stack.stop()


def test_repeats_and_shuffling_change_no_total(folders: tuple[Path, Path]) -> None:
    plain, shuffled = totals(folders[0], None), totals(folders[1], seed=5)
    assert plain == shuffled
    assert sum(row[3] for row in plain) > 0
    assert all(row[2] < row[1] for row in plain), "the cap did not bite: nothing depended on the order"
    assert sum(row[5] for row in plain) == EVENTS


@pytest.mark.slow
def test_a_hundred_thousand_events_repeated_and_shuffled_change_no_total(folders: tuple[Path, Path]) -> None:
    plain = totals(folders[0], None, EVENTS_ALL)
    shuffled = totals(folders[1], 23, EVENTS_ALL, (1, 20, 500, 1000, 1000))
    assert plain == shuffled
    assert all(row[2] < row[1] for row in plain), "the cap did not bite: nothing depended on the order"
    assert sum(row[5] for row in plain) == EVENTS_ALL
