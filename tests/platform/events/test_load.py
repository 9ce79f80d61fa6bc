"""Files of events: JSON Lines, CSV and Parquet; an error file that names lines; safe to load again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.platform.pipeline.world import NOW, World, differences, make_world

from abate.cli.load import load
from abate.platform.doors import clock
from abate.platform.events import tables
from abate.platform.events.files_errors import FileColumns

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(2)


def rows(world: World) -> list[dict[str, Any]]:
    """Ten rides as flat rows, one of them of negative length."""
    found = []
    for number in range(10):
        event = world.ride(f"r{number}", number % 2, km="-1" if number == 4 else "1.5")
        flat = {"id": event["id"], "behaviour": "cycling", "subject": event["subject"], "time": event["time"]}
        found.append({**flat, **event["data"], "city": ""})
    return found


def write(world: World, path: Path) -> None:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            out = csv.DictWriter(file, rows(world)[0].keys())
            out.writeheader()
            out.writerows(rows(world))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows(world)), path)
    else:
        events = [world.ride(f"r{n}", n % 2, km="-1" if n == 4 else "1.5") for n in range(10)]
        path.write_text("\n".join(map(json.dumps, events)) + "\n")


@pytest.mark.clause("P-7.3.3.3-a")
@pytest.mark.parametrize("name", ["rides.jsonl", "rides.csv", "rides.parquet"])
def test_a_file_is_booked_once_and_names_its_bad_lines(world: World, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(world, path)
    assert load(path, world.sender.code, 4) == {"credited": 9, "refused": 1}
    (bad,) = [json.loads(line) for line in (tmp_path / f"{name}.errors.jsonl").read_text().splitlines()]
    assert bad["line"] == (6 if name.endswith(".csv") else 5) and bad["id"] == "r4"
    assert bad["reason"] == "out_of_range:distance_km" and bad["remedy"]
    before = world.totals()
    assert load(path, world.sender.code, 3) == {"exists": 9, "refused": 1}
    assert world.totals() == before and differences() == {}


def test_three_kinds_of_file_mean_the_same_events(world: World, tmp_path: Path) -> None:
    for name in ("rides.csv", "rides.jsonl", "rides.parquet"):
        write(world, tmp_path / name)
    load(tmp_path / "rides.csv", world.sender.code, 50)
    for name in ("rides.jsonl", "rides.parquet"):
        assert load(tmp_path / name, world.sender.code, 50) == {"exists": 9, "refused": 1}


def test_a_line_without_end_is_refused_without_being_held(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LONGEST_LINE", 2000)
    path = tmp_path / "long.jsonl"
    path.write_bytes(
        b'{"id":"' + b"x" * 9000 + b"\n" + json.dumps(world.ride("r")).encode() + b"\nnot json\n"
    )
    assert load(path, world.sender.code, 50) == {"credited": 1, "refused": 2}
    listed = [json.loads(line) for line in (tmp_path / "long.jsonl.errors.jsonl").read_text().splitlines()]
    assert [(one["line"], one["reason"]) for one in listed] == [
        (1, "malformed:event"),
        (3, "malformed:event"),
    ]


@pytest.mark.parametrize("text", ["id,time\n1,2\n", ""])
def test_a_file_without_the_columns_it_needs_is_refused_whole(
    world: World, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "rides.csv"
    path.write_text(text)
    with pytest.raises(FileColumns, match="subject"):
        load(path, world.sender.code, 50)
