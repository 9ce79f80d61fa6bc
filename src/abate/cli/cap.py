"""`abate cap`: how much of a behaviour earns credits, per person, partner or object, by the day, the month or ever."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.cli.deciding import data_dir_option, propose, run, why_option

day_option = click.DateTime(["%Y-%m-%d"])


def _told(cap: Any) -> dict[str, object]:
    names = (
        "id",
        "behaviour",
        "scope",
        "period",
        "field",
        "from_day",
        "to_day",
        "max_mg",
        "reason_zh",
        "reason_en",
    )
    return {name: getattr(cap, name) for name in names}


@click.group()
def command() -> None:
    """Propose and list caps on what earns credits. Prints JSON."""


@command.command("list")
@data_dir_option
def list_caps(data_dir: Path) -> None:
    """List all caps, the newest first."""

    def work() -> list[dict[str, object]]:
        from abate.platform.credits import queries  # lazy: models exist once Django has started

        return [_told(cap) for cap in queries.caps()]

    run(data_dir, work)


@command.command()
@click.argument("max_mg", metavar="MILLIGRAMS", type=click.IntRange(min=0))
@click.option("--behaviour", default="", help="The behaviour it is on; all of them if not given.")
@click.option(
    "--per", type=click.Choice(["person", "party", "object"]), default="person", show_default=True,
    help="Whose balance it is.",
)  # fmt: skip
@click.option(
    "--period", type=click.Choice(["day", "month", "ever"]), default="day", show_default=True,
    help="Of the act, at UTC+8.",
)  # fmt: skip
@click.option(
    "--field", default="", help="Of an object: the field of the record that names it, such as a meter."
)
@click.option("--from", "from_day", type=day_option, required=True, help="The first day of acts under it.")
@click.option("--to", "to_day", type=day_option, help="The last one; open if not given.")
@click.option("--reason-zh", required=True, help="Why, as people read it in Chinese.")
@click.option("--reason-en", required=True, help="The same in English.")
@why_option
@data_dir_option
def add(
    max_mg: int,
    behaviour: str,
    per: str,
    period: str,
    field: str,
    from_day: datetime,
    to_day: datetime | None,
    reason_zh: str,
    reason_en: str,
    why: str,
    data_dir: Path,
) -> None:
    """Propose that at most MILLIGRAMS be eligible for credits. A later cap of the same kind replaces an earlier one."""
    given = {
        "behaviour": behaviour,
        "scope": per,
        "period": period,
        "field": field,
        "from_day": from_day.date().isoformat(),
        "to_day": to_day and to_day.date().isoformat(),
        "max_mg": max_mg,
        "reason_zh": reason_zh,
        "reason_en": reason_en,
    }
    run(data_dir, lambda: propose("cap.add", given, why))
