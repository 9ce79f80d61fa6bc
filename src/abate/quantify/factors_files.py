"""Reading the factor files, the source documents and an operator's pack, each refusing early and by line."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from abate.quantify import units
from abate.quantify.distributions_file import read_section
from abate.quantify.estimate_document import Estimate, read_estimate
from abate.quantify.factors_registry import GRADES, KINDS, Document, Factor, Figure, Pack, Registry
from abate.quantify.listing import read_listing
from abate.quantify.method import Text
from abate.quantify.reading_yaml import DECIMAL, MethodError, Table, Value, plain, read_yaml

COLUMNS = (
    "id",
    "name_zh",
    "name_en",
    "value",
    "unit",
    "region",
    "kind",
    "grade",
    "gas",
    "gwp_set",
    "period_from",
    "period_to",
    "published",
    "superseded_by",
    "family",
    "source",
    "table",
    "where_seen",
    "confidence",
    "review_by",
    "notes",
)
NEEDED = (
    "id",
    "name_zh",
    "name_en",
    "value",
    "region",
    "kind",
    "grade",
    "gas",
    "source",
    "where_seen",
    "confidence",
)


def read_registry(folder: Path) -> Registry:
    """Everything under a methods folder: factors/*.csv, sources.yaml, regions.csv. Raises MethodError."""
    digest = hashlib.sha256()
    factors: dict[str, Factor] = {}
    for path in sorted((folder / "factors").glob("*.csv")):
        raw = path.read_bytes()
        digest.update(raw)
        for line, factor in read_factors(f"factors/{path.name}", raw.decode("utf-8").splitlines()):
            if factor.id in factors:
                raise _refuse(
                    path.name, line, f"factor {factor.id} stands twice", "keep one; ids are never reused"
                )
            factors[factor.id] = factor
    for factor in factors.values():
        if factor.superseded_by and factor.superseded_by not in factors:
            reason = (
                f"factor {factor.id} is superseded by {factor.superseded_by}, which is not in the registry"
            )
            raise _refuse("factors", 0, reason, "add that factor or correct the id")
    sources = folder / "sources.yaml"
    documents = read_documents(sources) if sources.exists() else []
    digest.update(sources.read_bytes() if sources.exists() else b"")
    registry = Registry(factors.values(), documents, _regions(folder / "regions.csv"), digest.hexdigest())
    for factor in factors.values():
        _one_nation(registry, factor)
    return registry


def read_factors(file: str, lines: list[str]) -> Iterable[tuple[int, Factor]]:
    """(line, factor) for each row of a factor file."""
    reader = csv.DictReader(lines, strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise _refuse(
            file, 1, "the columns are not those of a factor file", f"write exactly: {','.join(COLUMNS)}"
        )
    for row in reader:
        yield reader.line_num, _factor(file, reader.line_num, row)


def _factor(file: str, line: int, row: dict[str, str]) -> Factor:
    for column in NEEDED:
        if not (row[column] or "").strip():
            reason = f"factor {row['id'] or '?'} has no {column}"
            raise _refuse(
                file, line, reason, f"write its {column}; an unsourced or unmarked value is refused"
            )
    if not DECIMAL.fullmatch(row["value"]):
        raise _refuse(
            file, line, f"value {row['value']!r} is not a plain decimal", "copy it as its source prints it"
        )
    for column, allowed in (("kind", KINDS), ("grade", GRADES)):
        if row[column] not in allowed:
            reason = f"{column} {row[column]!r} of {row['id']} is not known"
            raise _refuse(file, line, reason, f"choose one of: {', '.join(allowed)}")
    try:
        units.parse(row["unit"])
    except units.UnitError as error:
        raise _refuse(
            file, line, f"{row['id']}: {error}", "use a unit of the vocabulary in units.py"
        ) from error
    days = {
        name: _day(file, line, name, row[name])
        for name in ("period_from", "period_to", "published", "review_by")
    }
    return Factor(
        id=row["id"],
        name=Text(row["name_zh"], row["name_en"]),
        value=Fraction(row["value"]),
        value_text=row["value"],
        unit=row["unit"],
        region=row["region"],
        kind=row["kind"],
        grade=row["grade"],
        gas=row["gas"],
        gwp_set=row["gwp_set"],
        superseded_by=row["superseded_by"],
        family=row["family"],
        source=row["source"],
        table=row["table"],
        where_seen=row["where_seen"],
        confidence=row["confidence"],
        notes=row["notes"],
        period_from=days["period_from"],
        period_to=days["period_to"],
        published=days["published"],
        review_by=days["review_by"],
    )


def _one_nation(registry: Registry, factor: Factor) -> None:
    """A family is one country's, and no two of its factors answer the same question on the same day."""
    for other in registry.family(factor.family)[:1] if factor.family else ():
        if other.region.partition("-")[0] != factor.region.partition("-")[0]:
            reason = f"family {factor.family} mixes {factor.region} and {other.region}"
            raise _refuse("factors", 0, reason, "give each country a family of its own")


def _day(file: str, line: int, column: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _refuse(file, line, f"{column} {text!r} is not a date", "write it like 2026-01-31") from error


def _regions(path: Path) -> dict[str, str]:
    """Every way to write a region -> its code."""
    names: dict[str, str] = {}
    if path.exists():
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            names |= {row[column].lower(): row["code"] for column in ("code", "name_zh", "name_en")}
    return names


def read_documents(path: Path) -> list[Document]:
    """The source documents that methodologies name, by key."""
    found = []
    for key, value in read_yaml(path, path.name).table():
        table = value.table()
        title, publisher = table["title"].both(), table["publisher"].both()
        found.append(Document(key, title, publisher, table["year"].integer()))
        table.done()
    return found


def read_pack(path: Path, registry: Registry) -> Pack:
    """An operator's pack. Raises MethodError; whether its parameters exist is checked by the catalogue."""
    top = read_yaml(path, path.name)
    table = top.table()
    identity = table["pack"].text()
    titles, illustration = table["titles"].both(), table["illustration"].truth()
    figures = tuple(_figure(value, registry, path.parent) for value in table["figures"].items())
    _unbroken(table["figures"], figures)
    titles_of = {key: document.title for key, document in registry.documents.items()}
    told = read_section(section, titles_of) if (section := table.get("uncertainty")) else None
    switched = table.get("catalogue")
    listing = read_listing(switched, registry.known_region) if switched else None
    table.done()
    content = json.dumps(plain(top), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Pack(identity, titles, illustration, figures, digest, told, listing)


def _figure(at: Value, registry: Registry, folder: Path) -> Figure:
    table = at.table()
    method, parameter = table["method"].text(), table["parameter"].text()
    value, factor, named = table.get("value"), table.get("factor"), table.get("estimate")
    if sum(given is not None for given in (value, factor, named)) != 1:
        raise at.error(
            "a figure is a `value`, an adopted `factor` or an `estimate`", "write exactly one of the three"
        )
    if factor is not None and factor.text() not in registry.factors:
        raise factor.error(f"factor {factor.text()} is not in the registry", "see `abate factors list`")
    estimate = _estimate(named, folder) if named is not None else None
    source, note = table["source"].table() if value is not None else None, table.get("note")
    unit = registry.factors[factor.text()].unit if factor is not None else ""
    figure = Figure(
        method=method,
        parameter=parameter,
        region=_region(table, registry),
        start=(start.day() if (start := table.get("from")) else None),
        end=(end.day() if (end := table.get("to")) else None),
        value=estimate.value if estimate else value.number() if value is not None else None,
        value_text=estimate.value_text if estimate else str(value.node.value) if value is not None else "",
        factor=factor.text() if factor is not None else "",
        unit="1" if estimate else unit or table["unit"].text(),
        document=estimate.id if estimate else source["document"].text() if source else "",
        place=estimate.place() if estimate else source["place"].text() if source else "",
        note=note.both() if note else None,
        estimate=estimate,
    )
    if source:
        source.done()
    table.done()
    return figure


def _estimate(at: Value, folder: Path) -> Estimate:
    """The document a figure names beside its pack, by the digest it names."""
    table = at.table()
    file, sha256 = table["file"], table["sha256"]
    if Path(file.text()).name != file.text():
        raise file.error("the file is not named by its bare name", "put the estimate beside the pack")
    table.done()
    return read_estimate(folder / file.text(), sha256.text(), file)


def _unbroken(at: Value, figures: tuple[Figure, ...]) -> None:
    """For one parameter and region the dates neither overlap nor leave a gap."""
    rows: dict[tuple[str, str, str | None], list[Figure]] = {}
    for figure in figures:
        rows.setdefault((figure.method, figure.parameter, figure.region), []).append(figure)
    for (method, parameter, region), row in rows.items():
        row.sort(key=lambda f: f.start or date.min)
        for earlier, later in pairwise(row):
            if later.start is None or earlier.end is None or later.start <= earlier.end:
                fault = "overlap"
            elif later.start != earlier.end + timedelta(1):
                fault = "leave a gap"
            else:
                continue
            where = f"{method}.{parameter}" + (f" in {region}" if region else "")
            raise at.error(
                f"the dates of {where} {fault}", "let each figure start the day after the one before"
            )


def _region(table: Table, registry: Registry) -> str | None:
    value = table.get("region")
    return registry.region(value.text()) if value else None


def _refuse(file: str, line: int, reason: str, remedy: str) -> MethodError:
    return MethodError(file, line, reason, remedy)
