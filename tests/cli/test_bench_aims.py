"""`abate bench --check`: what has regressed ends the run with 1, what is short of its aim is said. No clock is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks import aims
from benchmarks.aims import MISSING, REACHED, REGRESSED, SHORT, SKIPPED, Aim
from click.testing import CliRunner, Result

from abate.cli import bench

ROOT = Path(__file__).resolve().parents[2]
MOST, LEAST = Aim("b", "share.of", "w", 0.2, 0.35, True), Aim("b", "ratio", "w", 20, 8, False)
QUICK = ("catalogue", "whatif", "verify-log")
"""Those that need no server: what runs in `make test`, beside `quantify` (test_bench.py)."""


@pytest.mark.parametrize(
    ("aim", "found", "verdict"),
    [
        (MOST, {"share": {"of": 0.2}}, REACHED),
        (MOST, {"share": {"of": 0.21}}, SHORT),
        (MOST, {"share": {"of": 0.36}}, REGRESSED),
        (MOST, {"share": {}}, MISSING),
        (MOST, {"share": 0.1}, MISSING),
        (MOST, {"share": {"of": float("nan")}}, MISSING),
        (MOST, {"skipped": "no server"}, SKIPPED),
        (MOST, {"share": {"of": {}}}, REACHED),
        (MOST, {"share": {"of": {"balance": 3}}}, REGRESSED),
        (LEAST, {"ratio": 25.9}, REACHED),
        (LEAST, {"ratio": 18}, SHORT),
        (LEAST, {"ratio": 8}, SHORT),
        (LEAST, {"ratio": 7.9}, REGRESSED),
        (LEAST, {"ratio": "25.9"}, MISSING),
    ],
)
def test_a_figure_is_reached_short_or_regressed(aim: Aim, found: dict[str, Any], verdict: str) -> None:
    assert aim.judge(found)[0] == verdict
    assert aim.line(found)[1] == (verdict in (REGRESSED, MISSING))


@pytest.mark.parametrize(
    "line", [{}, {"least": 1, "most": 1}, {"least": 1, "floor": 2}, {"most": 2, "floor": 1}]
)
def test_an_aim_that_cannot_be_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="b f"):
        aims._aim(**({"bench": "b", "figure": "f", "what": "w", "floor": 1} | line))


def ran(monkeypatch: pytest.MonkeyPatch, figures: dict[str, Any], *options: str) -> Result:
    module = SimpleNamespace(NAME="b", ABOUT="made up", run=lambda _: figures)
    monkeypatch.setattr(bench, "_benchmarks", lambda: {"b": module})
    monkeypatch.setattr(aims, "read", lambda: ([MOST, LEAST], {"b": {}}))
    return CliRunner().invoke(bench.command, ["b", "--json", *options])


def test_a_planted_regression_ends_the_run_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    good: dict[str, Any] = {"share": {"of": 0.1}, "ratio": 21}
    done = ran(monkeypatch, good, "--check")
    assert (
        done.exit_code == 0 and json.loads(done.stdout) == {"b": good} and done.stderr.count("reached:") == 2
    )
    short = ran(monkeypatch, good | {"ratio": 10}, "--check")
    assert (
        short.exit_code == 0 and "not reached: b ratio 10 (aim at least 20, floor at least 8)" in short.stderr
    )
    slow = ran(monkeypatch, good | {"ratio": 5}, "--check")
    assert slow.exit_code == 1 and "REGRESSED: b ratio 5" in slow.stderr
    assert ran(monkeypatch, good | {"ratio": 5}).exit_code == 0, "judged without being asked"
    assert ran(monkeypatch, {"ratio": 21}, "--check").exit_code == 1, "a figure is not there"
    assert ran(monkeypatch, {"skipped": "no server"}, "--check").exit_code == 0
    # Few rows say nothing of speed: there a figure has to be given, whatever it is.
    assert ran(monkeypatch, good | {"ratio": 5}, "--small").exit_code == 0
    assert ran(monkeypatch, {"ratio": 5}, "--small").exit_code == 1
    none = ran(monkeypatch, {"skipped": "no server"}, "--small")
    assert none.exit_code == 0 and none.stderr.count("skipped: b") == 2 and "given" not in none.stderr
    assert ran(monkeypatch, good, "--small", "--check").exit_code == 2


def test_every_benchmark_has_a_smallest_run_and_every_aim_a_benchmark_and_its_words() -> None:
    found, small = aims.read()
    known = bench._benchmarks()
    assert set(small) == set(known) and {one.bench for one in found} <= set(known)
    told = (ROOT / "docs" / "explain" / "performance.md").read_text("utf-8")
    # What was measured, and why an aim is not reached, is told for each.
    assert not [name for name in {one.bench for one in found} if f"abate bench {name}" not in told]


def test_one_of_several_that_fails_fails_the_run_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def apart(name: str, *_: Any) -> dict[str, Any]:
        return {"failed": 1} if name == "catalogue" else {"skipped": "made up"}

    monkeypatch.setattr(bench, "_apart", apart)
    done = CliRunner().invoke(bench.command, ["--check", "--json"])
    assert done.exit_code == 1 and "FAILED: catalogue" in done.stderr
    assert set(json.loads(done.stdout)) == set(bench._benchmarks())


def small(*names: str, may_skip: Collection[str] = ()) -> None:
    command = [sys.executable, "-m", "abate", "bench", "--small", "--json", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == set(names or bench._benchmarks())
    assert {name for name, one in found.items() if "skipped" in one} <= set(may_skip)


def test_the_quick_benchmarks_give_their_figures() -> None:
    small(*QUICK)


@pytest.mark.slow
def test_every_benchmark_gives_its_figures() -> None:
    # Another's SQL, which is not kept here.
    small(may_skip={"pgledger"})
