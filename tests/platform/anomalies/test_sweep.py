"""Each kind of rule finds what it is for and leaves the honest near miss; any order, batching and repetition of sweeps comes to
the same cases."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.platform.anomalies.watched import RULES, cases, found, parked, people, told, way, write
from tests.platform.pipeline.acts import later, payment
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import World, differences
from tests.platform.revaluing.decided import adopt

from abate.platform import together
from abate.platform.anomalies import actions
from abate.platform.anomalies.actions import sweep

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b")]
AT = "2026-05-20T09:00:00+08:00"


def credited(world: World, *events: dict[str, Any]) -> None:
    assert {one.outcome.text for one in world.send(*events)} == {"credited"}


def test_speed_above_what_was_built_and_at_it(world: World) -> None:
    credited(world, way(world, "at", AT, 60, 25), way(world, "above", later(90), 60, "25.001"))
    sweep()
    assert found("fast") == [("25.001", ["above"])]


def test_a_long_way_and_one_that_is_just_not(world: World) -> None:
    credited(
        world,
        way(world, "at", AT, 60, 10, by="cycling"),
        way(world, "above", later(90), 60, "10.001", by="cycling"),
    )
    sweep()
    assert found("far") == [("10.001", ["above"])]


def test_the_next_trip_too_soon_and_in_time(world: World) -> None:
    credited(world, way(world, "a", AT, 20, by="cycling"), way(world, "b", later(25), 20, by="metro"))
    sweep()
    assert found("close") == []
    # Four minutes after b, told of before what it is compared with was swept.
    credited(
        world,
        way(world, "c", later(49), 5, 1, by="cycling"),
        way(world, "other", later(49), 5, 1, 1, by="cycling"),
    )
    sweep()
    assert found("close") == [("4", ["c"])]
    (one,) = [one for one in cases() if one.rule == "close"]
    assert [(r.event_id, r.measured) for r in actions.queries.records(one) if r.beside] == [("b", "4")]


def test_a_record_that_comes_late_makes_the_one_after_it_too_soon(world: World) -> None:
    credited(world, way(world, "b", later(25), 20, by="cycling"))
    sweep()
    credited(world, way(world, "a", AT, 22, by="cycling"))
    sweep()
    assert found("close") == [("3", ["b"])]


def test_by_the_rules_as_shipped_a_person_is_in_one_meeting_at_a_time(world: World, settings: Any) -> None:
    """A partner's meetings are not compared with its own for the one act: five in one hour all earn, so people look at them."""
    settings.ABATE_ANOMALIES = ""
    apart = world.meeting("after", start=later(60))
    credited(world, world.meeting("at"), apart, world.meeting("another's", 1, start=later(30)))
    sweep()
    assert cases() == []
    credited(world, *(world.meeting(f"again-{n}", start=later(n)) for n in range(1, 4)))
    sweep()
    assert {(one.rule, one.grade, one.person_id) for one in cases()} == {
        ("one-meeting-at-a-time", "suspicious", world.people[0].pk)
    }


def test_more_hours_than_a_day_has_and_as_many(world: World) -> None:
    """Hours are counted on the day they lie in: a night train of which half is tomorrow's is half of it."""

    def of(day: int, clock_: str) -> str:
        return f"2026-05-{day:02}T{clock_}+08:00"

    credited(
        world,
        way(world, "n", of(9, "12:00:00"), 24 * 60, by="metro"),
        way(world, "d", of(10, "12:00:00"), 720, by="metro"),
    )
    sweep()
    assert found("long-day") == []
    credited(world, way(world, "e", of(10, "23:59:00"), 2, 1, by="cycling"))
    sweep()
    assert found("long-day") == [("24.016667", ["d", "e", "n"])]


def test_a_month_with_one_too_many(world: World) -> None:
    credited(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(3)))
    # June by the platform's clock, May by UTC's: another month's. And another person's.
    credited(world, payment(world, "june", "2026-06-01T00:00:00+08:00"), payment(world, "x", AT, 1))
    sweep()
    assert found("many-payments") == []
    credited(world, payment(world, "p3", "2026-05-31T23:59:59+08:00"))
    sweep()
    assert found("many-payments") == [("4", ["p0", "p1", "p2", "p3"])]


