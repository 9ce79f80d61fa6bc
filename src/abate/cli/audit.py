"""`abate audit`: search the audit trail, give it out, seal it into the log, check it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.cli import installation
from abate.cli.deciding import data_dir_option, entitled, run

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"])


def _search(command: Any) -> Any:
    for option in (
        click.option("--until", type=_DAY, help="Before this moment."),
        click.option("--since", type=_DAY, help="From this moment on."),
        click.option(
            "--act",
            type=click.Choice(["write", "read", "refused"]),
            help="Writes, reads of sensitive fields, refusals.",
        ),
        click.option("--subject", default="", help="What the key it was done to begins with."),
        click.option("--what", default="", help="What the action begins with, such as party."),
        click.option("--account", default="", help="The handle of who did it, or its beginning."),
    ):
        command = option(command)
    return command


def _asked(given: dict[str, Any]) -> Any:
    from abate.platform.doors import clock  # lazy: needs Django's settings
    from abate.platform.review.trail import Search  # lazy: models exist once Django has started

    def aware(at: datetime | None) -> datetime | None:
        return at if at is None or at.tzinfo else at.replace(tzinfo=clock.zone())

    moments = {name: aware(given.pop(name)) for name in ("since", "until")}
    return Search(**{name: value or "" for name, value in given.items()}, **moments)


@click.group()
def command() -> None:
    """Search, give out, seal and check the audit trail. To search or give out sign in first: `abate staff sign-in`."""


@command.command()
@_search
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@data_dir_option
def search(limit: int, data_dir: Path, **given: Any) -> None:
    """Show the newest rows that match, as JSON. Who looked is written down first."""

    def work() -> list[dict[str, object]]:
        from abate.platform.review import trail  # lazy: models exist once Django has started

        entitled("view", "audit", field="rows")
        return [asdict(row) for row in trail.search(_asked(given), limit=limit)]

    run(data_dir, work)


@command.command()
@_search
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="jsonl", show_default=True)
@click.option(
    "-o", "--out", type=installation.NewFile(), required=True, help="The file to write; it must not be there."
)
@data_dir_option
def export(form: str, out: Path, data_dir: Path, **given: Any) -> None:
    """Write every row that matches to a new file, readable by its owner alone.

    Asks for a second factor shown only minutes ago, as the page does; who took it is written down first.
    """

    def work() -> dict[str, object]:
        from abate.platform.review import trail  # lazy: models exist once Django has started

        entitled("view", "audit", fresh=True, field="rows")
        count = installation.give_out(out, trail.lines(_asked(given), form))
        return {"file": str(out), "rows": count - (form == "csv")}

    run(data_dir, work)


@command.command()
@data_dir_option
def seal(data_dir: Path) -> None:
    """Tell the log of the rows since the last seal. The daily `abate close` does it too."""

    def work() -> dict[str, int]:
        from abate.platform.review import sealing  # lazy: models exist once Django has started

        return {"sealed": sealing.seal()}

    run(data_dir, work)


@command.command()
@data_dir_option
def check(data_dir: Path) -> None:
    """Compare every seal with its rows and its leaf; exit code 1 where one differs."""
    installation.start(data_dir)
    from abate.platform.review import sealing  # lazy: models exist once Django has started

    found = sealing.differences()
    for line in found:
        click.echo(line)
    click.echo("the trail is as it was sealed" if not found else f"{len(found)} differences")
    sys.exit(1 if found else 0)
