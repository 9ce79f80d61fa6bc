"""What others may know of the rules of credits."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

from django.db import connection

from abate.platform.credits.errors import NoRule
from abate.platform.credits.models import Cap
from abate.platform.doors.statements import statements

SQL = statements(Path(__file__).parent / "sql")


def mg_per_credit(day: date) -> int:
    """Eligible milligrams that make one credit for what is booked on `day`. Raises NoRule. (P-3.4, P-7.4)"""
    with connection.cursor() as cursor:
        cursor.execute(SQL["rule"], {"day": day})
        found = cursor.fetchone()
    if found is None:
        raise NoRule(day.isoformat())
    return int(found[0])


def any_cap(behaviours: Collection[str], first: date, last: date) -> bool:
    """Whether a cap holds for one of these behaviours on some day from `first` to `last`."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["caps"], {"behaviours": list(behaviours), "first": first, "last": last})
        return bool(cursor.fetchone()[0])


def caps() -> list[Cap]:
    """All caps, newest first, for pages that explain them."""
    return list(Cap.objects.order_by("-from_day", "behaviour"))


def differences() -> dict[str, int]:
    """`day_totals`: days of a person whose counted or eligible total is not what quantities and reversals come to."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["differ_day_totals"])
        return {"day_totals": int(cursor.fetchone()[0])}
