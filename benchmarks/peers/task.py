"""The task every adapter gets, and how it answers. Runs in the peer's own interpreter: the standard library only."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Task:
    """`modes` with their factor (kgCO2e/pkm) and `grid` (kgCO2e/kWh) as decimal texts, `document` they stand in;
    `rows` of decimal texts: a distance for each mode (pkm), kwh, r."""

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / "task.json").read_text("utf-8"))
        self.modes: dict[str, str] = told["modes"]
        self.grid: str = told["grid"]
        self.document: str = told["document"]
        with (folder / "rows.csv").open(encoding="utf-8", newline="") as file:
            self.rows: list[dict[str, str]] = list(csv.DictReader(file))

    def floats(self, name: str) -> list[float]:
        return [float(row[name]) for row in self.rows]


def answer(
    prepare: Callable[[Task], Callable[[], Any]],
    explain: Callable[[Task, int], str],
    units: Callable[[], Any],
    expired: Callable[[], Any],
    kilograms: Callable[[Any], Iterable[float]] = iter,
) -> None:
    """`prepare` gives what is timed: from numbers in memory to ER in kg; `kilograms` reads the result once the clock
    has stopped. `explain` gives all that the tool can say about one row. `units` and `expired` do what must not be
    done; what they raise is the refusal."""
    command, folder = sys.argv[-2], Path(sys.argv[-1])
    if command == "run":
        timed, seconds = prepare(Task(folder)), []
        for _ in range(3):
            start = time.perf_counter()
            results = timed()
            seconds.append(time.perf_counter() - start)
        (folder / "er.txt").write_text("\n".join(repr(float(x)) for x in kilograms(results)))
        print(json.dumps({"seconds": sorted(seconds)[1]}))
    elif command == "explain":
        print(json.dumps({"text": explain(Task(folder), 7)}))
    else:
        asked = SimpleNamespace(units=units, expired=expired)
        try:
            print(json.dumps({"refused": False, "said": str(getattr(asked, command)())}))
        except Exception as error:  # noqa: BLE001 whatever the peer raises is its refusal
            print(json.dumps({"refused": True, "said": f"{type(error).__name__}: {error}"[:300]}))
