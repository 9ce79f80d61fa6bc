"""Generated records on Spark: the same rows as the exact engine, columns of texts, doubles and decimals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.engines.engines import by_one
from tests.engines.spark import by_spark
from tests.engines.test_equal_rows import CATALOGUE, QUICK, SETTINGS, SHAPES, SHAPES_OF_COLUMNS, drawn, shaped

from abate.quantify.factors import Setting
from abate.quantify.listing import Listing, Switch
from abate.quantify.method import Text

PART = 8


def agree(spark: SparkSession, folder: Path, methods: list[str], given_settings: list[Setting]) -> None:
    groups, asked = [], []
    for place, method in enumerate(methods):
        some = drawn(CATALOGUE.newest(method), QUICK)
        for number, kind in enumerate(SHAPES_OF_COLUMNS):
            setting = given_settings[(place + number) % len(given_settings)]
            table, rows = shaped(CATALOGUE.newest(method), some, kind)
            groups.append((method, setting, table))
            asked.append((method, kind, setting, rows))
    for (method, kind, setting, rows), found in zip(
        asked, by_spark(spark, folder, groups, CATALOGUE), strict=True
    ):
        for record, row in zip(rows, found, strict=True):
            assert row == by_one(record, method, CATALOGUE, setting), (method, kind, repr(record))


@pytest.mark.clause("P-7.2-a")
@pytest.mark.parametrize(
    "method", ["cycling", *(pytest.param(n, marks=pytest.mark.slow) for n in sorted(SHAPES - {"cycling"}))]
)
def test_typed_columns(method: str, spark: SparkSession, tmp_path: Path) -> None:
    agree(spark, tmp_path, [method], SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PART))
def test_every_methodology(part: int, spark: SparkSession, tmp_path: Path) -> None:
    agree(spark, tmp_path, sorted(set(CATALOGUE.methods) - SHAPES)[part::PART], SETTINGS)


@pytest.mark.clause("P-7.2-c")
def test_a_closed_entry_is_not_counted_by_name(spark: SparkSession, tmp_path: Path) -> None:
    why = Text("暂不开放", "not open yet")
    switch = Switch("cycling", None, date(2023, 1, 1), date(2023, 12, 31), False, why)
    pack = replace(CATALOGUE.pack("demo"), listing=Listing(True, (switch,)), hash="listed-on-spark")
    table, rows = shaped(CATALOGUE.newest("cycling"), drawn(CATALOGUE.newest("cycling"), QUICK), "text")
    (found,) = by_spark(spark, tmp_path, [("cycling", Setting(pack=pack), table)], CATALOGUE)
    assert found == [by_one(record, "cycling", CATALOGUE, Setting(pack=pack)) for record in rows]
    assert ("not_counted", "closed:P-7.2-c") in {row[:2] for row in found}
