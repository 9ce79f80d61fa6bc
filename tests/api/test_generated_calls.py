"""Calls generated from our own OpenAPI document: none ends in a 5xx, every refusal is told as one, none stores a bad row."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.api import rows
from tests.api.calls import NEVER, Calls
from tests.faults.stack import Stack

pytestmark = pytest.mark.platform
QUICK = 500
AT_ONCE = int(os.environ.get("CALLS_AT_ONCE") or 300)
CALLS = int(os.environ.get("CALLS") or 100_000)
FIRST = int(os.environ.get("CALLS_FROM") or 0)
"""A long run can be made in parts, each of which is judged: what a call is follows from its number."""


@pytest.fixture
def stack() -> Iterator[Stack]:
    """An installation for each test: what one made, the other would find there. The limits are set, by its settings and
    by what three people decide, where they are in nobody's way; what they do is tried elsewhere."""
    with tempfile.TemporaryDirectory(prefix="aba-") as name:
        running = Stack(Path(name))
        running.more["ABATE_ADDRESS_PER_MINUTE"] = running.more["ABATE_ACCOUNT_PER_MINUTE"] = "1000000"
        try:
            running.create()
            running.start_server()
            yield running
        finally:
            running.stop()


def judge(stack: Stack, calls: Calls, *, least: int) -> None:
    assert not calls.failures, "\n".join(calls.failures[:5])
    assert calls.answered >= least and calls.unsendable <= least // 100, (calls.answered, calls.unsendable)
    every: Counter[int] = sum(calls.statuses.values(), Counter())
    log = (stack.folder / "server.log").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
    # A run that only ever met one kind of answer would have tried nothing.
    kinds = {
        200: 0.3,
        201: 0.005,
        202: 0.005,
        400: 0.01,
        401: 0.01,
        403: 0.005,
        404: 0.02,
        409: 0.01,
        422: 0.05,
    }
    rare = {status: every[status] for status, share in kinds.items() if every[status] < share * least}
    assert not rare and every[429] < 0.05 * least, every
    result = stack.abate("reconcile")
    assert result.returncode == 0, result.stdout + result.stderr
    assert rows.bad(stack.url()) == {}


def test_five_hundred_generated_calls_find_no_server_error(stack: Stack) -> None:
    calls = Calls(stack, drafts=6)
    calls.run(QUICK)
    judge(stack, calls, least=int(QUICK * 0.9))
    assert len(calls.unmet()) <= len(calls.operations) // 5, calls.unmet()
    assert spoiled(stack) == {
        "an event without its batch",
        "an id that cannot be",
        "events_seen.person_id names nobody",
        "events_seen.party_id names nobody",
    }


def signatures_judged(calls: Calls, least: int) -> None:
    """Right signatures were let in, and none of another kind: those are refused by name (401), if nothing came before."""
    right = calls.signatures.pop("right")
    assert sum(count for status, count in right.items() if status < 300) >= least, right
    assert set(calls.signatures) == {"wrong", "stale", "replayed", "audience"}
    for kind, found in calls.signatures.items():
        assert found[401] and not [status for status in found if status < 300], (kind, found)


def test_signed_calls_four_at_once_find_no_server_error_and_store_no_bad_row(stack: Stack) -> None:
    calls = Calls(stack, drafts=6, signed=0.3, threads=4)
    calls.run(AT_ONCE)
    print(calls.signatures, sum(calls.statuses.values(), Counter()))
    assert calls.answered >= AT_ONCE * 0.95
    # The rarest kinds of answer are asked of a longer run.
    judge(stack, calls, least=AT_ONCE * 2 // 3)
    signatures_judged(calls, AT_ONCE // 100)


def test_a_part_that_begins_within_a_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of"):
        Calls.run(object.__new__(Calls), 100, 2_500)


@pytest.mark.slow
def test_a_hundred_thousand_generated_calls_find_no_server_error(stack: Stack) -> None:
    calls = Calls(stack)
    calls.run(CALLS, FIRST)
    judge(stack, calls, least=int(CALLS * 0.95))
    # Every operation was answered as it should be at least once, or it stands in NEVER why it cannot be here.
    assert calls.unmet() == set(NEVER), {one: calls.statuses[one] for one in calls.unmet() ^ set(NEVER)}


def spoiled(stack: Stack) -> set[str]:
    """What is found wrong once a row is written that may not be."""
    with psycopg.connect(stack.url(), autocommit=True) as connection:
        connection.execute(
            "insert into events_seen (person_id, batch_id, party_id, place, event_id, digest) values (-7, -8, -9, 0, '', '')"
        )
    return set(rows.bad(stack.url()))
