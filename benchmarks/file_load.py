"""A file of rides, one row in a hundred of them wrong, by `abate load`, beside as many events booked that were in memory.

What is timed is the whole command's work: reading, judging each row, booking, the list of errors and the file given back
with its reasons. The baseline prepares and books the same number of events of the same people by the same path.
"""

from __future__ import annotations

import csv
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import events_postgres

NAME = "file-load"
ABOUT = "a file of events with one bad row in a hundred, beside booking as many from memory"
PEOPLE, ROWS, CHUNK = 10_000, 100_000, 20_000


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (100,000), `people` (10,000), `rounds` (3). Ratios are taken within a round."""
    defaults = {"rows": ROWS, "people": PEOPLE, "rounds": 3}
    rows, people, rounds = (int(options.get(name) or default) for name, default in defaults.items())
    with events_postgres.platform() as server, tempfile.TemporaryDirectory(prefix="abate-file-") as name:
        from abate.platform import pipeline  # lazy: needs Django set up

        events_postgres.make_people(people)
        events, files, path = events_postgres.rides(Random(1)), [], []
        for number in range(rounds):
            file = _write(Path(name) / f"{number}.csv", itertools.islice(events, rows))
            files.append(_load(file, rows))
            began = time.perf_counter()
            for first in range(0, rows, CHUNK):
                batch, _, _ = events_postgres.prepared(events, min(CHUNK, rows - first))
                pipeline.book(batch, everything=False)
            path.append(time.perf_counter() - began)
        return {
            "server": server,
            "rows": rows,
            "seconds": round(statistics.median(files), 2),
            "seconds_of_the_path": round(statistics.median(path), 2),
            "over_the_path": round(statistics.median(f / p for f, p in zip(files, path, strict=True)), 2),
        }


def _write(path: Path, events: Iterator[Any]) -> Path:
    """A table of these events, with a distance below nothing in each hundredth."""
    columns = ("id", "behaviour", "subject", "time", "trip_id", "start", "end", "distance_km")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for number, event in enumerate(events):
            told = json.loads(event.data) | ({"distance_km": -1} if number % 100 == 7 else {})
            row = {"id": event.id, "behaviour": event.behaviour, "subject": event.subject}
            writer.writerow(row | {"time": event.time.isoformat()} | told)
    return path


def _load(file: Path, rows: int) -> float:
    """Seconds. Raises RuntimeError where other rows were refused than the bad ones."""
    from abate.cli.load import load  # lazy: needs Django set up

    began = time.perf_counter()
    counts = load(file, events_postgres.PARTY, CHUNK, back=file.with_suffix(".back.csv"))
    took = time.perf_counter() - began
    bad = len(range(7, rows, 100))
    if counts.get("refused") != bad or sum(counts.values()) != rows:
        raise RuntimeError(f"{bad} rows of {rows} are bad, but: {counts}")
    return took
