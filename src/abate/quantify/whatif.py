"""What if one figure were another: only the rows that depend on it are computed again.

A stored result names the figures its branch read, so a row that names none of the changed ones keeps its
result; so
does a row in which every changed figure is multiplied by a field that is zero or absent. Everything else
is computed
by the same engine as the full run, and the two agree on every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import SUFFIXES, connect, quantify_table, quantify_texts
from abate.quantify.columns_input import identifier, quoted
from abate.quantify.columns_select import RESULTS
from abate.quantify.columns_source import InputError, csv_relation, line_batches, parquet_relation
from abate.quantify.factors import Setting, timeline
from abate.quantify.formula import Field, Mul, Node, Param, Ref, Test
from abate.quantify.method import Method
from abate.quantify.one import RESULT
from abate.quantify.outcome import Outcome, Refusal
from abate.quantify.reading_checks import parts
from abate.quantify.whatif_change import Changed

ROW, WAS, WAS_MG = "_row", "_was", "_was_mg"


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`recomputed` of `rows` were computed again; totals are milligrams over counted rows."""

    rows: int
    recomputed: int
    before_mg: int
    after_mg: int
    transitions: tuple[tuple[str, str, int], ...]


def what_if(
    data: Sequence[Path],
    base: Path,
    method_id: str,
    catalogue: Catalogue,
    setting: Setting,
    changed: Changed,
    out: Path | None = None,
) -> WhatIf:
    """`base` is the stored result of `abate quantify` on the same files. With `out` the whole new result
    is written
    too. Raises InputError where the files do not belong together."""
    con = connect()
    try:
        texts = _views(con, data, base)
        rows = _same_length(con)
        fields = {f: f"d.{identifier(f)}" for f in _columns(con, "data")}
        if texts:
            known = {f.name for m in catalogue.methods[method_id] for f in m.activity.fields}
            fields = {f: f"json_extract_string(d.data, {quoted(f'$.{f}')})" for f in known}
        where = affected(method_id, catalogue, setting, changed, fields, _figures(con))
        con.execute(
            f"CREATE TEMP VIEW picked AS SELECT d.*, b.{ROW}, b.outcome AS {WAS}, b.er_mg AS {WAS_MG} "
            f"FROM data d POSITIONAL JOIN base b WHERE {where}"
        )
        compute = quantify_texts if texts else quantify_table
        again = compute(con, "picked", method_id, changed.catalogue, changed.setting, (ROW, WAS, WAS_MG))
        columns = ", ".join((ROW, WAS, WAS_MG, *RESULTS))
        # only a result that is written is held; the sums alone stream, and read only what they need
        held = "TABLE" if out is not None else "VIEW"
        con.execute(f"CREATE TEMP {held} again AS SELECT {columns} FROM ({again.sql_query()})")
        if out is not None:
            _write(con, out)
        return _summary(con, rows)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        raise InputError(f"{error}".splitlines()[0] + "; give whole files") from error
    finally:
        con.close()


def affected(
    method_id: str,
    catalogue: Catalogue,
    setting: Setting,
    changed: Changed,
    fields: Mapping[str, str],
    figures: Iterable[str],
) -> str:
    """The condition, over the stored result `b` and the data `d`, under which a row must be computed again.

    `fields` are the fields that the data have, as SQL; `figures` every different text of `b.factors`, so that which of
    them name a changed figure is decided here and not on every row."""
    methods = catalogue.methods[method_id]
    names = {n for m in methods for n in _parameters(m, catalogue, setting, changed)}
    fate = {Outcome.COUNTED, Outcome.NOT_BELOW_BASELINE}
    reads = "true"
    if changed.ids and not changed.own:
        naming = sorted(f for f in figures if changed.ids & set(f.split(";")))
        reads = f"b.factors IN ({', '.join(map(quoted, naming))})" if naming else "false"
        reads += f" AND ({_not_zero(methods, names, fields)})"
    if any(
        isinstance(p, Param) and p.name in names
        for m in methods
        for r in m.recognition
        for p in parts(r.test)
    ):
        reads = "true"
        fate.add(Outcome.NOT_COUNTED)
    outcomes = ", ".join(quoted(o) for o in sorted(fate))
    conditions = [
        f"(b.outcome IN ({outcomes}) AND {reads})",
        f"coalesce(b.reason = {quoted(f'{Refusal.OUT_OF_RANGE}:{RESULT}')}, false)",
    ]
    if changed.supplied:
        conditions.append(
            f"b.outcome = {quoted(Outcome.NEEDS_FIGURE)} OR "
            "coalesce(b.reason LIKE 'no_factor:%' OR b.reason LIKE 'factor_past_review:%', false)"
        )
    return " OR ".join(conditions)


def _parameters(method: Method, catalogue: Catalogue, setting: Setting, changed: Changed) -> set[str]:
    """The parameters of the methodology that the change reaches."""
    found = {n for n in changed.own | changed.supplied if n in method.parameters}
    for period in timeline(method, catalogue.registry, setting):
        found |= {n for n, c in period.resolution.chosen.items() if c.id in changed.ids}
    return found


