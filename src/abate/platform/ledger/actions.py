"""The only writer of entries and balances. Earning appends in bulk; spending locks one balance."""

from __future__ import annotations

from pathlib import Path

from django.db.backends.utils import CursorWrapper

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Entry, Kind
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.ledger.errors import InsufficientCredits
from abate.platform.ledger.queries import EntryRow, row

SQL = statements(Path(__file__).parent / "sql")


def post_redeem(cursor: CursorWrapper, person_id: int, credits: int, cause: str) -> EntryRow:
    """Cancel `credits` (positive) of a person inside the caller's transaction; `cause` is the order id.

    Lock, read and write are statements of their own: what is read was read after the lock. The credits go to
    the cancellation account, which only receives. Raises InsufficientCredits, having changed nothing.
    Clause P-7.5.3-3.
    """
    planned = Entry(Kind.REDEEM, credits=-credits)
    cursor.execute(SQL["lock_balance"], {"person": person_id})
    held = cursor.fetchone()
    if held is None or held[0] < credits:
        raise InsufficientCredits(f"{held[0] if held else 0} < {credits}")
    now = clock.now()
    cursor.execute(
        SQL["redeem"],
        {
            "person": person_id,
            "credits": credits,
            "kind": int(planned.kind),
            "counter": int(planned.counter),
            "at": now,
            "day": clock.day(now),
            "cause": cause,
            "nothing": leaf.NOTHING,
        },
    )
    return row(cursor.fetchone())
