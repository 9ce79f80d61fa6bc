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
EVENTS = 300
EVENTS_ALL = 100_000
DAYS = 30
"""The acts lie in so many days; all of them are told now, in any order."""
# Entries are counted from the rows themselves; a repeat that was booked would show here and in every sum.
TOTALS = (
    "select party_id, carbon_mg, eligible_mg, credits, entries,"
    " (select count(*) from ledger_entry entry where entry.person_id = balance.person_id)"
    " from ledger_balance balance join people_subject using (person_id) order by party_id, person_id"
)
Totals = list[tuple[int, ...]]


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="abf-") as name:
        made = Stack(Path(name))
        try:
            made.create()
            made.start_server()
            yield made
        finally:
            made.stop()


def totals(
    stack: Stack, seed: int, count: int = EVENTS, sizes: tuple[int, ...] = (1, 1, 2, 17, 90)
) -> tuple[Totals, Totals]:
    """Two partners deliver the same events of seven people each: one in order, once; the other shuffled and repeated.
    Returns every person's totals, of either."""
    parties = stack.city(7, 7)["parties"]
    with psycopg.connect(stack.url(), autocommit=True) as connection:
        # A cap low enough to bite, so that the order of arrival could matter if the rule were wrong.
        connection.execute(
            "insert into credits_cap (behaviour, from_day, max_mg, reason_zh, reason_en)"
            " values ('online-meeting', '2020-01-01', %s, '测试上限', 'test cap')",
            [count * 3_000_000 // (7 * DAYS)],
        )
    plain, shuffled = (
        Partner(stack.origin, keys["client_id"], keys["secret"], keys["subjects"], days=DAYS, source=source)
        for keys, source in zip(parties, ("faults", "faults1"), strict=True)
    )
    events = plain.batch(count)
    for start in range(0, count, 1000):
        assert plain.deliver(events[start : start + 1000])
    dice = random.Random(seed)
    copies = [e for e in shuffled.batch(count) for _ in range(dice.randrange(1, 6))]
    dice.shuffle(copies)
    while copies:
        size = dice.choice(sizes)
        part = copies[-size:]
        del copies[-size:]
        assert shuffled.deliver(part)
    with psycopg.connect(stack.url()) as connection:
        found: Totals = connection.execute(TOTALS).fetchall()
    ours = min(row[0] for row in found)
    return [row[1:] for row in found if row[0] == ours], [row[1:] for row in found if row[0] != ours]


def same(plain: Totals, shuffled: Totals, count: int) -> None:
    assert plain == shuffled
    assert sum(row[2] for row in plain) > 0
    assert all(row[1] < row[0] for row in plain), "the cap did not bite: nothing depended on the order"
    assert sum(row[4] for row in plain) == count


def test_repeats_and_shuffling_change_no_total(stack: Stack) -> None:
    same(*totals(stack, seed=5), EVENTS)


@pytest.mark.slow
def test_a_hundred_thousand_events_repeated_and_shuffled_change_no_total(stack: Stack) -> None:
    same(*totals(stack, 23, EVENTS_ALL, (1, 20, 500, 1000, 1000)), EVENTS_ALL)
