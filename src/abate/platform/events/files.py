"""Events from files of any size, a chunk at a time: JSON Lines of CloudEvents, CSV, Parquet.

A CSV or Parquet row has columns `id`, `subject`, `time`, `behaviour` (or `type`), if wanted `source`, and
either `data` (the record as JSON) or the fields of the record as columns; an empty cell is an absent field.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

import pyarrow.parquet as pq

from abate.platform.events.envelope import PREFIX, Event, Reader, Refused, Sender, Withdrawal

# Our policy: no event is larger than this; HTTP takes no more for a whole batch.
LONGEST_LINE = 1_000_000
_EXTENSIONS = ("corrects", "correctedfor")
_ENVELOPE = ("id", "source", "type", "behaviour", "subject", "time", "specversion", "data", *_EXTENSIONS)


class FileRefused(Exception):
    """A file that cannot be read at all: what and where, why, what to do."""

    def __init__(self, what: str, why: str, remedy: str) -> None:
        super().__init__(f"{what}\n  {why}\n  {remedy}")


@dataclass(slots=True)
class Chunk:
    """Some rows of a file. `lines[n]` is the line (or row) of the event at place n; `digest` that of
    their bytes.
    """

    read: list[Event | Withdrawal | Refused] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    digest: bytes = b""


def chunks(path: Path, sender: Sender, reader: Reader, size: int) -> Iterator[Chunk]:
    """The file in chunks of `size` events, in memory that does not grow with the file. Raises FileRefused."""
    kind = path.suffix.lower()
    rows: Iterator[tuple[int, bytes | None]]
    if kind in (".jsonl", ".ndjson"):
        rows = _lines(path)
    elif kind == ".csv":
        rows = _csv_rows(path, sender)
    elif kind == ".parquet":
        rows = _parquet_rows(path, sender, size)
    else:
        raise FileRefused(
            f"{path.name} is no .jsonl, .ndjson, .csv or .parquet.",
            "The kind of a file is told by its name.",
            "Rename it, or convert it to JSON Lines of CloudEvents.",
        )
    while True:
        chunk, sha = Chunk(), hashlib.sha256()
        for place, (line, raw) in enumerate(islice(rows, size)):
            sha.update(raw or b"")
            chunk.read.append(
                Refused(place, None, None, "malformed", "event") if raw is None else reader.read(place, raw)
            )
            chunk.lines.append(line)
        if not chunk.read:
            return
        chunk.digest = sha.digest()
        yield chunk


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    with path.open("rb") as file:
        for number, line in enumerate(_bounded(file), 1):
            if number == 1 and line is not None:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line is None or line.strip():
                yield number, line if line is not None and _is_text(line) else None


def _bounded(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines, None for one that is too long (skipped without being held)."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield None


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _csv_rows(path: Path, sender: Sender) -> Iterator[tuple[int, bytes | None]]:
    # Bytes that are not UTF-8 are kept as what they are and refuse their row (_event): nothing is guessed.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(_short(path, file))
        _need(path, rows.fieldnames or ())
        try:
            for row in rows:
                extra = row.pop(None, None)  # type: ignore[call-overload]
                yield rows.line_num, None if extra else _event(row, sender)
        except csv.Error as fault:
            raise FileRefused(
                f"{path.name}, line {rows.line_num}: {fault}.",
                "From here on rows can no longer be told apart.",
                "Mend the line (an open quote is the usual cause) and load again: ids are booked once.",
            ) from fault


def _short(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a CSV file; one without an end is not held."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise FileRefused(
                f"{path.name} has a line of more than {LONGEST_LINE:,} characters.",
                "No event is that long; from there on rows can no longer be told apart.",
                "Mend the line and load again: ids are booked once.",
            )
        yield line


def _parquet_rows(path: Path, sender: Sender, size: int) -> Iterator[tuple[int, bytes | None]]:
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as fault:
        raise FileRefused(f"{path.name}: {fault}.", "It is no Parquet file.", "Export it again.") from fault
    _need(path, file.schema_arrow.names)
    number = 0
    for batch in file.iter_batches(batch_size=size):
        for row in batch.to_pylist():
            number += 1
            yield number, _event(row, sender)


def _need(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in ("id", "subject", "time") if name not in names]
    if "behaviour" not in names and "type" not in names:
        missing.append("behaviour")
    if missing:
        raise FileRefused(
            f"{path.name} has no column {', '.join(missing)}.",
            "Without it an event has no identity.",
            "Add it: id, subject, time (RFC 3339 with an offset), behaviour, and the fields of the record.",
        )


def _event(row: Mapping[str, object], sender: Sender) -> bytes | None:
    """One row as a CloudEvent; the envelope's reader judges it. None where it is not text."""
    given = {name: value for name, value in row.items() if value is not None and value != ""}
    data = given.get("data")
    if isinstance(data, str):
        try:
            data = json.loads(data, parse_float=str, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            data = None
    elif not isinstance(data, Mapping):
        data = {name: value for name, value in given.items() if name not in _ENVELOPE}
    kind = given.get("type") or PREFIX + str(given.get("behaviour", ""))
    event = {
        "specversion": "1.0",
        "id": given.get("id"),
        "source": given.get("source", sender.code),
        "type": kind,
        "subject": given.get("subject"),
        "time": given.get("time"),
        "data": data,
    } | {name: given[name] for name in _EXTENSIONS if name in given}
    try:
        return json.dumps(event, ensure_ascii=False, default=_plain).encode()
    except UnicodeEncodeError:
        return None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose every name stands once: of two values neither is the one that was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
