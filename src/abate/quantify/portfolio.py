"""Records together: exact totals by year, and the rules that no record alone can keep.

A total is the rounded exact sum, never a sum of rounded amounts: the columns engine gives the numerator and
the denominator of every record's amounts, whole numbers are added in SQL, and only the sums become fractions.
What a methodology says under `totals` decides what is never added, what must be one in a run, what would be
counted twice and what voids a whole solution; without such rules a year's total is the sum of its counted
records. A record without amounts is never passed over in silence: it is listed, and the totals say that they
are not complete.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import duckdb

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import connect
from abate.quantify.columns_plan import make_plan
from abate.quantify.columns_source import InputError, Rows, file_rows
from abate.quantify.explain_expression import condition
from abate.quantify.factors import Setting
from abate.quantify.method import Text
from abate.quantify.outcome import Outcome
from abate.quantify.portfolio_errors import TotalError
from abate.quantify.portfolio_sql import AMOUNTS, SPLIT, Statements, statements
from abate.quantify.project_checks import Declared, check
from abate.quantify.project_document import Project
from abate.quantify.rounding import mg_down, mg_up

MOST_DENOMINATORS = 100_000
"""Different denominators in one sum; exact fractions over more would take longer than anybody waits."""


_Key: TypeAlias = tuple[tuple[str, ...], int, tuple[str, ...]]
"""What is kept apart, the year, and project, source and gas."""


@dataclass(slots=True)
class Sum:
    """Exact kilograms, and how many records they come from."""

    er: Fraction = Fraction(0)
    be: Fraction = Fraction(0)
    pe: Fraction = Fraction(0)
    le: Fraction = Fraction(0)
    records: int = 0

    def add(self, other: Sum) -> None:
        self.er += other.er
        self.be += other.be
        self.pe += other.pe
        self.le += other.le
        self.records += other.records


@dataclass(frozen=True, slots=True)
class Line:
    """One total. `year` None: all years. Amounts are milligrams, each the rounded exact sum: ER and BE down,
    PE and LE up. A negative ER stays negative."""

    apart: dict[str, str]
    year: int | None
    per: dict[str, str]
    records: int
    be_mg: int
    pe_mg: int
    le_mg: int
    er_mg: int

    @property
    def negative(self) -> bool:
        return self.er_mg < 0


@dataclass(frozen=True, slots=True)
class Voided:
    """`records` of the group named `value` are not counted, because of one of them."""

    of: str
    value: str
    records: int
    clause: str
    why: Text
    where: str
    """What the one record declares, as the methodology writes it; the group counts once none does."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An overlap that no rule decides: it is stated beside the totals (S-5.5.2)."""

    fields: dict[str, str]
    between: str
    values: tuple[str, str]
    clause: str
    why: Text


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Everything a run came to. `complete`: no record lacks its amounts but for a rule named in `voided`."""

    method: str
    rows: int
    one: dict[str, str]
    totals: tuple[Line, ...]
    projects: tuple[Line, ...]
    net: tuple[Line, ...]
    voided: tuple[Voided, ...]
    stated: tuple[Stated, ...]
    left_out: tuple[tuple[str, str, int], ...]
    complete: bool
    factors: tuple[str, ...]
    illustration: bool = field(default=False)
    declared: tuple[Declared, ...] = ()
    """Declarations of the projects, where the run was given any (S-5.5.1 to S-5.5.9)."""


def total_files(
    method_id: str,
    inputs: Sequence[Path],
    catalogue: Catalogue,
    setting: Setting,
    projects: Sequence[Project] = (),
    reported: date | None = None,
    memory: str = "512MB",
) -> Portfolio:
    """Records against `projects`, the declarations of theirs, where given; `reported` is then the day of the report.

    Raises TotalError for records that may not be added, InputError, NotColumnar and KeyError.
    """
    methods = catalogue.methods[method_id]
    con = connect(memory)
    with tempfile.TemporaryDirectory(prefix="abate-totals-") as spill:
        con.execute(f"SET temp_directory = '{spill}'")
        try:
            rows = file_rows(con, methods, inputs, methods[-1].activity.key)
            sql = _written(method_id, catalogue, setting, rows)
            con.execute(f"CREATE TEMP TABLE rated AS {sql.rated}")
            declared = check(con, projects, reported) if projects else ()
            return _portfolio(con, sql, setting, declared)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise InputError(str(error).splitlines()[0]) from error
        finally:
            con.close()


_WRITTEN: dict[str, Statements] = {}


def _written(method_id: str, catalogue: Catalogue, setting: Setting, rows: Rows) -> Statements:
    """Statements are written once for a methodology, a setting and the columns of a file."""
    methods = [m.hash for m in catalogue.methods[method_id]]
    pack = setting.pack.hash if setting.pack else None
    asked = (setting.region, setting.floor, pack, setting.on, setting.zone)
    key = repr((methods, catalogue.registry.hash, asked, rows))
    if key not in _WRITTEN:
        _WRITTEN[key] = statements(make_plan(catalogue, method_id, setting), rows, setting.zone)
    return _WRITTEN[key]


def _portfolio(
    con: duckdb.DuckDBPyConnection, sql: Statements, setting: Setting, declared: tuple[Declared, ...]
) -> Portfolio:
    one = _one(con, sql)
    voided = _void(con, sql)
    _once(con, sql)
    net = _sums(con, sql)
    left_out = tuple((str(o), str(r or ""), int(n)) for o, r, n in con.execute(sql.left_out).fetchall())
    factors = tuple(sorted({f for (t,) in con.execute(sql.factors).fetchall() for f in t.split(";") if f}))
    shown = bool(setting.pack and setting.pack.illustration and any(f.startswith("pack:") for f in factors))
    lacking = {Outcome.REFUSED.value, Outcome.NEEDS_FIGURE.value, Outcome.NOT_COUNTED.value}
    return Portfolio(
        method=sql.method,
        rows=int(con.execute("SELECT count(*) FROM rated").fetchall()[0][0]),
        one=one,
        totals=_lines(net, sql, 0),
        projects=_lines(net, sql, 1),
        net=_lines(net, sql, len(sql.per), all_years=False) if len(sql.per) > 1 else (),
        voided=voided,
        stated=_stated(con, sql),
        left_out=left_out,
        complete=not any(outcome in lacking for outcome, _, _ in left_out),
        factors=factors,
        illustration=shown,
        declared=declared,
    )


def _lines(
    net: Mapping[_Key, Sum], sql: Statements, deep: int, *, all_years: bool = True
) -> tuple[Line, ...]:
    """Totals by what is kept apart, the first `deep` fields of `per`, and year; then over all years."""
    if deep > len(sql.per):
        return ()
    found: dict[tuple[tuple[str, ...], tuple[str, ...], int | None], Sum] = {}
    for (apart, year, per), part in net.items():
        for when in (year, None) if all_years else (year,):
            found.setdefault((apart, per[:deep], when), Sum()).add(part)
    order = sorted(found, key=lambda k: (k[0], k[1], k[2] is None, k[2] or 0))
    return tuple(_line(sql, key, found[key]) for key in order)


def _line(sql: Statements, key: tuple[tuple[str, ...], tuple[str, ...], int | None], total: Sum) -> Line:
    apart, per, year = key
    return Line(
        apart=dict(zip((a.field for a in sql.apart), apart, strict=True)),
        year=year,
        per=dict(zip(sql.per, per, strict=False)),
        records=total.records,
        be_mg=mg_down(total.be),
        pe_mg=mg_up(total.pe),
        le_mg=mg_up(total.le),
        er_mg=mg_down(total.er),
    )


def _one(con: duckdb.DuckDBPyConnection, sql: Statements) -> dict[str, str]:
    """What must be one in a run, and is. Raises TotalError."""
    found: dict[str, str] = {}
    for rule, query in sql.one:
        values = [str(v) for (v,) in con.execute(query).fetchall()]
        if len(values) > 1:
            listed = ", ".join(values)
            raise TotalError(
                f"mixed_{rule.field}",
                Text(f"一次核算混用了 {rule.field}：{listed}", f"one run mixes {rule.field}: {listed}"),
                rule.clause,
                Text(
                    f"{rule.why.zh}；每个取值分开核算，或统一后重算",
                    f"{rule.why.en}; total each apart, or compute all with one",
                ),
            )
        found |= {rule.field: values[0]} if values else {}
    return found


def _void(con: duckdb.DuckDBPyConnection, sql: Statements) -> tuple[Voided, ...]:
    """Marks what a rule voids. Raises TotalError where it cannot be told which group is meant."""
    found: list[Voided] = []
    for k, (rule, nameless, groups, mark) in enumerate(sql.void):
        if con.execute(nameless).fetchall():
            raise TotalError(
                "void_without_name",
                Text(
                    f"有记录依条款须排除整个 {rule.of}，但未写明是哪一个",
                    f"a record voids its whole {rule.of}, but does not say which",
                ),
                rule.clause,
                Text(f"补上 {rule.of}", f"write its {rule.of}"),
            )
        con.execute(mark)
        found += [
            Voided(rule.of, str(value), int(n), rule.clause.id, rule.why, condition(rule.where, None))
            for value, n in con.execute(groups, [k]).fetchall()
        ]
    return tuple(found)


def _once(con: duckdb.DuckDBPyConnection, sql: Statements) -> None:
    """Raises TotalError where one thing would be counted twice."""
    for rule, query in sql.once:
        for row in con.execute(query).fetchall():
            named = ", ".join(str(part) for part in row)
            raise TotalError(
                "counted_twice",
                Text(f"同一对象重复计入：{named}", f"one thing is counted twice: {named}"),
                rule.clause,
                Text(f"{rule.why.zh}；删去其一", f"{rule.why.en}; remove one of them"),
            )


def _stated(con: duckdb.DuckDBPyConnection, sql: Statements) -> tuple[Stated, ...]:
    found: list[Stated] = []
    for between, rule, query in sql.shared:
        for *alike, a, b in con.execute(query).fetchall():
            fields = dict(zip(rule.fields, map(str, alike), strict=True))
            found.append(Stated(fields, between, (str(a), str(b)), rule.clause.id, rule.why))
    return tuple(found)


def _sums(con: duckdb.DuckDBPyConnection, sql: Statements) -> dict[_Key, Sum]:
    """Exact sums by what is kept apart, year, and source and gas."""
    found: dict[_Key, Sum] = {}
    parted: dict[tuple[_Key, str], list[Fraction]] = {}
    for name in AMOUNTS:
        rows = con.execute(sql.sums[name]).fetchmany(MOST_DENOMINATORS + 1)
        if len(rows) > MOST_DENOMINATORS:
            raise TotalError(
                "too_many_denominators",
                Text("精确求和涉及的分母过多", "an exact sum would have too many different denominators"),
                None,
                Text("按月或按来源分批汇总", "total the files of a month or a source at a time"),
            )
        for *keys, leaf, den, high, low, records in rows:
            apart = tuple(map(str, keys[: len(sql.apart)]))
            per = tuple(map(str, keys[len(sql.apart) + 1 :]))
            key = (apart, int(keys[len(sql.apart)]), per)
            value = Fraction(int(high) * SPLIT + int(low)) * sql.scales[name][int(leaf)] / int(den)
            parted.setdefault((key, name), []).append(value)
            if name == "er":
                found.setdefault(key, Sum()).records += int(records)
    for (key, name), values in parted.items():
        setattr(found[key], name, _exact(values))
    return found


def _exact(values: Sequence[Fraction]) -> Fraction:
    """Halves first: sums over like denominators stay small until late."""
    if len(values) < 3:
        return sum(values, Fraction(0))
    middle = len(values) // 2
    return _exact(values[:middle]) + _exact(values[middle:])
