"""`abate methods cases`: the worked cases on one engine or on all of them, with no tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import click

from abate.quantify.cases import Case, differences
from abate.quantify.catalogue import Catalogue
from abate.quantify.one import score
from abate.quantify.outcome import Quantity

ENGINES = ("one", "duckdb", "spark")


def run_cases(cases: Sequence[Case], catalogue: Catalogue, engine: str, master: str) -> list[dict[str, Any]]:
    """A line for each case and engine: what differs from the case, and from the exact engine in any column.
    Raises ClickException where an engine cannot run."""
    exact = [score(case.record, case.method, catalogue, case.setting) for case in cases]
    results = []
    for name in ENGINES if engine == "all" else (engine,):
        found = exact if name == "one" else _on(name, cases, catalogue, master)
        for case, one, quantity in zip(cases, exact, found, strict=True):
            wrong = differences(case, quantity) + _unlike(one, quantity)
            results.append(
                {
                    "method": case.method,
                    "case": case.name,
                    "line": case.line,
                    "engine": name,
                    "differences": wrong,
                }
            )
    return results


def _on(engine: str, cases: Sequence[Case], catalogue: Catalogue, master: str) -> list[Quantity]:
    from abate.quantify import cases_columns  # lazy: DuckDB and sqlglot
    from abate.quantify.columns import InputError

    try:
        if engine == "duckdb":
            return cases_columns.on_duckdb(cases, catalogue)
        from abate.api_spark import needed

        needed()
        from abate.quantify import columns_spark  # lazy: pyspark is an extra

        click.echo(f"{len(cases)} cases on Spark, {master}; all methodologies take some minutes", err=True)
        few = columns_spark.FEW_ROWS if master.startswith("local") else {}
        with columns_spark.session(master, few) as spark:
            return cases_columns.on_spark(spark, cases, catalogue)
    except InputError as error:
        raise click.ClickException(str(error)) from error


def _unlike(exact: Quantity, found: Quantity) -> list[str]:
    return [
        f"{f.name}: the exact engine has {getattr(exact, f.name)}, computed {getattr(found, f.name)}"
        for f in fields(Quantity)
        if getattr(exact, f.name) != getattr(found, f.name)
    ]
