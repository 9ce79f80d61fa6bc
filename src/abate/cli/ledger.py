"""`abate ledger`: corrections by hand, and an account as it is or was."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.platform.doors.errors import Problem, SetupError

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
_person = click.argument("person", metavar="PSEUDONYM")


def _run(data_dir: Path, work: Callable[[], Any]) -> Any:
    from abate.platform.config import setup  # lazy: `abate ledger --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        return work()
    except SetupError as fault:
        click.echo(str(fault), err=True)
    except Problem as problem:
        detail = f" ({problem.detail})" if problem.detail else ""
        click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
    sys.exit(1)


def _id(pseudonym: str) -> int:
    from abate.platform.people import queries as people  # lazy: models exist once Django has started

    found = people.by_pseudonym(pseudonym)
    if found is None:
        raise click.UsageError(f"there is no person {pseudonym!r}")
    return int(found)


def _entry(row: Any) -> dict[str, object]:
    from abate.bookkeeping.kinds import Kind  # lazy: as the rest

    return asdict(row) | {"kind": Kind(row.kind).name.lower(), "leaf_hash": row.leaf_hash.hex()}


def _print(found: object) -> None:
    click.echo(json.dumps(found, ensure_ascii=False, indent=1, default=str))


@click.group()
def command() -> None:
    """Undo or adjust entries by new ones, and show accounts. Prints JSON."""


@command.command()
@_person
@click.argument("entry", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why; it goes into the entry.")
@_data_dir
def reverse(person: str, entry: int, reason: str, data_dir: Path) -> None:
    """Undo ENTRY of a person: an award (a withdrawn event, a returned purchase) or a spend, once.

    Of a redemption the code is voided too, unless it was used. Credits already spent become a debt.
    """

    def work() -> dict[str, object]:
        from abate.platform.incentives import actions  # lazy: as above

        return _entry(actions.reverse(_id(person), entry, reason))

    _print(_run(data_dir, work))


@command.command(context_settings={"ignore_unknown_options": True})
@_person
@click.argument("credits", type=int)
@click.option("--order", required=True, help="The id of the decision: given twice, it is booked once.")
@_data_dir
def adjust(person: str, credits: int, order: str, data_dir: Path) -> None:
    """Give a person CREDITS (below zero: take them) by a decision that --order names."""

    def work() -> dict[str, object]:
        from abate.platform.ledger import actions  # lazy: as above

        return _entry(actions.adjust(_id(person), credits, order))

    _print(_run(data_dir, work))


@command.command()
@_person
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), metavar="TIME", help="A past moment.")
@_data_dir
def show(person: str, at: datetime | None, data_dir: Path) -> None:
    """A person's balances, lots and holds: now, or as they were at TIME (2026-06-01T00:00:00+0800)."""

    def work() -> dict[str, object]:
        from abate.platform.ledger import queries, standing  # lazy: as above

        person_id = _id(person)
        if at is not None:
            return asdict(standing.at_moment(person_id, at))
        return asdict(queries.balance(person_id)) | asdict(standing.standing(person_id))

    _print(_run(data_dir, work))
