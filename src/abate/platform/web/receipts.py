"""A person's receipt: the log's proof of an entry, opened with what only the person's own page may know."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.receipt import MethodName, Opening, Terms
from abate.platform.carbon import queries as carbon
from abate.platform.ledger import standing
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
    if row.kind not in {Kind.AWARD, Kind.ERASED}:
        held = standing.held_by(person.pk, row.id)
        part = booking(person.pseudonym, row.kind, row.cause, row.carbon_mg, row.credits, held)
        salt = leaf.salt(bytes(person.commit_key), row.id)
        return log.receipt(person.pk, row.id, Opening(salt, leaf.personal_booking(part)))
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


def booking(
    pseudonym: str, kind: int, cause: str, carbon_mg: int, credits: int, hold: int | None
) -> leaf.BookingPart:
    """The personal part of an entry of another kind; `hold` are the credits of the hold it made or ended."""
    held = 0 if hold is None else hold if kind == Kind.HOLD else -hold
    return leaf.BookingPart(pseudonym, Kind(kind).name.lower(), cause, carbon_mg, credits, held)


def pending(rows: Iterable[EntryRow]) -> int:
    """How many of one person's entries the log has not numbered yet."""
    waiting = {row.id: row.person_id for row in rows}
    if not waiting:
        return 0
    return len(waiting.keys() - log.numbered(next(iter(waiting.values())), waiting.keys()))
