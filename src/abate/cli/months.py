"""`abate months`: the monthly partitions of the large tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from abate.platform.doors.errors import Problem, SetupError

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
MONTH = click.argument("month", type=click.DateTime(["%Y-%m"]), metavar="YYYY-MM")


@click.group(invoke_without_command=True)
@click.pass_context
@DATA_DIR
def command(context: click.Context, data_dir: Path) -> None:
    """The monthly partitions of the large tables: list them, make them ahead, archive old refusals."""
    context.obj = data_dir
    if context.invoked_subcommand is None:
        _listed(data_dir)


def _listed(data_dir: Path) -> None:
    with _platform(data_dir):
        from abate.platform.doors import rotation  # lazy: needs Django set up
        from abate.platform.events.models import Archived  # lazy: as above

        for one in rotation.standing():
            month = one.part.month or "before"
            click.echo(f"{one.part.table:<15} {month!s:<8} {one.state:<8} about {one.part.rows:,} rows")
        for gone in Archived.objects.order_by("month"):
            click.echo(
                f"{'events_refusal':<15} {gone.month:<8} archived {gone.rows:,} rows, SHA-256 {bytes(gone.sha256).hex()}"
            )


@command.command()
@click.option("--ahead", type=click.IntRange(1, 120), default=3, show_default=True)
@click.pass_obj
def turn(data_dir: Path, ahead: int) -> None:
    """Make this month's partitions and those ahead, and let new ids fall into this month.

    Safe under load and to repeat. Every start of the platform and `abate close` do it too. Nothing is done where the
    clocks of this machine and of the database server are in different months.
    """
    with _platform(data_dir):
        from abate.platform.doors import logins, rotation  # lazy: needs Django set up
        from abate.platform.ledger.errors import ClocksApart  # lazy: as above

        logins.require_owner()
        if not rotation.agreed():
            raise ClocksApart
        click.echo("\n".join(rotation.keep_ahead(ahead)) or "nothing to do")


@command.command()
@MONTH
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--table", default="events_refusal", show_default=True, help="Only refusals may leave.")
@click.pass_obj
def archive(data_dir: Path, month: datetime, folder: Path, table: str) -> None:
    """Write a past month of refusals to a file, check it, and take the month out of the database.

    Entries are refused: balances, statements, reconciliation and receipts rest on every one of them.
    """
    _moved(data_dir, lambda archiving, which: archiving.leave(which, folder, table), month)


@command.command("return")
@MONTH
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def come_back(data_dir: Path, month: datetime, file: Path) -> None:
    """Bring an archived month back from its FILE, which must be as it was written."""
    _moved(data_dir, lambda archiving, which: archiving.come_back(file, which), month)


def _moved(data_dir: Path, work: Callable, month: datetime) -> None:
    with _platform(data_dir):
        from abate.platform.config import archiving  # lazy: needs Django set up
        from abate.platform.doors import logins  # lazy: as above
        from abate.platform.doors.months import Month  # lazy: as above

        logins.require_owner()
        done = work(archiving, Month.of(month.date()))
        click.echo(f"{done.month}: {done.rows:,} rows, {done.path}, SHA-256 {done.sha256}")


@contextmanager
def _platform(data_dir: Path) -> Iterator[None]:
    from abate.platform.config import setup  # lazy: `abate months --help` must not start Django
    from abate.platform.doors import logins  # lazy: as above

    try:
        setup.environment(data_dir)
        setup.migrate()
        with logins.as_owner():
            yield
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except Problem as problem:
        click.echo(f"{problem.code}: {problem.en} ({problem.detail})\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
        sys.exit(1)
