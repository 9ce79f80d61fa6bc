"""`abate rule`: from which day a kilogram makes how many credits, when they expire, and whether they wait to be collected."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.cli.cap import day_option
from abate.cli.deciding import data_dir_option, propose, run, why_option


def _told(rule: Any) -> dict[str, object]:
    names = (
        "from_day",
        "credits_per_kg",
        "expiry_days",
        "expiry_years",
        "claim_days",
        "title_zh",
        "title_en",
    )
    return {name: getattr(rule, name) for name in names}


@click.group()
def command() -> None:
    """Propose and list the rules by which credits live. Prints JSON."""


@command.command("list")
@data_dir_option
def list_rules(data_dir: Path) -> None:
    """List all rules, the newest first."""

    def work() -> list[dict[str, object]]:
        from abate.platform.credits import queries  # lazy: models exist once Django has started

        return [_told(rule) for rule in queries.all_rules()]

    run(data_dir, work)


@command.command()
@click.option(
    "--from", "from_day", type=day_option, required=True, help="The first day of bookings under it."
)
@click.option(
    "--credits-per-kg",
    type=click.IntRange(1, 1_000_000),
    help="So many credits a kilogram.",
)
@click.option(
    "--expiry-days", type=click.IntRange(1, 36600), help="Credits expire so many days after they came."
)
@click.option(
    "--expiry-years", type=click.IntRange(0, 100), help="Or with the end of the n-th following year."
)
@click.option("--never-expires", is_flag=True, help="Credits are for good, whatever the rule before says.")
@click.option("--claim-days", type=click.IntRange(1, 3660), help="They wait so many days to be collected.")
@click.option("--no-claim", is_flag=True, help="They are free at once, whatever the rule before says.")
@click.option("--title-zh", required=True, help="What it is called, as people read it in Chinese.")
@click.option("--title-en", required=True, help="The same in English.")
@why_option
@data_dir_option
def add(from_day: datetime, why: str, data_dir: Path, **said: object) -> None:
    """Propose a rule from a day that nothing is booked on yet.

    What no option says, rate, expiry or waiting, is as the rule in force on that day says: the proposal shows all of it, what
    ends, and which later rule ends this one.
    """
    given = {"from_day": from_day.date().isoformat(), **said}
    run(data_dir, lambda: propose("rule.add", given, why))
