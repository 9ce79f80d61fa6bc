"""`abate ledger`: corrections by hand, and an account as it is or was."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from abate.cli.deciding import data_dir_option, entitled, propose, run, why_option

_person = click.argument("person", metavar="PSEUDONYM")


def _id(pseudonym: str) -> int:
    from abate.platform.people import queries as people  # lazy: models exist once Django has started

    found = people.by_pseudonym(pseudonym)
    if found is None:
        raise click.UsageError(f"there is no person {pseudonym!r}")
    return int(found)


@click.group()
def command() -> None:
    """Propose to undo or adjust entries by new ones, and show accounts. Prints JSON."""


@command.command()
@_person
@click.argument("entry", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why; it goes into the entry.")
@why_option
@data_dir_option
def reverse(person: str, entry: int, reason: str, why: str, data_dir: Path) -> None:
    """Propose to undo ENTRY of a person: an award (a withdrawn event, a returned purchase) or a spend, once.

    Of a redemption the code is voided too, unless it was used. Credits already spent become a debt.
    """
    given = {"person": person, "entry": entry, "reason": reason}
    run(data_dir, lambda: propose("entry.reverse", given, why))


@command.command(context_settings={"ignore_unknown_options": True})
@_person
@click.argument("credits", type=int)
@click.option("--order", required=True, help="The id of the decision: given twice, it is booked once.")
@why_option
@data_dir_option
def adjust(person: str, credits: int, order: str, why: str, data_dir: Path) -> None:
    """Propose to give a person CREDITS (below zero: take them) by a decision that --order names."""
    given = {"person": person, "credits": credits, "order": order}
    run(data_dir, lambda: propose("ledger.adjust", given, why))


@command.command()
@click.argument("kind", type=click.Choice(("cancel", "transfer", "hold", "settle", "release", "retire")))
@_person
@click.argument("amount", type=click.IntRange(min=1), default=None, required=False)
@click.option("--order", required=True, help="The id of the decision: given twice, it is booked once.")
@click.option("--to", default="", metavar="PSEUDONYM", help="Who gets what is transferred.")
@click.option(
    "--until", default="", metavar="TIME", help="Until when credits are held: 2026-07-01T00:00:00+08:00."
)
@click.option(
    "--hold", type=click.IntRange(min=1), help="The number of the hold that ends (abate ledger show)."
)
@why_option
@data_dir_option
def book(
    kind: str,
    person: str,
    amount: int | None,
    order: str,
    to: str,
    until: str,
    hold: int | None,
    why: str,
    data_dir: Path,
) -> None:
    """Propose to book an entry of this KIND in somebody's account, by a decision that --order names.

    cancel: credits are given up for good. transfer: they go to --to. hold: they are set aside --until; settle and release
    end a --hold, by spending or freeing it. retire: AMOUNT milligrams are taken out of circulation for good.
    """
    given = {"kind": kind, "person": person, "order": order, "amount": amount or 0, "to": to, "until": until}
    run(data_dir, lambda: propose("ledger.book", given | {"hold": hold or 0}, why))


@command.command()
@_person
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), metavar="TIME", help="A past moment.")
@data_dir_option
def show(person: str, at: datetime | None, data_dir: Path) -> None:
    """A person's balances, lots and holds: now, or as they were at TIME (2026-06-01T00:00:00+0800).

    Who looked is written down first, and the person is told that somebody did.
    """

    def work() -> dict[str, object]:
        from abate.platform.ledger import queries, standing  # lazy: as above
        from abate.platform.review import audit  # lazy: as above

        entitled("view", "accounts")
        person_id = _id(person)
        audit.read("person.account", person, at=at and at.isoformat())
        if at is not None:
            return asdict(standing.at_moment(person_id, at))
        return asdict(queries.balance(person_id)) | asdict(standing.standing(person_id))

    run(data_dir, work)
