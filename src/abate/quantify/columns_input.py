"""Raw columns to scaled whole numbers, checked texts and times, and the fault of what is not one.

Whatever a column's type, a number becomes value * 10**decimals as BIGINT, or null. A row in which every
field is accepted costs only that; the conditions that name a fault are looked at on the other rows alone,
so they may be slow. The rules are those of `record.py`, to the letter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from abate.quantify.bounds import Bounds
from abate.quantify.columns_json import json_number, strict_json
from abate.quantify.method import ActivityField
from abate.quantify.outcome import Refusal
from abate.quantify.record import CONTROL
from abate.quantify.record_values import LONGEST, TIME
from abate.quantify.units import decimal_text

EXACT_DOUBLE = 2**51
"""Up to this many steps a double names one decimal of the declared scale (the reader admits no field past it): the
product x * 10**d is off by less than one half, so rounding gives i; neighbouring decimals of scale d are more than two
units in the last place apart, so i / 10**d = x, one correctly rounded division, holds for one i at most."""

Shape = Literal["int", "decimal", "double", "text", "json", "time", "date", "list", "other"]

NUMBER = r"-?[0-9]+(\.[0-9]+)?"
EXPONENT = r"(e[+-][0-9]+)?"
EARLIEST, LATEST = "1970-01-01", "2200-01-01"
Faults = tuple[tuple[Refusal, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A raw column `r_<name>` as the source has it; `scale` for decimals."""

    shape: Shape
    scale: int = 0


ABSENT = Column("other")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of the record, as SQL over raw columns.

    `steps[k]` are columns that may use the columns of earlier steps; together they make `f_<name>`.
    `accepted` is true where the field is good or may be absent. `faults` are (code, condition) in the order
    of `Refusal`.
    """

    steps: tuple[dict[str, str], ...]
    accepted: str
    faults: Faults


def column_of(type_name: str) -> Column:
    """The shape of a column from the engine's name of its type."""
    name = type_name.upper()
    if name.startswith("DECIMAL("):
        return Column("decimal", int(name[8:-1].split(",")[1]))
    shapes: dict[str, Shape] = {
        "DOUBLE": "double",
        "VARCHAR": "text",
        "JSON": "json",
        "TIMESTAMP WITH TIME ZONE": "time",
        "DATE": "date",
    }
    if name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT") or name[1:] in _UNSIGNED:
        return Column("int")
    return Column("list") if name.endswith("[]") else Column(shapes.get(name, "other"))


_UNSIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


def make_cell(f: ActivityField, column: Column | None) -> Cell:
    """The SQL of one field; `column` None where the source has no such column."""
    if column is None:
        missing: Faults = ((Refusal.MISSING, "true"),) if f.required else ()
        return Cell(({f"f_{f.name}": _null(f)},), "false" if f.required else "true", missing)
    match f.kind:
        case "number" | "integer":
            steps, faults = _number(f, column)
        case "time":
            steps, faults = _time(f, column)
        case "date":
            steps, faults = _date(f, column)
        case "list":
            steps, faults = _list(f, column)
        case _:
            steps, faults = _text(f, column)
    good = f"f_{f.name} IS NOT NULL"
    if f.required:
        return Cell(steps, good, ((Refusal.MISSING, f"r_{f.name} IS NULL"), *faults))
    given = tuple((code, f"r_{f.name} IS NOT NULL AND ({condition})") for code, condition in faults)
    return Cell(steps, f"({good} OR r_{f.name} IS NULL)", given)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# -- numbers ---------------------------------------------------------------------------------------


def field_bounds(f: ActivityField) -> Bounds:
    """The scaled whole numbers a number field may take."""
    assert f.low is not None and f.high is not None
    low, high = ceil(f.low * 10**f.decimals), floor(f.high * 10**f.decimals)
    return Bounds(low + 1 if f.low_open and low == f.low * 10**f.decimals else low, high)


