"""`abate reading-log`: what was read by site and year, from the raw log of visits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from abate.cli.setting import refuse
from abate.quantify.columns_source import InputError
from abate.quantify.factors import Setting
from abate.quantify.reading_log import LogError, Volume, volumes


@click.command()
@click.argument("inputs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--calibrations",
    type=click.Path(path_type=Path),
    help="CSV of site_id, calibrated_on, valid_until (the last day); days with visits outside are named.",
)
@click.option(
    "--meters",
    type=click.Path(path_type=Path),
    help="CSV of site_id, meter_id, calibrated_on, valid_until of meters of electricity; days without are named.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines instead of a table.")
def command(inputs: tuple[Path, ...], calibrations: Path | None, meters: Path | None, as_json: bool) -> None:
    """Sum a raw log of reading visits (CSV or Parquet) by site and year, for records of digital-reading.

    Columns: visit_id, site_id, at (with its offset), and one of pages, characters, seconds. A row that stands
    there twice counts once; a visit with two different figures refuses the log. Days without a visit between two
    visits of a site are named.
    """
    try:
        found = volumes(inputs, Setting().zone, calibrations, meters)
    except (InputError, LogError) as error:
        refuse(str(error))
    for one in found:
        if as_json:
            shown = asdict(one) | {one.field: one.amount}
            del shown["field"], shown["amount"]
            click.echo(json.dumps(shown, ensure_ascii=False, default=str))
        else:
            again = f"  ({one.repeated:,} repeated rows not counted)" if one.repeated else ""
            click.echo(f"{one.site_id}  {one.year}  {one.visits:,} visits  {one.field} {one.amount}{again}")
            for line in _findings(one):
                click.echo(f"  {line}")


def _findings(one: Volume) -> Iterator[str]:
    """What D-7.3 asks to look at (7.3.1, 7.3.3)."""
    for gap in one.gaps:
        days = (gap.last - gap.first).days + 1
        yield f"无访问 no visit: {gap.first} ... {gap.last} ({days:,} d)  [7.3.1]"
    if one.uncalibrated is None:
        yield "未申报校准日期 no calibration dates declared  [7.3.3]"
    elif one.uncalibrated:
        named = ", ".join(map(str, one.uncalibrated))
        yield f"无有效校准 no valid calibration: {named}  [7.3.3]"
    if not one.meters:
        yield "未申报电表 no meter of electricity declared  [7.2, 7.3.3]"
    for meter in one.meters or ():
        for gap in meter.uncalibrated:
            days = (gap.last - gap.first).days + 1
            yield f"电表无有效校准 meter without calibration: {meter.meter_id}: {gap.first} ... {gap.last} ({days:,} d)  [7.3.3]"
