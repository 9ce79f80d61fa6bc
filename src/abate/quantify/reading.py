"""A methodology file to a `Method`: the only maker of methods, and the place where a wrong one is refused.

Nothing is defaulted: a missing text, source, unit or date refuses the whole file with its line, reason
and remedy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abate.quantify import language, reading_checks
from abate.quantify.distributions import OfMethod
from abate.quantify.distributions_file import read_block
from abate.quantify.factors_registry import Registry
from abate.quantify.formula import Test
from abate.quantify.language import LanguageError, Names
from abate.quantify.method import (
    Activity,
    Clause,
    Formula,
    Method,
    Parameter,
    Recognition,
    Rule,
    Scenario,
    Source,
    Text,
)
from abate.quantify.reading_activity import read_activity
from abate.quantify.reading_overlaps import NAME, check_overlaps, read_overlaps
from abate.quantify.reading_parameters import read_parameters
from abate.quantify.reading_totals import read_totals
from abate.quantify.reading_yaml import MethodError, Table, Value, plain, read_yaml

__all__ = ["MethodError", "read_method"]

AMOUNTS = ("BE", "PE", "LE", "ER")
GASES = ("CO2", "CH4", "N2O", "HFCs", "PFCs", "SF6", "NF3")
"""The seven gases of T/CECA-G 0203-2022, 7.2."""


@dataclass(frozen=True, slots=True)
class _Clauses:
    """The clauses a file declares; every other mention must be one of them."""

    places: Mapping[str, str]

    def take(self, value: Value) -> Clause:
        name = value.text()
        if name not in self.places:
            known = ", ".join(self.places)
            raise value.error(
                f"clause {name} is not declared", f"declare it under `clauses`; declared: {known}"
            )
        return Clause(name, self.places[name])


def read_method(path: Path, registry: Registry) -> Method:
    """Read one version file. Raises MethodError with file, line, reason and remedy."""
    shown = f"{path.parent.name}/{path.name}"
    top = read_yaml(path, shown)
    table = top.table()
    clauses = _Clauses({name: place.text() for name, place in table["clauses"].table()})
    activity = read_activity(table["activity"], clauses.take)
    parameters = read_parameters(table["parameters"], registry, clauses.take)
    names = _names(table, activity, parameters)
    formulas = _formulas(table["formulas"], names, clauses)
    method = Method(
        id=_identity(table),
        version=table["version"].integer(),
        titles=table["titles"].both(),
        behaviour=_behaviour(table),
        standard=_standard(table["standard"], registry),
        clauses=tuple(Clause(n, p) for n, p in clauses.places.items()),
        published=table["published"].day(),
        in_force_from=(force := table["in_force"].table())["from"].day(),
        in_force_to=(end.day() if (end := force.get("to")) else None),
        summary=table["summary"].both(),
        functional_unit=table["functional_unit"].both(),
        gases=_gases(table["gases"]),
        baseline=_scenario(table["baseline"], clauses),
        project=_scenario(table["project"], clauses),
        boundary_difference=(v.both() if (v := table.get("boundary_difference")) else None),
        activity=activity,
        parameters=parameters,
        recognition=_recognition(table, names, clauses),
        formulas=formulas,
        rules=_rules(table, names, clauses),
        overlaps=read_overlaps(overlaps := table.get("overlaps")),
        project_total=(v.truth() if (v := table.get("project_total")) else False),
        hash=_hash(top),
        path=shown,
        uncertainty=_uncertainty(table, names, registry),
        totals=read_totals(table.get("totals"), activity, names, clauses.take),
    )
    force.done()
    table.done()
    reading_checks.check(method, table)
    check_overlaps(method, overlaps)
    return method


def _uncertainty(table: Table, names: Names, registry: Registry) -> OfMethod | None:
    titles = {key: document.title for key, document in registry.documents.items()}
    items = (f"{name}.{item}" for name, own in names.lists.items() for item in own)
    return read_block(table.get("uncertainty"), titles, {*names.numbers, *items}, names.params.keys())


def _hash(top: Value) -> str:
    """SHA-256 of the content without comments and layout; the order of keys counts, as fields and rules
    are ordered.

    `overlaps` is left out: it changes no gram, and a behaviour that joins the catalogue later must be able
    to name a published version as its pair without making results and receipts of it another version's."""
    content = {key: plain(value) for key, value in top.table() if key != "overlaps"}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(table: Table) -> str:
    value = table["id"]
    if not NAME.fullmatch(value.text()):
        raise value.error(
            f"{value.text()!r} is not an id", "use small letters, digits and hyphens, like online-meeting"
        )
    return value.text()


def _behaviour(table: Table) -> int | None:
    value = table.get("behaviour")
    if value is None:
        return None
    if not 1 <= value.integer() <= 59:
        raise value.error(
            f"behaviour {value.integer()} is not in Appendix A", "its typical behaviours are numbered 1 to 59"
        )
    return value.integer()


