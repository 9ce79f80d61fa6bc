"""JSON records that are plainly good, read cheaply.

Nearly every record is: numbers written as plain decimals, texts without escapes, each field once and known.
A few conditions recognise that; what they do not recognise is not refused here but read again by the careful
way (`columns_source.json_rows`), which knows every form a value may take and names what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from abate.quantify.columns_checks import Source
from abate.quantify.columns_input import (
    Cell,
    Column,
    earliest_to_latest,
    field_bounds,
    identifier,
    quoted,
    scaled_text,
)
from abate.quantify.method import ActivityField, Method
from abate.quantify.record_values import DAY, TIME

SUSPECT = r",\s*[\]}]|[nN]a[nN]|[iI][nN][fF]"
"""What the engine's reader takes although it is no JSON; inside a text it only costs a second look."""
PLAIN = r'"[^"\\\x00-\x1f\x7f-\x9f]+"'


def plain_rows(methods: Sequence[Method], relation: str, text: str, kept: Sequence[str]) -> Source:
    """Records as JSON objects in column `text`; a row that is not plainly a record counts as malformed."""
    fields = {f.name: f for m in methods for f in m.activity.fields}
    kinds = {name: "VARCHAR" if f.kind in ("number", "integer") else "JSON" for name, f in fields.items()}
    shape = "{" + ", ".join(f'"{name}": "{kind}"' for name, kind in kinds.items()) + "}"
    passed = "".join(f"{name}, " for name in kept)
    valid = f"CASE WHEN json_valid({text}) THEN NOT regexp_matches({text}, {quoted(SUSPECT)}) END"
    inner = f"SELECT {passed}CASE WHEN {valid} THEN {text} END AS _t FROM {relation}"
    parsed = f"SELECT {passed}json_transform(_t, {quoted(shape)}) AS _d, json_keys(_t) AS _k FROM ({inner})"
    raw = ", ".join(f"CAST(_d.{identifier(name)} AS VARCHAR) AS r_{name}" for name in fields)
    given = " + ".join(f"CAST(r_{name} IS NOT NULL AS INT)" for name in fields)
    known = ", ".join(map(quoted, fields))
    # as many keys as fields that are there: each is known and stands once; with nulls it takes a closer look
    once = f"CASE WHEN len(_k) = {given} THEN true ELSE list_has_all([{known}], _k) AND list_unique(_k) = len(_k) END"
    return Source(
        f"SELECT {passed}_k, {raw} FROM ({parsed})",
        {name: Column("json") for name in fields},
        (*kept, "_k", *(f"r_{name}" for name in fields)),
        f"NOT coalesce({once}, false)",
    )


def plain_cell(f: ActivityField, _: Column | None) -> Cell:
    """The SQL of one field that is accepted only where it is written plainly."""
    r, out = f"r_{f.name}", f"f_{f.name}"
    steps: tuple[dict[str, str], ...]
    match f.kind:
        case "number" | "integer":
            steps = (
                {out: f"CASE WHEN regexp_full_match({r}, {quoted(_digits(f))}) THEN {scaled_text(r, f)} END"},
            )
        case "time":
            steps = _moment(f, TIME.pattern, "TIMESTAMPTZ")
        case "date":
            steps = _moment(f, DAY.pattern, "DATE")
        case "list":
            steps = _list(f)
        case _:
            steps = ({out: f"CASE WHEN {_plain(f)} THEN {_content(r)} END"},)
    good = f"{out} IS NOT NULL"
    return Cell(steps, good if f.required else f"({good} OR {r} IS NULL)", ())


def _digits(f: ActivityField) -> str:
    bounds = field_bounds(f)
    whole = max(1, len(str(bounds.size)) - f.decimals)
    sign = "-?" if bounds.low < 0 else ""
    return f"{sign}[0-9]{{1,{whole}}}" + (rf"(\.[0-9]{{1,{f.decimals}}})?" if f.decimals else "")


def _list(f: ActivityField) -> tuple[dict[str, str], ...]:
    """A JSON array of objects of as many members as there are fields: with every field read, no other is there."""
    r, s, many = f"r_{f.name}", f"s_{f.name}", len(f.items)
    member = rf'"({"|".join(i.name for i in f.items)})":"?-?[0-9.]+"?'
    item = rf"\{{({member},?){{{many}}}\}}"
    shape = "[{" + ", ".join(f'"{i.name}": "VARCHAR"' for i in f.items) + "}]"
    form = rf"\[({item},?)+\]"
    values = ", ".join(
        f"_{i.name}: CASE WHEN regexp_full_match(x.{i.name}, {quoted(_digits(i))}) "
        f"THEN {scaled_text(f'x.{i.name}', i)} END"
        for i in f.items
    )
    array = f"CASE WHEN regexp_full_match({r}, {quoted(form)}) THEN json_transform({r}, {quoted(shape)}) END"
    there = " AND ".join(f"x._{i.name} IS NOT NULL" for i in f.items)
    good = f"len({s}) BETWEEN 1 AND {f.max_items} AND len(list_filter({s}, lambda x: {there})) = len({s})"
    return (
        {s: f"list_transform({array}, lambda x: {{{values}}})"},
        {f"f_{f.name}": f"CASE WHEN {good} THEN {s} END"},
    )


def _content(r: str) -> str:
    return f"substr({r}, 2, length({r}) - 2)"


def _plain(f: ActivityField) -> str:
    r = f"r_{f.name}"
    if f.choices:
        return f"{r} IN ({', '.join(quoted(chr(34) + c + chr(34)) for c in f.choices)})"
    return f"length({r}) BETWEEN 3 AND {f.max_length + 2} AND regexp_full_match({r}, {quoted(PLAIN)})"


def _moment(f: ActivityField, pattern: str, kind: str) -> tuple[dict[str, str], ...]:
    r, i = f"r_{f.name}", f"i_{f.name}"
    form = f"regexp_full_match({r}, {quoted(chr(34) + '(' + pattern + ')' + chr(34))})"
    read = f"CASE WHEN {form} AND {r} >= '\"0001' THEN TRY_CAST({_content(r)} AS {kind}) END"
    return ({i: read}, {f"f_{f.name}": earliest_to_latest(i, kind)})
