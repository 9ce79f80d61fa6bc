"""`abate proposals`: changes that need three people: make, list, check, approve, reject."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from abate.cli.deciding import acting, data_dir_option, entitled, propose, run, told, why_option

_numbers = click.argument("numbers", metavar="NUMBER...", type=click.IntRange(min=1), nargs=-1, required=True)


@click.group()
def command() -> None:
    """Propose a change, or decide on one as another person. Prints JSON. Sign in first: `abate staff sign-in`."""


@command.command()
@data_dir_option
def kinds(data_dir: Path) -> None:
    """List the changes that need three people, their arguments, and who takes which step."""

    def work() -> list[dict[str, object]]:
        from abate.platform.review import changes, rights  # lazy: models exist once Django has started

        return [
            {
                "action": one.name,
                "zh": one.zh,
                "en": one.en,
                "arguments": {
                    name: f"{kind.__name__}{', required' if default is changes.REQUIRED else ''}"
                    for name, (kind, default) in one.fields.items()
                },
                **{step: rights.roles_of_step(step, one.name) for step in rights.STEPS},
            }
            for one in changes.actions().values()
        ]

    run(data_dir, work)


@command.command()
@click.argument("action")
@click.argument("arguments", metavar="JSON", default="{}")
@why_option
@data_dir_option
def make(action: str, arguments: str, why: str, data_dir: Path) -> None:
    """Propose the change ACTION with the arguments of a JSON object."""
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise click.UsageError('the arguments are a JSON object, such as \'{"code": "city-bikes"}\'')
    run(data_dir, lambda: propose(action, given, why))


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is over.")
@data_dir_option
def list_(everything: bool, data_dir: Path) -> None:
    """List the open proposals that whoever is signed in is shown, the newest first."""

    def work() -> list[dict[str, Any]]:
        from abate.platform.review import changes, queries, rights  # lazy: needs Django started

        seen = rights.changes_seen(entitled("view", "proposals"), changes.actions())
        return [asdict(row) for row in queries.proposals(ended=everything, limit=1000, of=seen)]

    run(data_dir, work)


@command.command()
@click.argument("number", type=click.IntRange(min=1))
@data_dir_option
def show(number: int, data_dir: Path) -> None:
    """Show one proposal with its steps and the signed statement of each."""

    def work() -> dict[str, Any]:
        from abate.platform.review import queries, rights  # lazy: models exist once Django has started
        from abate.platform.review.errors import ProposalUnknown  # lazy: as above

        user, row = entitled("view", "proposals"), queries.proposal(number)
        if row.action not in rights.changes_seen(user, [row.action]):
            raise ProposalUnknown(str(number))
        return asdict(row) | {"statements": queries.statements(number)}

    run(data_dir, work)


def _decide(data_dir: Path, step: str, numbers: tuple[int, ...], reason: str = "") -> None:
    refused: list[int] = []

    def work() -> dict[str, Any]:
        from abate.platform.review import proposing  # lazy: models exist once Django has started

        found, shown = proposing.decide_all(acting(fresh=True), step, numbers, reason)
        for one in found:
            if one.problem is not None:
                refused.append(one.proposal)
                told(one.problem)
        return {
            "done": [one.proposal for one in found if not one.code],
            "refused": {one.proposal: one.code for one in found if one.code},
            "shown_once": {number: what for number, what in shown.items() if what},
        }

    run(data_dir, work)
    if refused:
        sys.exit(1)


@command.command()
@_numbers
@data_dir_option
def check(numbers: tuple[int, ...], data_dir: Path) -> None:
    """Say, as a second person, that these proposals are in order."""
    _decide(data_dir, "check", numbers)


@command.command()
@_numbers
@data_dir_option
def approve(numbers: tuple[int, ...], data_dir: Path) -> None:
    """Approve these proposals as a third person: each is carried out at once. A new key is its party's to collect."""
    _decide(data_dir, "approve", numbers)


@command.command()
@_numbers
@click.option("--reason", required=True, help="Why not; the proposer reads it.")
@data_dir_option
def reject(numbers: tuple[int, ...], reason: str, data_dir: Path) -> None:
    """End these proposals without carrying them out; also how one withdraws one's own."""
    _decide(data_dir, "reject", numbers, reason)