def _number(f: ActivityField, column: Column) -> tuple[tuple[dict[str, str], ...], Faults]:
    r, out, bounds, power = f"r_{f.name}", f"f_{f.name}", field_bounds(f), 10**f.decimals
    beyond = (Refusal.OUT_OF_RANGE, f"{out} IS NULL")
    match column.shape:
        case "int":
            low, high = ceil(Fraction(bounds.low, power)), floor(Fraction(bounds.high, power))
            scaled = f"CAST({r} AS BIGINT)" + (f" * {power}" if power > 1 else "")
            return ({out: f"CASE WHEN {r} BETWEEN {low} AND {high} THEN {scaled} END"},), (beyond,)
        case "decimal":
            inside = f"{r} BETWEEN {_decimal(bounds.low, f.decimals)} AND {_decimal(bounds.high, f.decimals)}"
            narrow = f"CAST({r} AS {_narrow(bounds, f.decimals)})"
            if column.scale <= f.decimals:
                return ({out: f"CASE WHEN {inside} THEN {_whole(narrow, f.decimals)} END"},), (beyond,)
            fine = f"{r} = TRY_CAST({r} AS DECIMAL(38, {f.decimals}))"
            steps = ({out: f"CASE WHEN {inside} AND {fine} THEN {_whole(narrow, f.decimals)} END"},)
            return steps, ((Refusal.TOO_MANY_DECIMALS, f"NOT ({fine})"), beyond)
        case "double":
            limit = repr(EXACT_DOUBLE / power)
            near = f"CASE WHEN abs({r}) <= {limit}::DOUBLE THEN CAST({r} * {power}::DOUBLE AS BIGINT) END"
            exact = f"i_{f.name} BETWEEN {bounds.low} AND {bounds.high}"
            exact += f" AND CAST(i_{f.name} AS DOUBLE) / {power}::DOUBLE = {r}"
            many = _too_many_of_double(r, power)
            wrong = f"isnan({r}) OR isinf({r})"
            faults = ((Refusal.WRONG_TYPE, wrong), (Refusal.TOO_MANY_DECIMALS, many), beyond)
            return ({f"i_{f.name}": near}, {out: f"CASE WHEN {exact} THEN i_{f.name} END"}), faults
        case "text" | "json":
            return _number_text(f, column.shape == "json", beyond)
        case _:
            return _wrong(f)


def _number_text(
    f: ActivityField, json: bool, beyond: tuple[Refusal, str]
) -> tuple[tuple[dict[str, str], ...], Faults]:
    """From text: is it a number (`w_`), has it too many decimals (`m_`), and then its value."""
    t, w, m = f"t_{f.name}" if json else f"r_{f.name}", f"w_{f.name}", f"m_{f.name}"
    before = ({t: json_number(f"r_{f.name}")},) if json else ()
    steps = (
        *before,
        {w: _is_number(t, exponents=json)},
        {m: _too_many(t, f.decimals)},
        {f"f_{f.name}": f"CASE WHEN {w} AND NOT {m} THEN {scaled_text(t, f)} END"},
    )
    wrong = f"{t} IS NULL OR NOT {w}"
    return steps, ((Refusal.WRONG_TYPE, wrong), (Refusal.TOO_MANY_DECIMALS, m), beyond)


def _is_number(t: str, *, exponents: bool) -> str:
    pattern = NUMBER + (EXPONENT if exponents else "")
    return f"(regexp_full_match({t}, {quoted(pattern)}) AND strlen({t}) <= {LONGEST})"


def _too_many(t: str, decimals: int) -> str:
    """Surplus zeros aside. A double below 0.0001 is written with an exponent; a large one with it is whole."""
    after = f"strlen(rtrim(split_part({t}, '.', 2), '0')) > {decimals}"
    small = "true"
    if decimals > 4:
        digits = f"strlen(rtrim(split_part(split_part({t}, 'e-', 1), '.', 2), '0'))"
        small = f"TRY_CAST(split_part({t}, 'e-', 2) AS INTEGER) + {digits} > {decimals}"
    return f"CASE WHEN contains({t}, 'e-') THEN {small} ELSE NOT contains({t}, 'e') AND {after} END"


def _too_many_of_double(r: str, power: int) -> str:
    """Whether the shortest decimal that names the double has more decimals: whether no whole number i gives
    i / 10**d = r. Past 2**53 steps the doubles are so far apart that one always does; below, the product is off
    by at most one half, and i by at most one from what it should be."""
    steps = f"CAST(floor({r} * {power}::DOUBLE) AS DOUBLE)"
    near = " OR ".join(f"({steps} + {k}::DOUBLE) / {power}::DOUBLE = {r}" for k in (0, 1, -1, 2))
    return (
        f"CASE WHEN abs({r} * {power}::DOUBLE) <= 9007199254740992::DOUBLE THEN NOT ({near}) ELSE false END"
    )


def scaled_text(t: str, f: ActivityField) -> str:
    """Null where out of range (a text that does not even fit the type is)."""
    bounds = field_bounds(f)
    value = f"TRY_CAST({t} AS {_narrow(bounds, f.decimals)})"
    inside = f"{value} BETWEEN {_decimal(bounds.low, f.decimals)} AND {_decimal(bounds.high, f.decimals)}"
    return f"CASE WHEN {inside} THEN {_whole(value, f.decimals)} END"


def _narrow(bounds: Bounds, decimals: int) -> str:
    """The smallest decimal type that holds the range, so that scaling stays in 64 bits."""
    return f"DECIMAL({max(len(str(bounds.size)), decimals + 1)}, {decimals})"


def _whole(value: str, decimals: int) -> str:
    if not decimals:
        return f"CAST({value} AS BIGINT)"
    return f"CAST({value} * CAST({10**decimals} AS DECIMAL({decimals + 1}, 0)) AS BIGINT)"


