"""A master and two workers as processes of their own; one is lost in the middle of a job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from pyspark.sql import SparkSession
from tests.engines.cluster import cluster, until

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import InputError, quantify_file
from abate.quantify.columns_select import RESULTS
from abate.quantify.columns_spark import quantify_folder
from abate.quantify.factors import Setting

PARTS = 8
ROWS = 20_000
CONF = f"spark.sql.files.minPartitionNum {PARTS}\nspark.sql.files.openCostInBytes 0\nspark.executor.memory 600m\n"


def meetings(folder: Path, size: int = ROWS) -> Path:
    folder.mkdir()
    columns = "'m' || i AS meeting_id, TIMESTAMPTZ '2024-01-01 00:00:00Z' + INTERVAL (i % 96) HOUR AS start"
    columns += (
        ", CAST(i % 300 AS DECIMAL(9, 1)) / 2 AS duration_min, CAST(1 + i % 9 AS INTEGER) AS participants"
    )
    columns += ", CAST(0.35 AS DOUBLE) AS replacement_rate, CAST(i % 5000 AS DECIMAL(9, 3)) / 8 AS pkm_rail"
    columns += ", CAST(i % 77 AS DOUBLE) / 4 AS electricity_kwh"
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for k in range(PARTS):
        span = f"range({k * size}, {(k + 1) * size}) t(i)"
        con.execute(f"COPY (SELECT {columns} FROM {span}) TO '{folder}/{k}.parquet' (FORMAT parquet)")
    con.close()
    return folder


def quantify(source: Path, out: Path, *words: str, conf: Path | None = None) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "abate",
        "quantify",
        "online-meeting",
        str(source),
        "-o",
        str(out),
    ]
    more = {"SPARK_CONF_DIR": str(conf), "SPARK_LOCAL_IP": "127.0.0.1"} if conf else {}
    log = out.with_suffix(".log").open("w")
    return subprocess.Popen(
        [*command, *words], stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | more
    )


def rows(folder: Path) -> str:
    """A relation over a folder by day, with `day` from the names of its folders."""
    columns = f"meeting_id, {', '.join(RESULTS)}, CAST(day AS VARCHAR)"
    return f"(SELECT {columns} FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true))"


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    source, out, same = meetings(tmp_path / "in"), tmp_path / "spark", tmp_path / "duckdb"
    with cluster(tmp_path / "cluster", 2, conf=CONF) as found:
        job = quantify(source, out, "--engine", "spark", "--master", found.master, conf=found.folder / "conf")

        def done() -> int:
            assert job.poll() is None, "the job ended before a worker was lost"
            return len(list(tmp_path.glob(".spark.*.part/_temporary/0/task_*")))

        until(lambda: done() >= 2, "two tasks have written their part")
        working = list((found.folder / "work-1").glob("app-*/*/stderr"))
        assert working, "the worker that is to be lost has an executor"
        before = done()
        found.kill(1)
        assert before < PARTS and not out.exists(), "the job was in its middle"
        printed, _ = job.communicate(timeout=400)
        assert job.returncode == 0, out.with_suffix(".log").read_text()
        assert "lost" in (found.folder / "master-0.log").read_text().lower()
    assert f"{PARTS * ROWS:,} rows" in printed
    assert quantify(source, same, "--partition-by", "day").wait(120) == 0
    for a, b in ((out, same), (same, out)):
        assert duckdb.sql(f"SELECT count(*) FROM ({rows(a)} EXCEPT ALL {rows(b)})").fetchall() == [(0,)]
    assert {p.name for p in out.glob("day=*")} == {p.name for p in same.glob("day=*")}
    assert (out / "_SUCCESS").is_file() and not list(tmp_path.glob(".*.part"))


def test_a_folder_by_day_or_nothing(spark: SparkSession, catalogue: Catalogue, tmp_path: Path) -> None:
    """The same rows, days and summary as DuckDB; a folder that is there stays; broken input leaves nothing."""
    source, out, same = meetings(tmp_path / "in", 200), tmp_path / "spark", tmp_path / "duckdb"
    given = ("online-meeting", [str(source)], str(out), catalogue, Setting())
    summary = quantify_folder(spark, *given)
    assert summary == quantify_file("online-meeting", [source], same, catalogue, Setting(), by_day=True)
    assert duckdb.sql(f"SELECT count(*) FROM ({rows(out)} EXCEPT ALL {rows(same)})").fetchall() == [(0,)]
    assert (out / "_SUCCESS").is_file() and summary.rows == PARTS * 200
    with pytest.raises(InputError, match="exists already"):
        quantify_folder(spark, *given)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.parquet").write_bytes(b"PAR1 this is no Parquet PAR1")
    with pytest.raises(InputError):
        quantify_folder(spark, given[0], [str(tmp_path / "broken")], str(tmp_path / "none"), *given[3:])
    assert {p.name for p in tmp_path.iterdir()} == {"in", "broken", "spark", "duckdb"}
