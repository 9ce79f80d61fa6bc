"""Floors of numbers just below a multiple, both signs: exact here, and planted naive variants are caught."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import duckdb
import pytest
from sqlglot import exp

from abate.quantify.bounds import Bounds
from abate.quantify.columns_dialect import DUCKDB
from abate.quantify.columns_sql import Arithmetic, Names, Ratio, Whole
from abate.quantify.columns_tree import NotColumnar
from abate.quantify.formula import Field, Mul, Node

LIMIT = 9 * 10**17
STEP = 10**7


@pytest.fixture(scope="module")
def numbers() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute(
        f"CREATE TABLE t AS SELECT CASE WHEN k % 5 = 0 THEN -1 ELSE 1 END "
        f"* (1 + k * {LIMIT // STEP // 25_001}) * {STEP} - 1 AS f_n FROM range(25000) r(k)"
    )
    yield con
    con.close()


def wrong(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    rows = con.execute(f"SELECT f_n, {sql} FROM t").fetchall()
    return sum(n // STEP != found for n, found in rows)


def test_adversarial_floor(numbers: duckdb.DuckDBPyConnection) -> None:
    whole = Whole(exp.column("f_n"), Bounds(-LIMIT, LIMIT))
    arithmetic = Arithmetic(DUCKDB, Names({"n": Ratio(whole, Fraction(1, STEP * 10**6))}, {}))
    floored = arithmetic.milligrams(arithmetic.value(Field("n"))).sql
    assert floored is not None
    assert wrong(numbers, DUCKDB.text(floored)) == 0


@pytest.mark.parametrize(
    "naive, at_least",
    [(f"CAST(floor(f_n / {STEP}) AS BIGINT)", 20_000), (f"f_n // {STEP}", 4_999), (f"f_n / {STEP}", 20_000)],
)
def test_naive_variants_are_caught(numbers: duckdb.DuckDBPyConnection, naive: str, at_least: int) -> None:
    assert wrong(numbers, naive) >= at_least


def test_past_38_digits_is_refused() -> None:
    whole = Whole(exp.column("f_n"), Bounds(0, 10**15))
    arithmetic = Arithmetic(DUCKDB, Names({"n": Ratio(whole, Fraction(1))}, {}))
    wide: Node = Mul((Field("n"), Field("n")))
    assert "INT128" in DUCKDB.text(arithmetic.value(wide).num.sql)  # type: ignore[arg-type]
    with pytest.raises(NotColumnar, match="38 digits"):
        arithmetic.value(Mul((Field("n"), Field("n"), Field("n"))))
