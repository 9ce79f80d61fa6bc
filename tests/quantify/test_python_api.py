"""`abate.quantify` and `abate.explain`: every kind of data gives the integers of the exact engine, row by row."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import abate
from abate.quantify import catalogue
from abate.quantify.factors import Setting
from abate.quantify.one import score

ROOT = Path(__file__).resolve().parents[2]
MEETINGS = ROOT / "docs" / "tutorial" / "meetings.csv"
CATALOGUE = catalogue.load()
MEETING = "online-meeting"
CONTRACT = ["be_mg", "pe_mg", "le_mg", "er_mg", "outcome", "reason", "method", "method_version", "factors"]


def records() -> list[dict[str, Any]]:
    """The tutorial's meetings with absent fields left out, as a program would hold them."""
    rows = pd.read_csv(MEETINGS).to_dict("records")
    return [{str(k): v for k, v in row.items() if v == v} for row in rows]


def exact() -> list[tuple[object, ...]]:
    found = [score(r, MEETING, CATALOGUE, Setting()) for r in records()]
    return [(q.be_mg, q.pe_mg, q.le_mg, q.er_mg, q.outcome.value, q.reason, q.factors) for q in found]


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    wanted = ["be_mg", "pe_mg", "le_mg", "er_mg", "outcome", "reason", "factors"]
    return [tuple(row[name] for name in wanted) for row in table.select(wanted).to_pylist()]


def table() -> pa.Table:
    return pa.Table.from_pandas(pd.read_csv(MEETINGS), preserve_index=False)


def test_every_kind_of_data_gives_the_same_rows(tmp_path: Path) -> None:
    parquet, lines = tmp_path / "meetings.parquet", tmp_path / "meetings.jsonl"
    pq.write_table(table(), parquet)
    lines.write_text("".join(json.dumps(r) + "\n" for r in records()))
    for data in (str(MEETINGS), MEETINGS, [parquet], lines, table(), table().to_batches()[0]):
        found = abate.quantify(MEETING, data)
        assert isinstance(found, pa.Table) and found.column_names == ["meeting_id", *CONTRACT]
        assert rows_of(found) == exact(), data
        assert [found.schema.field(n).type for n in CONTRACT[:4]] == [pa.int64()] * 4
        assert found.schema.field("outcome").type == pa.string()
    reader = abate.quantify(MEETING, table().to_reader())
    assert isinstance(reader, pa.RecordBatchReader) and rows_of(reader.read_all()) == exact()
    frame = abate.quantify(MEETING, pl.from_arrow(table()))
    assert isinstance(frame, pl.DataFrame) and rows_of(frame.to_arrow().cast(found.schema)) == exact()
    listed = abate.quantify(MEETING, records())
    assert [r["meeting_id"] for r in listed] == [r["meeting_id"] for r in records()]
    assert [tuple(r[n] for n in (*CONTRACT[:6], "factors")) for r in listed] == exact()


def test_a_data_frame_keeps_its_index_and_whole_numbers() -> None:
    frame = pd.read_csv(MEETINGS).set_index(pd.Index([40, 30, 20, 10, 0]))
    found = abate.quantify(MEETING, frame)
    assert list(found.index) == [40, 30, 20, 10, 0]
    assert str(found["er_mg"].dtype) == "Int64" and found["er_mg"].isna().tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
    large = abate.quantify(
        MEETING, frame.assign(pkm_rail=Decimal("999999.999"), replacement_rate=Decimal("1"))
    )
    assert isinstance(int(large["er_mg"].max()), int)


def test_nan_is_absent_in_pandas_only() -> None:
    one = {"meeting_id": "m", "start": "2026-03-02T10:00:00+08:00", "duration_min": 60.0, "participants": 3,
           "replacement_rate": 0.4, "pkm_rail": float("nan"), "electricity_kwh": 0.5}  # fmt: skip
    assert abate.quantify(MEETING, pd.DataFrame([one]))["outcome"][0] == "not_below_baseline"
    assert abate.quantify(MEETING, pl.DataFrame([one]))["reason"][0] == "wrong_type:pkm_rail"
    assert abate.quantify(MEETING, pa.Table.from_pylist([one]))["reason"][0].as_py() == "wrong_type:pkm_rail"
    assert abate.quantify(MEETING, [one])[0]["reason"] == "wrong_type:pkm_rail"
    assert abate.explain(MEETING, one).reason == "wrong_type:pkm_rail"
    assert abate.explain(MEETING, pd.DataFrame([one])).outcome == "not_below_baseline"


