"""A Scope 3+ project as a document: what no record can say (5.5.1 to 5.5.5, 5.5.8, 5.5.9 of the draft).

Identification, boundary of both scenarios, functional unit and baseline of each solution, additionality, and for
each source how its activity level is had and why its factor is fit. Every key is wanted: what is not known has no
place here. `project_checks` holds the records against it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from abate.quantify.method import Text
from abate.quantify.reading_yaml import Table, Value, read_yaml

KINDS = ("enablement", "engagement")
BARRIERS = ("finance", "funding", "technology")
SCENARIOS = ("baseline", "project")
FLOWS = ("emission", "removal")
CHOICES = ("market_average", "most_used", "other")


@dataclass(frozen=True, slots=True)
class Source:
    """A source or sink inside the boundary. `because`: why only one scenario has it."""

    id: str
    flow: str
    name: Text
    scenarios: tuple[str, ...]
    because: Text | None
    activity: Text
    factor_source: str
    factor_applies: Text
    factor_valid: tuple[date, date]
    factor_use: Text


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution's functional unit (amount, quality, time and place) and its baseline scenario."""

    id: str
    quantity: Text
    quality: Text
    time: tuple[date, date]
    place: str
    baseline: Text
    choice: str
    why: Text
    evidence: str
    set_on: date
    reviews: tuple[date, ...]

    @property
    def looked_at(self) -> date:
        """The day on which the baseline was set or last reviewed."""
        return max((self.set_on, *self.reviews))


@dataclass(frozen=True, slots=True)
class Project:
    """A whole declaration. `sources` by (source, flow)."""

    id: str
    file: str
    sha256: str
    titles: Text
    kind: str
    identified: Text
    outside: Text
    barriers: tuple[tuple[str, Text], ...]
    sources: Mapping[tuple[str, str], Source]
    excluded: tuple[tuple[Text, Text], ...]
    solutions: Mapping[str, Solution]


def read_project(path: Path) -> Project:
    """Raises MethodError with file, line, clause and remedy."""
    top = read_yaml(path, path.name)
    table = top.table()
    extra, boundary = table["additionality"].table(), table["boundary"].table()
    project = Project(
        id=table["project"].text(),
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        titles=table["titles"].both(),
        kind=_one_of(table["kind"], KINDS),
        identified=table["identified"].both(),
        outside=table["outside_scopes_1_to_3"].both(),
        barriers=tuple(_barrier(v) for v in extra["barriers"].items()),
        sources=_sources(boundary["sources"]),
        excluded=tuple(_excluded(v) for v in boundary.entries("excluded")),
        solutions=_solutions(table["solutions"]),
    )
    if not project.barriers:
        raise extra.at.error(
            "names no barrier (S-5.5.5)", f"say which of {', '.join(BARRIERS)} the project overcame, and how"
        )
    for inner in (extra, boundary, table):
        inner.done()
    return project


def _one_of(value: Value, words: tuple[str, ...]) -> str:
    if value.text() not in words:
        raise value.error(f"{value.text()!r} is not known", f"one of: {', '.join(words)}")
    return value.text()


def _barrier(value: Value) -> tuple[str, Text]:
    table = value.table()
    found = _one_of(table["kind"], BARRIERS), table["how"].both()
    table.done()
    return found


def _excluded(value: Value) -> tuple[Text, Text]:
    table = value.table()
    found = table["name"].both(), table["why"].both()
    table.done()
    return found


def _span(table: Table, clause: str) -> tuple[date, date]:
    first, last = table["from"].day(), table["to"].day()
    if last < first:
        raise table["to"].error(f"{last} is before {first} ({clause})", "put the days in order")
    return first, last


def _sources(value: Value) -> dict[tuple[str, str], Source]:
    found: dict[tuple[str, str], Source] = {}
    for item in value.items():
        source = _source(item.table())
        if (source.id, source.flow) in found:
            raise item.error(
                f"{source.id} ({source.flow}) stands twice", "name each source and each sink once"
            )
        found[source.id, source.flow] = source
    if not found:
        raise value.error("is empty (S-5.5.2)", "name every source and sink that the project touches")
    return found


def _source(table: Table) -> Source:
    factor = table["factor"].table()
    valid = factor["valid"].table()
    scenarios = tuple(_one_of(v, SCENARIOS) for v in table["scenarios"].items())
    because = table.get("because")
    if set(scenarios) != set(SCENARIOS) and because is None:
        raise table["scenarios"].error(
            "is not in both scenarios (S-5.5.2)",
            "both have one boundary: name both, or say under `because` why only one has this source",
        )
    source = Source(
        id=table["id"].text(),
        flow=_one_of(table["flow"], FLOWS),
        name=table["name"].both(),
        scenarios=scenarios,
        because=because.both() if because else None,
        activity=table["activity"].both(),
        factor_source=factor["source"].text(),
        factor_applies=factor["applies"].both(),
        factor_valid=_span(valid, "S-5.5.9"),
        factor_use=factor["use"].both(),
    )
    for inner in (valid, factor, table):
        inner.done()
    return source


def _solutions(value: Value) -> dict[str, Solution]:
    found: dict[str, Solution] = {}
    for item in value.items():
        solution = _solution(item.table())
        if solution.id in found:
            raise item.error(f"{solution.id} stands twice", "name each solution once")
        found[solution.id] = solution
    return found


def _solution(table: Table) -> Solution:
    unit, base = table["functional_unit"].table(), table["baseline"].table()
    time, place = _span(unit, "S-5.5.3"), unit["place"].text()
    theirs = _span(base, "S-5.5.4")
    if (theirs[0] > time[0] or theirs[1] < time[1]) or base["place"].text() != place:
        raise base.at.error(
            f"is of {base['place'].text()}, {theirs[0]} to {theirs[1]}, the function of {place}, {time[0]} to "
            f"{time[1]} (S-5.5.4)",
            "the baseline is of the same place, and its time covers that of the function",
        )
    choice = base["choice"]
    solution = Solution(
        id=table["id"].text(),
        quantity=unit["quantity"].both(),
        quality=unit["quality"].both(),
        time=time,
        place=place,
        baseline=base["scenario"].both(),
        choice=_one_of(choice, CHOICES),
        why=base["why"].both(),
        evidence=base["evidence"].text(),
        set_on=base["set_on"].day(),
        reviews=tuple(v.day() for v in base.entries("reviews")),
    )
    for inner in (unit, base, table):
        inner.done()
    return solution
