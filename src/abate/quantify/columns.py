"""Many records at once: a methodology compiled to exact whole-number SQL and run on DuckDB.

The same integers, outcomes and reasons as `one.py` on every row; the rows stream, so files may be larger
than memory.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from abate.quantify import columns_events
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns_fast import plain_cell, plain_rows
from abate.quantify.columns_input import identifier, quoted
from abate.quantify.columns_labels import Labels
from abate.quantify.columns_plan import Plan, make_plan
from abate.quantify.columns_record import canonical_columns
from abate.quantify.columns_select import RESULTS, names_in, write_select
from abate.quantify.columns_source import (
    InputError,
    Rows,
    csv_batches,
    csv_relation,
    json_rows,
    line_batches,
    parquet_relation,
    table_rows,
)
from abate.quantify.columns_tree import NotColumnar
from abate.quantify.factors import Setting
from abate.quantify.method import Method

__all__ = [
    "InputError",
    "NotColumnar",
    "Summary",
    "compiled",
    "connect",
    "identity",
    "key_columns",
    "quantify_events",
    "quantify_file",
    "quantify_table",
    "quantify_texts",
    "results_sql",
    "summary_of",
]

SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".jsonl": "lines", ".ndjson": "lines", ".json": "lines"}
DONE = "_SUCCESS"
"""Marks a folder of results as whole, as Spark does."""
CLOSED = frozenset({"outcome", "reason", "method", "factors"})
"""Result columns of texts that are known beforehand (reasons only where no record can bring its own names)."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to: rows by outcome, the sum of ER over counted rows (mg), the figures that were
    read; `reasons`: outcome -> reason -> rows, the most frequent first, of rows that have a reason.
    """

    rows: int
    outcomes: dict[str, int]
    er_mg: int
    factors: tuple[str, ...]
    illustration: bool
    reasons: dict[str, dict[str, int]]


def connect(memory: str = "1GB", threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory engine that never reaches for the network."""
    con = duckdb.connect(":memory:")
    con.execute(f"SET memory_limit = '{memory}'")
    con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    with suppress(duckdb.InvalidInputException):  # no bar to turn off in a notebook without its widgets
        con.execute("SET enable_progress_bar = false")
    if threads is not None:
        con.execute(f"SET threads = {threads}")
    return con


def quantify_events(
    con: duckdb.DuckDBPyConnection, events: pa.Table, method_id: str, catalogue: Catalogue, setting: Setting
) -> pa.Table:
    """Results of a table of events (`ord`, `data`: the activity record as JSON text), in the order of `ord`.

    Columns: ord, the results, `canonical` (the canonical record text, null where refused), `day` in the
    setting's zone and `occurred_at`. Raises KeyError for an unknown methodology, NotColumnar where it
    cannot be compiled.
    """
    return columns_events.run(
        con,
        events,
        identity(method_id, catalogue, setting),
        lambda quick: _events_sql(compiled(method_id, catalogue, setting), setting, quick=quick),
    )


def quantify_table(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    method_id: str,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str] = (),
) -> duckdb.DuckDBPyRelation:
    """Results of a relation (table, view or table function of `con`) with a column for each field."""
    plan = compiled(method_id, catalogue, setting)
    rows = table_rows(con, plan.methods, relation, key_columns(plan.newest, keys))
    return con.sql(results_sql(plan, rows, setting))


def quantify_texts(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    method_id: str,
    catalogue: Catalogue,
    setting: Setting,
    kept: Sequence[str] = (),
) -> duckdb.DuckDBPyRelation:
    """The columns `kept` and the results of a relation of `con` with a column `data`: the record as JSON text."""
    plan = compiled(method_id, catalogue, setting)
    rows = json_rows(plan.methods, relation, "data", (), kept)
    return con.sql(results_sql(plan, replace(rows, keys={name: name for name in kept}), setting))


