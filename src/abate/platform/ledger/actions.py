"""The only writer of entries and balances. Earning appends in bulk; spending locks one balance."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db.backends.utils import CursorWrapper

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import RULES, Entry, Kind
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


def awards(
    *,
    at: datetime,
    party_id: int,
    cause: bytes,
    bases: list[int],
    mg_per_credit: int,
) -> tuple[str, dict[str, object]]:
    """The statement, and its values, that books every credited event of the staged batch.

    Balances in order, then entries with their leaves. It ends where the room of quantities adds the rows that
    name the entries, so that both are written in one pass. `cause` is the SHA-256 of the batch's bytes.
    Credits follow the person's running total of eligible milligrams: an entry gets the whole multiples of
    `mg_per_credit` the total passes with it, so any order and any batching give the same credits.
    Clauses P-3.4, P-7.4.
    """
    counter = RULES[Kind.AWARD].counter
    values: dict[str, object] = {
        "mg_per_credit": mg_per_credit,
        "kind": int(Kind.AWARD),
        "counter": int(counter),
        "at": at,
        "day": clock.day(at),
        "party": party_id,
        "cause": cause,
        "bases": bases,
        # The leaf's fields that are the same for the whole batch (bookkeeping/leaf.py).
        "leaf_head": bytes([leaf.VERSION]) + int(Kind.AWARD).to_bytes(2),
        "leaf_at": leaf.microseconds(at).to_bytes(8),
    }
    return SQL["award"], values
