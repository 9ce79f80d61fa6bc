"""The real platform under seeded partners, people, fraudsters, clocks and faults agrees with a model of a page."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests.simulator.moves_back import lay_packs
from tests.simulator.play import Failure, play, shrink

pytestmark = pytest.mark.platform
KEPT = Path(__file__).with_name("seeds.txt")
STEPS = 100
SEEDS = (1, 2)
MANY = 60
LONG = 300


@pytest.fixture(autouse=True)
def room(transactional_db: None, settings: Any, tmp_path: Path) -> None:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_FORMER_PACKS = "demo", []  # put back after the test
    lay_packs(tmp_path)


def told(failure: Failure) -> str:
    small = shrink(failure)
    line = f"{small.seed} {','.join(map(str, small.steps))}"
    return f"{small.why}\nKeep it in tests/simulator/seeds.txt as: {line}"


def test_a_few_seeds_agree() -> None:
    for seed in SEEDS:
        _, failure = play(seed, range(STEPS))
        assert failure is None, told(failure)


def kept() -> list[tuple[int, tuple[int, ...]]]:
    """Seeds that failed once: `seed step,step,...`; a # begins a remark."""
    lines = [line.partition("#")[0].split() for line in KEPT.read_text(encoding="utf-8").splitlines()]
    return [(int(line[0]), tuple(map(int, line[1].split(",")))) for line in lines if line]


def test_what_failed_once_does_not_fail_again() -> None:
    for seed, steps in kept():
        _, failure = play(seed, steps)
        assert failure is None, failure


@pytest.mark.slow
def test_many_long_seeds_agree() -> None:
    """SIMULATOR_FROM=n begins at another seed than the last run did."""
    first, begun, faults = int(os.environ.get("SIMULATOR_FROM", "1000")), time.monotonic(), 0
    for seed in range(first, first + MANY):
        city, failure = play(seed, range(LONG))
        assert failure is None, told(failure)
        faults += len(city.seen_faults) if city else 0
    print(f"{MANY} seeds of {LONG} steps, {faults} faults, {time.monotonic() - begun:.0f} s")
    assert faults > MANY
