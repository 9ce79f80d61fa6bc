"""A methodology of two versions: each record by the version of its day, on both engines."""

from __future__ import annotations

import shutil

import duckdb
import pytest
from tests.engines.engines import as_json, by_columns, by_one

from abate.quantify import catalogue as shipped
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting

RECORD = {
    "meeting_id": "m",
    "duration_min": "45",
    "participants": "5",
    "replacement_rate": "0.35",
    "pkm_rail": "4321.125",
    "electricity_kwh": "1.5",
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Version 2 of the online meeting admits half as long a meeting and ends with a day on which none is."""
    folder = tmp_path_factory.mktemp("catalogue") / "methods"
    shutil.copytree(shipped.SHIPPED, folder, ignore=shutil.ignore_patterns("published.csv"))
    first = folder / "online-meeting" / "v1.yaml"
    text = first.read_text("utf-8")
    began = "in_force: {from: 2023-01-01, to: 2026-11-30}"
    assert began in text and "version: 1\n" in text and 'high: "10080"' in text
    first.write_text(text.replace(began, "in_force: {from: 2023-01-01, to: 2024-06-30}"), "utf-8")
    later = text.replace(began, "in_force: {from: 2024-07-01, to: 2024-12-31}")
    later = later.replace("version: 1\n", "version: 2\n").replace('high: "10080"', 'high: "60"')
    (folder / "online-meeting" / "v2.yaml").write_text(later, "utf-8")
    return shipped.load(folder)


def test_each_day_has_its_version(two: Catalogue, con: duckdb.DuckDBPyConnection) -> None:
    days = ("2022-12-31", "2023-01-01", "2024-06-30", "2024-07-01", "2024-12-31", "2025-01-01")
    records = [
        RECORD | {"start": f"{day}T00:00:00+08:00", "duration_min": n} for day in days for n in ("45", "90")
    ]
    texts = [as_json(r) for r in records]
    rows, _ = by_columns(con, texts, "online-meeting", two, Setting())
    assert rows == [by_one(text, "online-meeting", two, Setting()) for text in texts]
    assert [row[7] for row in rows[::2]] == [None, 1, 1, 2, 2, None]
    assert [row[1] for row in rows[5:8:2]] == [None, "out_of_range:duration_min"]


@pytest.mark.parametrize("day", ["2026-11-30", "2026-12-01"])
def test_a_field_of_another_version_is_unknown(
    day: str, catalogue: Catalogue, con: duckdb.DuckDBPyConnection
) -> None:
    """`servers_at_limit` came with version 2 of the shipped methodology, on 2026-12-01."""
    record = {k: v for k, v in RECORD.items() if k != "electricity_kwh"} | {
        "start": f"{day}T10:00:00+08:00",
        "servers_at_limit": [{"rated_w": "500", "hours": "1.5", "count": "4"}],
    }
    text = as_json(record)
    rows, _ = by_columns(con, [text], "online-meeting", catalogue, Setting())
    assert rows == [by_one(text, "online-meeting", catalogue, Setting())]
    assert rows[0][1] == ("unknown_field:servers_at_limit" if day == "2026-11-30" else None)
