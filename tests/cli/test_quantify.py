"""`abate quantify`: a file in, a file and a summary out; every refusal says why with its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from abate.cli import quantify as module
from abate.cli.quantify import command
from abate.quantify.columns import Summary

HEADER = "meeting_id,start,duration_min,participants,replacement_rate,pkm_rail,electricity_kwh\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    rows = [f"m{i},2024-06-01T09:00:00+08:00,45,5,0.35,{i}.5,1.25" for i in range(3)]
    path.write_text(HEADER + "\n".join([*rows, "m3,yesterday,45,5,0.35,1,1"]) + "\n", "utf-8")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(w) for w in words])


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_summary_and_file_agree(source: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"out.{form}"
    done = run("online-meeting", source, "-o", out, "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["rows"] == 4 and summary["outcomes"]["refused"] == 1
    rows = duckdb.sql(f"SELECT meeting_id, outcome, reason FROM '{out}'").fetchall()
    assert [row[0] for row in rows] == ["m0", "m1", "m2", "m3"]
    assert rows[3][1:] == ("refused", "wrong_type:start")


def test_the_floor_is_the_callers(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    start, end = "2024-06-01T09:00:00+08:00", "2024-06-01T10:00:00+08:00"
    path.write_text(f"trip_id,start,end,distance_km\nt1,{start},{end},3\n", "utf-8")
    outcomes = []
    for floor in ("standard", "operator"):
        done = run("walking", path, "-o", tmp_path / "out.parquet", "--floor", floor, "--json")
        assert done.exit_code == 0, done.output
        outcomes.append(*json.loads(done.stdout)["outcomes"])
    assert outcomes[0] == "needs_figure"
    assert run("walking", path, "-o", tmp_path / "out.parquet", "--floor", "none").exit_code == 2


@pytest.mark.parametrize(
    "words, code", [(("no-such-method",), 2), (("online-meeting", "--operator-pack", "no.yaml"), 1)]
)
def test_refused_with_a_reason(source: Path, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    done = run(*words, source, "-o", tmp_path / "out.parquet")
    assert done.exit_code == code
    assert words[-1] in done.output
    assert not (tmp_path / "out.parquet").exists()


def test_an_absent_input_is_named(tmp_path: Path) -> None:
    done = run("online-meeting", tmp_path / "none.csv", "-o", tmp_path / "out.parquet")
    assert done.exit_code == 1 and "none.csv" in done.output


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_reasons_are_counted_as_the_rows_say(tmp_path: Path, form: str) -> None:
    """The sums of the summary are those of the file that was written, reason by reason."""
    path, out = tmp_path / "in.csv", tmp_path / f"out.{form}"
    start = "2024-06-01T09:00:00+08:00"
    sound = [f"m{i},{start},45,5,0.35,{i}.5,1.25" for i in range(3)]
    late = [f"l{i},yesterday,45,5,0.35,1,1" for i in range(4)]
    bare = [f"b{i},{start},,5,0.35,1,1" for i in range(2)]
    path.write_text(HEADER + "\n".join([*late, *sound, *bare]) + "\n", "utf-8")
    done = run("online-meeting", path, "-o", out, "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    rows = duckdb.sql(
        f"SELECT outcome, reason, count(*) FROM '{out}' WHERE reason <> '' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    told = sorted((o, r, n) for o, reasons in summary["reasons"].items() for r, n in reasons.items())
    assert told == rows and len(rows) >= 2
    refused = summary["reasons"]["refused"]
    assert next(iter(refused.items())) == ("wrong_type:start", 4), "the most frequent first"
    assert sum(refused.values()) == summary["outcomes"]["refused"] == 6
    text = run("online-meeting", path, "-o", out).stdout
    assert text.index("refused") < text.index("wrong_type:start")


def test_a_screen_of_reasons_and_the_rest_counted() -> None:
    reasons = {"refused": {f"wrong_type:f{n}": 100 - n for n in range(11)}}
    text = module._text(Summary(1, {"refused": 1}, 0, (), False, reasons), Path("out"))
    assert text.count("wrong_type") == 8 and "3 种其他原因" in text
