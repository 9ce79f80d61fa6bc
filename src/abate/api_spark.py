"""What of Spark can run here, and a methodology on it: files through a master, or the caller's own data frame."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import InputError, Summary
from abate.quantify.factors import Setting

TEXTS = (".csv", ".jsonl", ".ndjson", ".json")
LOCAL = "local[*]"


def lacking() -> str:
    """Why Spark cannot run here, with the remedy; empty where it can."""
    if find_spec("pyspark") is None:
        return 'the spark engine needs its extra: pip install "abate[spark]"'
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java") or (home and (Path(home) / "bin" / "java").is_file())):
        return (
            "the spark engine needs Java 17 or newer: on Debian, apt-get install default-jre-headless; "
            "elsewhere set JAVA_HOME"
        )
    return ""


def needed() -> None:
    """Raises InputError where Spark cannot run here."""
    if reason := lacking():
        raise InputError(reason)


def quantify_files(
    master: str,
    method_id: str,
    inputs: Sequence[str | Path],
    out: str | Path,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str],
) -> Summary:
    """Parquet files or folders into a new folder by day, on a master. Raises InputError."""
    needed()
    for path in inputs:
        if str(path).lower().endswith(TEXTS):
            raise InputError(
                f"{path}: the spark engine reads Parquet; quantify text files with --engine duckdb, or write "
                "them as Parquet first"
            )
    from abate.quantify import columns_spark  # lazy: pyspark is an extra

    with columns_spark.session(master) as spark:
        names = [str(p) for p in inputs]
        return columns_spark.quantify_folder(spark, method_id, names, str(out), catalogue, setting, keys)


def is_frame(data: Any) -> bool:
    """Whether it is a data frame of Spark, without importing Spark to know."""
    return type(data).__module__.startswith("pyspark.sql.") and hasattr(data, "sparkSession")


def frame_results(
    data: Any, method_id: str, catalogue: Catalogue, setting: Setting, keys: Sequence[str]
) -> Any:
    """Results of a data frame of Spark as one, in its own session; nothing runs yet. Raises InputError."""
    from abate.quantify import columns_spark  # lazy: pyspark is an extra

    return columns_spark.quantify_frame(data.sparkSession, data, method_id, catalogue, setting, keys)
