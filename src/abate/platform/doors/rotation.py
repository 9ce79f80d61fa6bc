"""Months of the large tables: made ahead, turned, and let go where nothing booked rests on them (docs/decisions/0015)."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.db import connection

from abate.platform.doors import clock, months
from abate.platform.doors.months import Month, Part

AHEAD = 3


@dataclass(frozen=True, slots=True)
class Table:
    """A table in months. `stays` says why no month with rows may leave; empty where it may."""

    name: str
    stays: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One month of one table: `past`, `current` (where new ids fall) or `ahead`."""

    part: Part
    state: str


def tables() -> list[Table]:
    """From the models alone, so that none can be forgotten."""
    found = (m for m in apps.get_models() if getattr(m, "by_month", False))
    return sorted((Table(m._meta.db_table, m.stays) for m in found), key=lambda table: table.name)


def keep_ahead(ahead: int = AHEAD) -> list[str]:
    """Make the partitions of this month and of `ahead` more, and turn to this month. Says what was done.

    Needs the owner's connection. Nothing to do costs one look at the catalogue a table. Raises TablesBusy.
    """
    done = []
    this = Month.of(clock.today())
    for table in tables():
        there = months.parts(table.name)
        # Behind the newest id, as when the clock was set back, no month is made: nothing would fall into it.
        newest = _newest(table.name)
        for month in (this.plus(n) for n in range(ahead + 1)):
            fits = not any(p.takes(month) for p in there) and newest < month.plus(1).first_id
            if fits and months.make(table.name, month):
                done.append(f"{table.name}: made {month}")
        if newest < this.first_id and months.turn(table.name, this):
            done.append(f"{table.name}: turned to {this}")
    return done


def agreed() -> bool:
    """Whether this machine's clock and the database server's are in one month. A turn is for good: where they are not, one of
    them has jumped, and months would be passed over.
    """
    return Month.of(clock.day(clock.of_database())) == Month.of(clock.today())


def standing() -> list[Standing]:
    """Every month of every table, oldest first."""
    found = []
    for table in tables():
        newest = _newest(table.name)
        for part in months.parts(table.name):
            first = part.month.first_id if part.month else 0
            state = "past" if part.end <= newest else "current" if first <= newest else "ahead"
            found.append(Standing(part, state))
    return found


def least_ahead() -> int:
    """How many whole months after this one have their partitions, in the table that has fewest."""
    this = Month.of(clock.today())
    counts = []
    for table in tables():
        there = months.parts(table.name)
        count = 0
        while any(part.takes(this.plus(count + 1)) for part in there):
            count += 1
        counts.append(count)
    return min(counts)


def turned() -> bool:
    """Whether new ids carry this month (or a later one, where the clock was set back)."""
    this = Month.of(clock.today())
    return all(_newest(table.name) >= this.first_id for table in tables())


def _newest(table: str) -> int:
    with connection.cursor() as cursor:
        return months.newest_id(cursor, table)
