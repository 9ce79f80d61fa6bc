"""Samples as CSV files, read strictly: each refusal names the line, what is wrong, the clause and the remedy.

The columns of a layout are closed. A file with a name, a telephone number or any other column is refused,
so what is estimated from stays anonymous (D-6.6-2).
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

YES = {"yes": 1.0, "true": 1.0, "是": 1.0}
NO = {"no": 0.0, "false": 0.0, "否": 0.0}


class EstimateError(Exception):
    """A sample that nothing is estimated from: `code`, place, why it matters (clause), what to do."""

    def __init__(self, code: str, where: str, reason: str, clause: str, remedy: str) -> None:
        super().__init__(f"{code}: {where}: {reason} ({clause})\n  {remedy}")
        self.code, self.where, self.reason, self.clause, self.remedy = code, where, reason, clause, remedy


@dataclass(frozen=True, slots=True)
class Row:
    """One line with its place, so every refusal can name it."""

    file: str
    line: int
    clause: str
    cells: dict[str, str]

    def refuse(self, code: str, reason: str, remedy: str) -> EstimateError:
        return EstimateError(code, f"{self.file} line {self.line}", reason, self.clause, remedy)

    def text(self, column: str) -> str:
        value = self.cells.get(column, "").strip()
        if not value:
            raise self.refuse("missing", f"{column} is empty", f"give {column}, or leave the line out")
        return value

    def given(self, column: str) -> bool:
        return bool(self.cells.get(column, "").strip())

    def share(self, column: str) -> float:
        """yes, no, 是, 否, or a share from 0 to 1."""
        text = self.text(column).lower()
        if text in YES or text in NO:
            return (YES | NO)[text]
        value = self.number(column)
        if not 0 <= value <= 1:
            raise self.refuse(
                "share_out_of_range",
                f"{column} is {self.cells[column]}: a share above 1 or below 0 cannot be",
                "write yes, no or a share from 0 to 1; percent is divided by 100",
            )
        return value

    def number(self, column: str) -> float:
        try:
            value = float(self.text(column))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.refuse(
                "not_a_number", f"{column} {self.cells[column]!r} is no number", "write it like 12.5"
            )
        return value

    def amount(self, column: str) -> float:
        value = self.number(column)
        if value < 0:
            raise self.refuse("negative", f"{column} is below 0", "an amount is 0 or more")
        return value

    def count(self, column: str) -> int:
        value = self.amount(column)
        if value != int(value):
            raise self.refuse("not_a_count", f"{column} is no whole number", "count whole ones")
        return int(value)

    def day(self, column: str = "day") -> date:
        try:
            return date.fromisoformat(self.text(column))
        except ValueError as error:
            raise self.refuse("not_a_date", f"{column} is no date", "write it like 2026-01-31") from error

    def time(self, column: str) -> datetime:
        try:
            value = datetime.fromisoformat(self.text(column))
        except ValueError:
            value = None
        if value is None or value.tzinfo is None:
            remedy = "write it with its offset, like 2026-01-31T09:00:00+08:00"
            raise self.refuse("not_a_time", f"{column} is no time with an offset", remedy)
        return value


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of a sample: its rows, its name and the digest of its bytes."""

    file: str
    sha256: str
    clause: str
    rows: tuple[Row, ...]
    columns: frozenset[str]

    def refuse(self, code: str, reason: str, remedy: str) -> EstimateError:
        return EstimateError(code, self.file, reason, self.clause, remedy)

    def enough(self, least: int, what: str, why: str) -> None:
        """Refused where the sample is smaller than this project's policy allows."""
        if len(self.rows) < least:
            raise self.refuse(
                "sample_too_small",
                f"{len(self.rows)} {what}, and at least {least} are needed. {why}",
                f"ask more: at least {least}; the limit is policy `least_sample` of methods/estimates.yaml",
            )

    def period(self) -> tuple[date, date]:
        days = [row.day() for row in self.rows]
        return min(days), max(days)


def read_sample(
    path: Path, clause: str, required: Sequence[str], optional: Sequence[str] = (), key: str = ""
) -> Sample:
    """A CSV file in UTF-8 with just these columns; `key` stands once each. Raises EstimateError."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise EstimateError("no_file", str(path), "it cannot be read", clause, "name a file") from error
    except UnicodeDecodeError as error:
        raise EstimateError("not_utf8", path.name, "it is not UTF-8", clause, "save it as UTF-8") from error
    reader = csv.DictReader(text.splitlines(), strict=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    layout = f"write these columns: {', '.join(required)}" + (
        f"; and where there are any: {', '.join(optional)}" if optional else ""
    )
    for name in names:
        if (name not in required and name not in optional) or names.count(name) > 1:
            reason = (
                f"column {name!r} does not belong there: a sample is anonymous and holds only what is used"
            )
            raise EstimateError("unknown_column", path.name, reason, clause, layout)
    for name in required:
        if name not in names:
            raise EstimateError("missing_column", path.name, f"column {name} is missing", clause, layout)
    rows, seen = [], set()
    for cells in reader:
        row = Row(path.name, reader.line_num, clause, {k: v or "" for k, v in cells.items() if k is not None})
        if None in cells:
            raise row.refuse("malformed", "the line has more cells than the head", "quote texts with commas")
        if key and (identity := row.text(key)) in seen:
            raise row.refuse(
                "not_independent",
                f"{key} {identity} stands twice",
                "one line each: answers of one are not two",
            )
        elif key:
            seen.add(identity)
        rows.append(row)
    if not rows:
        raise EstimateError("empty", path.name, "it has no line", clause, "fill in the sample")
    return Sample(path.name, hashlib.sha256(raw).hexdigest(), clause, tuple(rows), frozenset(names))