def _decimal(number: int, decimals: int) -> str:
    return decimal_text(Fraction(number, 10**decimals))


# -- texts, times, days ----------------------------------------------------------------------------


def _text(f: ActivityField, column: Column) -> tuple[tuple[dict[str, str], ...], Faults]:
    if column.shape not in ("text", "json"):
        return _wrong(f)
    r, out = f"r_{f.name}", f"f_{f.name}"
    content = f"CASE WHEN starts_with({r}, '\"') THEN json_extract_string({r}, '$') END"
    t = r if column.shape == "text" else f"t_{f.name}"
    before = () if column.shape == "text" else ({t: content},)
    wrong = f"{t} IS NULL OR regexp_matches({t}, {quoted(CONTROL.pattern)})"
    good = f"NOT ({wrong}) AND length({t}) BETWEEN 1 AND {f.max_length}"
    if f.choices:
        good = f"{t} IN ({', '.join(map(quoted, f.choices))})"
    else:  # almost every text is short printable ASCII, which is seen without a regular expression
        good = (
            f"CASE WHEN strlen({t}) BETWEEN 1 AND {f.max_length} AND NOT ({t} GLOB '*[!\x20-~]*') "
            f"THEN true ELSE {good} END"
        )
    steps = (*before, {out: f"CASE WHEN {good} THEN {t} END"})
    return steps, ((Refusal.WRONG_TYPE, wrong), (Refusal.OUT_OF_RANGE, f"{out} IS NULL"))


def _time(f: ActivityField, column: Column) -> tuple[tuple[dict[str, str], ...], Faults]:
    r, out = f"r_{f.name}", f"f_{f.name}"
    if column.shape == "time":
        return ({out: earliest_to_latest(r, "TIMESTAMPTZ")},), ((Refusal.OUT_OF_RANGE, f"{out} IS NULL"),)
    if column.shape not in ("text", "json"):
        return _wrong(f)
    t = r if column.shape == "text" else f"json_extract_string({r}, '$')"
    form = f"regexp_full_match({t}, {quoted(TIME.pattern)}) AND {t} >= '0001'"
    if column.shape == "json":
        form = f"starts_with({r}, '\"') AND {form}"
    read = f"CASE WHEN {form} THEN TRY_CAST({t} AS TIMESTAMPTZ) END"
    steps = ({f"i_{f.name}": read}, {out: earliest_to_latest(f"i_{f.name}", "TIMESTAMPTZ")})
    return steps, ((Refusal.WRONG_TYPE, f"i_{f.name} IS NULL"), (Refusal.OUT_OF_RANGE, f"{out} IS NULL"))


def earliest_to_latest(value: str, kind: str) -> str:
    """A time or a date inside the years that are read, else null."""
    midnight = " 00:00:00+00" if kind == "TIMESTAMPTZ" else ""
    first, last = (f"{kind} '{day}{midnight}'" for day in (EARLIEST, LATEST))
    return f"CASE WHEN {value} >= {first} AND {value} < {last} THEN {value} END"


def _date(f: ActivityField, column: Column) -> tuple[tuple[dict[str, str], ...], Faults]:
    r, out, i = f"r_{f.name}", f"f_{f.name}", f"i_{f.name}"
    if column.shape == "date":
        read = r
    elif column.shape in ("text", "json"):
        t = r if column.shape == "text" else f"json_extract_string({r}, '$')"
        form = rf"regexp_full_match({t}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') AND {t} >= '0001'"
        if column.shape == "json":
            form = f"starts_with({r}, '\"') AND {form}"
        read = f"CASE WHEN {form} THEN TRY_CAST({t} AS DATE) END"
    else:
        return _wrong(f)
    steps = ({i: read}, {out: earliest_to_latest(i, "DATE")})
    return steps, ((Refusal.WRONG_TYPE, f"{i} IS NULL"), (Refusal.OUT_OF_RANGE, f"{out} IS NULL"))


# -- lists -----------------------------------------------------------------------------------------


