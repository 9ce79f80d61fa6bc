"""The activity schema of a methodology: fields, what is derived from them, and what must come together."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import cast, get_args

from abate.quantify import units
from abate.quantify.method import Activity, ActivityField, Because, Clause, Derived, FieldHint, FieldKind
from abate.quantify.reading_yaml import Table, Value

TakeClause = Callable[[Value], Clause]
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
EXACT_DOUBLE = 2**51
"""Below this, a decimal with its declared digits survives a JSON number (an I-JSON double) unchanged."""


def read_activity(value: Value, clause: TakeClause) -> Activity:
    table = value.table()
    fields = tuple(_field(name, at, clause) for name, at in table["fields"].table())
    kinds = {f.name: f for f in fields}
    activity = Activity(
        fields=fields,
        key=_known(table["key"], kinds),
        dated_by=_dated_by(table["dated_by"], kinds),
        derived=tuple(_derived(n, v, kinds) for n, v in table.named("derived")),
        intervals=tuple(_interval(v, kinds) for v in table.entries("intervals")),
        one_of=tuple(_known(v, kinds) for v in table.entries("one_of")),
        refused=tuple(_hint(v, clause) for v in table.entries("refused")),
    )
    for d in activity.derived:
        if (d.start, d.end) not in activity.intervals:
            raise table["derived"].error(
                f"{d.name} is derived from {d.start} and {d.end}, which are not an interval",
                f"write `- [{d.start}, {d.end}]` under `intervals`: a span has its end after its start",
            )
    for group in activity.one_of:
        for name in group:
            if kinds[name].required:
                raise table["one_of"].error(
                    f"{name} is required and also a choice", "make it `required: false`"
                )
    table.done()
    return activity


def _known(value: Value, fields: dict[str, ActivityField]) -> tuple[str, ...]:
    for item in value.items():
        if item.text() not in fields:
            raise item.error(f"`{item.text()}` is not a field", f"fields: {', '.join(fields)}")
    return value.texts()


def _dated_by(value: Value, fields: dict[str, ActivityField]) -> str:
    field = fields.get(value.text())
    if field is None or field.kind not in ("time", "date") or not field.required:
        raise value.error(f"`{value.text()}` does not date the record", "name a required time or date field")
    return field.name


def _interval(value: Value, fields: dict[str, ActivityField]) -> tuple[str, str]:
    names = _known(value, fields)
    if (
        len(names) != 2
        or fields[names[0]].kind != fields[names[1]].kind
        or fields[names[0]].kind not in ("time", "date")
    ):
        raise value.error("an interval is a pair of time or date fields", "write [start, end]")
    return names[0], names[1]


def _derived(name: str, value: Value, fields: dict[str, ActivityField]) -> Derived:
    table = value.table()
    kind, start, end = table["kind"].text(), table["start"].text(), table["end"].text()
    needed = {"hours": ("time", "h"), "days": ("date", "day")}
    if kind not in needed:
        raise value.error(f"{kind} is not derived from dates", "choose hours or days")
    for field in (start, end):
        if field not in fields or fields[field].kind != needed[kind][0] or not fields[field].required:
            raise value.error(
                f"`{field}` is not a required {needed[kind][0]} field", "derive from required fields"
            )
    derived = Derived(
        name=name,
        kind="hours" if kind == "hours" else "days",
        start=start,
        end=end,
        unit=needed[kind][1],
        meaning=table["meaning"].both(),
        high=table["high"].number(),
    )
    table.done()
    return derived


def _hint(value: Value, clause: TakeClause) -> FieldHint:
    table = value.table()
    hint = FieldHint(table["pattern"].text(), table["why"].both(), clause(table["clause"]))
    table.done()
    return hint


def _field(name: str, value: Value, clause: TakeClause) -> ActivityField:
    table = value.table()
    kind = table["kind"].text()
    if kind not in get_args(FieldKind):
        raise table["kind"].error(
            f"{kind} is not a kind of field", f"choose one of: {', '.join(get_args(FieldKind))}"
        )
    if not FIELD_NAME.fullmatch(name):
        raise value.error(f"{name!r} is not a field name", "use small letters, digits and underscores")
    low, high = table.get("low"), table.get("high")
    items = table.get("items")
    field = ActivityField(
        name=name,
        kind=cast("FieldKind", kind),
        required=table["required"].truth(),
        meaning=table["meaning"].both(),
        unit=_unit(table, kind),
        decimals=table["decimals"].integer() if kind == "number" else 0,
        low=low.number() if low else None,
        high=high.number() if high else None,
        low_open=(v.truth() if (v := table.get("low_open")) else False),
        absent_zero=_absent_zero(table),
        personal=(v.truth() if (v := table.get("personal")) else False),
        max_length=(v.integer() if (v := table.get("max_length")) else 128),
        choices=(v.texts() if (v := table.get("choices")) else ()),
        max_items=table["max_items"].integer() if kind == "list" else 0,
        items=tuple(_field(n, v, clause) for n, v in items.table()) if items else (),
        because=_because(table.get("because"), clause),
    )
    _check_field(field, value)
    table.done()
    return field


def _because(value: Value | None, clause: TakeClause) -> Because | None:
    if value is None:
        return None
    table = value.table()
    found = Because(clause(table["clause"]), table["why"].both())
    table.done()
    return found


def _unit(table: Table, kind: str) -> str:
    if kind not in ("number", "integer"):
        return ""
    value = table["unit"]
    try:
        units.parse(value.text())
    except units.UnitError as error:
        raise value.error(str(error), 'use a unit of the vocabulary, or "1" for a plain number') from error
    return value.text()


def _absent_zero(table: Table) -> bool:
    value = table.get("absent")
    if value is None:
        return False
    if value.text() != "zero":
        raise value.error(
            f"absent: {value.text()} is not known", "write `absent: zero` where absence means not used"
        )
    return True


def _check_field(field: ActivityField, value: Value) -> None:
    numeric = field.kind in ("number", "integer")
    if numeric and (field.low is None or field.high is None or field.low > field.high):
        raise value.error(
            "a number needs `low` and `high`, low not above high", "state the range that is believable"
        )
    if numeric and field.high is not None and field.low is not None:
        widest = max(abs(field.low), abs(field.high)) * 10**field.decimals
        if widest > EXACT_DOUBLE:
            raise value.error(
                f"{field.decimals} decimals up to {field.high} pass 2^51 and would not survive a JSON number",
                "lower `high` or `decimals`",
            )
        if Fraction(field.low * 10**field.decimals).denominator != 1 or (field.high * 10**field.decimals) % 1:
            raise value.error(
                "`low` or `high` has more digits than `decimals`", "write both with the decimals declared"
            )
    if field.required and field.absent_zero:
        raise value.error("a required field cannot be absent", "remove `absent: zero` or make it optional")
    if field.kind == "list" and not (field.items and 0 < field.max_items <= 1000):
        raise value.error(
            "a list needs `items` and `max_items` from 1 to 1,000", "describe what stands in it"
        )
    if any(i.kind not in ("number", "integer") or not i.required for i in field.items):
        raise value.error(
            "an item of a list holds required numbers only", "move other fields out of the list"
        )
