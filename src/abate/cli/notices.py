"""`abate notices`: the outbox of notices: what waits and where it went, sending again, trying a channel."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from abate.cli import installation
from abate.platform.doors.errors import Problem


@click.group()
def command() -> None:
    """The outbox of notices. No text and no address is shown: what was sent where, masked."""


@command.command("list")
@click.option("--unsent", is_flag=True, help="Only what waits, was given up or went nowhere.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@installation.as_json
@installation.data_dir
def list_(unsent: bool, limit: int, as_json: bool, data_dir: Path) -> None:
    """List notices, the newest first, with where each went."""
    installation.start(data_dir)
    from abate.platform.notices import queries  # lazy: models exist once Django has started

    rows = queries.listed(unsent=unsent, limit=limit)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], default=str, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row.id:>8} {row.made_at:%Y-%m-%d %H:%M} {row.kind:<20} {row.state}")
        for one in row.deliveries:
            click.echo(
                f"{'':>9}{one.channel:<6} {one.place:<24} {one.state} after {one.tries} {one.said}".rstrip()
            )


@command.command()
@click.argument("notice", type=int)
@installation.data_dir
def resend(notice: int, data_dir: Path) -> None:
    """Send NOTICE again wherever it was not handed over; `abate serve` carries it."""
    installation.start(data_dir)
    from abate.platform.notices import actions  # lazy: as above

    try:
        click.echo(actions.send_again(notice))
    except Problem as problem:
        installation.refuse(problem)


@command.command("try")
@click.argument("kind", type=click.Choice(["email", "phone"]))
@click.argument("to")
@installation.data_dir
def try_(kind: str, to: str, data_dir: Path) -> None:
    """Send a test message to an address TO of your own, now, and say what came of it."""
    installation.start(data_dir)
    from abate.platform.doors import messages  # lazy: as above
    from abate.platform.doors.errors import SetupError  # lazy: as above

    text = "这是一条测试消息。 This is a test message."
    try:
        messages.send(kind=kind, to=to, subject="测试 / Test", body=text, name="notice-try")
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except OSError as fault:
        click.echo(f"Not handed over: {fault}", err=True)
        sys.exit(1)
    click.echo("handed over")
