"""The statements behind a portfolio: every record with the parts of its exact amounts, then what is asked of
them together.

A record's amount is  num * scale / den  with whole `num` and `den` (columns of the table `rated`) and a
`scale` that its leaf of the decision tree fixes. `num` may have 38 digits, so sums are kept in two parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from abate.quantify.columns_dialect import DUCKDB
from abate.quantify.columns_input import quoted
from abate.quantify.columns_plan import Plan, names_of
from abate.quantify.columns_select import names_in, write_select
from abate.quantify.columns_source import Rows
from abate.quantify.columns_sql import Arithmetic, Ratio, Whole
from abate.quantify.method import Activity, Apart, Once, Text, Totals, Void
from abate.quantify.method import Clause as ClauseOf
from abate.quantify.one import HISTORY
from abate.quantify.outcome import Outcome

AMOUNTS = ("er", "be", "pe", "le")
SPLIT = 10**18
COUNTED = (
    f"outcome = {quoted(Outcome.COUNTED)} AND reason IS DISTINCT FROM {quoted(HISTORY)} AND void IS NULL"
)
ONE_ACT = ClauseOf("P-7.2-e", "7.2")
TWICE = Text("一次行为只计一次", "one act is one act")


@dataclass(frozen=True, slots=True)
class Statements:
    """`rated` makes the table; the others ask it. `per` begins with the project; `scales`: amount -> leaf ->
    scale."""

    method: str
    rated: str
    apart: tuple[Apart, ...]
    per: tuple[str, ...]
    one: tuple[tuple[Apart, str], ...]
    void: tuple[tuple[Void, str, str, str], ...]
    once: tuple[tuple[Once, str], ...]
    shared: tuple[tuple[str, Once, str], ...]
    sums: Mapping[str, str]
    scales: Mapping[str, Mapping[int, Fraction]]
    left_out: str
    factors: str


def statements(plan: Plan, rows: Rows, zone: str) -> Statements:
    """Raises NotColumnar."""
    newest = plan.newest
    rules = newest.totals
    columns, scales = _amounts(plan)
    columns |= {f"k_{i}": sql for i, sql in enumerate(rows.keys.values())}
    columns["year"] = f"year({_day(newest.activity, zone)})"
    names = _fields(rules)
    columns |= {f"g_{name}": f"f_{name}" for name in names}
    arithmetic = Arithmetic(DUCKDB, names_of(plan.versions[-1])[0])
    voids = rules.void if rules else ()
    for k, rule in enumerate(voids):
        columns[f"v_{k}"] = DUCKDB.text(arithmetic.test(rule.where))
    inner = write_select(plan, rows.source, zone, {"leaf", *names_in(columns.values())})
    written = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    kept = "outcome, reason, leaf, factors, CAST(NULL AS INTEGER) AS void"
    return Statements(
        method=newest.id,
        rated=f"SELECT {kept}, {written} FROM ({inner})",
        apart=rules.apart if rules else (),
        per=_per(rules),
        one=tuple((rule, _distinct(rule.field)) for rule in (rules.one if rules else ())),
        void=tuple((rule, *_void(k, rule)) for k, rule in enumerate(voids)),
        once=_once(rules, newest.activity),
        shared=tuple((between, o, _shared(between, o)) for between, o in (rules.shared if rules else ())),
        sums={name: _sum(name, rules) for name in AMOUNTS},
        scales=scales,
        left_out="SELECT outcome, CASE WHEN outcome = 'refused' OR void IS NULL THEN reason END AS reason, count(*) "
        f"FROM rated WHERE NOT ({COUNTED}) AND void IS NULL GROUP BY ALL ORDER BY ALL",
        factors=f"SELECT DISTINCT factors FROM rated WHERE {COUNTED}",
    )


def _fields(rules: Totals | None) -> list[str]:
    """Every field that a rule asks for."""
    if rules is None:
        return []
    names = [*_per(rules), *(a.field for a in (*rules.apart, *rules.one)), *(v.of for v in rules.void)]
    for between, once in (*rules.shared, *(("", o) for o in rules.once)):
        names += [*once.fields, once.start, once.end, *([between] if between else [])]
    return list(dict.fromkeys(names))


def _per(rules: Totals | None) -> tuple[str, ...]:
    return (rules.project, *rules.per) if rules else ()


def _day(activity: Activity, zone: str) -> str:
    dated = activity.field(activity.dated_by)
    column = f"f_{dated.name}"
    return column if dated.kind == "date" else f"timezone({quoted(zone)}, {column})"


def _amounts(plan: Plan) -> tuple[dict[str, str], dict[str, dict[int, Fraction]]]:
    """Columns `num_er`, `den_er`, ... by leaf, null where a record has no amounts."""
    written: dict[str, dict[int, str]] = {}
    scales: dict[str, dict[int, Fraction]] = {name: {} for name in AMOUNTS}
    for version in plan.versions:
        if not any(s.usable for s in version.segments):
            continue
        arithmetic = Arithmetic(DUCKDB, names_of(version)[0])
        for i, leaf in enumerate(version.leaves, version.first_leaf):
            for name, node in zip(AMOUNTS, leaf.nodes, strict=True):
                value: Ratio = arithmetic.value(node)
                scales[name][i] = value.scale
                written.setdefault(f"num_{name}", {})[i] = _text(value.num)
                written.setdefault(f"den_{name}", {})[i] = _text(value.den)
    columns = {}
    for part in ("num", "den"):
        for name in AMOUNTS:
            columns[f"{part}_{name}"] = _by_leaf(written.get(f"{part}_{name}", {}))
    return columns, scales


def _text(whole: Whole | None) -> str:
    return "1" if whole is None or whole.sql is None else DUCKDB.text(whole.sql)


def _by_leaf(written: Mapping[int, str]) -> str:
    groups: dict[str, list[int]] = {}
    for leaf, sql in written.items():
        groups.setdefault(sql, []).append(leaf)
    whens = "".join(
        f" WHEN leaf IN ({', '.join(map(str, leaves))}) THEN CAST({sql} AS HUGEINT)"
        for sql, leaves in groups.items()
    )
    return f"CASE{whens} END" if whens else "CAST(NULL AS HUGEINT)"


def _distinct(name: str) -> str:
    return (
        f"SELECT DISTINCT g_{name} FROM rated WHERE outcome <> {quoted(Outcome.REFUSED)} "
        f"AND g_{name} IS NOT NULL ORDER BY 1"
    )


def _void(k: int, rule: Void) -> tuple[str, str, str]:
    of = f"g_{rule.of}"
    return (
        f"SELECT 1 FROM rated WHERE v_{k} AND {of} IS NULL LIMIT 1",
        f"SELECT {of}, count(*) FROM rated WHERE void = ? GROUP BY 1 ORDER BY 1",
        f"UPDATE rated SET void = {k} WHERE void IS NULL AND {of} IN (SELECT {of} FROM rated WHERE v_{k})",
    )


def _once(rules: Totals | None, activity: Activity) -> tuple[tuple[Once, str], ...]:
    """The record's own key twice, for every methodology; then what its rules say."""
    keys = ", ".join(f"k_{i}" for i in range(len(activity.key)))
    own = Once(activity.key, "", "", ONE_ACT, TWICE)
    twice = f"SELECT {keys} FROM rated WHERE {COUNTED} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    found = [(own, twice)]
    for rule in rules.once if rules else ():
        alike = ", ".join(f"g_{name}" for name in rule.fields)
        start, end = f"g_{rule.start}", f"g_{rule.end}"
        before = (
            f"max({end}) OVER (PARTITION BY {alike} ORDER BY {start}, {end} "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        )
        found.append(
            (
                rule,
                f"SELECT {alike}, {start}, {end} FROM (SELECT *, {before} AS before FROM rated WHERE {COUNTED}) "
                f"WHERE before >= {start} ORDER BY ALL LIMIT 1",
            )
        )
    return tuple(found)


