"""`abate reading-log`: what was read by site and year, from the raw log of visits."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from abate.cli.setting import refuse
from abate.quantify.columns_source import InputError
from abate.quantify.factors import Setting
from abate.quantify.reading_log import LogError, volumes


@click.command()
@click.argument("inputs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines instead of a table.")
def command(inputs: tuple[Path, ...], as_json: bool) -> None:
    """Sum a raw log of reading visits (CSV or Parquet) by site and year, for records of digital-reading.

    Columns: visit_id, site_id, at (with its offset), and one of pages, characters, seconds. A row that stands
    there twice counts once; a visit with two different figures refuses the log.
    """
    try:
        found = volumes(inputs, Setting().zone)
    except (InputError, LogError) as error:
        refuse(str(error))
    for one in found:
        if as_json:
            shown = asdict(one) | {one.field: one.amount}
            del shown["field"], shown["amount"]
            click.echo(json.dumps(shown, ensure_ascii=False))
        else:
            again = f"  ({one.repeated:,} repeated rows not counted)" if one.repeated else ""
            click.echo(f"{one.site_id}  {one.year}  {one.visits:,} visits  {one.field} {one.amount}{again}")
