"""`abate close`: the end of a day or a month: time-outs and expiries posted, sums kept, the period shut."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import click

from abate.platform.doors.errors import Problem, SetupError


@click.command()
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day; yesterday if not given."
)
@click.option(
    "--month", type=click.DateTime(["%Y-%m"]), metavar="YYYY-MM", help="A month whose days are closed."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
def command(day: datetime | None, month: datetime | None, as_json: bool, data_dir: Path) -> None:
    """Close a day, and every open day before it, or a month.

    First the jobs of the day: holds whose time is over are released, lots are cut, expired credits and those not
    collected in time get their entries.
    Then the period is closed: opening carried over, what came in and went out, closing, for every account and asset.
    Nothing is booked on a closed day any more. Closing again prints what was kept.

    Nothing is done where the clocks of this machine and of the database server differ, or where the period is not over.
    """
    if day and month:
        raise click.UsageError("give --day or --month, not both")
    from abate.platform.config import setup  # lazy: `abate close --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        found = run(day, month)
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except Problem as problem:
        click.echo(f"{problem.code}: {problem.en} ({problem.detail})\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(found, default=str))
        return
    for line in found["accounts"]:
        click.echo(
            f"{line['first_day']} {line['account']:<12} {line['asset']:<9} opening {line['opening']:,}"
            f"  in {line['came_in']:,}  out {line['went_out']:,}  closing {line['closing']:,}"
        )
    click.echo(
        f"closed; {found['expired']:,} credits expired, {found['uncollected']:,} were not collected in time, "
        f"{found['lapsed']:,} accounts had holds time out"
    )
    if found["suspended"]:
        click.echo(f"suspended, past the date of a document or an agreement: {', '.join(found['suspended'])}")


def run(day: datetime | None, month: datetime | None) -> dict:
    """What the jobs did, `suspended` the codes of parties past their date, and `accounts`, the kept close."""
    from abate.platform.doors import clock  # lazy: needs Django set up
    from abate.platform.joining import actions as joining  # lazy: as above
    from abate.platform.ledger import closing, collecting, expiring, holds  # lazy: as above
    from abate.platform.review import sealing  # lazy: as above

    closed = day.date() if day else clock.today() - timedelta(days=1)
    closing.see_clocks(closing.last_of_month(month.date()) if month else closed)
    lapsed, _ = holds.lapse_overdue(), expiring.cut_all()
    suspended = joining.lapse()
    expiring.tell_soon()
    expired, uncollected = expiring.expire_due(), collecting.lapse_due()
    if month:
        kept = closing.close_month(month.date())
    else:
        kept = closing.close_day(closed)
    sealing.seal()
    return {
        "suspended": suspended,
        "lapsed": lapsed,
        "expired": expired,
        "uncollected": uncollected,
        "accounts": [asdict(row) for row in kept],
    }
