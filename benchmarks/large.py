"""A table larger than memory is meant to be: 100,000,000 meetings in parts on disk, quantified in flat memory.

The same parts are read once and ten times over: a tenth of the rows first, then all, each in a process of its own
with the product's default memory limit. The peak is the process's own high-water mark of resident memory. Ten
times the rows is an extrapolation and says so.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAME = "large"
ABOUT = "100,000,000 online meetings from Parquet parts on disk: time and flat memory"
PARTS = 10
BYTES_A_ROW = 120
"""What a row takes on disk, input and output together, with room to spare; looked at before anything is written."""


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (100,000,000). Folder: the system's temporary one (TMPDIR)."""
    rows = int(options.get("rows") or 100_000_000)
    with tempfile.TemporaryDirectory(prefix="abate-large-") as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < rows * BYTES_A_ROW:
            raise SystemExit(
                f"large: {rows:,} rows need {rows * BYTES_A_ROW >> 30} GiB, {free >> 30} are free"
            )
        made = time.perf_counter()
        parts = [folder / f"part-{k}.parquet" for k in range(PARTS)]
        for k, part in enumerate(parts):
            _make(part, k, rows // PARTS)
        made = time.perf_counter() - made
        print(f"  {rows:,} rows made in {made:.0f} s", file=sys.stderr)
        small = _child(parts[:1], folder / "small.parquet")
        print(f"  {small}", file=sys.stderr)
        whole = _child(parts, folder / "whole.parquet")
        print(f"  {whole}", file=sys.stderr)
        sizes = sum(p.stat().st_size for p in parts)
    rate = whole["rows"] / whole["seconds"]
    return {
        "rows": whole["rows"],
        "input_mib": sizes >> 20,
        "seconds": {str(small["rows"]): small["seconds"], str(whole["rows"]): whole["seconds"]},
        "rows_per_second": round(rate),
        "peak_mib": {str(small["rows"]): small["mib"], str(whole["rows"]): whole["mib"]},
        "memory_over_a_tenth_of_the_rows": round(whole["mib"] / small["mib"], 3),
        "time_over_a_tenth_of_the_rows": round(whole["seconds"] / small["seconds"], 2),
        f"extrapolated_seconds_for_{10 * rows}": round(10 * rows / rate),
    }


def _make(path: Path, part: int, rows: int, first: int = 0, seconds: int = 63_000_000) -> None:
    """Made-up meetings within `seconds` from `first` seconds after the start; the ids of all parts differ."""
    import duckdb

    def steps(most: int, decimals: int, salt: int) -> str:
        return f"CAST(CAST(hash(i, {salt}) % {most} AS DECIMAL(18, 0)) / {10**decimals} AS DECIMAL(9, {decimals}))"

    modes = ("flight_domestic", "rail", "metro", "bus", "taxi")
    travel = [
        f"CASE WHEN hash(i, {20 + k}) % 2 = 0 THEN {steps(20_000_000, 3, k)} END AS pkm_{mode}"
        for k, mode in enumerate(modes)
    ]
    columns = [
        "'m-' || lpad(CAST(i AS VARCHAR), 10, '0') AS meeting_id",
        f"TIMESTAMPTZ '2023-10-09 00:00:00+00' + INTERVAL ({first} + i * 7919 % {seconds}) SECOND AS start",
        f"{steps(3000, 1, 11)} AS duration_min",
        "CAST(1 + hash(i, 5) % 40 AS INTEGER) AS participants",
        f"{steps(10_001, 4, 12)} AS replacement_rate",
        *travel,
        f"{steps(200_000, 4, 13)} AS electricity_kwh",
    ]
    con = duckdb.connect()
    con.execute("SET memory_limit = '2GB'; SET TimeZone = 'UTC'")
    span = f"range({part * rows}, {(part + 1) * rows}) t(i)"
    con.execute(
        f"COPY (SELECT {', '.join(columns)} FROM {span}) TO '{path}' "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    con.close()


def _child(parts: list[Path], out: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, str(out), *map(str, parts)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    out.unlink()
    return dict(json.loads(done.stdout))


def _quantify(out: Path, parts: list[Path]) -> dict[str, Any]:
    from abate.quantify import catalogue
    from abate.quantify.columns import quantify_file
    from abate.quantify.factors import Setting

    loaded = catalogue.load()
    start = time.perf_counter()
    summary = quantify_file("online-meeting", parts, out, loaded, Setting())
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": summary.rows,
        "seconds": round(seconds, 2),
        "mib": round(peak),
        "er_mg": str(summary.er_mg),
    }


if __name__ == "__main__":
    print(json.dumps(_quantify(Path(sys.argv[1]), [Path(p) for p in sys.argv[2:]])))
