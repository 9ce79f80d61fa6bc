"""NumPy and Polars by hand: `arrays.py numpy|polars COMMAND FOLDER`."""

from __future__ import annotations

import sys
from typing import Any

from task import Task, answer

LIBRARY = sys.argv[1]


def _numpy(task: Task) -> Any:
    import numpy

    columns = {name: numpy.array(task.floats(name)) for name in (*task.modes, "kwh", "r")}
    factors, grid = {mode: float(v) for mode, v in task.modes.items()}, float(task.grid)

    def timed() -> Any:
        be = sum(columns[mode] * value for mode, value in factors.items())
        return (be - columns["kwh"] * grid) * columns["r"]

    return timed


def _frame(task: Task) -> Any:
    """Whole numbers at their scale, one division: the careful way to write it in Polars."""
    import polars as pl

    scale = dict.fromkeys(task.modes, 1000) | {"kwh": 10_000, "r": 10_000}
    columns = {name: [round(float(row[name]) * by) for row in task.rows] for name, by in scale.items()}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Int64))


def _query(task: Task) -> Any:
    import polars as pl

    be = sum(pl.col(mode) * round(float(value) * 10**5) for mode, value in task.modes.items())
    pe = pl.col("kwh") * round(float(task.grid) * 10**4)
    return ((be - pe) * pl.col("r") // 10**6).alias("er_mg")


def prepare(task: Task) -> Any:
    if LIBRARY == "numpy":
        return _numpy(task)
    frame, query = _frame(task), _query(task)
    return lambda: frame.select(query)["er_mg"]


def explain(task: Task, row: int) -> str:
    """NumPy keeps nothing; Polars has the plan of its query."""
    return "" if LIBRARY == "numpy" else str(_frame(task).slice(row, 1).lazy().select(_query(task)).explain())


def units() -> Any:
    kilograms, kilowatt_hours = [1.0, 2.0], [3.0, 4.0]
    if LIBRARY == "numpy":
        import numpy

        return numpy.array(kilograms) + numpy.array(kilowatt_hours)
    import polars as pl

    return pl.DataFrame({"kg": kilograms, "kwh": kilowatt_hours}).select(pl.col("kg") + pl.col("kwh"))


def expired() -> Any:
    """A factor is a number; the date beside it is another."""
    return units()


def kilograms(results: Any) -> list[float]:
    """By Python's division, which rounds correctly; Polars' does not always."""
    return results.tolist() if LIBRARY == "numpy" else [mg / 10**6 for mg in results.to_list()]


answer(prepare, explain, units, expired, kilograms)
