"""Spark for the tests: records handed over as Parquet, many methodologies in one job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from tests.engines.engines import Row, as_row

from abate.quantify import columns_spark
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting


def by_spark(
    spark: SparkSession,
    folder: Path,
    groups: Sequence[tuple[str, Setting, pa.Table]],
    catalogue: Catalogue,
) -> list[list[Row]]:
    """Rows of each group (a methodology, a setting, records) in the order of its records; all in one job."""
    frames = []
    for number, (method, setting, table) in enumerate(groups):
        path = folder / f"{number}.parquet"
        ord_ = pa.array([f"{number}:{i}" for i in range(table.num_rows)])
        pq.write_table(table.append_column("_ord", ord_), path)
        frame = columns_spark.quantify_frame(
            spark, spark.read.parquet(str(path)), method, catalogue, setting, ["_ord"]
        )
        frames.append(frame.drop(*[c for c in frame.columns[:-9] if c != "_ord"]))
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    rows: list[list[Row]] = [[()] * table.num_rows for _, _, table in groups]
    for found in whole.collect():
        number, index = map(int, found["_ord"].split(":"))
        assert rows[number][index] == (), "a record came back twice"
        rows[number][index] = as_row(found.asDict())
    return rows