def test_values_of_several_kinds_in_one_column() -> None:
    frame = pd.DataFrame(records()).astype(object)
    frame.loc[0, "replacement_rate"] = "0.4"
    frame.loc[2, "replacement_rate"] = Decimal("0.35")
    frame["start"] = [datetime.fromisoformat(t) for t in frame["start"]]
    found = abate.quantify(MEETING, frame)
    assert found["er_mg"].astype(object).where(found["er_mg"].notna(), None).tolist() == [
        row[3] for row in exact()
    ]
    categories = pd.read_csv(MEETINGS).astype({"meeting_id": "category", "start": "category"})
    assert abate.quantify(MEETING, categories)["er_mg"].dropna().tolist() == [
        r[3] for r in exact() if r[3] is not None
    ]


def test_a_bad_record_never_stops_the_others_and_an_unknown_column_refuses() -> None:
    found = abate.quantify(MEETING, [{}, {"meeting_id": "x", "surprise": 1}, *records()])
    assert [r["outcome"] for r in found[:3]] == ["refused", "refused", "counted"]
    assert found[1]["reason"] == "unknown_field:surprise"
    frame = pd.read_csv(MEETINGS).assign(team=["a", None, "c", "d", "e"])
    assert abate.quantify(MEETING, frame)["reason"].tolist()[0] == "unknown_field:team"
    kept = abate.quantify(MEETING, frame, keys=["team"])
    assert kept["team"][0] == "a" and kept["er_mg"][0] == 4149080


def test_rows_stay_in_order_and_the_same_form_is_used_again() -> None:
    many = table().to_pylist()[0]
    ids = [f"m-{i:06}" for i in range(150_000)]
    columns = {name: pa.array([value]).take(pa.array([0] * len(ids))) for name, value in many.items()}
    wide = pa.table(
        columns | {"meeting_id": pa.array(ids), "pkm_rail": pa.array(range(len(ids)), pa.int64())}
    )
    for part in (wide, wide.slice(10, 5), wide.slice(99_000, 40_000)):
        found = abate.quantify(MEETING, part)
        assert found["meeting_id"].equals(part["meeting_id"])
        last = part.num_rows - 1
        assert found["er_mg"][last].as_py() == abate.explain(MEETING, part, row=last).er_mg
    streamed = abate.quantify(MEETING, wide.to_reader(1000)).read_all()
    assert streamed["meeting_id"].to_pylist() == ids


def test_calls_side_by_side() -> None:
    wrong: list[object] = []

    def call() -> None:
        for _ in range(3):
            if rows_of(abate.quantify(MEETING, table())) != exact():
                wrong.append(threading.get_ident())

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_settings_reach_the_engine() -> None:
    trips = [{"trip_id": "1", "start": "2026-03-02T08:00:00+08:00", "end": "2026-03-02T08:20:00+08:00",
              "distance_km": "3.2", "city": "杭州"}]  # fmt: skip
    assert abate.quantify("cycling", trips)[0]["outcome"] == "needs_figure"
    assert abate.quantify("cycling", trips, operator_pack="demo")[0]["outcome"] == "counted"
    early = abate.quantify(MEETING, table(), on=date(2024, 6, 1))
    assert "cn-grid-2021-national" in early["factors"][0].as_py()
    assert rows_of(abate.quantify(MEETING, table(), on="2024-06-01")) == rows_of(early)


