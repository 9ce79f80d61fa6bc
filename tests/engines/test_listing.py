"""Closed catalogue entries: the same outcome, reason and record on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import duckdb
import pytest
from tests.engines.engines import as_json, by_columns, by_one, canonical_of

from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting
from abate.quantify.listing import Listing, Switch
from abate.quantify.method import Text

WHY = Text("暂不开放", "not open yet")
MEETING = {
    "meeting_id": "m",
    "duration_min": "45",
    "participants": "5",
    "pkm_rail": "300",
    "electricity_kwh": "1",
}
DAYS = ("2027-01-01", "2027-06-30", "2027-07-01", "2028-01-01")


def same(
    texts: list[str], catalogue: Catalogue, setting: Setting, con: duckdb.DuckDBPyConnection
) -> list[tuple]:  # type: ignore[type-arg]
    rows, found = by_columns(con, texts, "online-meeting", catalogue, setting)
    assert rows == [by_one(text, "online-meeting", catalogue, setting) for text in texts]
    assert [r["canonical"] for r in found] == [
        canonical_of(t, "online-meeting", catalogue, setting) for t in texts
    ]
    return [row[:2] for row in rows]


@pytest.mark.clause("P-7.2-c")
@pytest.mark.parametrize("otherwise", [True, False])
def test_a_closed_entry_is_not_counted_by_name(
    otherwise: bool, catalogue: Catalogue, con: duckdb.DuckDBPyConnection
) -> None:
    switch = Switch("online-meeting", None, date(2027, 7, 1), date(2027, 12, 31), not otherwise, WHY)
    pack = replace(catalogue.pack("demo"), listing=Listing(otherwise, (switch,)), hash=f"listed-{otherwise}")
    good = [as_json(MEETING | {"start": f"{d}T10:00:00+08:00", "replacement_rate": "0.4"}) for d in DAYS]
    bad = as_json(MEETING | {"start": "2027-07-01T10:00:00+08:00", "participants": "-1"})
    short = as_json(
        MEETING | {"start": "2027-07-01T10:00:00+08:00", "duration_min": "10", "replacement_rate": "1"}
    )
    rows = same([*good, bad, short], catalogue, Setting(pack=pack), con)
    closed, counted = ("not_counted", "closed:P-7.2-c"), ("counted", None)
    there = closed if otherwise else counted
    gone = counted if otherwise else closed
    assert rows[:4] == [gone, gone, there, gone]
    assert rows[4] == ("refused", "out_of_range:participants")
    assert rows[5] == (closed if otherwise else ("not_counted", "too_short:M-2.2.2"))