def key_columns(method: Method, keys: Sequence[str]) -> list[str]:
    """The columns that stand before the results: those that name the record, then `keys`. Raises InputError."""
    asked = list(dict.fromkeys([*method.activity.key, *keys]))
    taken = [k for k in asked if k in RESULTS]
    if taken:
        raise InputError(f"--key {taken[0]}: the result has a column of that name; rename it in the input")
    return asked


def quantify_file(
    method_id: str,
    inputs: Sequence[Path],
    out: Path,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str] = (),
    *,
    by_day: bool = False,
    memory: str = "256MB",
    threads: int | None = None,
) -> Summary:
    """Read CSV, JSON Lines or Parquet, write Parquet or CSV in the order of the input; nothing is left half
    done. A folder stands for the Parquet files in it. `by_day`: write a new folder of Parquet, `day=...`, in no
    order.

    Raises InputError for input or output that cannot be read or written, NotColumnar, and KeyError.
    """
    inputs = [file for path in inputs for file in _files(path)]
    form = _form(inputs)
    if by_day and out.exists():
        raise InputError(f"{out}: exists already; remove it or name another folder")
    if not by_day and SUFFIXES.get(out.suffix.lower()) not in ("parquet", "csv"):
        raise InputError(
            f"{out}: the output must end in .parquet or .csv (or be a folder, with --partition-by day)"
        )
    plan = compiled(method_id, catalogue, setting)
    asked = key_columns(plan.newest, keys)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    con = connect(memory, threads)
    try:
        for rows in _attempts(con, plan, form, inputs, asked):
            try:
                labels = Labels(CLOSED if rows.closed else CLOSED - {"reason"})
                selected = results_sql(plan, rows, setting, labels, day=by_day)
                con.execute(labels.types())
                con.execute(_copy_by_day(selected, part) if by_day else _copy(selected, out, part))
                break
            except (duckdb.InvalidInputException, duckdb.ConversionException):
                if form != "csv" or rows.source.malformed != "false":
                    raise
        summary = _summary(con, part, out, setting, by_day)
        if by_day:
            (part / DONE).touch()
        part.replace(out)
        return summary
    except (duckdb.IOException, duckdb.InvalidInputException, OSError) as error:
        raise InputError(str(error).splitlines()[0]) from error
    finally:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        con.close()


def _files(path: Path) -> list[Path]:
    """The Parquet files of a folder in the order of their names, without what is hidden or a mark; else the path."""
    if not path.is_dir():
        return [path]
    found = sorted(
        p for p in path.rglob("*.parquet") if not any(n[0] in "._" for n in p.relative_to(path).parts)
    )
    if not found:
        raise InputError(f"{path}: there is no Parquet file in the folder")
    return found


def _attempts(
    con: duckdb.DuckDBPyConnection, plan: Plan, form: str, inputs: Sequence[Path], keys: Sequence[str]
) -> Iterable[Rows]:
    """The fast way to read the input, then for CSV the careful one."""
    if form == "parquet":
        yield table_rows(con, plan.methods, parquet_relation(inputs), keys)
    elif form == "lines":
        con.register("abate_lines", line_batches(inputs))
        yield json_rows(plan.methods, "abate_lines", "data", keys, ())
    else:
        yield table_rows(con, plan.methods, csv_relation(inputs), keys)
        con.register("abate_rows", csv_batches(inputs))
        yield table_rows(con, plan.methods, "abate_rows", keys)


def _form(inputs: Sequence[Path]) -> str:
    forms = set()
    for path in inputs:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        form = SUFFIXES.get(path.suffix.lower())
        if form is None:
            raise InputError(f"{path}: give .parquet, .csv, .jsonl or .ndjson")
        forms.add(form)
    if len(forms) != 1:
        raise InputError("give input files of one kind at a time")
    return forms.pop()


def results_sql(
    plan: Plan, rows: Rows, setting: Setting, labels: Labels | None = None, *, day: bool = False
) -> str:
    """Keys, results and, where asked, the `day` that dates the record (null where it cannot be read)."""
    keys = [f"{sql} AS {identifier(name)}" for name, sql in rows.keys.items()]
    last = [canonical_columns(plan, setting.zone)[1]] if day else []
    wanted = names_in([*rows.keys.values(), *last])
    selected = write_select(plan, rows.source, setting.zone, wanted, labels=labels)
    return f"SELECT {', '.join([*keys, *RESULTS, *last])} FROM ({selected})"


