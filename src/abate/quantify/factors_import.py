"""Factors from outside into the house format: what would be added, what is refused, what supersedes what.

Nothing is guessed and nothing is overwritten. A row without source, table, unit or publication is
refused; a row whose
id is taken by another value is refused, or gets an id of its own where a revision is named. A row that
stands in the
place of an older one (`same`) takes over its name and proposes the supersession.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from abate.quantify import units
from abate.quantify.factors_files import COLUMNS, read_factors
from abate.quantify.factors_import_files import FORMS, Row, read_rows
from abate.quantify.factors_registry import Factor, Registry
from abate.quantify.reading_yaml import DECIMAL, MethodError, Table, Value, read_yaml

SEEN = ("seen-in-primary", "seen-in-secondary")
"""How a value may have been seen. Nothing from memory enters."""

SLOT = re.compile(r"\{([^{}]+)\}")
NEEDED = {
    "id": "no_id",
    "value": "no_value",
    "unit": "no_unit",
    "source": "no_source",
    "table": "no_table",
    "published": "no_publication",
    "where_seen": "no_where_seen",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """How one column of the house format is made from a row: a text with {columns} in it, then a map."""

    text: str
    mapped: Mapping[str, str] | None = None
    drop: tuple[str, ...] = ()
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    column: str
    values: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping file: which column is what, constants, units. `same` is the text by which a row is known
    again in a
    later set (found in the notes of the older factor)."""

    name: str
    form: str
    sheet: str
    header: str
    asks: tuple[str, ...]
    same: str
    only: Skip | None
    skip: tuple[Skip, ...]
    fields: Mapping[str, Spec]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that does not enter: `code` is stable, the rest tells a person what to do."""

    line: int
    code: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an import comes to. `supersedes`: older id -> the id that takes its place."""

    added: tuple[Factor, ...]
    unchanged: tuple[str, ...]
    refused: tuple[Refused, ...]
    supersedes: Mapping[str, str]
    skipped: Mapping[str, int]
    rows: tuple[Mapping[str, str], ...]

    def csv(self) -> str:
        """The added factors as a factor file."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()


HOUSE = Mapped("house", "", "", "", (), "", None, (), {c: Spec(f"{{{c}}}") for c in COLUMNS})
"""A file that already has the columns of the house."""


def read_mapping(name: str, folder: Path) -> Mapped:
    """A shipped mapping by name (`uk-flat`, `house`) or a file. Raises MethodError."""
    if name == "house":
        return HOUSE
    shipped = folder / "factors" / "imports" / f"{name}.yaml"
    path = shipped if shipped.exists() else Path(name)
    table = read_yaml(path, path.name).table()
    form = table["format"]
    if form.text() not in FORMS:
        raise form.error(f"format {form.text()} is not read", f"choose one of: {', '.join(FORMS)}")
    sheet, header, same, only, asks = (table.get(k) for k in ("sheet", "header", "same", "only", "asks"))
    fields = {}
    for key, value in table["fields"].table():
        if key not in COLUMNS:
            raise value.error(f"{key} is no column of a factor file", f"columns: {', '.join(COLUMNS)}")
        fields[key] = _spec(value)
    mapped = Mapped(
        name=table["import"].text(),
        form=form.text(),
        sheet=sheet.text() if sheet else "",
        header=header.text() if header else "",
        asks=asks.texts() if asks else (),
        same=same.text() if same else "",
        only=_skip(only.table(), why=False) if only else None,
        skip=tuple(_skip(v.table()) for v in table.entries("skip")),
        fields=fields,
    )
    table.done()
    return mapped


def _spec(value: Value) -> Spec:
    table = value.table()
    mapped, drop, decimals = table.get("map"), table.get("drop"), table.get("decimals")
    spec = Spec(
        text=table["text"].text(),
        mapped={key: str(v.node.value) for key, v in mapped.table()} if mapped else None,
        drop=tuple(str(v.node.value) for v in drop.items()) if drop else (),
        decimals=decimals.integer() if decimals else None,
    )
    table.done()
    return spec


def _skip(table: Table, why: bool = True) -> Skip:
    skip = Skip(table["column"].text(), table["values"].texts(), table["why"].text() if why else "")
    table.done()
    return skip


def propose(
    path: Path, mapped: Mapped, registry: Registry, given: Mapping[str, str], revision: str = ""
) -> Proposal:
    """What importing `path` would add and supersede. Raises MethodError where the file as a whole cannot
    be read."""
    missing = [a for a in mapped.asks if not given.get(a)]
    if missing:
        raise MethodError(mapped.name, 0, f"the mapping asks for {missing[0]}", f"add --set {missing[0]}=...")
    form = mapped.form or path.suffix.lower().lstrip(".")
    return _Import(mapped, registry, given, revision).run(read_rows(path, form, mapped.sheet, mapped.header))


class _Import:
    def __init__(self, mapped: Mapped, registry: Registry, given: Mapping[str, str], revision: str) -> None:
        self._mapped = mapped
        self._registry = registry
        self._given = given
        self._revision = revision
        self._refused: list[Refused] = []
        self._added: dict[str, tuple[Factor, dict[str, str]]] = {}
        self._unchanged: list[str] = []
        self._supersedes: dict[str, str] = {}
        self._skipped: dict[str, int] = {}
        notes = registry.factors.values() if mapped.same else ()
        self._known: dict[str, list[Factor]] = {}
        for factor in notes:
            for part in factor.notes.split(";"):
                self._known.setdefault(part.strip(), []).append(factor)

    def run(self, rows: list[Row]) -> Proposal:
        for row in rows:
            if not self._left_out(row):
                self._row(row)
        added = [self._added[k] for k in sorted(self._added)]
        return Proposal(
            tuple(f for f, _ in added),
            tuple(self._unchanged),
            tuple(self._refused),
            dict(sorted(self._supersedes.items())),
            self._skipped,
            tuple(cells for _, cells in added),
        )

    def _left_out(self, row: Row) -> bool:
        only = self._mapped.only
        if only and row.cells.get(only.column, "") not in only.values:
            why = f"{only.column} is none of {', '.join(only.values)}"
        else:
            hits = (s.why for s in self._mapped.skip if row.cells.get(s.column, "") in s.values)
            why = next(hits, "")
        if why:
            self._skipped[why] = self._skipped.get(why, 0) + 1
        return bool(why)

    def _row(self, row: Row) -> None:
        cells: dict[str, str] = dict.fromkeys(COLUMNS, "")
        for column, spec in self._mapped.fields.items():
            found = self._cell(row, column, spec)
            if found is None:
                return
            cells[column] = found
        if self._mapped.fields["value"].decimals is not None:
            self._rounded(row, cells)
        for column, code in NEEDED.items():
            if not cells[column]:
                return self._refuse(
                    row, code, f"has no {column}", f"map {column} in the mapping file, or fill it in"
                )
        older = self._older(row, cells)
        if cells["confidence"] not in SEEN:
            return self._refuse(
                row, "not_seen", f"confidence is {cells['confidence']!r}", f"write {' or '.join(SEEN)}"
            )
        try:
            factor = next(iter(read_factors("row", [",".join(COLUMNS), _line(cells)])))[1]
        except MethodError as error:
            return self._refuse(row, _code(error.reason), error.reason, error.remedy)
        self._take(row, factor, cells, older)

    def _cell(self, row: Row, column: str, spec: Spec) -> str | None:
        def fill(slot: re.Match[str]) -> str:
            return self._slot(row, slot[1])

        try:
            text = SLOT.sub(fill, spec.text)
        except KeyError as error:
            self._refuse(row, "no_column", f"there is no column {error.args[0]!r}", "correct the mapping")
            return None
        for part in spec.drop:
            text = text.replace(part, "")
        if spec.mapped is not None:
            if text not in spec.mapped:
                self._refuse(
                    row, f"unknown_{column}", f"{column} {text!r} is not in the mapping", "add it to `map`"
                )
                return None
            text = spec.mapped[text]
        if column == "id":
            return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
        if column == "family":
            return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        if column.startswith("name_") or column == "table":
            return re.sub(r"(, |·| / )+(?=, |·| / |$)", "", text).strip(" ,·/")
        return text.strip()

    def _slot(self, row: Row, name: str) -> str:
        if name in self._given:
            return self._given[name]
        if name.endswith("*"):
            return next(v for k, v in row.cells.items() if k.startswith(name[:-1]))
        if name not in row.cells:
            if self._mapped is HOUSE:
                return ""
            raise KeyError(name)
        return row.cells[name]

    def _rounded(self, row: Row, cells: dict[str, str]) -> None:
        """A workbook shows fewer digits than its cell holds: as shown is what is printed; the rest goes
        to notes."""
        digits = self._mapped.fields["value"].decimals or 0
        if not DECIMAL.fullmatch(cells["value"]):
            return
        exact = Decimal(cells["value"])
        shown = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        if shown != exact:
            cells["notes"] = "; ".join(n for n in (cells["notes"], f"unrounded {cells['value']}") if n)
        text = f"{shown:f}"
        cells["value"] = text.rstrip("0").rstrip(".") if "." in text else text

    def _older(self, row: Row, cells: dict[str, str]) -> Factor | None:
        """The factor that this row continues: the newest that carries the same mark. Its name is kept."""
        if not self._mapped.same:
            return None
        mark = SLOT.sub(lambda slot: self._slot(row, slot[1]), self._mapped.same)
        day = cells["published"]
        found = [f for f in self._known.get(mark, []) if f.published and f.published.isoformat() <= day]
        newest = max(found, key=lambda f: f.published or date.min, default=None)
        if newest is not None and newest.period_from and cells["period_from"]:
            old, new = str(newest.period_from.year), cells["period_from"][:4]
            cells["name_zh"], cells["name_en"] = newest.name.zh, newest.name.en
            cells["id"] = newest.id.replace(f"-{old}-", f"-{new}-", 1)
            cells["family"] = newest.family.replace(f"-{old}-", f"-{new}-", 1)
        return newest

    def _take(self, row: Row, factor: Factor, cells: dict[str, str], older: Factor | None) -> None:
        known = self._registry.factors.get(factor.id)
        if (
            known is not None
            and known.value == factor.value
            and units.parse(known.unit) == units.parse(factor.unit)
        ):
            self._unchanged.append(factor.id)
            return
        if known is not None:
            if not self._revision:
                return self._refuse(
                    row,
                    "value_changed",
                    f"{factor.id} is there with {known.value_text} {known.unit}, "
                    f"the file has {factor.value_text} "
                    f"{factor.unit}",
                    "a shipped value is never overwritten: --revision NAME gives the new one its own id",
                )
            older, cells = known, cells | {"id": f"{factor.id}-{self._revision}"}
            factor = next(iter(read_factors("row", [",".join(COLUMNS), _line(cells)])))[1]
        if factor.id in self._added or factor.id in self._registry.factors:
            return self._refuse(
                row, "stands_twice", f"{factor.id} stands twice", "give each row an id of its own"
            )
        self._added[factor.id] = (factor, cells)
        if older is not None and older.id != factor.id and not older.superseded_by:
            self._supersedes[older.id] = factor.id
        return None

    def _refuse(self, row: Row, code: str, reason: str, remedy: str) -> None:
        self._refused.append(Refused(row.line, code, reason, remedy))


def _line(cells: Mapping[str, str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([cells[c].replace("\n", " ") for c in COLUMNS])
    return text.getvalue()


def _code(reason: str) -> str:
    for word, code in (
        ("plain decimal", "bad_value"),
        ("unit", "unknown_unit"),
        ("kind", "unknown_kind"),
        ("grade", "unknown_grade"),
        ("date", "bad_date"),
    ):
        if word in reason:
            return code
    return "not_whole"


def apply_supersessions(folder: Path, supersedes: Mapping[str, str]) -> int:
    """Write `superseded_by` into the factor files where it is still empty; how many rows. Nothing else
    changes."""
    done = 0
    for path in sorted(folder.glob("*.csv")):
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        hits = [r for r in rows if r["id"] in supersedes and not r["superseded_by"]]
        for row in hits:
            row["superseded_by"] = supersedes[row["id"]]
        if hits:
            text = io.StringIO()
            writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            path.write_text(text.getvalue(), "utf-8")
        done += len(hits)
    return done
