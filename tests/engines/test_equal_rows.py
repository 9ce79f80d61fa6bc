"""Generated records over the declared ranges: ties, extremes and malformed values give equal rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.engines.engines import INFINITE, as_json, by_columns, by_one, by_table, canonical_of

from abate.quantify import catalogue as shipped
from abate.quantify.factors import Setting
from abate.quantify.method import ActivityField, Method
from abate.quantify.record import day_of

CATALOGUE = shipped.load()
# The small tier takes every shape of field, formula and rule there is; the large one every methodology.
SHAPES = {
    "online-meeting",
    "cycling",
    "saving-electricity",
    "digital-reading",
    "scope-3-plus",
    "near-expiry-food",
}
METHODS = [
    name if name in SHAPES else pytest.param(name, marks=pytest.mark.slow)
    for name in sorted(CATALOGUE.methods)
]
QUICK = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # shrinking would run for minutes
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
FEW = settings(QUICK, max_examples=4)
MANY = settings(QUICK, max_examples=40)
SETTINGS = [
    Setting(),
    Setting(pack=CATALOGUE.pack("demo")),
    Setting(pack=CATALOGUE.pack("demo"), region="CN-北京"),
    Setting(floor="operator"),
]
BAD_NUMBERS = st.sampled_from(
    [
        "",
        "abc",
        "1e5",
        "1.",
        ".5",
        "+1",
        " 1",
        "1_0",
        "0x1",
        "１",
        "-",
        "--1",
        "1.5.2",
        "9" * 90,
        "9" * 41,
        "0." + "0" * 45 + "1",
        "-0",
        "007",
        True,
        [],
        {},
        {"v": 1},
        [1],
        INFINITE,
        1e-05,
        1e22,
        1e300,
        -1e-300,
        5e-324,
        -0.0,
        -1,
        -0.0001,
        10**19,
        10**25,
        -(10**40),
        2.0**53,
        0.1 + 0.2,
        1 / 3,
        4503599627370498.0,
    ]
)
BAD_TIMES = st.sampled_from(
    [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-02-30T00:00:00Z",
        "2024-01-01 00:00:00Z",
        5,
        1704067200,
        True,
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00z",
        [],
        "1969-12-31T23:59:59.999999Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "0000-01-01T00:00:00Z",
        "2024-01-01T00:00:00.1234567Z",
        "2024-01-01T00:00Z",
        "２024-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
    ]
)
BAD_DAYS = st.sampled_from(
    ["", "2024-02-30", "2024-1-1", "0000-01-01", "1969-12-31", "2200-01-01", 5, "20240101"]
)
BAD_TEXTS = st.sampled_from(
    ["", "a\tb", "a\x00b", "a\x7f", "a\x85", "x" * 129, 5, 1.5, True, [], {}, "文" * 128]
)
GOOD_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)


def number(f: ActivityField) -> st.SearchStrategy[Any]:
    """Values of the field's grid, ends and neighbours more often, as text, whole number or double."""
    assert f.low is not None and f.high is not None
    power = 10**f.decimals
    low, high = int(f.low * power) + f.low_open, int(f.high * power)
    near = [low, low + 1, high, high - 1, 0, 1, power, 30 * power, 301, 2 * power]
    steps = st.one_of(
        st.integers(low, high),
        st.integers(low, min(high, low + 20_000)),
        st.integers(low, min(high, low + 100 * power)),
        st.sampled_from([n for n in near if low <= n <= high]),
    )
    exact = steps.map(lambda i: Decimal(i).scaleb(-f.decimals))
    return st.one_of(
        exact.map(lambda d: format(d, "f")),
        exact.map(lambda d: format(d, "f") + ("00" if "." in format(d, "f") else ".0")),
        exact.map(float),
        exact.map(lambda d: int(d) if d == int(d) else float(d)),
    )


def moment(after: date, before: date) -> st.SearchStrategy[str]:
    offsets = st.sampled_from([0, 480, -720, 839, -1, 330])
    # spread over the whole range: small numbers come most often, and the first day is one day of many
    seconds = st.integers(0, 10**6).map(lambda n: n * 7919 % int((before - after) / timedelta(seconds=1)))
    edges = st.sampled_from([0, 15 * 3600 + 59 * 60 + 59, 16 * 3600])

    def text(day_second: int, edge: int, offset: int, micro: int) -> str:
        at = datetime(after.year, after.month, after.day, tzinfo=UTC) + timedelta(
            seconds=day_second - (day_second % 86400 - edge if day_second % 3 == 0 else 0), microseconds=micro
        )
        return at.astimezone(timezone(timedelta(minutes=offset))).isoformat().replace("+00:00", "Z")

    return st.builds(text, seconds, edges, offsets, st.sampled_from([0, 0, 0, 500000, 1, 999999]))


