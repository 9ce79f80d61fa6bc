"""`abate.quantify` on Spark: a frame for a frame, files into a folder; what does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import abate
from abate import api_spark

RECORDS = {
    "meeting_id": ["a", "b"],
    "start": ["2024-06-01T09:00:00+08:00", "yesterday"],
    "duration_min": ["45", "45"],
    "participants": ["5", "5"],
    "replacement_rate": ["0.35", "0.35"],
    "pkm_rail": ["4321.125", "1"],
    "electricity_kwh": ["1.5", "1"],
}


def test_a_frame_for_a_frame(spark: SparkSession) -> None:
    table = pa.table(RECORDS)
    found = abate.quantify("online-meeting", spark.createDataFrame(table))
    rows = sorted((row.asDict() for row in found.collect()), key=lambda row: str(row["meeting_id"]))
    assert rows == abate.quantify("online-meeting", table).to_pylist()
    assert [row["outcome"] for row in rows] == ["counted", "refused"]


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, path, out = pa.table(RECORDS), tmp_path / "in.parquet", tmp_path / "out"
    pq.write_table(table, path)
    with pytest.raises(abate.AbateError, match="engine 'spark' on a Table"):
        abate.quantify("online-meeting", table, engine="spark")
    with pytest.raises(abate.AbateError, match="engine 'flink'"):
        abate.quantify("online-meeting", table, engine="flink")
    with pytest.raises(abate.AbateError, match="name it with out="):
        abate.quantify("online-meeting", path, engine="spark")
    with pytest.raises(abate.AbateError, match="reads Parquet"):
        abate.quantify("online-meeting", tmp_path / "in.csv", engine="spark", out=out)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(abate.AbateError, match="needs Java 17"):
        abate.quantify("online-meeting", path, engine="spark", out=out)
    monkeypatch.setattr(api_spark, "find_spec", lambda name: None)
    with pytest.raises(abate.AbateError, match=r'pip install "abate\[spark\]"'):
        abate.quantify("online-meeting", path, engine="spark", out=out)
    assert not out.exists()
