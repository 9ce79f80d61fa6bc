"""The simulator can see: every planted bug is found, within a bounded number of seeds."""

from __future__ import annotations

from typing import Any

import pytest
from tests.simulator.planted import PLANTED, Planted
from tests.simulator.play import Failure, play

pytestmark = pytest.mark.platform
SEEDS = range(7, 15)
STEPS = 120


@pytest.fixture(autouse=True)
def room(transactional_db: None, settings: Any) -> None:
    settings.ABATE_OPERATOR_PACK = "demo"


def found(planted: Planted) -> Failure | None:
    for seed in SEEDS:
        _, failure = play(seed, range(STEPS), planted)
        if failure is not None:
            return failure
    return None


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_bug_is_found(name: str) -> None:
    failure = found(PLANTED[name])
    assert failure is not None, f"nobody noticed that {name}"
    print(f"{name}: seed {failure.seed}, step {len(failure.steps)}: {failure.why}")
