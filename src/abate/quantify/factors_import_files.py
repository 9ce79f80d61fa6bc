"""Tables of factors from outside: XLSX, CSV and JSON as rows of texts, with the line each stands on.

Cells come as text exactly as far as the file allows: a number of a workbook is a double, and is written
as the
shortest decimal that names it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from abate.quantify.reading_yaml import MethodError

MAX_BYTES = 60_000_000
MAX_ROWS = 200_000
FORMS = ("xlsx", "csv", "json")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` counts from 1 as a person sees it in the file."""

    line: int
    cells: Mapping[str, str]


def read_rows(path: Path, form: str, sheet: str, header: str) -> list[Row]:
    """All rows below the line that holds `header` in some cell (the first line where `header` is empty).
    Raises
    MethodError."""
    if not path.is_file():
        raise MethodError(str(path), 0, "there is no such file", "check the path")
    if path.stat().st_size > MAX_BYTES:
        raise MethodError(path.name, 0, "is larger than 60 MB", "import the sheet with the factors alone")
    if form not in FORMS:
        raise MethodError(path.name, 0, f"format {form!r} is not read", "choose xlsx, csv or json")
    if form == "json":
        return _records(path)
    lines = _xlsx(path, sheet) if form == "xlsx" else _csv(path)
    return list(_tabled(path, lines, header))


def _tabled(path: Path, lines: Iterator[tuple[int, list[str]]], header: str) -> Iterator[Row]:
    names: list[str] | None = None
    for count, (line, cells) in enumerate(lines):
        if count > MAX_ROWS:
            raise MethodError(path.name, line, "has over 200,000 rows", "split the file")
        if names is None:
            if not header or header in cells:
                names = cells
                twice = next((n for n in names if n and names.count(n) > 1), "")
                if twice:
                    raise MethodError(path.name, line, f"column {twice!r} stands twice", "rename one of them")
            continue
        if any(cells):
            yield Row(line, {n: cells[i] if i < len(cells) else "" for i, n in enumerate(names) if n})
    if names is None:
        raise MethodError(
            path.name, 0, f"no line has a cell {header!r}", "the heads may have changed: see the file"
        )


def _xlsx(path: Path, sheet: str) -> Iterator[tuple[int, list[str]]]:
    import python_calamine  # lazy: only this one format needs it

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        if sheet and sheet not in book.sheet_names:
            known = ", ".join(book.sheet_names)
            raise MethodError(path.name, 0, f"has no sheet {sheet!r}", f"its sheets are: {known}")
        rows = book.get_sheet_by_name(sheet or book.sheet_names[0]).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise MethodError(
            path.name, 0, f"is no workbook that can be read: {error}", "save it as .xlsx"
        ) from error
    for line, row in enumerate(rows, 1):
        yield line, [_text(cell) for cell in row]


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)):f}".removesuffix(".0")
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    return str(cell).strip() if cell is not None else ""


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                yield reader.line_num, [cell.strip() for cell in row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise MethodError(path.name, 0, f"is no CSV in UTF-8: {error}", "save it as CSV, UTF-8") from error


def _records(path: Path) -> list[Row]:
    try:
        found = json.loads(path.read_text("utf-8"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise MethodError(path.name, 0, f"is no JSON: {error}", "give a list of objects") from error
    records = found.get("factors") if isinstance(found, dict) else found
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise MethodError(path.name, 0, "is no list of objects", 'write [{...}] or {"factors": [{...}]}')
    rows = []
    for number, record in enumerate(records, 1):
        cells = {
            str(k): "" if v is None else str(v) for k, v in record.items() if not isinstance(v, dict | list)
        }
        rows.append(Row(number, cells))
    return rows
