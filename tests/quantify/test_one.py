"""One record against an oracle written out by hand in plain fractions, over the declared ranges."""

from __future__ import annotations

import csv
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abate.quantify import catalogue
from abate.quantify.factors import Setting
from abate.quantify.one import quantify_one, score
from abate.quantify.outcome import Outcome

CATALOGUE = catalogue.load()
DEMO = Setting(pack=CATALOGUE.pack("demo"))
MG = 1_000_000
MODES = {
    "flight_domestic": "uk-2023-air-dom-avg-norf",
    "flight_international": "uk-2023-air-intl-avg-norf",
    "rail": "uk-2023-rail-national",
    "metro": "uk-2023-rail-underground",
    "bus": "uk-2023-bus-average",
    "coach": "uk-2023-coach",
    "taxi": "uk-2023-taxi-regular",
}
PUBLISHED = [
    (date(2025, 12, 31), "0.5306"),
    (date(2024, 12, 20), "0.5366"),
    (date(2024, 4, 12), "0.5568"),
    (date.min, "0.5703"),
]


def printed() -> dict[str, Fraction]:
    """The factors as the file prints them, read without the product's reader."""
    path = CATALOGUE.folder / "factors" / "uk-2023-passenger.csv"
    with path.open(encoding="utf-8") as file:
        return {row["id"]: Fraction(row["value"]) for row in csv.DictReader(file)}


PRINTED = printed()


def decimals(high: int, digits: int, low: int = 0) -> st.SearchStrategy[str]:
    """Decimal texts over the whole declared range, its ends included, with ties and small numbers likely."""
    scale = 10**digits
    whole = st.integers(low * scale, high * scale) | st.integers(low * scale, low * scale + 200)
    return whole.map(lambda i: f"{i // scale}.{i % scale:0{digits}d}" if digits else str(i))


pe_ways = st.one_of(
    st.fixed_dictionaries({"electricity_kwh": decimals(100_000, 4)}),
    st.fixed_dictionaries(
        {
            "cloud_fee": decimals(10**9, 2),
            "provider_revenue": st.integers(1, 10**15).map(lambda i: f"{i // 100}.{i % 100:02d}"),
            "provider_emissions_t": decimals(10**9, 3),
        }
    ),
    st.fixed_dictionaries(
        {
            "servers": st.lists(
                st.fixed_dictionaries(
                    {
                        "rated_w": decimals(100_000, 1),
                        "hours": decimals(10_000, 2),
                        "count": decimals(100_000, 0, 1),
                        "pue": decimals(10, 3, 1),
                    }
                ),
                min_size=1,
                max_size=4,
            )
        }
    ),
)
meetings = st.builds(
    lambda day, rate, travel, way: {
        "meeting_id": "m",
        "start": f"{day.isoformat()}T12:00:00+08:00",
        "duration_min": "30.1",
        "participants": 2,
        "replacement_rate": rate,
        **{f"pkm_{k}": v for k, v in travel.items()},
        **way,
    },
    st.dates(date(2023, 1, 1), date(2027, 1, 1)),
    decimals(1, 4),
    st.dictionaries(st.sampled_from(sorted(MODES)), decimals(1_000_000, 3)),
    pe_ways,
)


def oracle(record: dict[str, Any]) -> tuple[Fraction, Fraction, Fraction]:
    """BE, PE, ER in kg, formulas (1) to (3) of the guide and the 1 % rule."""
    day = date.fromisoformat(record["start"][:10])
    grid = Fraction(next(value for start, value in PUBLISHED if start <= day))
    be = sum((Fraction(record.get(f"pkm_{m}", 0)) * PRINTED[f] for m, f in MODES.items()), Fraction(0))
    if "electricity_kwh" in record:
        pe = Fraction(record["electricity_kwh"]) * grid
    elif "cloud_fee" in record:
        share = Fraction(record["cloud_fee"]) / Fraction(record["provider_revenue"])
        pe = share * Fraction(record["provider_emissions_t"]) * 1000
    else:
        watt_hours = sum(
            Fraction(s["rated_w"]) * Fraction(s["hours"]) * Fraction(s["count"]) * Fraction(s["pue"])
            for s in record["servers"]
        )
        pe = watt_hours / 1000 * grid
    rate = Fraction(record["replacement_rate"])
    return be, pe, be * rate - pe if pe < be / 100 else (be - pe) * rate


@pytest.mark.clause("M-2.3.4", "M-2.3.5-1", "M-2.3.5-2", "M-2.3.5-3", "M-2.3.6-1", "M-2.3.6-6")
@given(meetings)
@example(
    {
        "meeting_id": "m",
        "start": "2023-01-01T12:00:00+08:00",
        "duration_min": "30.1",
        "participants": 2,
        "replacement_rate": "1",
        "cloud_fee": "1000000000",
        "provider_revenue": "0.01",
        "provider_emissions_t": "1000000000",
    }
)
@example(
    {
        "meeting_id": "m",
        "start": "2025-01-01T12:00:00+08:00",
        "duration_min": "31",
        "participants": 2,
        "replacement_rate": "0.5",
        "pkm_taxi": "5366",
        "electricity_kwh": "14.861",
    }
)
def test_a_meeting_equals_the_oracle(record: dict[str, Any]) -> None:
    be, pe, er = oracle(record)
    quantity, explanation = quantify_one(record, "online-meeting", CATALOGUE, Setting())
    if ceil(pe * MG) >= 2**63:
        # No column holds it: refused, never cut off.
        assert (quantity.outcome, quantity.reason) == (Outcome.REFUSED, "out_of_range:result")
        return
    assert (quantity.be_mg, quantity.pe_mg, quantity.le_mg) == (floor(be * MG), ceil(pe * MG), 0)
    assert quantity.er_mg == floor(er * MG)
    assert quantity.outcome is (Outcome.COUNTED if er > 0 else Outcome.NOT_BELOW_BASELINE)
    small = pe < be / 100
    assert (explanation.rule is not None) == small
    if small:
        assert explanation.rule is not None and explanation.rule.clause == "M-2.3.6-6"


