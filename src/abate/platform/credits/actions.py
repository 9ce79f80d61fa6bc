"""The only writer of caps and of the day totals they are held against."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from django.db import connection
from psycopg import Cursor

from abate.platform.credits.errors import CapTooLate
from abate.platform.credits.models import Cap
from abate.platform.doors.statements import statements

SQL = statements(Path(__file__).parent / "sql")


def add_cap(
    behaviour: str, from_day: date, max_mg: int, reason: tuple[str, str], to_day: date | None = None
) -> Cap:
    """Let at most `max_mg` of `behaviour` be eligible per person and day. `reason` is (Chinese, English).

    Raises CapTooLate where something of it was counted on `from_day` or later: day totals are kept for capped
    days only, and a cap laid over counted days would make totals depend on the order of arrival.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["counted_since"], {"behaviour": behaviour, "from_day": from_day})
        if cursor.fetchone()[0]:
            raise CapTooLate(behaviour)
    return Cap.objects.create(
        behaviour=behaviour,
        from_day=from_day,
        to_day=to_day,
        max_mg=max_mg,
        reason_zh=reason[0],
        reason_en=reason[1],
    )


def cut(cursor: Cursor) -> None:
    """Raise the day totals of the batch's capped events and set what of each is eligible."""
    cursor.execute(SQL["cut"])


def set_first_rule(**_: object) -> None:
    """The rule a platform starts with; later ones are added beside it."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["first_rule"])
