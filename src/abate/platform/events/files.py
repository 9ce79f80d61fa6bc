"""Events from files of any size, a chunk at a time: JSON Lines of CloudEvents, CSV, XLSX, Parquet.

A row of a table has columns `id`, `subject`, `time`, `behaviour` (or `type`), if wanted `source`, and either `data`
(the record as JSON) or the fields of the record as columns; an empty cell is an absent field. Every row goes on as the
CloudEvent that it would be over HTTP. (P-8.5-a)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from abate.platform.events.declared import Declaration
from abate.platform.events.envelope import PREFIX, Event, Reader, Refused, Sender, Withdrawal
from abate.platform.events.tables import ADDED, Rows, TooWide, opened

_EXTENSIONS = ("corrects", "correctedfor")
_ENVELOPE = (
    "id", "source", "type", "behaviour", "subject", "time", "specversion", "data", *ADDED, *_EXTENSIONS
)  # fmt: skip


@dataclass(slots=True)
class Chunk:
    """Some rows of a file. `lines[n]` is the line (or row) of the event at place n; `digest` that of
    their bytes.
    """

    read: list[Event | Withdrawal | Refused] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    digest: bytes = b""


def chunks(
    path: Path, sender: Sender, reader: Reader, size: int, declared: Declaration, skip: int = 0
) -> Iterator[Chunk]:
    """The file in chunks of `size` events after the first `skip`, in memory that does not grow with it.

    Raises FileRefused, at once or on the way.
    """
    with opened(path, declared) as found:
        rows = islice(found.rows, skip, None)
        while True:
            chunk, sha = Chunk(), hashlib.sha256()
            for place, (line, cells) in enumerate(islice(rows, size)):
                raw = _raw(found, cells, sender, declared)
                sha.update(raw or b"")
                why = "too_many_cells" if isinstance(cells, TooWide) else "malformed"
                chunk.read.append(
                    Refused(place, None, None, why, "event") if raw is None else reader.read(place, raw)
                )
                chunk.lines.append(line)
            if not chunk.read:
                return
            chunk.digest = sha.digest()
            yield chunk


def _raw(found: Rows, cells: object, sender: Sender, declared: Declaration) -> bytes | None:
    """One row as the JSON text of a CloudEvent; None where there is none."""
    if isinstance(cells, bytes):
        return _without_error(cells)
    if not isinstance(cells, list):
        return None
    return _event(declared.named(dict(zip(found.names, cells, strict=True))), sender, declared)


def _without_error(line: bytes) -> bytes:
    """A line that came back with its error or mark, as it was before."""
    if not any(name.encode() in line for name in ADDED):
        return line
    try:
        members = json.loads(line, object_pairs_hook=_once, parse_float=str)
    except (ValueError, RecursionError):
        return line
    if not isinstance(members, dict):
        return line
    try:
        return json.dumps({name: value for name, value in members.items() if name not in ADDED}).encode()
    except RecursionError:
        return line


def _event(given: Mapping[str, object], sender: Sender, declared: Declaration) -> bytes | None:
    """One row as a CloudEvent; the envelope's reader judges it. None where it is not text."""
    data = given.get("data")
    if isinstance(data, str):
        try:
            data = json.loads(data, parse_float=str, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            data = None
    elif not isinstance(data, Mapping):
        data = {name: value for name, value in given.items() if name not in _ENVELOPE}
    kind = given.get("type") or PREFIX + str(given.get("behaviour", ""))
    if data is not None:
        data = declared.converted(str(kind).removeprefix(PREFIX), data)
    event = {
        "specversion": "1.0",
        "id": given.get("id"),
        "source": given.get("source", sender.code),
        "type": kind,
        "subject": given.get("subject"),
        "time": declared.moment(given.get("time")),
        "data": data,
    } | {name: given[name] for name in _EXTENSIONS if name in given}
    try:
        return json.dumps(event, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose every name stands once: of two values neither is the one that was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
