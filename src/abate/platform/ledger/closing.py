"""Closing days and months: opening carried over, movements, closing, per account and asset. Kept for good.

An entry carries the platform's day of its booking. Where that day is closed already (a clock set back, a posting that
waited at midnight), it carries the first open day; the moment `at` stays what it was, and so does the day of the act.

A close names the first signed head that covers every entry booked up to its last day: who holds that head holds the closed books.
"""

from __future__ import annotations

import time
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from abate.bookkeeping.kinds import Counter
from abate.platform.doors import clock
from abate.platform.ledger import errors
from abate.platform.ledger.queries import SQL
from abate.platform.log import actions as log
from abate.platform.log import queries as heads
from abate.platform.log.errors import LogDamaged

PATIENCE = 60.0
"""Seconds that a close waits for leaves of its entries while the log does not grow."""
NAMES = [counter.name.lower() for counter in sorted(Counter)]


@dataclass(frozen=True, slots=True)
class CloseRow:
    """One account and asset over a closed period. Amounts in mg or whole credits, as the account's side.

    `tree_size` is the size of the first signed head with all that was booked up to `last_day` under it.
    """

    period: str
    first_day: date
    last_day: date
    account: str
    asset: str
    opening: int
    came_in: int
    went_out: int
    closing: int
    entries: int
    tree_size: int


def see_clocks(last: date) -> None:
    """Before the jobs of a close, for an expiry is not undone: `last`, the last day to be closed, is over by this machine's
    clock and by the database server's. Raises ClocksApart, DayNotOver.
    """
    if last >= clock.day(see_clocks_agree()):
        raise errors.DayNotOver(last.isoformat())


def see_clocks_agree() -> datetime:
    """Before what no later moment undoes: the present moment by the slower of this machine's clock and the database server's.

    Raises ClocksApart.
    """
    there, here = clock.of_database(), clock.now()
    if (apart := abs((there - here).total_seconds())) >= clock.MOST_APART:
        raise errors.ClocksApart(f"{apart:.1f} s")
    return min(there, here)


def last_of_month(first: date) -> date:
    return first.replace(day=monthrange(first.year, first.month)[1])


def close_day(day: date) -> list[CloseRow]:
    """Close `day` and every open day before it; closed again, it gives what was kept. Raises DayNotOver, CloseWaitsForLog."""
    if day >= clock.today():
        raise errors.DayNotOver(day.isoformat())
    for each in _open_days(day):
        _mark(each)
        _keep("day", each, each)
    return rows("day", day)


def close_month(first: date) -> list[CloseRow]:
    """Close the month of `first`, whose days are closed. Raises DayNotOver, MonthNotClosed, CloseWaitsForLog."""
    first = first.replace(day=1)
    last = last_of_month(first)
    if last >= clock.today():
        raise errors.DayNotOver(last.isoformat())
    if kept := rows("month", first):
        return kept
    with connection.cursor() as cursor:
        cursor.execute(SQL["last_closed"])
        (closed,) = cursor.fetchone()
    if closed is None or closed < last:
        raise errors.MonthNotClosed(first.isoformat()[:7])
    _keep("month", first, last)
    return rows("month", first)


def rows(period: str, first: date) -> list[CloseRow]:
    """A kept close, account by account; empty where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["closes"], {"period": period, "first": first})
        return [CloseRow(*row[:5], *map(int, row[5:])) for row in cursor.fetchall()]


def _open_days(upto: date) -> list[date]:
    """The days after the last close, or from the first entry on, in order."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["last_closed"])
        (closed,) = cursor.fetchone()
        cursor.execute(SQL["first_day"])
        (begun,) = cursor.fetchone()
    # A day that was marked, and whose sums an end of the process kept from being written, is summed now.
    if closed is not None and closed <= upto and not rows("day", closed):
        start = closed
    else:
        start = closed + timedelta(days=1) if closed else min(begun or upto, upto)
    return [start + timedelta(days=n) for n in range((upto - start).days + 1)]


def _mark(day: date) -> None:
    """From the commit on nothing is booked on `day`; what was on its way is committed before."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["close_alone"])
        cursor.execute(SQL["last_closed"])
        (closed,) = cursor.fetchone()
        if closed is None or closed < day:
            cursor.execute(SQL["mark_day"], {"day": day, "at": clock.now()})


def _head(last: date) -> int:
    """The size of the first signed head that covers all that was booked up to the closed day `last`; what waits is numbered.

    Raises CloseWaitsForLog where that does not come.
    """
    since, seen = time.monotonic(), -1
    while True:
        try:
            # What another process is numbering, or a full round leaves over, the next turn sees.
            log.sequence()
        except LogDamaged as fault:
            raise errors.CloseWaitsForLog(f"{last.isoformat()}; {fault.code}: {fault.what}") from fault
        with connection.cursor() as cursor:
            cursor.execute(SQL["head_of_close"], {"last": last})
            (size,) = cursor.fetchone()
        if size is not None:
            return int(size)
        if (now := heads.size()) > seen:
            since, seen = time.monotonic(), now
        elif time.monotonic() - since >= PATIENCE:
            raise errors.CloseWaitsForLog(last.isoformat())
        time.sleep(0.05)


def _keep(period: str, first: date, last: date) -> None:
    values = {
        "period": period,
        "first": first,
        "last": last,
        "names": NAMES,
        "tree": _head(last),
        "at": clock.now(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # One at a time: who comes second finds it kept.
        cursor.execute(SQL["close_alone"])
        if not rows(period, first):
            cursor.execute(SQL["close"], values)
