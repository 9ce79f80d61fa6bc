"""`abate source`: sources of public data, what each may be used for, and until when. Clause P-8.5-d."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from abate.cli.cap import day_option
from abate.cli.deciding import change, data_dir_option, run, why_option
from abate.cli.installation import sandbox


@click.group()
def command() -> None:
    """Declare and list the sources of public data that parties send from. Prints JSON."""


@command.command("list")
@sandbox
@data_dir_option
def list_(sandbox: bool, data_dir: Path) -> None:
    """List the version in force of every source: mark, level, permitted uses, retention, days."""

    def work() -> list[dict[str, object]]:
        from abate.platform.events import sources  # lazy: models exist once Django has started
        from abate.platform.parties import queries as parties  # lazy: as above

        codes = parties.codes()
        return [one.document(codes[one.party_id]) for one in sources.newest()]

    run(data_dir, work, sandbox=sandbox)


@command.command()
@click.argument("party")
@click.argument("source")
@click.option("--mark", required=True, help="The mark of the data, as its provider gave it.")
@click.option("--level", type=click.IntRange(1, 4), required=True, help="Its classification level.")
@click.option(
    "--use",
    "uses",
    multiple=True,
    required=True,
    type=click.Choice(["quantify", "credit", "statistics", "members", "people", "verification"]),
    help="What it may be used for; repeat it.",
)
@click.option(
    "--share",
    "shared_with",
    multiple=True,
    metavar="PARTY[:PURPOSE]",
    help="Who may be told what holds its data, * for any; of statistics, supervision, research, service if for "
    "one kind of purpose only. Repeat it. Needed where it may be used for statistics, members or people.",
)
@click.option(
    "--retention-days", type=click.IntRange(1, 36_600), required=True, help="How long it may be kept."
)
@click.option(
    "--from", "valid_from", type=day_option, required=True, help="The first day on which it is taken."
)
@click.option("--until", "valid_until", type=day_option, required=True, help="The last one.")
@why_option
@sandbox
@data_dir_option
def declare(
    party: str,
    source: str,
    mark: str,
    level: int,
    uses: tuple[str, ...],
    shared_with: tuple[str, ...],
    retention_days: int,
    valid_from: datetime,
    valid_until: datetime,
    why: str,
    sandbox: bool,
    data_dir: Path,
) -> None:
    """Propose the next version of SOURCE of PARTY. Its events name it as PARTY/SOURCE."""
    given = {"party": party, "source": source, "mark": mark, "level": level, "uses": list(uses),
             "shared_with": list(shared_with), "retention_days": retention_days, "valid_from": valid_from.date().isoformat(),
             "valid_until": valid_until.date().isoformat()}  # fmt: skip
    change(data_dir, "source.declare", given, why, sandbox=sandbox)