def _not_zero(methods: Sequence[Method], names: set[str], given: Mapping[str, str]) -> str:
    """True where some changed figure is multiplied by no field, or by fields that are all there and not
    zero."""
    conditions = set()
    for method in methods:
        for formula in method.formulas.values():
            for fields in _multiplied(formula.expr, names, frozenset()):
                conditions.add(" AND ".join(_there(f, given) for f in sorted(fields)) or "true")
        for test in (r.when for r in method.rules):
            if any(isinstance(p, Param) and p.name in names for p in parts(test)):
                conditions.add("true")
    return "true" if "true" in conditions else " OR ".join(f"({c})" for c in sorted(conditions)) or "false"


def _multiplied(tree: Node | Test, names: set[str], fields: frozenset[str]) -> Iterable[frozenset[str]]:
    """For each place where a changed figure is read: the fields of the product it stands in."""
    if isinstance(tree, Param):
        if tree.name in names:
            yield fields
        return
    if isinstance(tree, Mul):
        fields |= {t.name for t in tree.terms if isinstance(t, Field)}
        for term in tree.terms:
            yield from _multiplied(term, names, fields)
        return
    if isinstance(tree, Ref):
        return
    below = [p for p in parts(tree) if p is not tree and isinstance(p, Param | Mul)]
    inner = {id(x) for m in below if isinstance(m, Mul) for x in parts(m) if x is not m}
    for part in below:
        if id(part) not in inner:
            yield from _multiplied(part, names, frozenset())


def _there(name: str, given: Mapping[str, str]) -> str:
    if name not in given:
        return "false"
    value = given[name]
    return f"coalesce(TRY_CAST({value} AS DOUBLE) <> 0, {value} IS NOT NULL)"


# -- files -----------------------------------------------------------------------------------------


def _views(con: duckdb.DuckDBPyConnection, data: Sequence[Path], base: Path) -> bool:
    """`data` and `base` as relations; true where `data` are JSON texts."""
    for path in (*data, base):
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
    forms = {SUFFIXES.get(p.suffix.lower()) for p in data}
    if forms == {"lines"}:
        con.register("abate_lines", line_batches(data))  # a stream: it is read once, the table several times
        con.execute("CREATE TEMP TABLE data AS SELECT data FROM abate_lines")
    elif forms in ({"parquet"}, {"csv"}):
        relation = parquet_relation(data) if forms == {"parquet"} else csv_relation(data)
        con.execute(f"CREATE VIEW data AS SELECT * FROM {relation}")
    else:
        raise InputError("give CSV, JSON Lines or Parquet, one kind at a time")
    if base.suffix.lower() != ".parquet":
        raise InputError(
            f"{base}: the stored result must be Parquet, as `abate quantify -o FILE.parquet` writes it"
        )
    con.execute(
        f"CREATE VIEW base AS SELECT * EXCLUDE (file_row_number), file_row_number AS {ROW} "
        f"FROM read_parquet({quoted(str(base))}, file_row_number = true)"
    )
    absent = [c for c in RESULTS if c not in _columns(con, "base")]
    if absent:
        raise InputError(f"{base}: has no column {absent[0]}; give the result of `abate quantify`")
    return forms == {"lines"}


def _figures(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [str(row[0]) for row in con.execute("SELECT DISTINCT factors FROM base").fetchall()]


def _columns(con: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    return [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {view}").fetchall()]


def _same_length(con: duckdb.DuckDBPyConnection) -> int:
    counts = [int(con.execute(f"SELECT count(*) FROM {v}").fetchall()[0][0]) for v in ("data", "base")]
    if counts[0] != counts[1]:
        raise InputError(
            f"the data has {counts[0]} rows and the stored result {counts[1]}; give the result of these files"
        )
    return counts[0]


def _write(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    if out.suffix.lower() != ".parquet":
        raise InputError(f"{out}: the output must end in .parquet")
    kept = [c for c in _columns(con, "base") if c not in (*RESULTS, ROW)]
    columns = [f"b.{identifier(c)}" for c in kept]
    columns += [f"CASE WHEN a.{ROW} IS NULL THEN b.{c} ELSE a.{c} END AS {c}" for c in RESULTS]
    con.execute(
        f"COPY (SELECT {', '.join(columns)} FROM base b LEFT JOIN again a ON a.{ROW} = b.{ROW} "
        f"ORDER BY b.{ROW}) "
        f"TO {quoted(str(out))} (FORMAT parquet, COMPRESSION zstd, PRESERVE_ORDER true)"
    )


def _summary(con: duckdb.DuckDBPyConnection, rows: int) -> WhatIf:
    counted = quoted(Outcome.COUNTED)
    total = f"SELECT sum(CAST(er_mg AS HUGEINT)) FILTER (outcome = {counted}) FROM base"
    before = int(con.execute(total).fetchall()[0][0] or 0)
    groups = con.execute(
        f"SELECT {WAS}, outcome, count(*), sum(CAST({WAS_MG} AS HUGEINT)) FILTER ({WAS} = {counted}), "
        f"sum(CAST(er_mg AS HUGEINT)) FILTER (outcome = {counted}) FROM again GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return WhatIf(
        rows=rows,
        recomputed=sum(int(group[2]) for group in groups),
        before_mg=before,
        after_mg=before + sum(int(group[4] or 0) - int(group[3] or 0) for group in groups),
        transitions=tuple((str(was), str(now), int(n)) for was, now, n, _, _ in groups),
    )
