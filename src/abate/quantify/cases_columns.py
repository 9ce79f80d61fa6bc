"""Worked cases as columns: on DuckDB as JSON texts, on Spark as columns of text, many groups in one job."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from abate.quantify.cases import Case
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import connect, quantify_texts
from abate.quantify.columns_select import RESULTS
from abate.quantify.factors import Setting
from abate.quantify.outcome import Outcome, Quantity

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ORDER = "_case"
TOGETHER = 12
"""Groups in one job of Spark: fewer jobs start faster, longer plans are read slower."""


def on_duckdb(cases: Sequence[Case], catalogue: Catalogue) -> list[Quantity]:
    """What DuckDB makes of each case."""
    found: dict[int, Quantity] = {}
    con = connect(threads=1)
    try:
        for (method, setting), places in _groups(cases).items():
            texts = [json.dumps(cases[i].record, ensure_ascii=False) for i in places]
            table = pa.table({ORDER: pa.array(places, pa.int64()), "data": pa.array(texts, pa.string())})
            con.register("abate_cases", table)
            rows = quantify_texts(con, "abate_cases", method, catalogue, setting, [ORDER]).to_arrow_table()
            found |= {row[ORDER]: _quantity(row) for row in rows.to_pylist()}
            con.unregister("abate_cases")
    finally:
        con.close()
    return [found[i] for i in range(len(cases))]


def on_spark(spark: SparkSession, cases: Sequence[Case], catalogue: Catalogue) -> list[Quantity]:
    """What Spark makes of each case. Raises InputError."""
    found: dict[int, Quantity] = {}
    groups = list(_groups(cases).items())
    for start in range(0, len(groups), TOGETHER):
        whole: DataFrame | None = None
        for (method, setting), places in groups[start : start + TOGETHER]:
            frame = _frame(spark, [cases[i] for i in places], places, method, catalogue, setting)
            whole = frame if whole is None else whole.unionByName(frame)
        assert whole is not None
        found |= {row[ORDER]: _quantity(row.asDict()) for row in whole.collect()}
    return [found[i] for i in range(len(cases))]


def _frame(
    spark: SparkSession,
    cases: Sequence[Case],
    places: Sequence[int],
    method: str,
    catalogue: Catalogue,
    setting: Setting,
) -> DataFrame:
    from abate.quantify.columns_spark import quantify_frame  # lazy: pyspark is an extra

    names = dict.fromkeys(name for case in cases for name in case.record)
    columns = {n: pa.array([_text(c.record.get(n)) for c in cases], pa.string()) for n in names}
    records = spark.createDataFrame(pa.table({**columns, ORDER: pa.array(places, pa.int64())}))
    return quantify_frame(spark, records, method, catalogue, setting, [ORDER]).select(ORDER, *RESULTS)


def _groups(cases: Iterable[Case]) -> dict[tuple[str, Setting], list[int]]:
    groups: dict[tuple[str, Setting], list[int]] = defaultdict(list)
    for i, case in enumerate(cases):
        groups[case.method, case.setting].append(i)
    return groups


def _text(cell: object) -> str | None:
    """Numbers as they are written in JSON, lists as JSON text."""
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _quantity(row: Mapping[str, Any]) -> Quantity:
    return Quantity(**{name: row[name] for name in RESULTS} | {"outcome": Outcome(row["outcome"])})