def _shared(between: str, rule: Once) -> str:
    """Pairs of different groups that have the same thing on the same days."""
    alike = [f"g_{name}" for name in rule.fields]
    of, start, end = f"g_{between}", f"g_{rule.start}", f"g_{rule.end}"
    days = f"(SELECT DISTINCT {', '.join([*alike, of, start, end])} FROM rated WHERE {COUNTED})"
    same = " AND ".join(f"a.{name} = b.{name}" for name in alike)
    shown = ", ".join(f"a.{name}" for name in alike)
    return (
        f"SELECT DISTINCT {shown}, a.{of}, b.{of} FROM {days} a JOIN {days} b "
        f"ON {same} AND a.{of} < b.{of} AND a.{start} <= b.{end} AND b.{start} <= a.{end} "
        "ORDER BY ALL LIMIT 100"
    )


def _sum(name: str, rules: Totals | None) -> str:
    keys = [f"g_{a.field}" for a in rules.apart] if rules else []
    keys += ["year", *(f"g_{name}" for name in _per(rules))]
    listed = ", ".join(keys)
    num = f"num_{name}"
    return (
        f"SELECT {listed}, leaf, den_{name}, sum({num} // {SPLIT}), sum({num} % {SPLIT}), count(*) "
        f"FROM rated WHERE {COUNTED} GROUP BY {listed}, leaf, den_{name} ORDER BY ALL"
    )
