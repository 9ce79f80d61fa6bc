"""A what-if on one factor against the full run with that factor, on the same file and the same stored result.

Three factors: one that a tenth of the rows use, one that half of them use, one that all use. Time of the process
(both cores), because that is what the shared clock of a busy machine does not blur; the sums must agree.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

NAME = "whatif"
ABOUT = "a what-if on one factor against the full run: touching a tenth, half and all of the rows"
TOUCHED = {"a tenth": "uk-2023-taxi-regular", "half": "uk-2023-bus-average", "all": "cn-grid-2023-national"}


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (1,000,000), `rounds` (3). Ratios are medians of the rounds' ratios."""
    from abate.quantify import catalogue  # lazy: the list of benchmarks must not load the engine
    from abate.quantify.columns import quantify_file
    from abate.quantify.factors import Setting
    from abate.quantify.whatif import what_if
    from abate.quantify.whatif_change import change

    rows, rounds = int(options.get("rows") or 1_000_000), int(options.get("rounds") or 3)
    loaded, setting, method = catalogue.load(), Setting(), "online-meeting"
    found: dict[str, Any] = {"rows": rows}
    with tempfile.TemporaryDirectory(prefix="abate-bench-") as name:
        folder = Path(name)
        data, base, full = (folder / f"{n}.parquet" for n in ("data", "base", "full"))
        _make(data, rows)
        quantify_file(method, [data], base, loaded, setting)
        for touched, factor in TOUCHED.items():
            value = str(float(loaded.registry.factors[factor].value_text) / 2)[:7]
            changed = change(method, loaded, setting, {factor: value})
            ratios, seconds = [], []
            for _ in range(rounds):
                start = time.process_time()
                quick = what_if([data], base, method, loaded, setting, changed)
                middle = time.process_time()
                whole = quantify_file(method, [data], full, changed.catalogue, changed.setting)
                end = time.process_time()
                if quick.after_mg != whole.er_mg:
                    raise SystemExit(
                        f"{factor}: {quick.after_mg} mg by what-if, {whole.er_mg} mg by the full run"
                    )
                ratios.append((middle - start) / (end - middle))
                seconds.append(middle - start)
            found[touched] = {
                "factor": factor,
                "recomputed": quick.recomputed,
                "of_the_full_run": round(statistics.median(ratios), 3),
                "processor_seconds": round(statistics.median(seconds), 2),
            }
    return found


def _make(path: Path, rows: int) -> None:
    import duckdb

    duckdb.connect().execute(
        f"""COPY (SELECT 'm' || i AS meeting_id, TIMESTAMPTZ '2026-01-01 09:00:00+08' + INTERVAL (i % 5000000) SECOND
        AS start, CAST(31 + i % 90 AS DECIMAL(6, 1)) AS duration_min, 2 + i % 7 AS participants,
        CAST(0.35 AS DECIMAL(6, 4)) AS replacement_rate, CAST(i % 300 AS DECIMAL(10, 3)) AS pkm_rail,
        CASE WHEN i % 2 = 0 THEN CAST(1 + i % 40 AS DECIMAL(10, 3)) END AS pkm_bus,
        CASE WHEN i % 10 = 0 THEN CAST(10 + i % 50 AS DECIMAL(10, 3)) END AS pkm_taxi,
        CAST(3.2 AS DECIMAL(10, 4)) AS electricity_kwh FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)"""
    )
