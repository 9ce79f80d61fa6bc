"""What taking back an award does to the caps it was counted on: its room is free again, and what is short takes it first."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from django.db import transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor

from abate.platform.doors.statements import statements

SQL = statements(Path(__file__).parent / "sql")


def lock(cursor: CursorWrapper, claims: Callable[[], list[tuple[object, ...]]]) -> bool:
    """Lock every balance in `claims`, which puts them on the emptied table; returns whether there is any.

    What is short can change until the locks are held: then they are let go, and taken again for what is there now.
    """
    while True:
        point = transaction.savepoint()
        cursor.execute(SQL["clear_claims"])
        listed = claims()
        if not listed:
            return False
        cursor.execute(SQL["lock_used"])
        cursor.execute(SQL["clear_claims"])
        if claims() == listed:
            cursor.execute(SQL["clear_claims"])
            return True
        transaction.savepoint_rollback(point)


def claims_of(
    cursor: CursorWrapper, person_id: int, entry_id: int, gone: Collection[int] = ()
) -> list[tuple[object, ...]]:
    """The balances of an award and of what may take its room; `gone` are awards on their way out beside it."""
    cursor.execute(SQL["claims_back"], {"person": person_id, "entry": entry_id, "gone": [entry_id, *gone]})
    return sorted(cursor.fetchall())


def give(cursor: CursorWrapper, person_id: int, entry_id: int, gone: Collection[int] = ()) -> int:
    """Free the award's room and let what is short take it; returns the eligible milligrams the person loses.

    The balances are locked.
    """
    values = {"person": person_id, "entry": entry_id}
    cursor.execute(SQL["clear_claims"])
    claims_of(cursor, person_id, entry_id, gone)
    cursor.execute(SQL["lock_used"])
    cursor.execute(SQL["stands"], values)
    stood = int(cursor.fetchone()[0])
    cursor.execute(SQL["make_room"], {"stood": stood})
    spread(cursor)
    cursor.execute(SQL["refill"], values | {"stood": stood})
    return stood - int(cursor.fetchone()[0])


def spread(cursor: Cursor | CursorWrapper) -> None:
    """Grant what is asked on the table of claims, in the order of places, as far as the room goes."""
    while True:
        cursor.execute(SQL["spread"])
        if not cursor.rowcount:
            return