def test_what_comes_later_joins_the_open_case(world: World) -> None:
    credited(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    sweep()
    credited(world, payment(world, "p4", later(300)))
    sweep()
    assert found("many-payments") == [("5", ["p0", "p1", "p2", "p3", "p4"])]


def test_the_same_trace_of_two_people_is_a_case_of_each_and_names_the_other_in_neither(world: World) -> None:
    credited(world, way(world, "a", AT, 20, "3.1"), way(world, "b", AT, 20, "3.1", 1))
    credited(world, way(world, "c", later(60), 20, "3.1"), way(world, "d", later(60), 20, "3.2", 1))
    sweep()
    assert found("alike") == [("2", ["a"]), ("2", ["b"])]
    assert len({one.person_id for one in cases() if one.rule == "alike"}) == 2


def test_another_car_too_many(world: World) -> None:
    credited(world, *(parked(world, f"d{n}", f"2026-05-{n + 10}", f"car-{n % 2}") for n in range(4)))
    sweep()
    assert found("many-cars") == []
    credited(world, parked(world, "d9", "2026-05-29", "car-9"), parked(world, "april", "2026-04-29", "car-8"))
    sweep()
    assert found("many-cars") == [("3", ["d0", "d1", "d2", "d3", "d9"])]


def test_what_was_taken_back_is_not_looked_at(world: World) -> None:
    credited(
        world, way(world, "above", AT, 60, 26), *(payment(world, f"p{n}", later(60 * n)) for n in range(3))
    )
    world.send(withdrawal(world, "w", "above"), withdrawal(world, "v", "p0"))
    credited(world, payment(world, "p9", later(600)))
    sweep()
    assert cases() == []


def test_a_rule_without_a_figure_stands_idle(world: World, settings: Any, tmp_path: Path) -> None:
    idle = RULES.replace(
        '{value: "25", unit: km/h, source: {zh: 测试, en: for tests}}', "{unit: km/h, operator: true}"
    )
    assert idle != RULES
    settings.ABATE_ANOMALIES = write(tmp_path, idle)
    adopt()
    credited(world, way(world, "above", AT, 60, 26))
    sweep()
    assert cases() == []
    settings.ABATE_ANOMALIES = "none"
    assert sweep().entries == 0


def test_a_sweep_of_all_again_finds_nothing_new(world: World) -> None:
    credited(
        world,
        way(world, "above", AT, 60, 26),
        way(world, "c", AT, 20, by="cycling"),
        way(world, "d", AT, 20, by="cycling"),
    )
    first, before = sweep(), told()
    assert first.opened == len(before) == 3
    assert (sweep().entries, sweep(again=True).opened) == (0, 0)
    assert told() == before and differences() == {}


def test_the_first_batch_of_all_is_swept(world: World) -> None:
    """A sequence that nobody drew from has no last value, though it shows one. It goes through the lane that draws once."""
    with connection.cursor() as cursor:
        cursor.execute("select last_value from events_batch_id_seq")
        (drawn,) = cursor.fetchone()
        cursor.execute("alter sequence events_batch_id_seq restart")
        try:
            assert sweep().upto == 0
            with pytest.MonkeyPatch.context() as alone:
                alone.setattr(together, "FEW", 0)
                credited(world, way(world, "above", AT, 60, 26))
            assert sweep().upto == 1 and found("fast") == [("26", ["above"])]
        finally:
            cursor.execute("select setval('events_batch_id_seq', %s)", [drawn + 1])


def test_a_batch_that_is_booked_late_is_not_passed(world: World) -> None:
    """Its id was drawn before the sweep and its transaction ends after it: the position waits for it."""
    credited(world, way(world, "a", AT, 60, 26))
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("lock table events_batch in row exclusive mode")
            actions_patience, actions._PATIENCE = actions._PATIENCE, 2
            try:
                waiting = sweep()
            finally:
                actions._PATIENCE = actions_patience
            assert not waiting.complete and waiting.upto == 0 and cases() == []
            cursor.execute("rollback")
    finally:
        other.close()
    assert sweep().complete and len(cases()) == 1


def test_a_sweep_that_ends_in_the_middle_is_gone_on_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        credited(world, way(world, f"f{n}", later(90 * n), 60, 26))
    whole, calls = actions._look, []

    def stops(cursor: Any, rules: Any, span: Any) -> tuple[int, int]:
        found = whole(cursor, rules, span)
        calls.append(found)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(actions, "_look", stops)
    with pytest.raises(KeyboardInterrupt):
        sweep(chunk=1)
    assert len(cases()) == 2
    monkeypatch.setattr(actions, "_look", whole)
    assert sweep(chunk=1).opened == 2 and len(cases()) == 4


def _history(world: World, dice: random.Random) -> list[dict[str, Any]]:
    made = []
    for n in range(dice.randint(4, 10)):
        start, who = later(dice.choice([0, 20, 23, 60, 61, 90])), dice.randint(0, 1)
        match dice.randint(0, 3):
            case 0:
                made.append(way(world, f"e{n}", start, 20, dice.choice([3, 9]), who))
            case 1:
                made.append(way(world, f"c{n}", start, 20, dice.choice([3, 12]), who, by="cycling"))
            case 2:
                made.append(payment(world, f"p{n}", start, who))
            case _:
                made.append(parked(world, f"k{n}", f"2026-05-{dice.randint(10, 15)}", f"car-{n % 4}", who))
    return made


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_order_batching_and_repetition_comes_to_the_same_cases(world: World, seed: int) -> None:
    """One history told to two platforms in two ways: in one batch and one sweep, or shuffled, in parts, swept between."""
    dice = random.Random(seed)
    shapes = []
    for way_ in ("whole", "parts"):
        part = people()
        events = _history(part, random.Random(seed))
        if way_ == "whole":
            part.send(*events)
            sweep()
        else:
            dice.shuffle(events)
            while events:
                cut = dice.randint(1, 4)
                part.send(*events[:cut])
                events = events[cut:]
                if dice.random() < 0.6:
                    sweep(chunk=dice.choice([1, 100]))
            sweep()
            sweep(again=True)
        own = {person.pk: n for n, person in enumerate(part.people)}
        shapes.append(
            sorted(
                (
                    rule,
                    own[person],
                    group.replace(f"{part.sender.party_id}:", ""),
                    shown,
                    tuple((e, m, b) for _, e, m, b in rows),
                )
                for rule, person, group, _, shown, _, rows in told()
                if person in own and rule != "alike"
            )
        )
    assert shapes[0] == shapes[1]