def good(f: ActivityField, method: Method) -> st.SearchStrategy[Any]:
    start, end = method.in_force_from, method.published + timedelta(1500)
    match f.kind:
        case "number" | "integer":
            return number(f)
        case "time":
            return moment(start - timedelta(1), end)
        case "date":
            return st.dates(start - timedelta(1), end).map(date.isoformat)
        case "list":
            item = st.fixed_dictionaries({i.name: number(i) for i in f.items})
            return st.lists(item, min_size=1, max_size=3).flatmap(lambda v: st.sampled_from([v, as_json(v)]))
        case _:
            return st.sampled_from(f.choices) if f.choices else GOOD_TEXTS


def bad(f: ActivityField) -> st.SearchStrategy[Any]:
    match f.kind:
        case "number" | "integer":
            assert f.low is not None and f.high is not None
            step = Decimal(1).scaleb(-f.decimals)
            low, high = (Decimal(n.numerator) / n.denominator for n in (f.low, f.high))
            outside = [low, low - step, high + step, high - step / 10, low + step / 10]
            return st.one_of(
                BAD_NUMBERS, st.sampled_from([as_ for n in outside for as_ in (float(n), f"{n:f}")])
            )
        case "time":
            return BAD_TIMES
        case "date":
            return BAD_DAYS
        case "list":
            cell = {i.name: st.one_of(number(i), number(i), BAD_NUMBERS) for i in f.items}
            broken = st.fixed_dictionaries({}, optional=cell)
            full = st.fixed_dictionaries(cell)
            extra = full.map(lambda d: d | {"other": 1})
            mixed = st.lists(
                st.one_of(full, broken, extra, st.sampled_from([None, 1, "x", [], {}])), max_size=3
            )
            texts = ["[", "[]", 5, {}, "x", "[NaN]", "[1,]", '[{"a":1,"a":2}]', "null", ""]
            return st.one_of(mixed, st.sampled_from(texts), mixed.map(as_json))
        case _:
            return BAD_TEXTS


