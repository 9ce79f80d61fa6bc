"""Sixteen at once, on connections of their own: one effect, and sums that agree."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection
from tests.platform.pipeline.world import World, differences

from abate.platform.credits import actions as credits
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import queries as ledger

pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("lane")]
AT_ONCE = 16


def together(work: Callable[[int], list[Result]]) -> list[list[Result]]:
    gate = threading.Barrier(AT_ONCE, timeout=60)

    def one(number: int) -> list[Result]:
        try:
            connection.ensure_connection()
            gate.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_the_same_event_in_sixteen_requests_has_one_effect(world: World) -> None:
    event = world.meeting("same")
    found = [results[0] for results in together(lambda _: world.send(event))]
    assert sorted(r.outcome for r in found) == [Outcome.EXISTS] * 15 + [Outcome.CREDITED]
    assert len({(r.er_mg, r.credits, r.entry) for r in found}) == 1
    assert len(ledger.entries(world.people[0].pk)) == 1
    assert differences() == {}


def test_overlapping_batches_in_opposite_orders_neither_lose_nor_double(world: World) -> None:
    """Ids and people shuffled differently in each batch: locks are taken in one order all the same."""
    events = [world.ride(f"r{n:02}", n % 3, km=1 + n / 10) for n in range(24)]
    found = together(
        lambda number: world.send(*(events[number:] + events[:number])[:: 1 if number % 2 else -1])
    )
    credited = [r.id for results in found for r in results if r.outcome == Outcome.CREDITED]
    assert sorted(credited) == [f"r{n:02}" for n in range(24)]
    assert {r.outcome for results in found for r in results} == {Outcome.CREDITED, Outcome.EXISTS}
    assert differences() == {}


@pytest.mark.clause("P-7.4")
def test_one_person_and_one_cap_under_sixteen_writers(world: World) -> None:
    credits.add_cap("cycling", date(2026, 5, 1), 1_000_500, ("每日上限", "Daily cap"))
    together(lambda number: world.send(world.ride(f"r{number}", km=1.5), world.meeting(f"m{number}", who=1)))
    assert world.totals()[0] == (16 * 222_915, 1000, 1_000_500)
    assert world.totals()[1] == (16 * 2_712_694, 16 * 2_712_694 // 1000, 16 * 2_712_694)
    assert differences() == {}


def test_the_naive_way_loses_updates_and_the_check_sees_it(world: World) -> None:
    """Planted: read the balance, then write it back. The same sixteen writers break it; reconciliation
    says so.
    """
    world.send(world.meeting("first"))
    person = world.people[0].pk
    read = threading.Barrier(AT_ONCE, timeout=60)

    def naive(_: int) -> list[Result]:
        with connection.cursor() as cursor:
            cursor.execute("select carbon_mg from ledger_balance where person_id = %s", [person])
            (held,) = cursor.fetchone()
            read.wait()
            cursor.execute(
                "update ledger_balance set carbon_mg = %s where person_id = %s", [held + 1000, person]
            )
        return []

    before = ledger.balance(person).carbon_mg
    together(naive)
    assert ledger.balance(person).carbon_mg < before + 16 * 1000
    assert {"balance_entries", "balance_last", "carbon_mg"} <= differences().keys()