def _list(f: ActivityField, column: Column) -> tuple[tuple[dict[str, str], ...], Faults]:
    """A list of objects of numbers: JSON text, a JSON array, or a typed list (which is written as JSON
    first).
    """
    r, n = f"r_{f.name}", f.name
    match column.shape:
        case "text":
            array = f"CASE WHEN {strict_json(r)} THEN {r} END"
        case "list":
            array = f"CAST(to_json({r}) AS VARCHAR)"
        case "json":
            content = f"json_extract_string({r}, '$')"
            array = (
                f"CASE WHEN starts_with({r}, '[') THEN {r} WHEN starts_with({r}, '\"') "
                f"AND {strict_json(content)} THEN {content} END"
            )
        case _:
            return _wrong(f)
    known = ", ".join(quoted(i.name) for i in f.items)
    shape = "{" + ", ".join(f'"{i.name}": "JSON"' for i in f.items) + "}"
    once = "len(list_distinct(json_keys(x))) = len(json_keys(x))"
    strange = f"len(list_filter(json_keys(x), lambda k: k NOT IN ({known}))) > 0"
    read = f"{{p: {once}, u: {strange}, v: json_transform(x, {quoted(shape)})}}"
    steps = (
        {f"j_{n}": array},
        {f"a_{n}": f"CASE WHEN json_type(j_{n}) = 'ARRAY' THEN CAST(CAST(j_{n} AS JSON) AS JSON[]) END"},
        {
            f"l_{n}": f"len(a_{n})",
            f"o_{n}": f"list_transform(a_{n}, lambda x: CASE WHEN json_type(x) = 'OBJECT' THEN {read} END)",
        },
        _items(f, "o", "t", lambda i: [("t", json_number(f"CAST(x.v.{i.name} AS VARCHAR)"))]),
        _items(
            f,
            "t",
            "w",
            lambda i: [("t", f"x.t_{i.name}"), ("w", _is_number(f"x.t_{i.name}", exponents=True))],
        ),
        _items(f, "w", "s", _item_value),
        {f"f_{n}": f"CASE WHEN l_{n} BETWEEN 1 AND {f.max_items} AND {_all_good(f)} THEN s_{n} END"},
    )
    return steps, _list_faults(f)


def _items(
    f: ActivityField, before: str, after: str, parts: Callable[[ActivityField], list[tuple[str, str]]]
) -> dict[str, str]:
    """One more step over the items: `p` an object with each key once, `u` an unknown key in it, and
    `parts`.
    """
    written = "".join(f", {letter}_{i.name}: {sql}" for i in f.items for letter, sql in parts(i))
    item = f"{{p: x.p, u: x.u{written}}}"
    return {f"{after}_{f.name}": f"list_transform({before}_{f.name}, lambda x: {item})"}


def _item_value(i: ActivityField) -> list[tuple[str, str]]:
    t, w = f"x.t_{i.name}", f"x.w_{i.name}"
    many = _too_many(t, i.decimals)
    value = f"CASE WHEN {w} AND NOT {many} THEN {scaled_text(t, i)} END"
    return [("g", f"({t} IS NOT NULL)"), ("w", f"coalesce({w}, false)"), ("m", many), ("", value)]


def _all_good(f: ActivityField) -> str:
    numbers = " AND ".join(f"x._{i.name} IS NOT NULL" for i in f.items)
    return (
        f"len(list_filter(s_{f.name}, lambda x: coalesce(x.p AND NOT x.u AND {numbers}, false))) = l_{f.name}"
    )


def _list_faults(f: ActivityField) -> Faults:
    n = f.name
    counted = f"l_{n} BETWEEN 1 AND {f.max_items}"

    def some(condition: Callable[[str], str]) -> str:
        either = " OR ".join(f"({condition(i.name)})" for i in f.items)
        return f"({counted} AND len(list_filter(s_{n}, lambda x: x.p AND ({either}))) > 0)"

    no_object = f"({counted} AND len(list_filter(s_{n}, lambda x: coalesce(x.p, false))) < l_{n})"
    beyond = some(lambda i: f"x.w_{i} AND NOT x.m_{i} AND x._{i} IS NULL")
    return (
        (Refusal.UNKNOWN_FIELD, f"({counted} AND len(list_filter(s_{n}, lambda x: x.p AND x.u)) > 0)"),
        (Refusal.MISSING, some(lambda i: f"NOT x.g_{i}")),
        (Refusal.WRONG_TYPE, f"a_{n} IS NULL OR {no_object} OR {some(lambda i: f'x.g_{i} AND NOT x.w_{i}')}"),
        (Refusal.TOO_MANY_DECIMALS, some(lambda i: f"x.w_{i} AND x.m_{i}")),
        (Refusal.OUT_OF_RANGE, f"NOT ({counted}) OR {beyond}"),
    )


def _wrong(f: ActivityField) -> tuple[tuple[dict[str, str], ...], Faults]:
    return ({f"f_{f.name}": _null(f)},), ((Refusal.WRONG_TYPE, "true"),)


def _null(f: ActivityField) -> str:
    """An absent field still has its type, so that formulas over it can be bound."""
    match f.kind:
        case "number" | "integer":
            return "CAST(NULL AS BIGINT)"
        case "time":
            return "CAST(NULL AS TIMESTAMPTZ)"
        case "date":
            return "CAST(NULL AS DATE)"
        case "list":
            return f"CAST(NULL AS STRUCT({', '.join(f'_{i.name} BIGINT' for i in f.items)})[])"
        case _:
            return "CAST(NULL AS VARCHAR)"