def test_the_explanation_of_a_row() -> None:
    frame = pd.read_csv(MEETINGS)
    for given in (records()[0], frame.iloc[0], frame, table(), pl.from_arrow(table())):
        found = abate.explain(MEETING, given, lang="en")
        assert (found.er_mg, found.outcome, found.reason) == (4149080, "counted", None)
    assert abate.explain(MEETING, frame, row=2).er_mg == 789635383
    assert abate.explain(MEETING, table(), row=-1).er_mg == -114060
    assert "4149080" in str(found) and "0.03546" in found.to_text()
    assert "4149080" in json.dumps(json.loads(found.to_json())) and found.to_dict()["outcome"] == "counted"
    assert found._repr_html_() == found.to_html() and "<" in found.to_html()
    assert found.to_text("zh") != found.to_text("en")
    assert repr(found) == "<abate.Explanation online-meeting counted er_mg=4149080>"


def test_a_file_is_written(tmp_path: Path) -> None:
    summary = abate.quantify(MEETING, MEETINGS, out=tmp_path / "out.parquet")
    assert summary.rows == 5 and summary.outcomes["counted"] == 2
    assert rows_of(pq.read_table(tmp_path / "out.parquet")) == exact()


@pytest.mark.parametrize(
    ("code", "arguments", "options"),
    [
        ("unknown_method", ("meeting", []), {}),
        ("bad_input", (MEETING, 5), {}),
        ("bad_input", (MEETING, "no-such-file.csv"), {}),
        ("bad_input", (MEETING, [MEETINGS, 5]), {}),
        ("bad_input", (MEETING, [{"meeting_id": {1}}]), {}),
        ("bad_input", (MEETING, pd.DataFrame([[1, 2]], columns=["a", "a"])), {}),
        ("bad_input", (MEETING, pa.table({"meeting_id": ["x"]})), {"keys": ["team"]}),
        ("bad_input", (MEETING, pa.table({"er_mg": ["x"]})), {"keys": ["er_mg"]}),
        ("bad_input", (MEETING, []), {"out": "x.parquet"}),
        ("unknown_setting", (MEETING, []), {"floor": "gold"}),
        ("unknown_setting", (MEETING, []), {"on": "March"}),
        ("bad_pack", (MEETING, []), {"operator_pack": "no-such-pack"}),
        ("unknown_engine", (MEETING, []), {"engine": "abacus"}),
    ],
)
def test_a_call_that_cannot_be_answered(code: str, arguments: Any, options: dict[str, Any]) -> None:
    with pytest.raises(abate.AbateError) as caught:
        abate.quantify(*arguments, **options)
    error = caught.value
    assert error.code == code and error.what and error.why and error.remedy
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301


def test_listings() -> None:
    found = {m["id"]: m for m in abate.methods()}
    assert found[MEETING]["status"] == "ready" and found["cycling"]["status"] == "needs_figure"
    assert set(found) == set(CATALOGUE.methods)
    grid = next(f for f in abate.factors() if f["id"] == "cn-grid-2023-national")
    assert (grid["value"], grid["unit"]) == ("0.5306", "kgCO2/kWh") and "2023" in grid["source"]


def test_import_is_light_and_the_package_is_the_function() -> None:
    code = (
        "import sys, abate; heavy = {'duckdb', 'pyarrow', 'pandas', 'polars', 'numpy', 'pint', 'yaml'} & set(sys.modules);"
        "assert not heavy, heavy;"
        "import abate.quantify.columns as c; assert callable(abate.quantify) and abate.quantify.columns is c;"
        "from abate import quantify; assert quantify is abate.quantify;"
        f"r = abate.quantify('online-meeting', {str(MEETINGS)!r}); assert r.num_rows == 5"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr


def test_times_with_a_zone_and_dates() -> None:
    moment = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    record = records()[0] | {"start": moment}
    assert abate.quantify(MEETING, [record])[0]["er_mg"] == 4149080 == abate.explain(MEETING, record).er_mg
    naive = record | {"start": moment.replace(tzinfo=None)}
    assert abate.quantify(MEETING, [naive])[0]["reason"] == "wrong_type:start"
    assert abate.explain(MEETING, naive).reason == "wrong_type:start"
