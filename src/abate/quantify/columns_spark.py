"""The same methodology on Apache Spark: native SQL, nothing of Abate and no Python on the workers.

Input and output are Parquet; the output is a folder partitioned by the day that dates a record. Rows keep their
keys, not their order. The session is the caller's or is made here; it must have CONFIG.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]  # it brings no types
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import Summary, compiled, key_columns, results_sql, summary_of
from abate.quantify.columns_source import InputError, typed_rows
from abate.quantify.columns_spark_sql import to_spark
from abate.quantify.factors import Setting

CONFIG = {
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, never a wrapped number
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # decimals stay exact
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.variant.allowDuplicateKeys": "false",
}
WHOLE_TASKS = {
    # what a task wrote counts when the job commits it, so what a lost task left behind is never read
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
}
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
FEW_ROWS = {
    # generating and compiling Java costs far more than computing a few rows
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.ui.showConsoleProgress": "false",
}
VIEW = "abate_records"
_TYPES = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "int": "INTEGER",
}


def connect(master: str, more: dict[str, str] | None = None) -> SparkSession:
    """A session on `master`. A master on this machine is spoken to over loopback only."""
    near = master.startswith(("local", "spark://127.0.0.1"))
    builder = SparkSession.builder.master(master).appName("abate")
    for key, value in (CONFIG | WHOLE_TASKS | (LOCAL if near else {}) | (more or {})).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


@contextmanager
def session(master: str, more: dict[str, str] | None = None) -> Iterator[SparkSession]:
    """A session that ends with the block. Raises InputError where the master cannot be reached."""
    try:
        spark = connect(master, more)
    except Exception as error:  # the gateway passes on whatever Java threw
        raise InputError(f"Spark on {master}: {str(error).strip().splitlines()[-1]}") from error
    try:
        yield spark
    finally:
        spark.stop()


def quantify_frame(
    spark: SparkSession,
    records: DataFrame,
    method_id: str,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str] = (),
    *,
    day: bool = False,
) -> DataFrame:
    """Results of records with a column for each field, and `day` where asked. Raises InputError, NotColumnar,
    KeyError."""
    _configured(spark)
    plan = compiled(method_id, catalogue, setting)
    types = {name: _type(name, kind) for name, kind in records.dtypes}
    rows = typed_rows(types, plan.methods, VIEW, key_columns(plan.newest, keys))
    records.createOrReplaceTempView(VIEW)
    return spark.sql(to_spark(results_sql(plan, rows, setting, day=day)))


def quantify_folder(
    spark: SparkSession,
    method_id: str,
    inputs: Sequence[str],
    out: str,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str] = (),
) -> Summary:
    """Parquet files or folders into a folder of Parquet by day, whole or not at all. Raises InputError."""
    target = PurePosixPath(out)
    staging = str(target.with_name(f".{target.name}.{os.getpid()}.part"))
    files, jvm = _hadoop(spark, out)
    if files.exists(jvm.Path(out)):
        raise InputError(f"{out}: exists already; remove it or name another folder")
    try:
        # without partition columns: `day=...` in a path is no field of a record
        records = (
            spark.read.option("recursiveFileLookup", "true").option("mergeSchema", "true").parquet(*inputs)
        )
        found = quantify_frame(spark, records, method_id, catalogue, setting, keys, day=True)
        found.write.partitionBy("day").option("compression", "zstd").parquet(staging)
        summary = _summary(spark, staging, setting)
        if not files.rename(jvm.Path(staging), jvm.Path(out)):
            raise InputError(f"{out}: the finished folder could not be moved there from {staging}")
        return summary
    except PySparkException as error:
        raise InputError(str(error).splitlines()[0]) from error
    except Py4JJavaError as error:  # what Java threw and Spark has no Python name for, like a broken file
        raise InputError(f"{', '.join(inputs)}: {str(error.java_exception).splitlines()[0]}") from error
    finally:
        files.delete(jvm.Path(staging), True)


def _configured(spark: SparkSession) -> None:
    """A session of the caller's computes as CONFIG says, or not at all: elsewhere it would wrap or round."""
    for key, value in CONFIG.items():
        found = spark.conf.get(key, "")
        if str(found).lower() != value.lower():
            raise InputError(
                f"the Spark session has {key} = {found or 'nothing'}; exact results need {value}: "
                f'spark.conf.set("{key}", "{value}")'
            )


def _summary(spark: SparkSession, folder: str, setting: Setting) -> Summary:
    spark.read.parquet(folder).createOrReplaceTempView("abate_results")
    found = spark.sql(
        "SELECT outcome, reason, factors, count(*), sum(CAST(er_mg AS DECIMAL(38, 0))) FILTER (WHERE outcome = 'counted') "
        "FROM abate_results GROUP BY outcome, reason, factors"
    ).collect()
    return summary_of([tuple(row) for row in found], setting)


def _type(name: str, kind: str) -> str:
    """The type of a column as DuckDB names it."""
    if kind == "float":
        raise InputError(
            f"column {name}: Spark cannot tell the shortest decimal of a 4-byte float on every Java; store it as "
            "double or decimal, or use the duckdb engine"
        )
    if kind.startswith("array<"):
        return "STRUCT[]"
    return _TYPES.get(kind, kind.upper())


def _hadoop(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """The file system that a path lies on, and the package of its names."""
    jvm = spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
    return jvm.Path(path).getFileSystem(spark._jsc.hadoopConfiguration()), jvm
