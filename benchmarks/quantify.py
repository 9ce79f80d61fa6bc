"""Online meetings, Parquet to Parquet: `abate quantify` against Polars written by hand for this method.

The hand-written side does the arithmetic in int64 with its streaming engine and writes id, amounts and
outcome; it checks nothing. It runs on the same file (decimals), a second time writing all the columns that
the product writes, and on a copy whose numbers are already scaled whole numbers. The product reads the first
file, checks every field of every row and writes its whole contract. Each run is a process of its own (import
not counted), runs alternate, resident memory of the process tree is sampled.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAME = "quantify"
ABOUT = "online meetings, Parquet to Parquet, against hand-written Polars; memory of 10 M rows against 1 M"

MODES = ("flight_domestic", "rail", "metro", "bus", "taxi")
DECIMALS = {"duration_min": 1, "replacement_rate": 4, "electricity_kwh": 4} | {f"pkm_{m}": 3 for m in MODES}
GROUP = 122_880


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (10,000,000), `rounds` (3). Ratios are medians of the rounds' ratios."""
    rows, rounds = int(options.get("rows") or 10_000_000), int(options.get("rounds") or 3)
    with tempfile.TemporaryDirectory(prefix="abate-bench-") as name:
        folder = Path(name)
        small = max(rows // 10, 1000)
        for count, stem in ((rows, "large"), (small, "small")):
            _make(folder / f"{stem}.parquet", count, scaled=False)
        _make(folder / "scaled.parquet", rows, scaled=True)
        engines = [("abate", "large"), ("polars", "large"), ("polars_whole", "large")]
        engines += [("polars_scaled", "scaled"), ("abate", "small")]
        found: dict[str, list[dict[str, float]]] = {f"{e}:{f}": [] for e, f in engines}
        for number in range(rounds):
            for engine, stem in engines if number % 2 == 0 else reversed(engines):
                out = folder / f"{engine}-{stem}.out.parquet"
                found[f"{engine}:{stem}"].append(_child(engine, folder / f"{stem}.parquet", out))
                print(
                    f"  round {number + 1}: {engine} {stem} {found[f'{engine}:{stem}'][-1]}", file=sys.stderr
                )
        equal = _differences(folder)
    return _report(rows, small, found, equal)


def _report(
    rows: int, small: int, found: dict[str, list[dict[str, float]]], different: int
) -> dict[str, Any]:
    def ratio(top: str, bottom: str, what: str) -> float:
        return round(
            statistics.median(a[what] / b[what] for a, b in zip(found[top], found[bottom], strict=True)), 3
        )

    def median(which: str, what: str) -> float:
        return statistics.median(r[what] for r in found[which])

    return {
        "rows": rows,
        "rows_where_amounts_differ": different,
        "speed_over_polars": ratio("polars:large", "abate:large", "seconds"),
        "speed_over_polars_writing_every_column": ratio("polars_whole:large", "abate:large", "seconds"),
        "speed_over_polars_prescaled": ratio("polars_scaled:scaled", "abate:large", "seconds"),
        "memory_over_polars": ratio("abate:large", "polars:large", "mib"),
        "memory_over_polars_prescaled": ratio("abate:large", "polars_scaled:scaled", "mib"),
        "memory_over_a_tenth_of_the_rows": ratio("abate:large", "abate:small", "mib"),
        "rows_per_second": {
            which: round((small if which.endswith("small") else rows) / median(which, "seconds"))
            for which in found
        },
        "peak_mib": {which: round(median(which, "mib")) for which in found},
    }


def _make(path: Path, rows: int, *, scaled: bool) -> None:
    """Made-up meetings: half of the distances absent, some records below the limits of recognition."""
    import duckdb  # in the child and here alike: never before a run is timed

    def number(name: str, most: int, salt: int) -> str:
        decimals = DECIMALS[name]
        steps = f"CAST(hash(i, {salt}) % {most} AS BIGINT)"
        value = steps if scaled else f"CAST({steps} AS DECIMAL(18, 0)) / {10**decimals}"
        kind = "BIGINT" if scaled else f"DECIMAL(9, {decimals})"
        text = f"CAST({value} AS {kind})"
        return f"CASE WHEN hash(i, {salt + 1}) % 2 = 0 THEN {text} END" if name.startswith("pkm") else text

    most = {"duration_min": 3000, "replacement_rate": 10_001, "electricity_kwh": 200_000}
    columns = [f"{number(n, most.get(n, 20_000_000), 10 * k)} AS {n}" for k, n in enumerate(DECIMALS)]
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
    con.execute(
        f"COPY (SELECT 'm-' || lpad(CAST(i AS VARCHAR), 9, '0') AS meeting_id, "
        f"TIMESTAMPTZ '2023-10-09 00:00:00+00' + INTERVAL (i * 7919 % 63000000) SECOND AS start, "
        f"CAST(1 + hash(i, 5) % 40 AS INTEGER) AS participants, {', '.join(columns)} "
        f"FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP})"
    )
    con.close()


def _child(engine: str, source: Path, out: Path) -> dict[str, float]:
    command = [sys.executable, __file__, engine, str(source), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.02)
        assert process.stdout is not None
        text = process.stdout.read()
        if process.returncode:
            raise RuntimeError(f"{engine} on {source.name} ended with {process.returncode}")
    return {"seconds": round(float(json.loads(text)["seconds"]), 3), "mib": round(peak, 1)}


def _resident(pid: int) -> float:
    """Resident memory of a process and its children, in MiB."""
    total = 0.0
    try:
        status = Path(f"/proc/{pid}/statm").read_text().split()
        total = int(status[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(_resident(int(c)) for c in (task / "children").read_text().split())
    except (OSError, ProcessLookupError):  # it has just ended
        return total
    return total


def _differences(folder: Path) -> int:
    import duckdb

    files = [
        folder / f"{name}.out.parquet" for name in ("abate-large", "polars-large", "polars_scaled-scaled")
    ]
    mine, *others = (f"read_parquet('{f}')" for f in files)
    same = "a.er_mg IS NOT DISTINCT FROM b.er_mg AND a.pe_mg IS NOT DISTINCT FROM b.pe_mg"
    same += " AND a.be_mg IS NOT DISTINCT FROM b.be_mg AND a.outcome = b.outcome"
    con = duckdb.connect()
    con.execute("SET memory_limit = '2GB'")
    different = 0
    for other in others:
        joined = f"{mine} a FULL JOIN {other} b USING (meeting_id)"
        found = con.execute(f"SELECT count(*) FROM {joined} WHERE NOT coalesce({same}, false)").fetchone()
        different += found[0] if found else 0
    return different


# -- the engines, each in a process of its own -------------------------------------------------------


def _abate(source: Path, out: Path) -> float:
    from abate.quantify import catalogue
    from abate.quantify.columns import quantify_file
    from abate.quantify.factors import Setting

    loaded = catalogue.load()
    start = time.perf_counter()
    quantify_file("online-meeting", [source], out, loaded, Setting())
    return time.perf_counter() - start


def _polars(source: Path, out: Path, *, scaled: bool, whole_contract: bool = False) -> float:
    import polars as pl

    factors, electricity = _figures()
    start = time.perf_counter()

    def whole(name: str) -> pl.Expr:
        column = pl.col(name)
        return column if scaled else (column * 10 ** DECIMALS[name]).cast(pl.Int64)

    grid = pl.lit(electricity[0][1], pl.Int64)
    for day, value in electricity[1:]:
        grid = (
            pl.when(pl.col("start").dt.convert_time_zone("Asia/Shanghai").dt.date() >= day)
            .then(value)
            .otherwise(grid)
        )
    be = sum((whole(f"pkm_{m}").fill_null(0) * factors[m] for m in MODES), pl.lit(0, pl.Int64))  # 1e-8 kg
    frame = pl.scan_parquet(source).select(
        "meeting_id",
        be=be,
        pe=whole("electricity_kwh") * grid,  # 1e-8 kg
        r=whole("replacement_rate"),
        counts=(pl.col("participants") >= 2) & (whole("duration_min") > 300),
    )
    small = pl.col("pe") * 100 < pl.col("be")
    er = (
        pl.when(small)
        .then(pl.col("be") * pl.col("r") - pl.col("pe") * 10_000)
        .otherwise((pl.col("be") - pl.col("pe")) * pl.col("r"))
    )
    amounts = {"be_mg": pl.col("be") // 100, "pe_mg": -(-pl.col("pe") // 100), "er_mg": er // 1_000_000}
    counted = {name: pl.when("counts").then(value) for name, value in amounts.items()}
    outcome = pl.when(~pl.col("counts")).then(pl.lit("not_counted"))
    outcome = outcome.when(er > 0).then(pl.lit("counted")).otherwise(pl.lit("not_below_baseline"))
    more: dict[str, pl.Expr] = {}
    if whole_contract:
        reason = pl.when(~pl.col("counts")).then(pl.lit("too_short:M-2.2.2"))
        more = {
            "le_mg": pl.when("counts").then(pl.lit(0, pl.Int64)),
            "reason": reason.when(er <= 0).then(pl.lit("no_reduction:P-7.2-a")),
            "method": pl.lit("online-meeting"),
            "method_version": pl.lit(1, pl.Int32),
            "factors": pl.when("counts").then(pl.lit(";".join(factors))).otherwise(pl.lit("")),
        }
    frame.select("meeting_id", **counted, outcome=outcome, **more).sink_parquet(
        out, compression="zstd", maintain_order=True
    )
    return time.perf_counter() - start


def _figures() -> tuple[dict[str, int], list[tuple[Any, int]]]:
    """The figures as whole numbers, as one would copy them: modes in 1e-5, electricity in 1e-4 kg."""
    from abate.quantify import catalogue
    from abate.quantify.factors import Setting, timeline

    loaded = catalogue.load()
    periods = timeline(loaded.newest("online-meeting"), loaded.registry, Setting())
    chosen = periods[0].resolution.chosen
    factors = {m: int(chosen[f"ef_{m}"].value * 10**5) for m in MODES}
    return factors, [(p.start, int(p.resolution.chosen["ef_electricity"].value * 10**4)) for p in periods]


if __name__ == "__main__":
    engine, source, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    taken = (
        _abate(source, out)
        if engine == "abate"
        else _polars(source, out, scaled=engine == "polars_scaled", whole_contract=engine == "polars_whole")
    )
    print(json.dumps({"seconds": taken}))
