"""kill -9 of every process of the stack under load: what was acknowledged is there, once; the rest can be sent again."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.faults.load import Partner
from tests.faults.stack import Stack, until

pytestmark = pytest.mark.platform
PEOPLE = 20
CYCLES = 4
CYCLES_ALL = int(os.environ.get("KILL_CYCLES", "1000"))
# The sequencer is a thread of the server: who kills the server kills it, in whatever statement it is.
VICTIMS = ("server", "postgres", "backend", "everything")


@pytest.fixture
def folder() -> Iterator[Path]:
    # A short path of its own: a Unix socket's address holds 107 bytes.
    with tempfile.TemporaryDirectory(prefix="abf-") as name:
        yield Path(name)


def losses(stack: Stack, partner: Partner) -> list[str]:
    """Every acknowledged event that is not there exactly once with the figures of its answer; also while more are sent."""
    acknowledged = partner.answered()
    with psycopg.connect(stack.url()) as connection:
        rows = connection.execute(
            "select q.event_id, q.er_mg, q.credits, count(*) over (partition by q.event_id),"
            " (select count(*) from ledger_entry e where e.person_id = q.person_id and e.id = q.entry_id)"
            " from carbon_quantity q"
        ).fetchall()
    stored = {row[0]: row[1:] for row in rows}
    wrong = []
    for event_id, answer in acknowledged.items():
        er_mg, credits, times, entries = stored.get(event_id, (None, None, 0, 0))
        if times != 1 or entries != 1 or er_mg != answer["er_mg"] or credits != answer["credits"]:
            wrong.append(event_id)
    return wrong


def reconciled(stack: Stack) -> subprocess.CompletedProcess[str]:
    return stack.abate("reconcile", "--json")


def kill(stack: Stack, victim: str, dice: random.Random) -> None:
    """SIGKILL at whatever statement the victim is in, and everything up again."""
    if victim == "backend":
        stack.kill_backend(dice)
    if victim in ("postgres", "everything"):
        stack.kill_postgres()
    if victim in ("server", "everything"):
        stack.kill_server()
    if victim in ("postgres", "everything"):
        stack.start_postgres()
    if victim in ("server", "everything"):
        stack.start_server()
    until(f"readiness after the end of {victim}", stack._ready)


def play(folder: Path, cycles: int, seed: int) -> None:
    stack = Stack(folder)
    try:
        stack.create()
        stack.begin_server()
        keys = stack.city(PEOPLE)
        stack.await_server()
        partner = Partner(
            stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]), seed
        )  # type: ignore[call-overload]
        dice, going, begun = random.Random(seed), [True], time.monotonic()
        threads = partner.run(lambda: going[0])
        for cycle in range(cycles):
            wanted = len(partner.acknowledged) + dice.randrange(20, 120)
            until(
                lambda cycle=cycle: f"load before kill {cycle} ({partner.failed})",  # type: ignore[misc]
                lambda wanted=wanted: len(partner.acknowledged) >= wanted,  # type: ignore[misc]
            )
            kill(stack, VICTIMS[cycle % len(VICTIMS)], dice)
            if cycle % 50 == 49:
                # What a run shows that is broken off later.
                assert losses(stack, partner) == []
                seconds = time.monotonic() - begun
                print(
                    f"{cycle + 1} kills, {len(partner.acknowledged)} acknowledged, {seconds:.0f} s",
                    flush=True,
                )
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
def test_some_kills_lose_and_double_nothing(folder: Path) -> None:
    play(folder, CYCLES, seed=7)


@pytest.mark.slow
def test_a_thousand_kills_lose_and_double_nothing(folder: Path) -> None:
    play(folder, CYCLES_ALL, seed=11)


def test_the_check_sees_a_planted_loss(folder: Path) -> None:
    """With asynchronous commit an acknowledged batch is lost when PostgreSQL is killed at once; the check must say so."""
    stack = Stack(folder, synchronous_commit=False)
    try:
        stack.create()
        stack.begin_server()
        keys = stack.city(2)
        stack.await_server()
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
