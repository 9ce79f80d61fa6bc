"""`abate quantify`: files of activity records into milligrams CO2e."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from abate.api_spark import LOCAL, quantify_files
from abate.cli.setting import known_method, make_setting, setting_options
from abate.quantify import catalogue as shipped
from abate.quantify.columns import InputError, NotColumnar, Summary, quantify_file
from abate.quantify.factors import FactorError
from abate.quantify.outcome import Outcome
from abate.quantify.reading_yaml import MethodError

MOST_REASONS = 8
"""Lines for the reasons of one outcome: what fits on a screen."""


@click.command()
@click.argument("method_id", metavar="ID")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Parquet or CSV file to write, or folder.",
)
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True)
@click.option("--master", default=LOCAL, show_default=True, metavar="URL", help="Spark's master.")
@click.option(
    "--partition-by", type=click.Choice(["day"]), help="Write a folder of Parquet by day (Spark always does)."
)
@setting_options
@click.option(
    "--key", "keys", multiple=True, metavar="COL", help="Pass an input column through (repeatable)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    method_id: str,
    inputs: tuple[Path, ...],
    out: Path,
    engine: str,
    master: str,
    partition_by: str | None,
    region: str | None,
    on: datetime | None,
    operator_pack: str | None,
    floor: str,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """Quantify activity records (CSV, JSON Lines or Parquet) with methodology ID.

    The output has the key columns of the input, then be_mg, pe_mg, le_mg, er_mg, outcome, reason, method,
    method_version and factors. A bad record is refused in its own row and never stops the others. A folder
    stands for the Parquet files in it. Spark reads Parquet and writes a folder by day; it keeps keys, not order.
    """
    try:
        catalogue = shipped.load()
        known_method(catalogue, method_id)
        setting = make_setting(catalogue, region, on, operator_pack, floor)
        with _progress(out):
            if engine == "spark":
                summary = quantify_files(master, method_id, inputs, out, catalogue, setting, keys)
            else:
                by_day = partition_by is not None
                summary = quantify_file(method_id, inputs, out, catalogue, setting, keys, by_day=by_day)
    except (InputError, NotColumnar, MethodError, FactorError) as error:
        raise _refused(str(error)) from error
    click.echo(_json(summary, out) if as_json else _text(summary, out))


def _refused(reason: str) -> click.ClickException:
    return click.ClickException(reason)  # exit code 1


def _json(summary: Summary, out: Path) -> str:
    return json.dumps(asdict(summary) | {"out": str(out)}, ensure_ascii=False, indent=2)


def _text(summary: Summary, out: Path) -> str:
    lines = [f"{out}: {summary.rows:,} rows"]
    for outcome in (one for one in Outcome if one in summary.outcomes):
        lines.append(f"  {outcome.value:<20}{summary.outcomes[outcome]:>16,}")
        why = list(summary.reasons.get(outcome, {}).items())
        lines += [f"    {reason:<34}{rows:>12,}" for reason, rows in why[:MOST_REASONS]]
        if len(why) > MOST_REASONS:
            lines.append(f"    … {len(why) - MOST_REASONS} 种其他原因 / other reasons (--json has all)")
    lines.append(
        f"减排量合计 / ER of counted rows: {summary.er_mg:,} mg = {summary.er_mg / 10**9:,.3f} t CO2e"
    )
    if summary.factors:
        lines.append("因子 / factors: " + ", ".join(summary.factors))
    if summary.illustration:
        lines.append("示例数据，非真实数据 / uses illustrative figures: not a real result")
    return "\n".join(lines)


@contextmanager
def _progress(out: Path) -> Iterator[None]:
    """Says on stderr, from the third second on, that work goes on and how much has been written."""
    done = threading.Event()

    def watch() -> None:
        start = time.monotonic()
        if done.wait(3):
            return
        while True:
            written = sum(p.stat().st_size for p in out.parent.glob(f".{out.name}.*.part") if p.is_file())
            click.echo(f"{time.monotonic() - start:6.0f} s, {written / 2**20:,.0f} MiB written", err=True)
            if done.wait(5):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sys.stderr.flush()
