"""An activity record: what is accepted, what is refused with which reason, and its canonical text."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.quantify import catalogue
from abate.quantify.method import Method
from abate.quantify.record import Record, canonical, read_record

TRIP: dict[str, Any] = {
    "trip_id": "t-1",
    "start": "2025-03-01T08:00:00+08:00",
    "end": "2025-03-01T09:00:00+08:00",
    "distance_km": "4.2",
}


def method(name: str = "walking") -> Method:
    return catalogue.load().newest(name)


def reason(record: object, name: str = "walking") -> str | None:
    found = read_record(method(name), record)
    return None if isinstance(found, Record) else found[0].reason


@pytest.mark.parametrize(
    "distance", [4, 4.2, 4.0, Decimal("4.200"), "4.2", "4.200", 0.1 + 0.2, 1e-3, "0004", -0.0]
)
def test_numbers_are_accepted_in_every_form(distance: object) -> None:
    expected = "too_many_decimals:distance_km" if distance == 0.1 + 0.2 else None
    assert reason(TRIP | {"distance_km": distance}) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"distance_km": True}, "wrong_type:distance_km"),
        ({"distance_km": [1]}, "wrong_type:distance_km"),
        ({"distance_km": "4,2"}, "wrong_type:distance_km"),
        ({"distance_km": "1e3"}, "wrong_type:distance_km"),
        ({"distance_km": "NaN"}, "wrong_type:distance_km"),
        ({"distance_km": math.nan}, "wrong_type:distance_km"),
        ({"distance_km": math.inf}, "wrong_type:distance_km"),
        ({"distance_km": Decimal("NaN")}, "wrong_type:distance_km"),
        ({"distance_km": 10**400}, "out_of_range:distance_km"),
        ({"distance_km": Decimal("1e400")}, "out_of_range:distance_km"),
        ({"distance_km": Decimal("1e-400")}, "too_many_decimals:distance_km"),
        ({"distance_km": -1}, "out_of_range:distance_km"),
        ({"distance_km": 4.2001}, "too_many_decimals:distance_km"),
        ({"distance_km": -4.2001}, "too_many_decimals:distance_km"),
        ({"distance_km": None}, "missing:distance_km"),
        ({"trip_id": ""}, "out_of_range:trip_id"),
        ({"trip_id": "x" * 129}, "out_of_range:trip_id"),
        ({"trip_id": "a\nb"}, "wrong_type:trip_id"),
        ({"trip_id": 7}, "wrong_type:trip_id"),
        ({"start": "2025-03-01 08:00:00+08:00"}, "wrong_type:start"),
        ({"start": "2025-03-01T08:00:00"}, "wrong_type:start"),
        ({"start": "2025-02-29T08:00:00Z"}, "wrong_type:start"),
        ({"start": "2025-W09-6T08:00:00Z"}, "wrong_type:start"),
        ({"start": datetime(2025, 3, 1, 8)}, "wrong_type:start"),
        ({"start": 1740787200}, "wrong_type:start"),
        ({"start": "1969-12-31T23:59:59Z"}, "out_of_range:start"),
        ({"end": "0001-01-01T00:00:00+23:00"}, "out_of_range:end"),
        ({"end": "2200-01-01T00:00:00Z"}, "out_of_range:end"),
        ({"end": "2025-03-01T07:59:59.999999+08:00"}, "end_before_start:end"),
        ({"steps": 1}, "unknown_field:steps"),
        ({"steps": None}, None),
        ({"city": "上海"}, None),
        ({"start": datetime(2025, 3, 1, tzinfo=UTC)}, None),
    ],
)
def test_each_fault_has_its_reason(change: dict[str, object], expected: str | None) -> None:
    assert reason(TRIP | change) == expected


@pytest.mark.parametrize("record", [None, [], "text", 1, [TRIP]])
def test_what_is_no_object_is_malformed(record: object) -> None:
    assert reason(record) == "malformed:record"


def test_the_deciding_fault_follows_the_order_of_the_list() -> None:
    bad = {"distance_km": -1, "trip_id": "", "start": 3, "zzz": 1, "aaa": 2}
    found = read_record(method(), bad)
    assert isinstance(found, tuple)
    reasons = [problem.reason for problem in found]
    assert reasons[:3] == ["unknown_field:aaa", "unknown_field:zzz", "missing:end"]
    assert reasons[3:] == ["wrong_type:start", "out_of_range:trip_id", "out_of_range:distance_km"]


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ([{"rated_w": 1, "hours": 1, "count": 1, "pue": 1}], None),
        ('[{"rated_w": 1.5, "hours": 1, "count": 1, "pue": "1.25"}]', None),
        ("[", "wrong_type:servers"),
        ({}, "wrong_type:servers"),
        ([], "out_of_range:servers"),
        ([{"rated_w": 1, "hours": 1, "count": 1, "pue": 1}] * 101, "out_of_range:servers"),
        ([1], "wrong_type:servers"),
        ([{"rated_w": 1, "hours": 1, "count": 1}], "missing:servers"),
        ([{"rated_w": 1, "hours": 1, "count": 1.5, "pue": 1}], "too_many_decimals:servers"),
        ([{"rated_w": 1, "hours": 1, "count": 1, "pue": 0.9}], "out_of_range:servers"),
        ([{"rated_w": 1, "hours": 1, "count": 1, "pue": 1, "rack": 2}], "unknown_field:servers"),
    ],
)
def test_a_list_is_read_item_by_item(servers: object, expected: str | None) -> None:
    meeting = {"meeting_id": "m", "start": TRIP["start"], "duration_min": 60, "participants": 2}
    assert reason(meeting | {"replacement_rate": 1, "servers": servers}, "online-meeting") == expected


def test_the_canonical_text_is_in_schema_order_exact_and_in_utc() -> None:
    shuffled = {
        "city": "上海",
        "distance_km": 4.20,
        "end": "2025-03-01T09:00:00.500+08:00",
        "start": datetime(2025, 3, 1, 0, 0, tzinfo=UTC),
        "trip_id": 'a "quoted" id',
    }
    record = read_record(method(), shuffled)
    assert isinstance(record, Record)
    expected = (
        '{"trip_id":"a \\"quoted\\" id","start":"2025-03-01T00:00:00Z","end":"2025-03-01T01:00:00.5Z",'
        '"distance_km":"4.2","city":"上海"}'
    )
    assert canonical(method(), record).decode() == expected


@given(st.integers(0, 10_000_000))
def test_every_form_of_a_number_has_the_same_canonical_text(thousandths: int) -> None:
    exact = Decimal(thousandths) / 1000
    forms = (exact, str(exact), float(exact), f"{exact:.3f}", f"{exact:.6f}")
    texts = set()
    for form in forms:
        record = read_record(method(), TRIP | {"distance_km": form})
        assert isinstance(record, Record)
        texts.add(canonical(method(), record))
    assert len(texts) == 1


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [f.name for f in catalogue.load().newest("online-meeting").activity.fields]


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), json_like, max_size=8))
def test_no_record_whatever_raises(record: dict[str, object]) -> None:
    found = read_record(method("online-meeting"), record)
    assert isinstance(found, Record) or found[0].reason
