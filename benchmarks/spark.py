"""Two workers of a Spark cluster on loopback against one: the same meetings, Parquet to Parquet by day.

A master and workers of one core each, as processes of their own; every run has a new session, whose small first job
(starting executors, generating and compiling Java) is not counted. Runs alternate. A machine with two processors
gives two workers both of them, so whatever else runs, the driver too, speaks against two: the load is reported, and
the processor time of the workers, which says how many rows one core of a real cluster would do.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.large import _make

NAME = "spark"
ABOUT = "online meetings on a Spark cluster on loopback: two workers against one"
PARTS = 16
DAY, MIDNIGHT = 86_400, 57_600
CONF = (
    "spark.executor.memory 1g\nspark.sql.files.openCostInBytes 0\n"
    f"spark.sql.files.minPartitionNum {PARTS}\nspark.ui.showConsoleProgress false\n"
)
TICKS = os.sysconf("SC_CLK_TCK")


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (10,000,000), `rounds` (3). The ratio is the median of the rounds' ratios."""
    from abate.api_spark import needed

    needed()
    rows, rounds = int(options.get("rows") or 10_000_000), int(options.get("rounds") or 3)
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="abate-spark-") as name:
        folder = Path(name)
        for stem, count in (("small", rows // 100), ("large", rows)):
            (folder / stem).mkdir()
            for k in range(PARTS):
                # each file one day of the platform's zone, as partners' days come in
                _make(folder / stem / f"{k}.parquet", k, count // PARTS, MIDNIGHT + k * DAY, DAY)
        for number in range(rounds):
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                found[workers].append(_job(folder, workers))
                print(f"  round {number + 1}: {workers} workers {found[workers][-1]}", file=sys.stderr)
    ratios = [one["seconds"] / two["seconds"] for one, two in zip(found[1], found[2], strict=True)]
    every = [job for jobs in found.values() for job in jobs]
    return {
        "rows": every[0]["rows"],
        "two_workers_over_one": round(statistics.median(ratios), 2),
        "each_round": [round(r, 2) for r in ratios],
        "seconds": {w: [job["seconds"] for job in jobs] for w, jobs in found.items()},
        "rows_per_core_second": {
            w: round(statistics.median(job["rows"] / job["core_seconds"] for job in jobs))
            for w, jobs in found.items()
        },
        "processors_of_other_work": {w: [job["others"] for job in jobs] for w, jobs in found.items()},
        "bytes_per_row": {
            k: round(statistics.median(job[k] / job["rows"] for job in every)) for k in ("read", "written")
        },
        "load_average": round(os.getloadavg()[0], 1),
    }


def _job(folder: Path, workers: int) -> dict[str, float]:
    from tests.engines.cluster import cluster

    from abate.quantify import catalogue as shipped
    from abate.quantify.columns_spark import quantify_folder, session
    from abate.quantify.factors import Setting

    place = Path(tempfile.mkdtemp(dir=folder))
    catalogue, setting = shipped.load(), Setting()
    os.environ["SPARK_CONF_DIR"] = str(place / "cluster" / "conf")
    with cluster(place / "cluster", workers, memory="2g", conf=CONF) as services:
        groups = {process.pid for process in services.processes[1:]}
        with session(services.master) as spark:

            def timed(stem: str) -> dict[str, float]:
                out, before, busy = place / stem, _processor(groups), _busy()
                start = time.perf_counter()
                done = quantify_folder(
                    spark, "online-meeting", [str(folder / stem)], str(out), catalogue, setting
                )
                seconds, core = time.perf_counter() - start, _processor(groups) - before
                others = (_busy() - busy - core) / seconds
                figures = {"seconds": seconds, "core_seconds": core, "others": others}
                return {"rows": done.rows} | {k: round(v, 2) for k, v in figures.items()}

            timed("small")
            result = timed("large") | {"read": _size(folder / "large"), "written": _size(place / "large")}
    shutil.rmtree(place)
    return result


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def _processor(groups: set[int]) -> float:
    """Seconds of processor time of the processes in these groups (workers and their executors)."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[2]) in groups:
            total += int(words[11]) + int(words[12])
    return total / TICKS


def _busy() -> float:
    """Seconds of processor time of everything on the machine, without idle and waiting for disks."""
    user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + soft) / TICKS
