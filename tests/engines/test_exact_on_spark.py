"""Whole numbers up to 38 digits on Spark: exact against Python, an overflow refuses, naive forms are caught."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.errors import ArithmeticException
from pyspark.sql import SparkSession
from sqlglot import exp
from tests.engines.engines import as_json, by_one
from tests.engines.spark import by_spark

from abate.quantify.bounds import Bounds
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import InputError
from abate.quantify.columns_dialect import DUCKDB
from abate.quantify.columns_spark import CONFIG, quantify_frame
from abate.quantify.columns_spark_sql import to_spark
from abate.quantify.columns_sql import Arithmetic, Names, Ratio, Whole
from abate.quantify.factors import Setting
from abate.quantify.formula import Div, Field

MOST = 10**38 - 1


def pairs() -> list[tuple[int, int]]:
    """n and d of every length, n beside a multiple of d more often than not."""
    rng = random.Random(20240601)
    found = [(MOST, 1), (MOST, MOST), (MOST, 10**18), (MOST, 10**20 - 1), (10**36, 10**18), (0, 1), (1, MOST)]
    for _ in range(4000):
        d = rng.randrange(1, 10 ** rng.randrange(1, 38))
        q = rng.randrange(0, max(1, min(MOST // d, 10 ** rng.randrange(1, 38))))
        found.append((min(MOST, max(0, q * d + rng.choice([-1, 0, 1, d - 1]))), d))
    return found


def stored(spark: SparkSession, folder: Path, **columns: list[int]) -> None:
    kind = pa.decimal128(38, 0)
    arrays = {name: pa.array([Decimal(n) for n in cells], kind) for name, cells in columns.items()}
    pq.write_table(pa.table(arrays), folder / "numbers.parquet")
    spark.read.parquet(str(folder / "numbers.parquet")).createOrReplaceTempView("numbers")


def test_quotients_of_38_digits(spark: SparkSession, tmp_path: Path) -> None:
    given = pairs()
    stored(spark, tmp_path, n=[n for n, _ in given], d=[d for _, d in given])
    wide = "CAST(n AS INT128) // CAST(d AS INT128) AS q, CAST(n AS INT128) % CAST(d AS INT128) AS r"
    rows = spark.sql(to_spark(f"SELECT n, d, {wide} FROM numbers")).collect()
    assert len(rows) == len(given)
    for row in rows:
        assert (int(row.q), int(row.r)) == divmod(int(row.n), int(row.d))
    naive = spark.sql("SELECT n, d, n div d AS q FROM numbers").collect()
    assert sum(int(r.q) != int(r.n) // int(r.d) for r in naive) > 500, "Spark's own `div` wraps past 64 bits"


def test_sums_and_products_of_38_digits(spark: SparkSession, tmp_path: Path) -> None:
    rng = random.Random(7)
    left = [rng.choice([-1, 1]) * rng.randrange(10 ** rng.randrange(1, 20)) for _ in range(1000)]
    right = [rng.randrange(10**18) for _ in left]
    stored(spark, tmp_path, a=left, b=right)
    sql = "SELECT a, b, CAST(a AS INT128) * b AS m, CAST(a AS INT128) * b + CAST(b AS INT128) * 7 - a AS s FROM numbers"
    for row in spark.sql(to_spark(sql)).collect():
        a, b = int(row.a), int(row.b)
        assert (int(row.m), int(row.s)) == (a * b, a * b + b * 7 - a)


@pytest.mark.parametrize("most", [9 * 10**17, 4 * 10**36])
def test_the_floors_of_the_engine(most: int, spark: SparkSession, tmp_path: Path) -> None:
    """Over a constant and over a column, just below a multiple and at it, both signs."""
    step = 10**7
    numbers = [(-1 if k % 5 == 0 else 1) * (1 + k * (most // step // 501)) * step - k % 2 for k in range(500)]
    dens = [1 + k * 7919 % 99_991 for k in range(500)]
    stored(spark, tmp_path, f_n=numbers, f_d=dens)
    n = Ratio(Whole(exp.column("f_n"), Bounds(-most, most)), Fraction(1, step * 10**6))
    d = Ratio(Whole(exp.column("f_d"), Bounds(1, 10**5)), Fraction(1))
    arithmetic = Arithmetic(DUCKDB, Names({"n": n, "d": d}, {}))
    texts = []
    quotient = Div(Field("n"), Field("d"))
    for node in (Field("n"), *([quotient] if most < 10**18 else [])):
        for up in (False, True):
            sql = arithmetic.milligrams(arithmetic.value(node), up=up).sql
            assert sql is not None
            texts.append(DUCKDB.text(sql))
    named = ", ".join(f"{text} AS c{i}" for i, text in enumerate(texts))
    kind = "BIGINT" if most < 10**18 else "INT128"
    sql = f"SELECT {named}, f_n, f_d FROM (SELECT CAST(f_n AS {kind}) AS f_n, CAST(f_d AS BIGINT) AS f_d FROM numbers)"
    for row in spark.sql(to_spark(sql)).collect():
        n_, d_ = int(row.f_n), int(row.f_d)
        wanted = [n_ // step, -(-n_ // step), n_ // (step * d_), -(-n_ // (step * d_))]
        assert [int(row[f"c{i}"]) for i in range(len(texts))] == wanted[: len(texts)]


@pytest.mark.parametrize("sql", ["CAST(n AS INT128) * 10", "CAST(n AS INT128) + n", "CAST(n AS BIGINT)"])
def test_an_overflow_is_an_error(sql: str, spark: SparkSession, tmp_path: Path) -> None:
    stored(spark, tmp_path, n=[MOST])
    with pytest.raises(ArithmeticException):
        spark.sql(to_spark(f"SELECT {sql} AS x FROM numbers")).collect()


def test_least_passes_over_null(spark: SparkSession) -> None:
    """On it stands which unknown field of several versions a reason names."""
    sql = "SELECT least(NULL, 'b', 'a') AS x, least(CAST(NULL AS VARCHAR), NULL) AS y"
    assert tuple(spark.sql(to_spark(sql)).collect()[0]) == ("a", None)


@pytest.mark.parametrize("key", sorted(CONFIG))
def test_a_session_that_computes_otherwise_is_refused(
    key: str, spark: SparkSession, catalogue: Catalogue
) -> None:
    other = {"UTC": "Asia/Shanghai", "true": "false", "false": "true"}[CONFIG[key]]
    spark.conf.set(key, other)
    try:
        with pytest.raises(InputError, match=key):
            quantify_frame(spark, spark.range(1), "online-meeting", catalogue, Setting())
    finally:
        spark.conf.set(key, CONFIG[key])


GAPS = {
    "a key twice beside another fault": '[{"rated_w": "500", "rated_w": "1", "hours": "1", "count": "4"}, {"hours": "x"}]',
    "more than 15 digits with a point": '[{"rated_w": 500, "hours": 1.5000000000000000001, "count": 4}]',
}
"""Lists as JSON text that Spark reads otherwise; see docs/howto/cluster.md."""


@pytest.mark.parametrize("name", sorted(GAPS))
def test_named_gaps(name: str, spark: SparkSession, catalogue: Catalogue, tmp_path: Path) -> None:
    """A gap that closes turns this red: take it out of GAPS and of the page."""
    record = {
        "meeting_id": "m",
        "start": "2026-12-02T10:00:00+08:00",
        "duration_min": "45",
        "participants": "5",
    }
    record |= {"replacement_rate": "0.35", "pkm_rail": "4321.125", "servers_at_limit": GAPS[name]}
    table = pa.table({k: pa.array([v], pa.string()) for k, v in record.items()})
    ((row,),) = by_spark(spark, tmp_path, [("online-meeting", Setting(), table)], catalogue)
    exact = by_one(as_json(record), "online-meeting", catalogue, Setting())
    assert row != exact, f"the gap is closed: {name}"
    assert row[0] == "refused", "a gap may only ever refuse"
