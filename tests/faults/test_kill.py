"""kill -9 of the server and of PostgreSQL under load: what was acknowledged is there, once; the rest can be sent again."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.faults.load import Partner
from tests.faults.stack import Stack, until

pytestmark = pytest.mark.platform
PEOPLE = 20
CYCLES = 10
CYCLES_ALL = 200


@pytest.fixture
def folder() -> Iterator[Path]:
    # A short path of its own: a Unix socket's address holds 107 bytes.
    with tempfile.TemporaryDirectory(prefix="abf-") as name:
        yield Path(name)


def losses(stack: Stack, partner: Partner) -> list[str]:
    """Every acknowledged event that is not there exactly once with the figures of its answer."""
    with psycopg.connect(stack.url()) as connection:
        rows = connection.execute(
            "select q.event_id, q.er_mg, q.credits, count(*) over (partition by q.event_id),"
            " (select count(*) from ledger_entry e where e.person_id = q.person_id and e.id = q.entry_id)"
            " from carbon_quantity q"
        ).fetchall()
    stored = {row[0]: row[1:] for row in rows}
    wrong = []
    for event_id, answer in partner.acknowledged.items():
        er_mg, credits, times, entries = stored.get(event_id, (None, None, 0, 0))
        if times != 1 or entries != 1 or er_mg != answer["er_mg"] or credits != answer["credits"]:
            wrong.append(event_id)
    return wrong


def reconciled(stack: Stack) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "abate", "reconcile", "--json"], env=stack.environment(),
                          capture_output=True, text=True, check=False)  # fmt: skip


def play(folder: Path, cycles: int, seed: int) -> None:
    stack = Stack(folder)
    try:
        stack.create()
        stack.start_server()
        keys = stack.city(PEOPLE)
        partner = Partner(
            stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]), seed
        )  # type: ignore[call-overload]
        dice, going = random.Random(seed), [True]
        threads = partner.run(lambda: going[0])
        for cycle in range(cycles):
            wanted = len(partner.acknowledged) + dice.randrange(20, 120)
            until(f"load before kill {cycle}", lambda wanted=wanted: len(partner.acknowledged) >= wanted)  # type: ignore[misc]
            if cycle % 2:
                stack.kill_postgres()
                stack.start_postgres()
                until("readiness after PostgreSQL's return", stack._ready)
            else:
                stack.kill_server()
                stack.start_server()
        going[0] = False
        for thread in threads:
            thread.join(30)
        partner.settle()
        assert set(partner.acknowledged) == set(partner.sent)
        assert losses(stack, partner) == []
        check = reconciled(stack)
        assert check.returncode == 0, check.stdout + check.stderr
    finally:
        stack.stop()


@pytest.mark.clause("P-7.3.3.3-b")
def test_ten_kills_lose_and_double_nothing(folder: Path) -> None:
    play(folder, CYCLES, seed=7)


@pytest.mark.slow
def test_two_hundred_kills_lose_and_double_nothing(folder: Path) -> None:
    play(folder, CYCLES_ALL, seed=11)


def test_the_check_sees_a_planted_loss(folder: Path) -> None:
    """With asynchronous commit an acknowledged batch is lost when PostgreSQL is killed at once; the check must say so."""
    stack = Stack(folder, synchronous_commit=False)
    try:
        stack.create()
        stack.start_server()
        keys = stack.city(2)
        partner = Partner(stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]))  # type: ignore[call-overload]
        assert partner.deliver(partner.batch(50))
        assert losses(stack, partner) == []
        for _ in range(5):
            assert partner.deliver(partner.batch(50))
            stack.kill_postgres()
            stack.start_postgres()
            # Before readiness: a platform whose log lost a leaf that it had signed does not say that it is ready.
            if losses(stack, partner):
                return
            until("readiness after PostgreSQL's return", stack._ready)
        pytest.fail("asynchronous commit lost nothing in five kills: this check could not see a loss")
    finally:
        stack.stop()
