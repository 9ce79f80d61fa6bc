"""The rows of a file as they stand in it, each with its number: what reading events and giving the file back share."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from abate.platform.doors.spreadsheets import unmarked
from abate.platform.events import unpacked
from abate.platform.events.declared import Declaration
from abate.platform.events.files_errors import FileColumns, FileEncoding, FileKindUnknown, FileTorn

LONGEST_LINE = unpacked.LONGEST_LINE
ERROR, MARK = "abate_error", "abate_source"
ADDED = (ERROR, MARK)
"""The columns that a file has more when it comes back (the second where its sender declared sources of public data); read
again, they count for nothing."""
LINES, TABLE, WORKBOOK, PARQUET = "lines", "table", "workbook", "parquet"
KINDS = {".jsonl": LINES, ".ndjson": LINES, ".csv": TABLE, ".xlsx": WORKBOOK, ".parquet": PARQUET}
_SAMPLE = 256 * 1024


@dataclass(frozen=True, slots=True)
class TooWide:
    """A row with more cells than there are names (an unquoted comma): no event, and all that its sender has of it."""

    cells: list[object]


@dataclass
class Rows:
    """`rows` are (number, cells in the order of `names`); of JSON Lines (number, the line). None: it is no text, or too long."""

    kind: str
    names: Sequence[str]
    rows: Iterator[tuple[int, list[object] | TooWide | bytes | None]]


@contextmanager
def opened(path: Path, declared: Declaration) -> Iterator[Rows]:
    """A file's rows. Raises FileRefused, here or on the way."""
    kind = KINDS.get(path.suffix.lower())
    if kind == LINES:
        with path.open("rb") as lines:
            yield Rows(LINES, (), _lines(lines))
    elif kind == TABLE:
        _check_charset(path, declared.charset)
        # Bytes that are none of the encoding are kept as what they are and refuse their row: nothing is guessed.
        encoding = "utf-8-sig" if declared.charset == "utf-8" else declared.charset
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as texts:
            rows = csv.reader(_short(texts))
            names = _names(next(_rows(rows), (1, []))[1], declared)
            yield Rows(TABLE, names, _cells(_rows(rows), len(names)))
    elif kind in (WORKBOOK, PARQUET):
        with unpacked.rows(path, declared.sheet) as (found, cells):
            names = _names(found, declared)
            first = 2 if kind == WORKBOOK else 1
            numbered = (
                (n, row)
                for n, row in enumerate(cells, first)
                if row is None or any(v not in (None, "") for v in row)
            )
            yield Rows(kind, names, _cells(numbered, len(names)))
    else:
        raise FileKindUnknown(path.suffix[:20])


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    for number, line in enumerate(_bounded(file), 1):
        if number == 1 and line is not None:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line is None or line.strip():
            yield number, line if line is not None and _is_text(line, "utf-8") else None


def _bounded(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines, None for one that is too long (skipped without being held)."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield None


def _is_text(data: bytes, charset: str) -> bool:
    try:
        codecs.getincrementaldecoder(charset)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _check_charset(path: Path, charset: str) -> None:
    """What the beginning of a file shows to be another encoding. Raises FileEncoding."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    for mark, name in ((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")):
        if sample.startswith(mark):
            raise FileEncoding(name)
    if b"\0" in sample:
        raise FileEncoding("NUL")
    lines = sample.splitlines()
    told = [line for line in (lines[:-1] if len(sample) == _SAMPLE else lines) if not line.isascii()]
    wrong = sum(not _is_text(line, charset) for line in told)
    other = "gb18030" if charset == "utf-8" else "utf-8"
    # A few rows may be torn, each is refused alone; where most are none of the encoding, the file is of another.
    if wrong * 2 > len(told) and _is_text(sample, other):
        raise FileEncoding(other)
    # Chinese text of the one is hardly ever well formed in the other, but the other way round it often is.
    if charset != "utf-8" and not sample.isascii() and _is_text(sample, "utf-8"):
        raise FileEncoding("utf-8")


def _short(file: TextIO) -> Iterator[str]:
    """The lines of a CSV file; one without an end is not held."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise FileTorn(f"more than {LONGEST_LINE:,} characters")
        yield line


def _rows(rows: object) -> Iterator[tuple[int, list[object]]]:
    try:
        for row in rows:  # type: ignore[attr-defined]
            if row:
                yield rows.line_num, [unmarked(cell) for cell in row]  # type: ignore[attr-defined]
    except csv.Error as fault:
        raise FileTorn(f"line {rows.line_num}: {fault}"[:100]) from fault  # type: ignore[attr-defined]


def _cells(
    rows: Iterator[tuple[int, list[object]]] | Iterator[tuple[int, list[object] | None]], width: int
) -> Iterator[tuple[int, list[object] | TooWide | None]]:
    """Rows of the same width as the names: what is missing at the end is empty, what is too much refuses the row."""
    for number, row in rows:
        if row is None:
            yield number, None
            continue
        more = any(value not in (None, "") for value in row[width:])
        yield number, TooWide(row) if more else [*row[:width], *[""] * (width - len(row))]


def _names(given: Sequence[object], declared: Declaration) -> list[str]:
    """The columns of a table; those without a name at its end are none. Raises FileColumns."""
    names = [str(name).strip() for name in given]
    while names and not names[-1]:
        names.pop()
    meant = [declared.columns.get(name, name) for name in names]
    there = {*meant, *declared.constants}
    missing = [name for name in ("id", "subject", "time") if name not in there]
    if not there & {"behaviour", "type"}:
        missing.append("behaviour")
    if missing:
        raise FileColumns(", ".join(missing))
    twice = sorted({name for name in meant if meant.count(name) > 1})
    if twice:
        raise FileColumns(f"{twice[0]!r} twice"[:60])
    return names