def _events_sql(plan: Plan, setting: Setting, *, quick: bool) -> str:
    more = canonical_columns(plan, setting.zone, plain=quick)
    wanted = {"ord", "ok", *names_in(more)}
    if quick:
        source = plain_rows(plan.methods, columns_events.FEED, "data", ("ord",))
        selected = write_select(plan, source, setting.zone, wanted, plain_cell, reasons=False)
    else:
        source = json_rows(plan.methods, columns_events.FEED, "data", (), ("ord",)).source
        selected = write_select(plan, source, setting.zone, wanted)
    return f"SELECT ord, ok, {', '.join([*RESULTS, *more])} FROM ({selected})"


def _copy(sql: str, out: Path, part: Path) -> str:
    form = "FORMAT csv, HEADER true"
    if out.suffix.lower() == ".parquet":
        # said outright: by the connection's setting alone row groups change places
        form = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PRESERVE_ORDER true"
    return f"COPY ({sql}) TO {quoted(str(part))} ({form})"


def _copy_by_day(sql: str, part: Path) -> str:
    return f"COPY ({sql}) TO {quoted(str(part))} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))"


def _summary(
    con: duckdb.DuckDBPyConnection, part: Path, out: Path, setting: Setting, by_day: bool
) -> Summary:
    if by_day:
        relation = f"read_parquet({quoted(str(part / '*' / '*.parquet'))}, hive_partitioning = false)"
    elif out.suffix.lower() == ".parquet":
        relation = f"read_parquet({quoted(str(part))})"
    else:
        relation = f"read_csv({quoted(str(part))}, all_varchar = true, header = true)"
    found = con.execute(
        f"SELECT outcome, reason, factors, count(*), sum(CAST(er_mg AS HUGEINT)) FILTER (outcome = 'counted') "
        f"FROM {relation} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return summary_of(found, setting)


def summary_of(
    found: Iterable[tuple[str, str | None, str | None, int, int | None]], setting: Setting
) -> Summary:
    """From groups of rows: outcome, reason, factors, how many, the sum of ER where counted."""
    groups = list(found)
    outcomes: dict[str, int] = {}
    factors: set[str] = set()
    reasons: Counter[tuple[str, str]] = Counter()
    for outcome, reason, used, rows, _ in groups:
        outcomes[outcome] = outcomes.get(outcome, 0) + rows
        if reason:
            reasons[outcome, reason] += rows
        factors |= {f for f in (used or "").split(";") if f}
    er_mg = sum(int(row[4] or 0) for row in groups)
    shown = bool(setting.pack and setting.pack.illustration and any(f.startswith("pack:") for f in factors))
    why: dict[str, dict[str, int]] = {}
    for (outcome, reason), rows in sorted(reasons.items(), key=lambda one: (-one[1], one[0])):
        why.setdefault(outcome, {})[reason] = rows
    return Summary(sum(outcomes.values()), outcomes, er_mg, tuple(sorted(factors)), shown, why)


# -- compiled once ---------------------------------------------------------------------------------

_PLANS: dict[tuple[object, ...], Plan] = {}


def identity(method_id: str, catalogue: Catalogue, setting: Setting) -> tuple[object, ...]:
    """Everything that the results of a methodology depend on besides the records."""
    versions = tuple(m.hash for m in catalogue.methods[method_id])
    pack = setting.pack.hash if setting.pack else None
    return (
        versions,
        catalogue.registry.hash,
        setting.region,
        setting.floor,
        pack,
        setting.on,
        setting.zone,
    )


def compiled(method_id: str, catalogue: Catalogue, setting: Setting) -> Plan:
    key = identity(method_id, catalogue, setting)
    if key not in _PLANS:
        _PLANS[key] = make_plan(catalogue, method_id, setting)
    return _PLANS[key]
