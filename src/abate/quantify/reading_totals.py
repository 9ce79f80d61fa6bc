"""The block `totals` of a methodology: rules that span records, read as strictly as the rest."""

from __future__ import annotations

from collections.abc import Callable

from abate.quantify import language
from abate.quantify.formula import Compare, Given, Is, Test
from abate.quantify.language import LanguageError, Names
from abate.quantify.method import Activity, Apart, Clause, Once, Totals, Void
from abate.quantify.reading_checks import parts
from abate.quantify.reading_yaml import Table, Value

TakeClause = Callable[[Value], Clause]
KINDS = {"text": ("text", "id"), "date": ("date",)}


def read_totals(value: Value | None, activity: Activity, names: Names, clause: TakeClause) -> Totals | None:
    """Raises MethodError."""
    if value is None:
        return None
    table = value.table()
    totals = Totals(
        clause=clause(table["clause"]),
        project=_field(table["project"], activity),
        per=_texts(table, "per", activity),
        apart=tuple(_apart(v, activity, clause) for v in table.entries("apart")),
        one=tuple(_apart(v, activity, clause) for v in table.entries("one")),
        once=tuple(_once(v.table(), activity, clause) for v in table.entries("once")),
        shared=tuple(_shared(v, activity, clause) for v in table.entries("shared")),
        void=tuple(_void(v, activity, names, clause) for v in table.entries("void")),
    )
    table.done()
    return totals


def _field(value: Value, activity: Activity, kind: str = "text") -> str:
    """The name of a required field: one that may be absent keeps nothing apart."""
    known = {f.name: f for f in activity.fields if f.kind in KINDS[kind] and f.required}
    if value.text() not in known:
        raise value.error(
            f"{value.text()} is no required field of kind {' or '.join(KINDS[kind])}",
            f"choose one of: {', '.join(known)}",
        )
    return value.text()


def _texts(table: Table, key: str, activity: Activity) -> tuple[str, ...]:
    return tuple(_field(v, activity) for v in table.entries(key))


def _apart(value: Value, activity: Activity, clause: TakeClause) -> Apart:
    table = value.table()
    found = Apart(_field(table["field"], activity), clause(table["clause"]), table["why"].both())
    table.done()
    return found


def _once(table: Table, activity: Activity, clause: TakeClause) -> Once:
    found = Once(
        fields=_texts(table, "fields", activity),
        start=_field(table["from"], activity, "date"),
        end=_field(table["to"], activity, "date"),
        clause=clause(table["clause"]),
        why=table["why"].both(),
    )
    if not found.fields:
        raise table.at.error("`fields` is empty", "name the fields in which one thing is alike")
    table.done()
    return found


def _shared(value: Value, activity: Activity, clause: TakeClause) -> tuple[str, Once]:
    table = value.table()
    between = _field(table["between"], activity)
    return between, _once(table, activity, clause)


def _void(value: Value, activity: Activity, names: Names, clause: TakeClause) -> Void:
    table = value.table()
    found = Void(
        _field(table["of"], activity),
        _declared(table["where"], names),
        clause(table["clause"]),
        table["why"].both(),
    )
    table.done()
    return found


def _declared(value: Value, names: Names) -> Test:
    """A condition on what a record declares in words: it holds even where the record's figures are refused."""
    try:
        test = language.read_test(value.text(), names)
    except (LanguageError, ValueError) as error:
        raise value.error(str(error), "correct the condition") from error
    asked = list(parts(test))
    if any(isinstance(p, Compare) for p in asked) or not any(isinstance(p, Is | Given) for p in asked):
        raise value.error(
            "compares figures", 'a rule on the whole asks for a declaration, like rebound == "large_unknown"'
        )
    return test
