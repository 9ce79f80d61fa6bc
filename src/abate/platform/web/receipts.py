"""A person's receipt: the log's proof of an entry, opened with what only the person's own page may know."""

from __future__ import annotations

from collections.abc import Iterable

from abate.bookkeeping.receipt import SHIPPED
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.queries import EntryRow
from abate.platform.log import queries as log
from abate.platform.people.models import Person
from abate.platform.web import openings


def receipt(person: Person, row: EntryRow) -> dict[str, object] | None:
    """The receipt document of the person's own entry, opened; None while the log has not numbered it."""
    opened = next(iter(openings.own(person.pk, [row.id]).values()), None)
    rate = ledger.rates_of(person.pk, [row.id]).get(row.id, SHIPPED)
    if opened is None:
        return log.receipt(person.pk, row.id, rate=rate)
    given = (opened.opening, opened.method, opened.terms, opened.source)
    return log.receipt(person.pk, row.id, *given, rate)


def pending(rows: Iterable[EntryRow]) -> int:
    """How many of one person's entries the log has not numbered yet."""
    waiting = {row.id: row.person_id for row in rows}
    if not waiting:
        return 0
    return len(waiting.keys() - log.numbered(next(iter(waiting.values())), waiting.keys()))
