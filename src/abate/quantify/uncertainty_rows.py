"""Records as columns of doubles, in slabs of a fixed size, read and judged by the same engine as `quantify`.

The engine has checked every field, chosen version and figures and computed the exact amounts; what comes
here is its own scaled whole numbers. A slab is a fixed number of records of the input: the streams of draws
belong to slabs, so a result does not depend on how the input was cut when it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from abate.quantify.columns_input import identifier
from abate.quantify.columns_plan import Plan
from abate.quantify.columns_select import names_in, write_select
from abate.quantify.columns_source import InputError, file_rows
from abate.quantify.draws import Items, Rows
from abate.quantify.formula import Is
from abate.quantify.method import ActivityField, Method
from abate.quantify.reading_checks import parts
from abate.quantify.uncertainty_model import Cut

SLAB = 8192


@dataclass(frozen=True, slots=True)
class Slab:
    """Up to SLAB records in the order of the input; `first` is the number of the first one."""

    number: int
    first: int
    table: pa.Table
    keys: tuple[str, ...]

    def groups(self) -> list[tuple[int, Any]]:
        """(segment, positions) of the records with amounts, those of one branch together."""
        there = np.flatnonzero(pc.is_valid(self.table["er_mg"]).to_numpy())
        if not len(there):
            return []
        segment, leaf = (_numbers(self.table[name])[there] for name in ("seg", "leaf"))
        order = np.lexsort((there, leaf, segment))
        cuts = np.flatnonzero(np.diff(segment[order]) + np.diff(leaf[order]) * 0.5) + 1
        return [(int(segment[g[0]]), there[g]) for g in np.split(order, cuts)]


def slabs(
    con: duckdb.DuckDBPyConnection, plan: Plan, inputs: Sequence[Path], zone: str, keys: Sequence[str] = ()
) -> Iterator[Slab]:
    """Raises InputError for files that cannot be read."""
    asked = tuple(dict.fromkeys([*plan.newest.activity.key, *keys]))
    source = file_rows(con, plan.methods, inputs, asked)
    fields = {f"f_{f.name}" for m in plan.methods for f in m.activity.fields}
    fields |= {f"f_{d.name}" for m in plan.methods for d in m.activity.derived}
    columns = [f"{sql} AS {identifier(f'key_{name}')}" for name, sql in source.keys.items()]
    columns += ["seg", "leaf", "outcome", "reason", "er_mg", "factors", *sorted(fields)]
    wanted = {"seg", "leaf", *fields, *names_in(source.keys.values())}
    selected = write_select(plan, source.source, zone, wanted)
    try:
        relation = con.sql(f"SELECT {', '.join(columns)} FROM ({selected})")
        reader = pa.RecordBatchReader.from_stream(relation)
        yield from _cut(reader, asked)
    except (duckdb.IOException, duckdb.InvalidInputException, OSError) as error:
        raise InputError(str(error).splitlines()[0]) from error


def _cut(reader: pa.RecordBatchReader, keys: tuple[str, ...]) -> Iterator[Slab]:
    """Slabs of exactly SLAB records, but for the last."""
    waiting: list[pa.RecordBatch] = []
    held = number = 0
    for batch in reader:
        waiting.append(batch)
        held += batch.num_rows
        while held >= SLAB:
            table = pa.Table.from_batches(waiting)
            yield Slab(number, number * SLAB, table.slice(0, SLAB).combine_chunks(), keys)
            waiting, held, number = table.slice(SLAB).to_batches(), held - SLAB, number + 1
    if held:
        yield Slab(number, number * SLAB, pa.Table.from_batches(waiting).combine_chunks(), keys)


def point(slab: Slab, positions: Any, cut: Cut) -> Rows:
    """The records at `positions` with their own values and the figures as they stand."""
    method = cut.method
    table = slab.table.take(pa.array(positions))
    size = len(positions)
    fields: dict[str, Any] = {}
    given: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    lists: dict[str, Items] = {}
    for f in method.activity.fields:
        column = table[f"f_{f.name}"]
        given[f.name] = pc.is_valid(column).to_numpy()[:, None]
        if f.kind in ("number", "integer"):
            values = _numbers(column)[:, None] / 10.0**f.decimals
            fields[f.name] = np.where(given[f.name], values, 0.0) if f.absent_zero else values
        elif f.kind == "text" or f.kind == "id":
            texts[f.name] = column
        elif f.kind == "list":
            lists[f.name] = _items(column, f)
    for d in method.activity.derived:
        fields[d.name] = _numbers(table[f"f_{d.name}"])[:, None] / (3600.0 if d.kind == "hours" else 1.0)
    wanted = _compared(method)
    shown = {name: column.to_numpy()[:, None] for name, column in texts.items() if name in wanted}
    params: Mapping[str, Any] = {n: np.float64(cut.figures.get(n, np.nan)) for n in method.parameters}
    return Rows(size, fields, given, shown, lists, params)


def _numbers(column: pa.ChunkedArray) -> Any:
    """Whole numbers as doubles, null as not-a-number; the reader admits none that a double cannot hold."""
    return column.cast(pa.float64(), safe=False).to_numpy()


def _items(column: pa.ChunkedArray, f: ActivityField) -> Items:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = pc.list_flatten(array)
    found = {}
    for i in f.items:
        values = flat.field(f"_{i.name}") if len(flat) else pa.array([], pa.int64())
        found[i.name] = values.cast(pa.float64()).to_numpy(zero_copy_only=False)[:, None] / 10.0**i.decimals
    return Items(counts, found)


def _compared(method: Method) -> set[str]:
    tests = [r.test for r in method.recognition] + [r.when for r in method.rules]
    trees = [*(f.expr for f in method.formulas.values()), *tests]
    return {p.name for tree in trees for p in parts(tree) if isinstance(p, Is)}
