"""Files of every format: the same rows in the order of the input, bad lines refused alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import InputError, quantify_file
from abate.quantify.factors import Setting

RECORDS = [
    {
        "meeting_id": f"m{i}",
        "start": "2024-06-01T09:00:00+08:00",
        "duration_min": f"{29 + i % 5}.5",
        "participants": str(1 + i % 7),
        "replacement_rate": "0.35",
        "pkm_rail": f"{i * 7919 % 5000}.125",
        "electricity_kwh": "1.0001",
    }
    for i in range(40)
]


def write(folder: Path, form: str) -> Path:
    path = folder / f"in.{form}"
    if form == "jsonl":
        path.write_text("\n".join(map(json.dumps, RECORDS)) + "\n\n", "utf-8")
    elif form == "csv":
        with path.open("w", newline="") as file:
            rows = csv.DictWriter(file, list(RECORDS[0]))
            rows.writeheader()
            rows.writerows(RECORDS)
    else:
        casts = {
            "duration_min": "DECIMAL(9, 1)",
            "participants": "INTEGER",
            "replacement_rate": "DOUBLE",
            "pkm_rail": "DECIMAL(18, 3)",
            "electricity_kwh": "DOUBLE",
            "start": "TIMESTAMPTZ",
        }
        columns = ", ".join(f"CAST({n} AS {k}) AS {n}" for n, k in casts.items())
        source = write(folder, "csv")
        duckdb.sql(
            f"COPY (SELECT meeting_id, {columns} FROM read_csv('{source}', all_varchar = true)) TO '{path}'"
        )
    return path


def read(path: Path) -> list[tuple[object, ...]]:
    return duckdb.sql(f"SELECT * REPLACE (CAST(er_mg AS BIGINT) AS er_mg) FROM '{path}'").fetchall()


def test_formats_agree(tmp_path: Path, catalogue: Catalogue) -> None:
    found = []
    for form in ("jsonl", "csv", "parquet"):
        out = tmp_path / f"{form}.parquet"
        summary = quantify_file(
            "online-meeting", [write(tmp_path, form)], out, catalogue, Setting(), threads=1
        )
        assert summary.rows == len(RECORDS)
        found.append(read(out))
    assert found[0] == found[1] == found[2]
    assert [row[0] for row in found[0]] == [r["meeting_id"] for r in RECORDS]
    assert {row[5] for row in found[0]} >= {"counted", "not_counted"}


@pytest.mark.parametrize(
    "form, bad", [("jsonl", "{broken"), ("jsonl", "\xff"), ("csv", "a,b"), ("csv", "a,b,c,d,e,f,g,h,i")]
)
def test_one_bad_line_refuses_itself_alone(tmp_path: Path, catalogue: Catalogue, form: str, bad: str) -> None:
    path = write(tmp_path, form)
    lines = path.read_bytes().splitlines()
    lines.insert(5, bad.encode("latin-1"))
    path.write_bytes(b"\n".join(lines))
    out = tmp_path / "out.parquet"
    quantify_file("online-meeting", [path], out, catalogue, Setting(), threads=1)
    rows = read(out)
    assert len(rows) == len(RECORDS) + 1
    refused = [row for row in rows if row[5] == "refused"]
    assert [row[6] for row in refused] == ["malformed:record"]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_order_is_kept_over_row_groups(tmp_path: Path, catalogue: Catalogue, form: str) -> None:
    source, out = tmp_path / f"in.{form}", tmp_path / f"out.{form}"
    columns = "lpad(i::VARCHAR, 9, '0') AS meeting_id, '2024-06-01T00:00:00Z' AS start"
    if form == "parquet":
        columns = columns.replace("AS start", "::TIMESTAMPTZ AS start")
    columns += ", 31 AS duration_min, 2 AS participants, 1 AS replacement_rate, i % 1000 AS pkm_rail"
    duckdb.sql(f"COPY (SELECT {columns}, 1 AS electricity_kwh FROM range(400000) t(i)) TO '{source}'")
    quantify_file("online-meeting", [source], out, catalogue, Setting(), threads=2)
    reader = f"read_csv('{out}', all_varchar = true)" if form == "csv" else f"'{out}'"
    wrong = f"SELECT count(*) FROM (SELECT meeting_id < lag(meeting_id) OVER () AS w FROM {reader}) WHERE w"
    assert duckdb.sql(wrong).fetchall() == [(0,)]
    assert duckdb.sql(f"SELECT count(*), min(outcome) FROM {reader}").fetchall() == [(400000, "counted")]


def test_nothing_is_left_half_done(tmp_path: Path, catalogue: Catalogue) -> None:
    broken = tmp_path / "in.parquet"
    broken.write_bytes(b"PAR1 this is no Parquet PAR1")
    with pytest.raises(InputError):
        quantify_file("online-meeting", [broken], tmp_path / "out.parquet", catalogue, Setting())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]
