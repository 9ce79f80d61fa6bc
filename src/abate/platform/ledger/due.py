"""Awards whose leaves are due: noted once for a batch when it is booked, handed to the log when the log asks.

What a leaf holds is fixed with the entry, in its transaction: amounts, time, basis, batch and commitment stand in the
entry's own row, which never changes. Only the bytes are put together here, off the path of booking.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import connection
from django.db.backends.utils import CursorWrapper

from abate.platform.doors.statements import statements
from abate.platform.log.errors import LogDamaged

_SQL = statements(Path(__file__).parent / "sql")


def hand_over(cursor: CursorWrapper, limit: int) -> None:
    """Write the leaves of the oldest batches, about `limit` of them and at least one batch, into the log's queue.

    The log calls it under its lock: nobody else takes batches away meanwhile. Raises LogDamaged where an award is gone.
    """
    cursor.execute(_SQL["oldest_due"], {"limit": limit})
    (batches,) = cursor.fetchone()
    if not batches:
        return
    cursor.execute(_SQL["queue_due"], {"batches": batches})
    queued = cursor.rowcount
    cursor.execute(_SQL["drop_due"], {"batches": batches})
    noted = sum(entries for (entries,) in cursor.fetchall())
    if queued != noted:
        raise LogDamaged(
            "award-missing",
            f"{noted} awards were booked in batches {min(batches)} to {max(batches)}; {queued} are there.",
        )


def waiting() -> int:
    """How many awards have no leaf in the log's queue yet."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["count_due"])
        return int(cursor.fetchone()[0])


def since() -> datetime | None:
    """Since when the oldest award or entry has no number in the log, of those noted here and the first of the queue."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["due_since"])
        (at,) = cursor.fetchone()
    return at  # type: ignore[no-any-return]
