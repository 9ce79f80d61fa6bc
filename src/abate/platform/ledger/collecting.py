"""Credits that wait for their person: collected by a tap, or lapsed when the time for it is over."""

from __future__ import annotations

from datetime import date

from django.db import connection, transaction

from abate.bookkeeping.kinds import Kind
from abate.platform.doors import clock
from abate.platform.ledger import actions, posting
from abate.platform.ledger.errors import NothingToCollect
from abate.platform.ledger.posting import NEVER, SQL, Item
from abate.platform.ledger.queries import EntryRow

_PEOPLE = 5_000
"""Accounts locked at a time, as in expiring.py."""


def collect(person_id: int, day: date | None = None) -> EntryRow:
    """Make all that waits, or what was booked on one day, free to spend: a lot from now on, which settles debts first.

    Sixteen taps at once collect it once. Raises NothingToCollect where nothing waits, or its time is over, and AccountErased.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        at = posting.ready(cursor, [person_id])
        actions.refuse_erased(cursor, person_id)
        span = {"after": at.today, "until": NEVER, "day": day}
        cursor.execute(SQL["waiting"], span | {"persons": [person_id]})
        found = cursor.fetchone()
        if found is None:
            raise NothingToCollect
        _, credits, first, last = found
        cause = f"collected {credits} of {first.isoformat()} to {last.isoformat()}"
        (made,) = posting.post(cursor, Kind.COLLECT, [Item(person_id, cause)], at)
        cursor.execute(SQL["draw_waiting"], span | {"persons": [person_id], "entries": [made.id]})
        if cursor.fetchone()[0] != credits:
            raise RuntimeError("what waited under the account's lock is not what was collected")
        posting.put(cursor, Kind.COLLECT, [(person_id, made.id, None, at.day, credits)])
        posting.settle_after(cursor, at, [made])
    return made


def lapse_due() -> int:
    """Post an entry per person for credits that were not collected in time; returns how many credits lapsed.

    They could not be collected from that day on, whether or not this had run. Lots must be cut before
    (expiring.cut_all).
    """
    lapsed, after = 0, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            values = {"today": clock.today(), "after": after, "limit": _PEOPLE, "waiting": True}
            cursor.execute(SQL["persons_to_expire"], values)
            persons = [person for (person,) in cursor.fetchall()]
            if not persons:
                return lapsed
            at = posting.ready(cursor, persons)
            span = {"after": date.min, "until": at.today, "day": None}
            cursor.execute(SQL["waiting"], span | {"persons": persons})
            due = [(person, credits) for person, credits, *_ in cursor.fetchall()]
            if due:
                cause = f"not collected by {at.today.isoformat()}"
                items = [Item(person, cause, credits=-credits) for person, credits in due]
                made = posting.post(cursor, Kind.LAPSE, items, at)
                accounts = {"persons": [e.person_id for e in made], "entries": [e.id for e in made]}
                cursor.execute(SQL["draw_waiting"], span | accounts)
                lapsed += sum(credits for _, credits in due)
        after = persons[-1]