def records(method: Method) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly whole records; one in three has something wrong, one in eight groups of a choice mixed up."""
    activity = method.activity
    fields = {f.name: f for f in activity.fields}
    choice = {name for group in activity.one_of for name in group}
    required = {f.name: good(f, method) for f in activity.fields if f.required}
    optional = {f.name: good(f, method) for f in activity.fields if not f.required and f.name not in choice}
    ways = [st.fixed_dictionaries({n: good(fields[n], method) for n in g}) for g in activity.one_of]
    whole = st.one_of(*ways) if ways else st.just({})
    partial = st.fixed_dictionaries({}, optional={n: good(fields[n], method) for n in sorted(choice)})
    way = st.sampled_from([whole] * 7 + [partial]).flatmap(lambda chosen: chosen)
    wrong = st.one_of(*(st.tuples(st.just(f.name), bad(f)) for f in activity.fields))
    others = st.sampled_from([("other", 1), ("水", "x"), ("a", None), *((f, None) for f in fields)])
    faults = st.sampled_from([0, 0, 0, 0, 1, 2]).flatmap(
        lambda n: st.lists(st.one_of(wrong, wrong, others), min_size=n, max_size=n)
    )
    lengths = st.one_of(st.integers(-10, 20_000), st.integers(0, 200_000), st.sampled_from([0, 60, 3600, -1]))

    def mix(
        base: dict[str, Any], way: dict[str, Any], length: int, faults: list[tuple[str, Any]]
    ) -> dict[str, Any]:
        record = base | way
        for start, end in activity.intervals:
            if start in record and end in record:
                record[end] = later(record[start], length)
        for name, cell in faults:
            record[name] = cell
        return record

    return st.builds(mix, st.fixed_dictionaries(required, optional=optional), way, lengths, faults)


def later(start: str, length: int) -> str:
    """`start` moved by so many seconds, or by so many hundredths of a day for a date."""
    if "T" not in start:
        return (date.fromisoformat(start) + timedelta(days=length // 100)).isoformat()
    return (datetime.fromisoformat(start) + timedelta(seconds=length)).isoformat().replace("+00:00", "Z")


def drawn(method: Method, how: settings) -> list[dict[str, Any]]:
    """The records of all examples, at first only drawn: they are held against each other in few statements, since a
    statement takes longer to compile than to run. No example is shrunk that would have to run alone.
    """
    found: list[dict[str, Any]] = []

    @how
    @given(st.lists(records(method), min_size=12, max_size=24))
    def draw(some: list[dict[str, Any]]) -> None:
        found.extend(some)

    draw()
    return found


def by_setting(found: list[dict[str, Any]]) -> list[tuple[Setting, list[dict[str, Any]]]]:
    """Each record under one of the settings, all in their turn."""
    return [(setting, found[k :: len(SETTINGS)]) for k, setting in enumerate(SETTINGS)]


@pytest.mark.clause("P-7.2-a", "M-2.3.6-1")
@pytest.mark.parametrize("method", METHODS)
def test_json_records(method: str, con: duckdb.DuckDBPyConnection) -> None:
    newest = CATALOGUE.newest(method)
    for setting, given_ in by_setting(drawn(newest, QUICK)):
        assert len(given_) >= 36
        texts = [as_json(r) for r in given_]
        texts += ["", "[]", "5", '{"a":1,}', "{", as_json({})]
        rows, whole = by_columns(con, texts, method, CATALOGUE, setting)
        for text, row, more in zip(texts, rows, whole, strict=True):
            assert row == by_one(text, method, CATALOGUE, setting), text
            expected = canonical_of(text, method, CATALOGUE, setting)
            assert more["canonical"] == expected, text
            if expected is not None:
                record = json.loads(text)
                assert more["day"] == day_of(newest.activity, record, setting.zone), text


SHAPES_OF_COLUMNS = ("text", "double", "decimal", "decimal6")


@pytest.mark.parametrize("method", sorted(SHAPES))
def test_typed_columns(method: str, con: duckdb.DuckDBPyConnection) -> None:
    """Every record in every shape of columns, each shape under a setting of its own: the next one for the next methodology."""
    turn = sorted(SHAPES).index(method)
    given_ = drawn(CATALOGUE.newest(method), FEW)
    for k, shape in enumerate(SHAPES_OF_COLUMNS):
        typed_columns(method, con, given_, shape, SETTINGS[(turn + k) % len(SETTINGS)])


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(CATALOGUE.methods))
def test_typed_columns_many_times(method: str, con: duckdb.DuckDBPyConnection) -> None:
    for setting, given_ in by_setting(drawn(CATALOGUE.newest(method), MANY)):
        for shape in SHAPES_OF_COLUMNS:
            typed_columns(method, con, given_, shape, setting)


def typed_columns(
    method: str,
    con: duckdb.DuckDBPyConnection,
    drawn: list[dict[str, Any]],
    shape: str,
    setting: Setting,
) -> None:
    """The same records as text columns, as doubles or as decimals."""
    table, given_ = shaped(CATALOGUE.newest(method), drawn, shape)
    rows = by_table(con, table, method, CATALOGUE, setting)
    for record, row in zip(given_, rows, strict=True):
        assert row == by_one(record, method, CATALOGUE, setting), (shape, repr(record))


def shaped(
    method: Method, drawn: list[dict[str, Any]], shape: str
) -> tuple[pa.Table, list[Mapping[str, object]]]:
    """Columns of one type each; what cannot stand in the type is absent."""
    names = [f.name for f in method.activity.fields] + ["other"]
    kinds = {f.name: f for f in method.activity.fields}
    arrays: dict[str, pa.Array] = {}
    values: dict[str, list[Any]] = {}
    for name in names:
        f = kinds.get(name)
        cells = [r.get(name) for r in drawn]
        numeric = f is not None and f.kind in ("number", "integer")
        if numeric and shape != "text":
            assert f is not None
            scale = 6 if shape == "decimal6" else f.decimals
            values[name] = [as_number(c, shape, scale) for c in cells]
            kind = pa.float64() if shape == "double" else pa.decimal128(30, scale)
        else:
            values[name] = [None if c is None else c if isinstance(c, str) else as_json(c) for c in cells]
            kind = pa.string()
        arrays[name] = pa.array(values[name], kind)
    rows = [{n: values[n][i] for n in names if values[n][i] is not None} for i in range(len(drawn))]
    return pa.table(arrays), rows


def as_number(cell: Any, shape: str, scale: int) -> float | Decimal | None:
    try:
        found = Decimal(str(cell)) if not isinstance(cell, bool) else None
    except ArithmeticError:
        return float("nan") if shape == "double" else None
    if found is None or not found.is_finite() or abs(found) > 10**20:
        return float("inf") if shape == "double" and found is not None else None
    return float(found) if shape == "double" else round(found, scale)
