from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any
from unittest import mock

import duckdb
import pytest
from pyspark.sql import SparkSession

from abate.quantify import catalogue as shipped
from abate.quantify import columns, columns_spark
from abate.quantify.catalogue import Catalogue


class _Plain(subprocess.Popen):  # type: ignore[type-arg]
    """A process begun without Python code in the child before it is another program."""

    def __init__(self, *words: Any, preexec_fn: object = None, **more: Any) -> None:
        super().__init__(*words, start_new_session=preexec_fn is not None, **more)


@pytest.fixture(scope="session", autouse=True)
def java_begun_plainly() -> Iterator[None]:
    """PySpark starts Java by a fork with Python code in the child, which a process with the threads of hundreds of tests
    behind it does not always survive. All that code does is to keep Java from hearing Ctrl-C."""
    with mock.patch("pyspark.java_gateway.Popen", _Plain):
        yield


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