@pytest.mark.clause("P-7.3.2-1", "P-7.3.2-2", "P-7.3.2-3")
@pytest.mark.parametrize(
    ("mode", "project"),
    [("walking", 0), ("cycling", 0), ("bus", Fraction("0.10215")), ("metro", Fraction("0.0278"))],
)
@given(distance=decimals(9, 3))
def test_a_trip_is_the_sum_of_the_standard(mode: str, project: Fraction, distance: str) -> None:
    """BE = BAF * TF * EF * AD with BAF = 1, AD = 1 act, TF = the distance of one person; PE alike."""
    record = {
        "trip_id": "t",
        "start": "2025-03-01T08:00:00Z",
        "end": "2025-03-01T09:00:00Z",
        "distance_km": distance,
    }
    be, pe = Fraction(distance) * Fraction("0.14861"), Fraction(distance) * project
    quantity = score(record, mode, CATALOGUE, DEMO)
    assert (quantity.be_mg, quantity.pe_mg, quantity.er_mg) == (
        floor(be * MG),
        ceil(pe * MG),
        floor((be - pe) * MG),
    )


@pytest.mark.clause("P-7.2-a")
@given(used=decimals(1_000_000, 3), days=st.integers(1, 400))
def test_a_household_is_measured_against_its_region(used: str, days: int) -> None:
    record = {
        "household_id": "h",
        "period_start": "2024-12-20",
        "period_end": date.fromordinal(date(2024, 12, 20).toordinal() + days - 1).isoformat(),
        "actual_kwh": used,
        "tier": 2,
    }
    er = (8 * days - Fraction(used)) * Fraction("0.5366")
    quantity = score(record, "saving-electricity", CATALOGUE, DEMO)
    assert quantity.er_mg == floor(er * MG)
    assert quantity.outcome is (Outcome.COUNTED if er > 0 else Outcome.NOT_BELOW_BASELINE)


MEETING = {
    "meeting_id": "m",
    "start": "2025-03-01T12:00:00+08:00",
    "duration_min": "60",
    "participants": 4,
    "replacement_rate": "0.5",
    "pkm_rail": "1000",
    "electricity_kwh": "5",
}


@pytest.mark.clause("M-2.2.2")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"duration_min": 30}, "too_short:M-2.2.2"),
        ({"duration_min": 0}, "too_short:M-2.2.2"),
        ({"participants": 1}, "too_few:M-2.2.2"),
        ({"participants": 1, "duration_min": 30}, "too_short:M-2.2.2"),
    ],
)
def test_what_is_no_meeting_is_not_counted(change: dict[str, object], reason: str) -> None:
    quantity, explanation = quantify_one(MEETING | change, "online-meeting", CATALOGUE, Setting())
    assert (quantity.outcome, quantity.reason) == (Outcome.NOT_COUNTED, reason)
    assert quantity.er_mg is None and quantity.factors == ""
    assert explanation.checks[-1].holds is False
    assert explanation.why.zh and explanation.why.en


@pytest.mark.clause("M-2.3.3")
@pytest.mark.parametrize("field", ["lodging_nights", "hotel_kwh", "venue_kwh"])
def test_data_out_of_boundary_is_refused_as_such(field: str) -> None:
    quantity, explanation = quantify_one(MEETING | {field: 3}, "online-meeting", CATALOGUE, Setting())
    assert quantity.reason == f"unknown_field:{field}"
    assert "M-2.3.3" in explanation.why.en and "out of boundary" in explanation.why.en
    assert "边界" in explanation.why.zh


@pytest.mark.clause("P-7.2-a")
def test_the_order_of_outcomes() -> None:
    """A refused record stays refused where a figure is missing; a missing figure comes before recognition."""
    slow = {"trip_id": "t", "start": "2025-03-01T08:00:00Z", "end": "2025-03-01T08:00:00Z", "distance_km": 9}
    assert score(slow | {"distance_km": -1}, "walking", CATALOGUE, Setting()).outcome is Outcome.REFUSED
    assert score(slow, "walking", CATALOGUE, Setting()).reason == "no_figure:ef_baseline"
    assert score(slow, "walking", CATALOGUE, DEMO).reason == "too_fast:P-7.2-a"


@pytest.mark.clause("P-7.2-d")
@pytest.mark.parametrize(("day", "history"), [("2023-10-07", True), ("2023-10-08", False)])
def test_an_act_before_publication_is_history(day: str, history: bool) -> None:
    start = f"{day}T23:30:00+08:00"
    quantity = score(MEETING | {"start": start}, "online-meeting", CATALOGUE, Setting())
    assert quantity.outcome is Outcome.COUNTED
    assert quantity.reason == ("history:P-7.2-d" if history else None)


def test_an_unknown_methodology_is_the_caller_s_mistake() -> None:
    with pytest.raises(KeyError):
        score({}, "no-such", CATALOGUE, Setting())


def test_a_walk_of_seventy_kilometres_is_not_believed() -> None:
    walk = {"trip_id": "t", "start": "2025-03-01T08:00:00Z", "end": "2025-03-01T12:07:00Z", "distance_km": 70}
    assert score(walk, "walking", CATALOGUE, DEMO).outcome is Outcome.NOT_COUNTED
