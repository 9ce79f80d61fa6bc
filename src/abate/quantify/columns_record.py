"""The canonical record text as SQL: byte for byte what `record.canonical` writes."""

from __future__ import annotations

from abate.quantify.columns_checks import among
from abate.quantify.columns_plan import Plan
from abate.quantify.method import ActivityField, Method


def canonical_columns(plan: Plan, zone: str, *, plain: bool = False) -> list[str]:
    """`canonical` (null where the record was not accepted), `day` and `occurred_at`, each with its name.

    `plain`: no text holds a character that JSON escapes.
    """
    texts = {m.version: _record(m, plain) for m in plan.methods}
    newest = texts[plan.newest.version]
    whens = "".join(
        f" WHEN {among('seg', [s.index for s in plan.of(m)])} THEN {texts[m.version]}"
        for m in plan.methods
        if texts[m.version] != newest and plan.of(m)
    )
    canonical = f"CASE{whens} ELSE {newest} END" if whens else newest
    dated = plan.newest.activity.field(plan.newest.activity.dated_by)
    column = f"f_{dated.name}"
    if dated.kind == "date":
        day, at = column, f"timezone('{zone}', CAST({column} AS TIMESTAMP))"
    else:
        day, at = f"CAST(timezone('{zone}', {column}) AS DATE)", column
    return [
        f"CASE WHEN ok AND fits THEN {canonical} END AS canonical",
        f"{day} AS day",
        f"{at} AS occurred_at",
    ]


def _record(method: Method, plain: bool) -> str:
    """Every field writes `,"name":value` or nothing; the first comma is then taken off."""
    parts = ", ".join(_part(f, plain) for f in method.activity.fields)
    return f"concat('{{', substr(concat({parts}), 2), '}}')"


def _part(f: ActivityField, plain: bool) -> str:
    """Null where the field is absent, which concat() passes over."""
    column = f"f_{f.name}"
    match f.kind:
        case "number" | "integer":
            value = _number(column, f.decimals)
        case "time":
            value = f"{_time(column)} || 'Z'"
        case "date":
            value = f"strftime({column}, '%Y-%m-%d')"
        case "list":
            return f"',\"{f.name}\":' || {_list(f)}"
        case _:
            value = column if plain else f"replace(replace({column}, '\\', '\\\\'), '\"', '\\\"')"
    return f"',\"{f.name}\":\"' || {value} || '\"'"


def _number(column: str, decimals: int) -> str:
    """A scaled whole number as a decimal text without trailing zeros."""
    if not decimals:
        return f"CAST({column} AS VARCHAR)"
    unit = f"CAST('{10.0**-decimals:.{decimals}f}' AS DECIMAL({decimals + 1}, {decimals}))"
    text = f"CAST(CAST({column} AS DECIMAL(18, 0)) * {unit} AS VARCHAR)"
    return f"rtrim(rtrim({text}, '0'), '.')"


def _time(column: str) -> str:
    """UTC to the second, then the fraction without trailing zeros where there is one."""
    utc = f"timezone('UTC', {column})"
    return f"rtrim(rtrim(strftime({utc}, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.')"


def _list(f: ActivityField) -> str:
    items = ", ',', ".join(f"'\"{i.name}\":\"', {_number(f'x._{i.name}', i.decimals)}, '\"'" for i in f.items)
    return f"'[' || array_to_string(list_transform(f_{f.name}, lambda x: concat('{{', {items}, '}}')), ',') || ']'"
