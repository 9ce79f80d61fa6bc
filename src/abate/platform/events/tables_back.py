"""A file given back with one column more: what is wrong with a row, empty where nothing is. Where its sender declared sources
of public data, with another: the mark under which its event came, which goes with the data (P-8.5-d).

Read from the file again, so that every cell is as it was sent. What a spreadsheet would run as a formula goes out as text;
mended, the file can be sent as it is: rows that are booked are booked once, and the columns count for nothing.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from abate.platform.doors.spreadsheets import as_text
from abate.platform.events.declared import Declaration
from abate.platform.events.tables import ADDED, ERROR, LINES, PARQUET, TABLE, Rows, TooWide, opened

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{0,13}[1-9])?")
_BATCH = 4096
Row = tuple[int, list[object] | TooWide | bytes | None]
Told = Iterator[tuple[int, str]]
"""Lines with what is wrong there, in the order of lines."""
Marks = Callable[[Sequence[tuple[str, str]]], Sequence[str]]
"""(event id, PARTY/SOURCE) of some rows as they are written there, either empty -> their marks, empty where there is none."""


def write(source: Path, declared: Declaration, told: Told, out: Path, marks: Marks | None) -> None:
    """Write the file back to `out`; without `marks` no column of them. Raises FileRefused where it cannot be read to its end."""
    more = _More(told, declared, marks)
    with opened(source, declared) as found:
        if found.kind == LINES:
            _lines(found, more, out)
        elif found.kind == TABLE:
            _table(found, more, out, declared)
        elif found.kind == PARQUET:
            _parquet(source, more, out)
        else:
            _workbook(found, more, out)


class _More:
    """What the columns that are added say of a line, asked for in the order of lines."""

    def __init__(self, told: Told, declared: Declaration, marks: Marks | None) -> None:
        self._told = told
        self._next = next(told, None)
        self._declared, self._marks = declared, marks
        self.names = ADDED if marks else (ERROR,)

    def places(self, names: Sequence[object]) -> list[int | None]:
        """Where the columns are that say a row's event id and its source."""
        meant = [self._declared.columns.get(str(name), str(name)) for name in names]
        return [meant.index(one) if one in meant else None for one in ("id", "source")]

    def beside(self, rows: Sequence[tuple[int, Sequence[object]]]) -> list[list[str]]:
        """The cells of these lines, each with its event id and source, None where it says nothing of it."""
        errors = [self.of(line) for line, _ in rows]
        if self._marks is None:
            return [[error] for error in errors]
        constant = [self._declared.constants.get(name, "") for name in ("id", "source")]
        named = [[str(own or same) for own, same in zip(said, constant, strict=True)] for _, said in rows]
        marks = self._marks([(event_id, source) for event_id, source in named])
        return [[error, mark] for error, mark in zip(errors, marks, strict=True)]

    def of(self, line: int) -> str:
        if self._next is None or self._next[0] != line:
            return ""
        text = self._next[1]
        self._next = next(self._told, None)
        return text


def _lines(found: Rows, more: _More, out: Path) -> None:
    """Each line as it was, what is added as its last members; of what is no object its number, and its text where it has one."""
    with out.open("wb") as file:
        for batch in _batches(found.rows):
            texts = [_line(number, line) for number, line in batch]
            said = [[members.get(name) for name in ("id", "source")] for members in map(json.loads, texts)]
            beside = more.beside([(number, one) for (number, _), one in zip(batch, said, strict=True)])
            for text, cells in zip(texts, beside, strict=True):
                told = {name: cell for name, cell in zip(more.names, cells, strict=True) if cell}
                if told:
                    added = json.dumps(told, ensure_ascii=False).encode()[1:]
                    text = text[:-1] + (b"" if text[1:-1].strip() == b"" else b", ") + added
                file.write(text + b"\n")


