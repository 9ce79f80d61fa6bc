"""Raw activity data that no figure needs any more go on their day (P-7.3.3.3-c, PIPL article 19; docs/decisions/0028).

A record that was credited stays whole: its leaf commits to it, and the figure is computed again from it. One that credits
nothing has no leaf, and nothing is computed of it once it can neither be decided about nor credited later.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import connection

from abate.platform.doors import clock
from abate.platform.doors.statements import statements

SQL = statements(Path(__file__).parent / "sql")


def drop_records(before: datetime) -> int:
    """Drop the records of what came in before a moment, credits nothing, waits for nobody and is owed to nobody: how many.

    As the owner of the database: the application's own role changes no row of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["drop_records"], {"before": before, "at": clock.now(), "today": clock.today()})
        return cursor.rowcount
