"""Erasing a person: what can be opened no longer is said in the log, entry by entry; amounts and proofs stay."""

from __future__ import annotations

from pathlib import Path

from django.db import connection, transaction

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import RULES, Kind
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.people import actions as people
from abate.platform.people import children
from abate.platform.people.models import Person

SQL = statements(Path(__file__).parent / "sql")


def erase(person: Person) -> int:
    """Erase a person in one transaction; returns how many entries an `erased` leaf now names.

    The key and with it every salt are destroyed, authorisations end, names, contacts and codes go. Every entry gets
    one `erased` entry, which moves nothing and names its leaf: a verifier who asks for an opening is told by the log
    itself that there is none any more, and how many there are. Whoever sees leaves can see that these entries, of
    amounts and times, were one person's; not who. Batches on their way end first, later ones find no authorisation.
    Doing it again changes nothing. The accounts of children whom they act for are erased with it: without their
    guardian's consent none can go on (PIPL articles 31, 47). (P-8.5-e)
    """
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        # Exclusive where every batch holds it shared: none of them can book for a key that is just being destroyed.
        cursor.execute(SQL["keep_batches_out"])
        for child in children.of(person.pk):
            erase(Person.objects.get(pk=child.id))
        cursor.execute(SQL["lock_balance"], {"person": person.pk})
        cursor.execute(
            SQL["erase"],
            {
                "person": person.pk,
                "at": now,
                "day": clock.day(now),
                "kind": int(Kind.ERASED),
                "counter": int(RULES[Kind.ERASED].counter),
                "nothing": leaf.NOTHING,
            },
        )
        erased = cursor.rowcount
        people.destroy(person)
    return erased
