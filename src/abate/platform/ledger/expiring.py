"""The jobs of the day: lots cut for all, and entries for what expired. Spending never waits for them."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction

from abate.bookkeeping.kinds import Kind
from abate.platform.doors import clock
from abate.platform.ledger import posting
from abate.platform.ledger.posting import SQL, Item
from abate.platform.notices import actions as notices
from abate.platform.notices import queries as wishes

SOON = 30
"""Days before credits expire at which whoever asked for it is told: our policy, time enough to spend them."""
_PEOPLE = 5_000
"""Accounts locked at a time: a fraction of a second, so that nobody waits long."""


def cut_all() -> int:
    """Cut lots from every award that is in none yet; returns how many accounts had some."""
    count, after = 0, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SQL["persons_to_cut"], {"after": after, "limit": _PEOPLE})
            persons = [person for (person,) in cursor.fetchall()]
            if not persons:
                return count
            posting.ready(cursor, persons)
        count, after = count + len(persons), persons[-1]


def expire_due() -> int:
    """Post an entry per person for credits whose day has come; returns how many credits expired.

    They were unspendable from that day on, whether or not this had run. Lots must be cut before (`cut_all`).
    """
    expired, after = 0, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            values = {"today": clock.today(), "after": after, "limit": _PEOPLE, "waiting": False}
            cursor.execute(SQL["persons_to_expire"], values)
            persons = [person for (person,) in cursor.fetchall()]
            if not persons:
                return expired
            at = posting.ready(cursor, persons)
            cursor.execute(SQL["expired"], {"persons": persons, "today": at.today})
            due = cursor.fetchall()
            if due:
                cause = f"expired {at.today.isoformat()}"
                items = [Item(person, cause, credits=-credits) for person, credits in due]
                made = posting.post(cursor, Kind.EXPIRE, items, at)
                demands = [(entry.person_id, entry.id, -entry.credits) for entry in made]
                posting.draw(cursor, at, demands, expired=True)
                expired += sum(credits for _, credits in due)
        after = persons[-1]


def tell_soon() -> int:
    """Put a notice into the outbox for whoever wants one and has credits that expire within SOON days; how many.

    Once for all that expire until the last such day, whether this runs late or twice: credits are spent first expiring first,
    so that day stays the last.
    """
    today = clock.today()
    values = {
        "users": wishes.wanting("credits.expiring"),
        "today": today,
        "until": today + timedelta(days=SOON),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["expiring_of"], values)
        return sum(
            len(notices.write(users, "credits.expiring", once=f"expiring:{day}", days=SOON))
            for day, users in cursor.fetchall()
        )
