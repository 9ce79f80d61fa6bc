"""A file given back with one column more: what is wrong with a row, empty where nothing is.

Read from the file again, so that every cell is as it was sent. What a spreadsheet would run as a formula goes out as text;
mended, the file can be sent as it is: rows that are booked are booked once, and the column counts for nothing.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from abate.platform.events.declared import Declaration
from abate.platform.events.tables import ERROR, LINES, PARQUET, TABLE, Rows, opened

_FORMULA = re.compile("'*[=+\\-@\t\r]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{0,13}[1-9])?")
_BATCH = 4096
Told = Iterator[tuple[int, str]]
"""Lines with what is wrong there, in the order of lines."""


def write(source: Path, declared: Declaration, told: Told, out: Path) -> None:
    """Write the file back to `out`. Raises FileRefused where the file cannot be read to its end."""
    with opened(source, declared) as found:
        if found.kind == LINES:
            _lines(found, told, out)
        elif found.kind == TABLE:
            _table(found, told, out, declared)
        elif found.kind == PARQUET:
            _parquet(source, told, out)
        else:
            _workbook(found, told, out)


class _Errors:
    """What is wrong with a line, asked for in the order of lines."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._next = next(told, None)

    def of(self, line: int) -> str:
        if self._next is None or self._next[0] != line:
            return ""
        text = self._next[1]
        self._next = next(self._told, None)
        return text


def _lines(found: Rows, told: Told, out: Path) -> None:
    """Each line as it was, the error as its last member; what is no object is named by its number alone."""
    errors = _Errors(told)
    with out.open("wb") as file:
        for number, line in found.rows:
            error = errors.of(number)
            text = line.strip() if isinstance(line, bytes) else b""
            if ERROR.encode() in text or not _is_object(text):
                text = json.dumps(_without(text) or {"line": number}, ensure_ascii=False).encode()
            if error:
                more = json.dumps({ERROR: error}, ensure_ascii=False).encode()[1:]
                text = text[:-1] + (b"" if text[1:-1].strip() == b"" else b", ") + more
            file.write(text + b"\n")


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
    return {name: value for name, value in members.items() if name != ERROR}


def _table(found: Rows, told: Told, out: Path, declared: Declaration) -> None:
    errors = _Errors(told)
    kept = [place for place, name in enumerate(found.names) if name != ERROR]
    # With the mark by which a spreadsheet knows UTF-8; what was no text goes back byte by byte.
    encoding = "utf-8-sig" if declared.charset == "utf-8" else declared.charset
    with out.open("w", encoding=encoding, errors="surrogateescape", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*(_marked(str(found.names[place])) for place in kept), ERROR])
        for number, cells in found.rows:
            given = cells if isinstance(cells, list) else [""] * len(found.names)
            rows.writerow([*(_marked(str(given[place])) for place in kept), errors.of(number)])


def _marked(cell: str) -> str:
    """A text that a spreadsheet would take for a formula, marked as text; a number is none."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _workbook(found: Rows, told: Told, out: Path) -> None:
    """The sheet with the column, and a sheet of its own that lists the errors. No formula and no link is written."""
    errors = _Errors(told)
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    kept = [place for place, name in enumerate(found.names) if name != ERROR]
    with xlsxwriter.Workbook(out, options) as book:
        sheet, listed = book.add_worksheet("data"), book.add_worksheet("errors")
        for column, place in enumerate(kept):
            sheet.write_string(0, column, str(found.names[place]))
        sheet.write_string(0, len(kept), ERROR)
        listed.write_row(0, 0, ["row", ERROR])
        wrong = 0
        for number, cells in found.rows:
            given = cells if isinstance(cells, list) else [""] * len(found.names)
            for column, place in enumerate(kept):
                text = str(given[place])
                if _NUMBER.fullmatch(text):
                    sheet.write_number(number - 1, column, float(text))
                elif text:
                    sheet.write_string(number - 1, column, text[:32_767])
            if error := errors.of(number):
                sheet.write_string(number - 1, len(kept), error)
                wrong += 1
                listed.write_number(wrong, 0, number)
                listed.write_string(wrong, 1, error)


def _parquet(source: Path, told: Told, out: Path) -> None:
    """With the file's own columns and types; that it can be read within bounds, the booking has shown."""
    errors, number = _Errors(told), 0
    with pq.ParquetFile(source) as file:
        names = [name for name in file.schema_arrow.names if name != ERROR]
        schema = pa.schema([*(file.schema_arrow.field(name) for name in names), pa.field(ERROR, pa.string())])
        with pq.ParquetWriter(out, schema) as writer:
            for batch in file.iter_batches(batch_size=_BATCH, columns=names):
                told_here = [errors.of(n) or None for n in range(number + 1, number + 1 + batch.num_rows)]
                number += batch.num_rows
                columns = [*(batch.column(name) for name in names), pa.array(told_here, pa.string())]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