def _standard(value: Value, registry: Registry) -> str:
    key = value.text()
    if key not in registry.documents:
        raise value.error(
            f"standard {key} is not in sources.yaml", "add the document there, with title and publisher"
        )
    return key


def _gases(value: Value) -> tuple[str, ...]:
    for item in value.items():
        if item.text() not in GASES:
            raise item.error(
                f"{item.text()} is not one of the gases counted", f"choose of: {', '.join(GASES)}"
            )
    if "CO2" not in value.texts():
        raise value.error("CO2 is not among the gases", "CO2 is counted at least (M-2.3.1, P-7.2-b)")
    return value.texts()


def _scenario(value: Value, clauses: _Clauses) -> Scenario:
    table = value.table()
    scenario = Scenario(
        text=table["text"].both(),
        clause=clauses.take(table["clause"]),
        sources=tuple(_source(v) for v in table["sources"].items()),
    )
    if not scenario.sources:
        raise value.error("the scenario has no emission source", "list every source, included or left out")
    table.done()
    return scenario


def _source(value: Value) -> Source:
    table = value.table()
    included = table["included"].truth()
    why = table.get("why")
    if not included and why is None:
        raise value.error("a source is left out without a reason", "add `why` in both languages")
    source = Source(
        id=table["id"].text(),
        name=table["name"].both(),
        gases=_gases(table["gases"]),
        included=included,
        why=why.both() if why else None,
    )
    table.done()
    return source


def _names(table: Table, activity: Activity, parameters: Mapping[str, Parameter]) -> Names:
    numbers = {f.name: f.unit for f in activity.fields if f.kind in ("number", "integer")}
    numbers |= {d.name: d.unit for d in activity.derived}
    sets = {name: v.texts() for name, v in table.named("sets")}
    units = {name: v.table()["unit"].text() for name, v in table["formulas"].table()}
    seen: set[str] = set()
    for group in (
        {f.name for f in activity.fields},
        {d.name for d in activity.derived},
        parameters,
        units,
        sets,
    ):
        for name in group:
            if name in seen:
                raise table.at.error(
                    f"the name `{name}` stands for two things", "give one of them another name"
                )
            seen.add(name)
    return Names(
        numbers=numbers,
        texts={f.name: f.choices for f in activity.fields if f.kind in ("text", "id")},
        present=frozenset(f.name for f in activity.fields),
        lists={f.name: {i.name: i.unit for i in f.items} for f in activity.fields if f.kind == "list"},
        params={name: p.unit for name, p in parameters.items()},
        formulas=units,
        sets=sets,
    )


def _formulas(value: Value, names: Names, clauses: _Clauses) -> dict[str, Formula]:
    found: dict[str, Formula] = {}
    for name, at in value.table():
        table = at.table()
        text, unit, clause = table["text"], table["unit"].text(), clauses.take(table["clause"])
        try:
            expr = language.read_value(text.text(), names, unit)
        except (LanguageError, ValueError) as error:
            raise _language(text, error, f" [{clause.id}, {clause.place}]") from error
        found[name] = Formula(
            name=name,
            text=" ".join(text.text().split()),
            unit=unit,
            expr=expr,
            meaning=table["meaning"].both(),
            clause=clause,
        )
        if name in AMOUNTS and unit != "kgCO2e":
            raise at.error(f"{name} is in {unit}", "BE, PE, LE and ER are in kgCO2e")
        table.done()
    for name in AMOUNTS:
        if name not in found:
            raise value.error(
                f"formula {name} is missing", "BE, PE, LE and ER are all written; no leakage is LE: 0"
            )
    return found


def _test(value: Value, names: Names) -> Test:
    try:
        return language.read_test(value.text(), names)
    except (LanguageError, ValueError) as error:
        raise _language(value, error) from error


def _language(value: Value, error: Exception, clause: str = "") -> MethodError:
    if isinstance(error, LanguageError):
        return value.error(error.reason + clause, error.remedy)
    return value.error(str(error) + clause, "correct the formula or the unit")


def _recognition(table: Table, names: Names, clauses: _Clauses) -> tuple[Recognition, ...]:
    found = []
    for value in table.entries("recognition"):
        entry = value.table()
        test, clause = _test(entry["test"], names), clauses.take(entry["clause"])
        found.append(Recognition(entry["id"].text(), test, clause, entry["why"].both()))
        entry.done()
    return tuple(found)


def _rules(table: Table, names: Names, clauses: _Clauses) -> tuple[Rule, ...]:
    found = []
    for value in table.entries("rules"):
        entry = value.table()
        formula = entry["formula"]
        if names.formulas.get(formula.text()) != "kgCO2e":
            raise formula.error(f"{formula.text()} is no formula in kgCO2e", "name a formula of this file")
        test, clause = _test(entry["when"], names), clauses.take(entry["clause"])
        found.append(Rule(entry["id"].text(), test, formula.text(), clause, _why(entry)))
        entry.done()
    return tuple(found)


def _why(entry: Table) -> Text:
    return entry["why"].both()
