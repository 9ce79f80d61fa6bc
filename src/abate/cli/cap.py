"""`abate cap`: how much of a behaviour earns credits, per person, partner or object, by the day, the month or ever."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.platform.doors.errors import Problem, SetupError

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
day_option = click.DateTime(["%Y-%m-%d"])


def run(data_dir: Path, work: Callable[[], Any]) -> None:
    from abate.platform.config import setup  # lazy: `abate cap --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        click.echo(json.dumps(work(), ensure_ascii=False, indent=1, default=str))
        return
    except SetupError as fault:
        click.echo(str(fault), err=True)
    except Problem as problem:
        detail = f" ({problem.detail})" if problem.detail else ""
        click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
    sys.exit(1)


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
    """Lay and list caps on what earns credits. Prints JSON."""


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
    data_dir: Path,
) -> None:
    """Let at most MILLIGRAMS be eligible for credits. A later cap of the same kind takes the place of an earlier one."""

    def work() -> dict[str, object]:
        from abate.platform.credits import actions  # lazy: as above

        last = to_day.date() if to_day else None
        kind = actions.Per(per, period, field)
        return _told(
            actions.add_cap(behaviour, from_day.date(), max_mg, (reason_zh, reason_en), last, per=kind)
        )

    run(data_dir, work)
