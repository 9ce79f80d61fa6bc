"""Credits set aside for a time: held, then settled or released, or free again when the time is over."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from abate.bookkeeping.kinds import Kind
from abate.platform.doors import clock
from abate.platform.ledger import actions, errors, posting
from abate.platform.ledger.models import Hold, Order
from abate.platform.ledger.posting import SQL, Item
from abate.platform.ledger.queries import EntryRow

_PEOPLE = 1000


def hold(person_id: int, credits: int, order_id: str, expires_at: datetime) -> EntryRow:
    """Set credits aside until `expires_at`; the entry's id names the hold.

    The very lots are reserved, so credits do not expire while they are held. Raises AccountErased,
    InsufficientCredits, OrderTaken (the id stands for other credits, or for another end), HoldTooLong.
    """
    actions.positive(credits)
    with transaction.atomic(), connection.cursor() as cursor:
        at = posting.ready(cursor, [person_id])
        stands_for = contents(person_id, order_id, credits, expires_at)
        done = actions.before(cursor, person_id, order_id, *stands_for)
        if done is not None:
            return actions.entry_of(person_id, done)
        actions.refuse_erased(cursor, person_id)
        if expires_at <= at.at:
            raise errors.HoldTooLong
        if at.free.get(person_id, 0) < credits:
            raise errors.InsufficientCredits(f"{at.free.get(person_id, 0)} < {credits}")
        (made,) = posting.post(cursor, Kind.HOLD, [Item(person_id, order_id, held=credits)], at)
        posting.draw(cursor, at, [(person_id, made.id, credits)])
        values = {"person": person_id, "entry": made.id, "credits": credits}
        cursor.execute(SQL["note_hold"], values | {"at": at.at, "expires_at": expires_at})
        actions.note(cursor, [(person_id, order_id, made.id, stands_for[0])])
    return made


def contents(person_id: int, order_id: str, credits: int, expires_at: datetime) -> tuple[bytes, ...]:
    """What an order for this hold stands for (actions.digest), its end among it.

    An order of an earlier version left the end out: its digest is taken too, where the hold that it made ends then.
    """
    made = actions.digest(Kind.HOLD, credits, until=expires_at)
    entries = Order.objects.filter(person_id=person_id, order_id=order_id).values("entry_id")
    if Hold.objects.filter(person_id=person_id, entry_id__in=entries, expires_at=expires_at).exists():
        return made, actions.digest(Kind.HOLD, credits)
    return (made,)


def settle(person_id: int, hold_id: int, cause: str) -> EntryRow:
    """Spend what is held: the credits are cancelled for good. Raises NoHold, HoldEnded."""
    return _end(person_id, hold_id, cause, Kind.SETTLE)


def release(person_id: int, hold_id: int, cause: str) -> EntryRow:
    """Let the credits go back to the lots they came from. Raises NoHold, HoldEnded."""
    return _end(person_id, hold_id, cause, Kind.RELEASE)


def _end(person_id: int, hold_id: int, cause: str, kind: Kind) -> EntryRow:
    with transaction.atomic(), connection.cursor() as cursor:
        at = posting.ready(cursor, [person_id])
        cursor.execute(SQL["one_hold"], {"person": person_id, "hold": hold_id})
        found = cursor.fetchone()
        if found is None:
            raise errors.NoHold
        credits, state, _, named = found
        if state != Hold.OPEN:
            raise errors.HoldEnded
        text = f"{bytes(named).hex()} {cause}"
        spent = -credits if kind is Kind.SETTLE else 0
        item = Item(person_id, text, credits=spent, held=-credits, names=bytes(named))
        (made,) = posting.post(cursor, kind, [item], at)
        new = Hold.SETTLED if kind is Kind.SETTLE else Hold.RELEASED
        posting.end_holds(cursor, at, new, [person_id], [hold_id], [made.id])
        if kind is Kind.RELEASE:
            posting.put_back(cursor, [person_id], [hold_id], [made.id])
            posting.settle_after(cursor, at, [made])
    return made


def lapse_overdue() -> int:
    """End every hold whose time is over, in the order of their times; returns how many accounts were touched."""
    touched = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SQL["persons_with_overdue_holds"], {"at": clock.now(), "limit": _PEOPLE})
            persons = [person for (person,) in cursor.fetchall()]
            if not persons:
                return touched
            posting.ready(cursor, persons)
        touched += len(set(persons))
