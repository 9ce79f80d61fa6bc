"""Batches of events one after another on one connection: nothing of a batch stays for the next."""

from __future__ import annotations

import json

import duckdb
import pytest
from tests.engines.engines import by_columns, by_one, canonical_of

from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting

RECORD = {
    "meeting_id": "m",
    "start": "2024-06-01T09:00:00+08:00",
    "duration_min": 45.5,
    "participants": 5,
    "replacement_rate": "0.35",
    "pkm_rail": "12.125",
    "electricity_kwh": 1.0001,
}
METHOD = "online-meeting"


def test_a_batch_leaves_nothing_behind(catalogue: Catalogue, con: duckdb.DuckDBPyConnection) -> None:
    for size in (3, 0, 1, 5):
        texts = [json.dumps(RECORD | {"pkm_rail": f"{size}.{i}"}) for i in range(size)]
        rows, _ = by_columns(con, texts, METHOD, catalogue, Setting())
        assert rows == [by_one(text, METHOD, catalogue, Setting()) for text in texts]


@pytest.mark.parametrize(
    "change",
    [
        {"participants": 5e0},
        {"pkm_rail": "12.12500"},
        {"pkm_rail": None},
        {"meeting_id": 'a "quoted" \\ id'},
        {"meeting_id": "会议"},
        {"meeting_id": "Infinity, NaN,]"},
        {"participants": "5e0"},
        {"meeting_id": 5},
        {"pkm_rail": True},
    ],
)
def test_unusual_forms_among_plain_ones(
    change: dict[str, object], catalogue: Catalogue, con: duckdb.DuckDBPyConnection
) -> None:
    """What the quick reading leaves undecided is decided by the careful one, and the order is kept."""
    plain = json.dumps(RECORD)
    texts = [plain, json.dumps(RECORD | change), plain]
    rows, _ = by_columns(con, texts, METHOD, catalogue, Setting())
    assert rows == [by_one(text, METHOD, catalogue, Setting()) for text in texts]


@pytest.mark.parametrize(
    "servers",
    [
        [{"rated_w": 300, "hours": "1.5", "count": 2, "pue": 1.5}],
        [{"pue": "1.5", "count": 2, "hours": 1, "rated_w": "300.5"}] * 2,
        [{"rated_w": 300, "hours": "1.5", "count": 2}],
        [{"rated_w": 300, "hours": "1.5", "count": 2, "pue": None}],
        [{"rated_w": 300, "hours": "1.5", "count": 2, "pue": 1.5, "other": 1}],
        [{"rated_w": 300, "hours": "1.555", "count": 2, "pue": 1.5}],
        [],
        [5],
    ],
)
def test_lists(servers: list[object], catalogue: Catalogue, con: duckdb.DuckDBPyConnection) -> None:
    record = {k: v for k, v in RECORD.items() if k != "electricity_kwh"} | {"servers": servers}
    texts = [json.dumps(record), json.dumps(record | {"servers": json.dumps(servers)})]
    rows, _ = by_columns(con, texts, METHOD, catalogue, Setting())
    assert rows == [by_one(text, METHOD, catalogue, Setting()) for text in texts]


def test_a_key_twice_is_no_record(catalogue: Catalogue, con: duckdb.DuckDBPyConnection) -> None:
    plain = json.dumps(RECORD)
    rows, _ = by_columns(con, [plain[:-1] + ', "participants": 5}', plain], METHOD, catalogue, Setting())
    assert rows[0][:2] == ("refused", "malformed:record")
    assert rows[1] == by_one(plain, METHOD, catalogue, Setting())


@pytest.mark.parametrize("fee, revenue", [("1", "1"), ("1000000000", "0.01")])
def test_a_result_past_64_bits(
    fee: str, revenue: str, catalogue: Catalogue, con: duckdb.DuckDBPyConnection
) -> None:
    record = {k: v for k, v in RECORD.items() if k != "electricity_kwh"}
    record |= {"cloud_fee": fee, "provider_revenue": revenue, "provider_emissions_t": "1000000000"}
    text = json.dumps(record)
    rows, whole = by_columns(con, [text], METHOD, catalogue, Setting())
    assert rows == [by_one(text, METHOD, catalogue, Setting())]
    assert whole[0]["canonical"] == canonical_of(text, METHOD, catalogue, Setting())
