"""`abate alarms`: what is wrong now, a look without the server, and the rules."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from abate.cli import installation
from abate.platform.doors.errors import SetupError


@click.group()
def command() -> None:
    """What is wrong with the platform, as it is told to the roles that must act."""


@command.command("list")
@click.option("--ended", is_flag=True, help="Those that are over, instead of the open ones.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@installation.as_json
@installation.data_dir
def list_(ended: bool, lang: str, as_json: bool, data_dir: Path) -> None:
    """List alarms, faults first."""
    installation.start(data_dir)
    from abate.platform.alarms import queries  # lazy: models exist once Django has started

    rows = queries.alarms(ended=ended)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], default=str, ensure_ascii=False))
        return
    for row in rows:
        name, what, remedy = row.words[lang]
        until = f" - {row.ended_at:%Y-%m-%d %H:%M}" if row.ended_at else ""
        click.echo(
            f"{row.id:>6} {row.began_at:%Y-%m-%d %H:%M}{until} {row.state:<8}{row.role} {row.party}".rstrip()
        )
        click.echo(f"       {name}: {what} {remedy}".rstrip())


@command.command()
@installation.as_json
@installation.data_dir
def look(as_json: bool, data_dir: Path) -> None:
    """Look now, and send what that says. For a timer on another machine: it works while `abate serve` does not.

    It raises alarms and ends none: only the server does, whose settings and disk they are about.
    Exit code 1 where an alarm is open.
    """
    installation.start(data_dir)
    from abate.platform import reaching  # lazy: as above
    from abate.platform.alarms import queries  # lazy: as above
    from abate.platform.config import alarming  # lazy: as above

    try:
        done = alarming.look(end=False)
    except SetupError as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    while reaching.carry() + reaching.carry_to_browsers():
        pass
    opened = queries.count()
    if as_json:
        click.echo(json.dumps(asdict(done) | {"open": opened}))
    else:
        click.echo(f"raised {done.raised}, worse {done.worse}, ended {done.ended}, open {opened}")
    sys.exit(1 if opened else 0)


@command.command()
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@installation.as_json
@installation.data_dir
def rules(lang: str, as_json: bool, data_dir: Path) -> None:
    """The rules in force: the finding, who is told, the limit and its reason."""
    installation.start(data_dir)
    from abate.platform.config import alarm_rules  # lazy: as above

    try:
        current = alarm_rules.current()
    except SetupError as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    found = [] if current is None else list(current.rules.values())
    if as_json:
        click.echo(
            json.dumps([asdict(one) | {"states": sorted(one.states)} for one in found], ensure_ascii=False)
        )
        return
    at = ("zh", "en").index(lang)
    for one in found:
        limit = "idle" if one.idle else "" if one.limit is None else f"{one.limit} {one.unit[at]}"
        click.echo(f"{one.name:<18} {one.to:<15} {limit}\n    {one.why[at]}".rstrip())
