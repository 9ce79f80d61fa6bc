"""One run: a seed gives the steps; each step has dice of its own, so that leaving one out changes no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import psycopg
from django.conf import settings
from django.core.management import call_command
from tests.simulator import checks, faults
from tests.simulator.city import City, build
from tests.simulator.moves_time import MOVES

FAULTY = 0.25
"""The share of steps under a fault of the database."""


@dataclass(frozen=True)
class Failure:
    """What went wrong, at which step of which seed, and the steps before it that were made."""

    seed: int
    steps: tuple[int, ...]
    why: str
    unreadable: bool = False
    """Whether the database could not so much as run a statement: of a planted bug that is none that a platform could have."""


def step(city: City, seed: int, number: int, often: Collection[str] = ()) -> str:
    dice = Random(f"{seed}/{number}")
    weights = [weight * (10 if move.__name__ in often else 1) for move, weight in MOVES]
    (move,) = dice.choices([m for m, _ in MOVES], weights)
    city.now += timedelta(seconds=dice.randint(1, 900))
    city.fault = faults.some(dice) if dice.random() < FAULTY else None
    move(city, dice)
    city.fault = None
    city.latest = max(city.now, city.latest)
    return move.__name__


def play(
    seed: int,
    steps: Iterable[int],
    planted: Callable[[], AbstractContextManager[object]] = nullcontext,
    often: Collection[str] = (),
) -> tuple[City | None, Failure | None]:
    """Make these steps in an empty database, all invariants after each; `planted` is a bug for the time of the run.

    `often`: moves that come ten times as often as they would.
    """
    call_command("flush", interactive=False, verbosity=0)
    settings.ABATE_OPERATOR_PACK = "demo"
    done: list[int] = []
    city = build()
    with planted():
        for number in steps:
            done.append(number)
            try:
                name = step(city, seed, number, often)
                checks.check(city)
                checks.remember(city)
                if name == "sequence":
                    checks.receipts(city)
            except Exception as wrong:  # whatever comes out of a step is a finding
                why = " <- ".join(f"{type(one).__name__}: {one}" for one in _causes(wrong))
                unreadable = any(isinstance(one, psycopg.ProgrammingError) for one in _causes(wrong))
                return None, Failure(seed, tuple(done), why, unreadable)
        checks.receipts(city)
    return city, None


def _causes(wrong: BaseException) -> Iterator[BaseException]:
    """A finding and what it comes from: a constraint of the tables that stops a bug is answered as a lost race, `busy`."""
    found: BaseException | None = wrong
    while found is not None:
        yield found
        found = found.__cause__


def shrink(
    failure: Failure, planted: Callable[[], AbstractContextManager[object]] = nullcontext, *, tries: int = 60
) -> Failure:
    """Leave out steps in halves, quarters and so on, for as long as something still fails."""
    size = max(len(failure.steps) // 2, 1)
    while size and tries:
        start = 0
        while start < len(failure.steps) and tries:
            rest = failure.steps[:start] + failure.steps[start + size :]
            tries -= 1
            _, smaller = play(failure.seed, rest, planted) if rest else (None, None)
            if smaller is not None:
                failure = smaller
            else:
                start += size
        size //= 2
    return failure
