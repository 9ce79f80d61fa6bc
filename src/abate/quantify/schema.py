"""The activity record of a methodology as JSON Schema (2020-12), for those who send records.

A number may be a JSON number or a decimal text; the limits of a text, the order of two times and the
decimals of a JSON
number cannot be said in JSON Schema: they stand in annotations beginning with `x-` and are checked when
a record is read.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from abate.quantify.method import ActivityField, Method
from abate.quantify.record_values import DAY, LONGEST, TIME
from abate.quantify.units import decimal_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(method: Method) -> dict[str, Any]:
    """One object; `additionalProperties` is false, so what the methodology does not need is refused
    (7.3.3.3)."""
    activity = method.activity
    found: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:abate:activity:{method.id}:{method.version}",
        "title": f"{method.titles.zh} · {method.titles.en}",
        "description": f"{method.summary.zh} {method.summary.en}",
        "type": "object",
        "properties": {f.name: _optional(f, _field(f)) for f in activity.fields},
        "required": [f.name for f in activity.fields if f.required],
        "additionalProperties": False,
        "x-method": method.id,
        "x-version": method.version,
        "x-hash": method.hash,
        "x-key": list(activity.key),
        "x-dated-by": activity.dated_by,
    }
    if activity.one_of:
        found["oneOf"] = [_group(group, activity.one_of) for group in activity.one_of]
    if activity.intervals:
        found["x-not-before"] = [{"end": end, "start": start} for start, end in activity.intervals]
    if activity.refused:
        found["x-refused"] = [
            {"pattern": h.pattern, "clause": h.clause.id, "zh": h.why.zh, "en": h.why.en}
            for h in activity.refused
        ]
    return found


def _group(group: tuple[str, ...], groups: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """This group is whole and nothing of another is there."""
    others = sorted({name for g in groups for name in g} - set(group))
    return {"allOf": [*(_present(n) for n in group), *({"not": _present(n)} for n in others)]}


def _present(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _optional(field: ActivityField, shape: dict[str, Any]) -> dict[str, Any]:
    """A null stands for an absent field, so an optional one may be null."""
    text = {"title": f"{field.meaning.zh} · {field.meaning.en}"}
    notes: dict[str, Any] = {"x-personal": True} if field.personal else {}
    notes |= {"x-absent": "zero"} if field.absent_zero else {}
    if field.required:
        return text | shape | notes
    return text | {"anyOf": [shape, {"type": "null"}]} | notes


def _field(field: ActivityField) -> dict[str, Any]:
    match field.kind:
        case "number" | "integer":
            return _number(field)
        case "time":
            return {"type": "string", "format": "date-time", "pattern": f"^{TIME.pattern}$"}
        case "date":
            return {"type": "string", "format": "date", "pattern": f"^{DAY.pattern}$"}
        case "list":
            items = {
                "type": "object",
                "properties": {
                    i.name: {"title": f"{i.meaning.zh} · {i.meaning.en}"} | _number(i) for i in field.items
                },
                "required": [i.name for i in field.items],
                "additionalProperties": False,
            }
            return {"type": "array", "minItems": 1, "maxItems": field.max_items, "items": items}
        case _:
            if field.choices:
                return {"type": "string", "enum": list(field.choices)}
            plain = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
            return {"type": "string", "minLength": 1, "maxLength": field.max_length, "pattern": plain}


def _number(field: ActivityField) -> dict[str, Any]:
    assert field.low is not None and field.high is not None
    low = "exclusiveMinimum" if field.low_open else "minimum"
    sign = "-?" if field.low < 0 else "-?0*(\\.0*)?$|^" if field.low == 0 else ""
    whole = sign + "[0-9]+"
    decimals = f"(\\.[0-9]{{1,{field.decimals}}}0*)?" if field.decimals else "(\\.0+)?"
    return {
        "anyOf": [
            {"type": "number", low: _json(field.low), "maximum": _json(field.high)},
            {"type": "string", "maxLength": LONGEST, "pattern": f"^{whole}{decimals}$"},
        ],
        "x-unit": field.unit,
        "x-decimals": field.decimals,
        "x-low": decimal_text(field.low),
        "x-high": decimal_text(field.high),
    }


def _json(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
