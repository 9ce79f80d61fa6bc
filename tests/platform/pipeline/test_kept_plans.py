"""Small batches go by plans made once for a connection; large ones by plans of their own; both book the same."""

from __future__ import annotations

import pytest
from django.db import connection
from tests.platform.pipeline.world import World, differences

from abate.platform import together
from abate.platform.doors import clock, months, rotation
from abate.platform.doors.months import Month
from abate.platform.events.outcomes import Outcome

pytestmark = pytest.mark.platform


def kept() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select statement from pg_prepared_statements")
        return {statement for (statement,) in cursor.fetchall()}


def test_a_lone_event_leaves_its_plans_and_a_large_batch_none(world: World) -> None:
    connection.close()
    large = [world.ride(f"large {n}", n % 3) for n in range(together.FEW + 1)]
    assert {r.outcome for r in world.send(*large)} == {Outcome.CREDITED}
    assert kept() == set()
    assert world.send(world.ride("first"))[0].outcome == Outcome.CREDITED
    first = kept()
    assert any("ledger_entry" in statement for statement in first)
    assert world.send(world.ride("second"))[0].outcome == Outcome.CREDITED
    assert kept() == first
    # The plans of small ones are not those of the next large one.
    again = [world.ride(f"again {n}", n % 3) for n in range(together.FEW + 1)]
    assert {r.outcome for r in world.send(*again)} == {Outcome.CREDITED}
    assert kept() == first and differences() == {}


def test_kept_plans_outlive_a_new_partition_and_a_refused_batch(world: World) -> None:
    for n in range(7):
        assert world.send(world.ride(f"r{n}"))[0].outcome == Outcome.CREDITED
    rotation.keep_ahead()
    months.make("ledger_entry", Month.of(clock.today()).plus(12))
    assert world.send(world.ride("later", start="2030-01-01T00:00:00+08:00"))[0].outcome == Outcome.REFUSED
    (result,) = world.send(world.ride("after"))
    assert result.outcome == Outcome.CREDITED and result.entry > Month.of(clock.today()).first_id  # type: ignore[operator]
    assert world.send(world.ride("r3"))[0].outcome == Outcome.EXISTS and differences() == {}
