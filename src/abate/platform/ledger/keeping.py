"""Leaving: what a duty obliges to keep is frozen until its day, everything else is erased at once. (P-8.4-b, PIPL article 47)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.ledger.erasing import SQL, erase
from abate.platform.people import children, freezing
from abate.platform.people.models import Person

UNCLAIMED = timedelta(days=365)
"""How long an account rests that nobody took over at 14: our policy."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why a person's records are kept when they leave: up to and including `until`, by `grounds` (Chinese, English)."""

    until: date
    grounds: tuple[tuple[str, str], ...]


def held(person_id: int) -> Held | None:
    """What obliges to keep this person's records today; None where nothing does."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["duties"], {"person": person_id, "today": clock.today()})
        rows = cursor.fetchall()
    return Held(rows[0][0], tuple(dict.fromkeys((zh, en) for _, zh, en in rows))) if rows else None


def leave(person: Person) -> Held | None:
    """Close the account of a person who leaves, and of the children they act for; says what is kept, None if nothing is."""
    with transaction.atomic(), connection.cursor() as cursor:
        # As in erasing: batches on their way end first, so that what they book is seen here.
        cursor.execute(SQL["keep_batches_out"])
        for child in children.of(person.pk):
            leave(Person.objects.get(pk=child.id))
        kept = held(person.pk)
        if kept is None:
            erase(person)
        else:
            freezing.freeze(person, kept.until, kept.grounds)
    return kept


def delete_due() -> int:
    """Erase whose duty is over, and accounts of children that nobody took over; returns how many. Meant to run daily.

    Duties are asked anew: what one of them keeps by now is kept on, frozen or at rest as it is.
    """
    erased = 0
    for person in freezing.due(clock.today()):
        if (kept := held(person.pk)) is None:
            erase(person)
            erased += 1
        else:
            freezing.prolong(person, kept.until, kept.grounds)
    for person in children.unclaimed(clock.now() - UNCLAIMED):
        if held(person.pk) is None:
            erase(person)
            erased += 1
    return erased
