"""The one door through which time comes in. Days are counted in the platform's zone, moments are kept in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

MOST_APART = 2.0
"""Seconds between this machine's clock and the database server's from which on one of them is wrong: our policy."""
_frozen: datetime | None = None


def now() -> datetime:
    """The present moment, in UTC."""
    return _frozen or datetime.now(UTC)


def of_database() -> datetime:
    """The present moment by the database server's clock, in UTC; it is never frozen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)


def zone() -> ZoneInfo:
    """The zone in which the platform counts days and months."""
    return ZoneInfo(settings.ABATE_ZONE)


def day(moment: datetime) -> date:
    """The platform's calendar day of an aware `moment`."""
    return moment.astimezone(zone()).date()


def today() -> date:
    return day(now())


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock at the aware moment `at`, for tests and for replaying."""
    global _frozen
    if at.tzinfo is None:
        raise ValueError("frozen() needs an aware datetime: a naive one has no place on the time line")
    before, _frozen = _frozen, at.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before
