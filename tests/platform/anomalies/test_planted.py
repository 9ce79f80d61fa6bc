"""A statement with a fault planted in it turns the test of its kind red: none of these tests passes by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.platform.anomalies import test_deciding as deciding
from tests.platform.anomalies import test_sweep as sweeping
from tests.platform.pipeline.world import World

from abate.platform.anomalies import actions
from abate.platform.review import queries as review

pytestmark = [pytest.mark.platform, pytest.mark.slow, pytest.mark.clause("P-7.3.3.3-b")]
WHOLE_END = "least(span.ends, (begins + ('1 ' || rule.per)::interval) at time zone %(zone)s::text)"
PLANTED: list[tuple[str, str, str, Callable[[World], None]]] = [
    ("speed", "> rule.", ">= rule.", sweeping.test_speed_above_what_was_built_and_at_it),
    ("distance", "> rule.", ">= rule.", sweeping.test_a_long_way_and_one_that_is_just_not),
    ("cadence", '< "limit"', '<= "limit"', sweeping.test_the_next_trip_too_soon_and_in_time),
    ("cadence", "max(ends)", "min(ends)", sweeping.test_the_next_trip_too_soon_and_in_time),
    ("sums", '> "limit"', '>= "limit"', sweeping.test_more_hours_than_a_day_has_and_as_many),
    ("bucketed", WHOLE_END, "span.ends", sweeping.test_more_hours_than_a_day_has_and_as_many),
    ("bucketed", "%(zone)s::text", "'UTC'", sweeping.test_a_month_with_one_too_many),
    ("sums", "count(distinct thing)", "count(thing)", sweeping.test_another_car_too_many),
    (
        "identical",
        '> "limit"',
        '>= "limit"',
        sweeping.test_the_same_trace_of_two_people_is_a_case_of_each_and_names_the_other_in_neither,
    ),
    (
        "keep_traces",
        "case when not rule.everyone then fresh.person_id end",
        "fresh.person_id",
        sweeping.test_the_same_trace_of_two_people_is_a_case_of_each_and_names_the_other_in_neither,
    ),
    ("read", "and not exists", "or not exists", sweeping.test_what_was_taken_back_is_not_looked_at),
    ("move", "%(upto)s", "%(upto)s - 1", sweeping.test_a_sweep_of_all_again_finds_nothing_new),
    (
        "drawn",
        "case when is_called then last_value else 0 end",
        "last_value",
        sweeping.test_the_first_batch_of_all_is_swept,
    ),
    ("open", "cases.state = 1", "false", sweeping.test_what_comes_later_joins_the_open_case),
]


@pytest.mark.parametrize(("name", "old", "new", "seen_by"), PLANTED, ids=[f"{p[0]} {p[2]}" for p in PLANTED])
def test_a_fault_in_a_statement_is_seen(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    old: str,
    new: str,
    seen_by: Callable[[World], None],
) -> None:
    text = actions.SQL[name]
    assert old in text
    monkeypatch.setitem(actions.SQL, name, text.replace(old, new))  # type: ignore[arg-type]
    with pytest.raises((AssertionError, KeyError, ValueError)):
        seen_by(world)


def test_a_position_that_waits_for_nobody_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty() -> tuple[int, bool]:
        with actions.connection.cursor() as cursor:
            cursor.execute(actions.SQL["drawn"])
            return int(cursor.fetchone()[0]), True

    monkeypatch.setattr(actions, "_committed", hasty)
    with pytest.raises(AssertionError):
        sweeping.test_a_batch_that_is_booked_late_is_not_passed(world)


def test_one_human_taken_for_two_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_account(user: Any) -> bytes:
        return hashlib.sha256(user.handle.encode()).digest()

    monkeypatch.setattr(review, "human_of", by_account)
    with pytest.raises(AssertionError):
        deciding.test_nobody_decides_over_their_own_decision_also_not_under_another_account(world)
