"""A person's receipt: the log's proof of an entry, opened with what only the person's own page may know."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.receipt import MethodName, Opening, Terms
from abate.platform.carbon import queries as carbon
from abate.platform.ledger.queries import EntryRow
from abate.platform.log import queries as log
from abate.platform.people.models import Person


def receipt(person: Person, row: EntryRow) -> dict[str, object] | None:
    """The receipt document of the person's own entry, opened; None while the log has not numbered it."""
    if person.commit_key is None:
        return log.receipt(person.pk, row.id)
    if row.kind == Kind.REDEEM:
        salt = leaf.salt(bytes(person.commit_key), row.id)
        personal = leaf.personal_redeem(person.pseudonym, row.cause, -row.credits)
        return log.receipt(person.pk, row.id, Opening(salt, personal))
    found = carbon.behaviour_of_entry(person.pk, row.id)
    if found is None:
        return log.receipt(person.pk, row.id)
    return log.receipt(
        person.pk,
        row.id,
        carbon.opening(person.pk, row.id),
        MethodName(found.behaviour, found.version),
        Terms(found.region, found.grade_floor, found.pack, settings.ABATE_ZONE),
    )


def pending(rows: Iterable[EntryRow]) -> int:
    """How many of one person's entries the log has not numbered yet."""
    waiting = {row.id: row.person_id for row in rows}
    if not waiting:
        return 0
    return len(waiting.keys() - log.numbered(next(iter(waiting.values())), waiting.keys()))
