from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from pyspark.sql import SparkSession

from abate.quantify import catalogue as shipped
from abate.quantify import columns, columns_spark
from abate.quantify.catalogue import Catalogue


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spark first. PySpark starts Java by a fork with Python code in the child, which a process with the threads of
    hundreds of tests behind it does not always survive."""
    items.sort(key=lambda item: "spark" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return shipped.load()


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = columns.connect(threads=1)
    yield connection
    connection.close()


# Java lives for a minute here: the second compiler, which makes code for hours, takes longer than it saves.
BRIEF = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with columns_spark.session("local[1]", columns_spark.FEW_ROWS | BRIEF) as session:
        yield session