def _line(number: int, line: object) -> bytes:
    """A line of JSON as it was, less what was added before; one that is no object as a text in one, so that it is not lost."""
    text = line.strip() if isinstance(line, bytes) else b""
    if any(name.encode() in text for name in ADDED) or not _is_object(text):
        known = {"line": number, "text": text.decode()} if text else {"line": number}
        again = json.dumps(_without(text) or known, ensure_ascii=False)
        # Half a surrogate pair is no UTF-8, and its escape is that of JSON.
        text = again.encode(errors="backslashreplace")
    return text


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in their order, so many at once that their marks are looked up together."""
    given = iter(rows)
    while batch := list(islice(given, _BATCH)):
        yield batch


def _beside_cells(
    found: Rows, more: _More
) -> Iterator[tuple[int, Sequence[object], list[str], Sequence[object]]]:
    """(number, cells, what is added, cells beyond the last name) of the rows of a table.

    The last are empty but of a row that is too wide. It comes back as wide: what is added stands where its names are, and
    its sender sees which comma was one too many.
    """
    places, width = more.places(found.names), len(found.names)
    for batch in _batches(found.rows):
        given = [(number, _cells_of(row, width)) for number, row in batch]
        said = [(n, [None if at is None else cells[at] for at in places]) for n, cells in given]
        for (number, cells), told in zip(given, more.beside(said), strict=True):
            yield number, cells[:width], told, cells[width:]


def _cells_of(row: list[object] | TooWide | bytes | None, width: int) -> list[object]:
    if isinstance(row, TooWide):
        return row.cells
    return row if isinstance(row, list) else [""] * width


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _without(text: bytes) -> dict[str, object]:
    if not _is_object(text):
        return {}
    # Numbers as the texts they are written with: no digit changes.
    members = json.loads(text, parse_float=str)
    return {name: value for name, value in members.items() if name not in ADDED}


def _table(found: Rows, more: _More, out: Path, declared: Declaration) -> None:
    kept = [at for at, name in enumerate(found.names) if name not in ADDED]
    # With the mark by which a spreadsheet knows UTF-8; what was no text goes back byte by byte.
    encoding = "utf-8-sig" if declared.charset == "utf-8" else declared.charset
    with out.open("w", encoding=encoding, errors="surrogateescape", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*(_marked(str(found.names[place])) for place in kept), *more.names])
        for _, cells, told, beyond in _beside_cells(found, more):
            own = (_marked(str(cells[place])) for place in kept)
            rows.writerow([*own, *map(_marked, told), *(_marked(str(cell)) for cell in beyond)])


def _marked(cell: str) -> str:
    """A text that a spreadsheet would take for a formula, marked as text; a number is none."""
    return cell if _NUMBER.fullmatch(cell) else as_text(cell)


def _workbook(found: Rows, more: _More, out: Path) -> None:
    """The sheet with the columns, and a sheet of its own that lists the errors. No formula and no link is written."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    kept = [at for at, name in enumerate(found.names) if name not in ADDED]
    with xlsxwriter.Workbook(out, options) as book:
        sheet, listed = book.add_worksheet("data"), book.add_worksheet("errors")
        for column, place in enumerate(kept):
            sheet.write_string(0, column, str(found.names[place]))
        sheet.write_row(0, len(kept), more.names)
        listed.write_row(0, 0, ["row", ERROR])
        wrong = 0
        for number, cells, told, beyond in _beside_cells(found, more):
            for column, place in enumerate(kept):
                _write_cell(sheet, number - 1, column, str(cells[place]))
            for column, text in enumerate(told, len(kept)):
                if text:
                    sheet.write_string(number - 1, column, text)
            for column, cell in enumerate(beyond, len(kept) + len(told)):
                _write_cell(sheet, number - 1, column, str(cell))
            if told[0]:
                wrong += 1
                listed.write_number(wrong, 0, number)
                listed.write_string(wrong, 1, told[0])


def _write_cell(sheet: Worksheet, row: int, column: int, text: str) -> None:
    if _NUMBER.fullmatch(text):
        sheet.write_number(row, column, float(text))
    elif text:
        sheet.write_string(row, column, text[:32_767])


def _parquet(source: Path, more: _More, out: Path) -> None:
    """With the file's own columns and types; that it can be read within bounds, the booking has shown."""
    number = 0
    with pq.ParquetFile(source) as file:
        names = [name for name in file.schema_arrow.names if name not in ADDED]
        added = [pa.field(name, pa.string()) for name in more.names]
        schema = pa.schema([*(file.schema_arrow.field(name) for name in names), *added])
        places = more.places(names)
        with pq.ParquetWriter(out, schema) as writer:
            for batch in file.iter_batches(batch_size=_BATCH, columns=names):
                said = [
                    [None] * batch.num_rows if at is None else batch.column(names[at]).to_pylist()
                    for at in places
                ]
                told = more.beside(list(enumerate(zip(*said, strict=True), number + 1)))
                number += batch.num_rows
                beside = [
                    pa.array([row[n] or None for row in told], pa.string()) for n in range(len(more.names))
                ]
                columns = [*(batch.column(name) for name in names), *beside]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
