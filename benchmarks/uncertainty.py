"""A 95 % interval for each of 100,000 meetings from 1,000 draws, against the point values of the same file.

Five factors are shared by all meetings, R is drawn for each meeting on its own. The run reads Parquet, checks
every field, gives exact amounts, first-order and Monte Carlo intervals for every record and the portfolio. All
distributions are made up. Each run is a process of its own; memory is the peak of the process.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import quantify as meetings

NAME = "uncertainty"
ABOUT = "a 95 % interval for each of 100,000 meetings x 1,000 draws, against quantifying the same file"
DRAWS = 1000
SOURCE = "source: {document: made up, place: none}"
STATED = f"""
uncertainties: bench
titles: {{zh: 测, en: bench}}
illustration: true
factors:
  cn-grid-2023-national: {{distribution: normal, as: relative, half_width: "5", level: "95", {SOURCE}}}
  uk-2023-rail-national: {{distribution: lognormal, as: relative, gsd: "1.1", centre: median, {SOURCE}}}
  uk-2023-air-dom-avg-norf: {{distribution: lognormal, as: relative, gsd: "1.1", centre: median, {SOURCE}}}
  uk-2023-taxi-regular: {{distribution: triangular, as: relative, low: "-20", mode: "0", high: "30", {SOURCE}}}
  uk-2023-bus-average: {{distribution: uniform, as: relative, low: "-20", high: "20", {SOURCE}}}
methods:
  online-meeting:
    inputs:
      replacement_rate: {{distribution: normal, as: relative, sd: "10", {SOURCE}}}
"""


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (100,000), `rounds` (3). Seconds are medians."""
    rows, rounds = int(options.get("rows") or 100_000), int(options.get("rounds") or 3)
    with tempfile.TemporaryDirectory(prefix="abate-bench-") as name:
        source = Path(name) / "meetings.parquet"
        meetings._make(source, rows, scaled=False)
        found: dict[str, list[dict[str, float]]] = {"assess": [], "assess_one_thread": [], "quantify": []}
        for _ in range(rounds):
            for what in found:
                found[what].append(_child(what, source))
                print(f"  {what} {found[what][-1]}", file=sys.stderr)
    median = {what: statistics.median(r["seconds"] for r in runs) for what, runs in found.items()}
    return {
        "rows": rows,
        "draws": DRAWS,
        "processors": os.cpu_count(),
        "seconds": {what: round(seconds, 2) for what, seconds in median.items()},
        "processor_seconds": {
            what: round(statistics.median(r["processor_seconds"] for r in runs), 2)
            for what, runs in found.items()
        },
        "seconds_over_quantify": round(median["assess"] / median["quantify"], 1),
        "million_draws_per_second": round(rows * DRAWS / median["assess"] / 1e6, 1),
        "peak_mib": round(max(r["mib"] for r in found["assess"])),
        "portfolio_mg_apart": max(abs(r["point"] - found["quantify"][0]["point"]) for r in found["assess"]),
    }


def _child(what: str, source: Path) -> dict[str, float]:
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "benchmarks.uncertainty", what, str(source)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{what} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _work(what: str, source: Path) -> dict[str, float]:
    from abate.quantify import catalogue, uncertainty  # in the child only: not part of the time
    from abate.quantify.columns import quantify_file
    from abate.quantify.distributions_file import read_file
    from abate.quantify.factors import Setting

    loaded = catalogue.load()
    stated = source.with_name("stated.yaml")
    stated.write_text(STATED, "utf-8")
    told = [read_file(stated, {})]
    start, busy = time.perf_counter(), time.process_time()
    if what == "quantify":
        out = source.with_name("out.parquet")
        point = quantify_file("online-meeting", [source], out, loaded, Setting()).er_mg
    else:
        threads = 1 if what == "assess_one_thread" else os.cpu_count() or 1
        request = uncertainty.Request(DRAWS, 1, threads=threads)
        point = uncertainty.assess(
            "online-meeting", [source], loaded, Setting(), told, request
        ).portfolio.point
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    return {
        "seconds": seconds,
        "processor_seconds": busy,
        "point": point,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(_work(sys.argv[1], Path(sys.argv[2]))))
