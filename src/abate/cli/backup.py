"""`abate backup`: a base copy of the database, and every commit streamed away as it is made."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import click

from abate.platform.doors import backup, database, settings_file
from abate.platform.doors.errors import SetupError


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--follow",
    is_flag=True,
    help="Stream every change into FOLDER until stopped; makes a base copy if no older one goes on with them.",
)
@click.option(
    "--synchronous",
    is_flag=True,
    help="With --follow: acknowledge nothing that is not on disk in FOLDER too.",
)
@click.option(
    "--forget", is_flag=True, help="Keep no changes for a receiver any more, and do not wait for one."
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    help="Remove all but the newest N base copies, and the changes only they need.",
)
@click.option("--data-dir", envvar="ABATE_DATA_DIR", default=".abate", show_default=True, type=Path)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    folder: Path,
    follow: bool,
    synchronous: bool,
    forget: bool,
    keep: int | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Copy the database into FOLDER, which should be on another disk or machine.

    The secret file is not in it: whoever has both can read everything. Keep a copy of it in another place.
    """
    if synchronous and not follow:
        raise click.UsageError("--synchronous goes with --follow.")
    try:
        url = _address(data_dir)
        if forget:
            done: dict[str, object] = {"forgotten": backup.forget(url)}
        elif follow:
            done = _follow(url, folder, synchronous=synchronous)
        else:
            done = {"base": str(backup.take(url, folder).folder)}
        if keep:
            done["removed"] = [str(base.folder) for base in backup.prune(folder, keep)]
    except (SetupError, OSError) as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    click.echo(json.dumps(done) if as_json else "\n".join(f"{name}: {value}" for name, value in done.items()))


def _address(data_dir: Path) -> str:
    settings_file.load(data_dir)
    if not os.environ.get("DATABASE_URL") and not (data_dir / "postgres").exists():
        raise SetupError("backup-no-database", data_dir=data_dir)
    return database.owner_url(data_dir.resolve())


def _follow(url: str, folder: Path, *, synchronous: bool) -> dict[str, object]:
    """Until SIGTERM or SIGINT; ends by itself where the receiver does."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    # A copy of before goes on with what is received now only where changes were received since.
    begun = backup.begun(folder)
    with backup.streaming(url, folder, synchronous=synchronous, wait=asked.wait) as receiver:
        if not begun:
            backup.take(url, folder)
        click.echo(f"following into {folder}{', synchronously' if synchronous else ''}", err=True)
        while not asked.wait(1.0):
            if receiver.poll() is not None:
                ended = "receiver-ended-synchronous" if synchronous else "receiver-ended"
                raise SetupError(ended, returncode=receiver.returncode)
    return {"followed": str(folder), "bases": len(backup.bases(folder))}
