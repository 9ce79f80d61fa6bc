"""Tables in partitions by month, whose ids carry the month (docs/decisions/0015).

At a month's turn the sequence jumps to `index << 40` (months since 2000), so that the bounds of every partition are known
years ahead, keys stay as they are, and a turn that comes late is harmless: ids go on in the month before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import errors, sql

from abate.platform.doors.errors import Problem

_T = TypeVar("_T")

IDS_PER_MONTH = 1 << 40
LOCK_TIMEOUT_MS = 200
PATIENCE_S = 60.0
# One turns the month or changes partitions at a time.
_LOCK = "select pg_advisory_xact_lock(4912026, 4)"
_PAUSE_S = 0.05
_BOUNDS = re.compile(r"FOR VALUES FROM \((MINVALUE|'\d+')\) TO \('(\d+)'\)")


class TablesBusy(Problem):
    code = "tables-busy"
    status = 503
    zh = "数据表一直被占用，分区未改动。"
    en = "The table stayed in use; no partition was changed."
    remedy_zh = "请稍后重试，或查看是否有长时间未结束的事务。"
    remedy_en = "Try again later, or look for a transaction that does not end (pg_stat_activity)."


class MonthUnfit(Problem):
    code = "month-unfit"
    status = 409
    zh = "该月份不能这样处理。"
    en = "This cannot be done with this month."
    remedy_zh = "请查看 abate months 列出的月份及其状态。"
    remedy_en = "See `abate months` for the months and what may be done with them."


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """`index` counts from January 2000, which is 0; ids of a month are `first_id` to the next month's, less one."""

    index: int

    def __post_init__(self) -> None:
        # Up to 2^53 an id is exact in JSON, everywhere; 0 is the place of ids from before there were months.
        if not 1 <= self.index < 8191:
            raise MonthUnfit(f"month {self.index} since 2000")

    @classmethod
    def of(cls, day: date) -> Month:
        return cls((day.year - 2000) * 12 + day.month - 1)

    @property
    def first_id(self) -> int:
        return self.index * IDS_PER_MONTH

    def __str__(self) -> str:
        return f"{2000 + self.index // 12}-{self.index % 12 + 1:02}"

    def plus(self, months: int) -> Month:
        return Month(self.index + months)


@dataclass(frozen=True, slots=True)
class Part:
    """One partition. `month` is None for what was there before there were months."""

    table: str
    name: str
    month: Month | None
    end: int
    """The first id that is past it."""
    rows: int
    """As the planner estimates them."""

    def takes(self, month: Month) -> bool:
        """Whether ids of `month` have their place here."""
        return month == self.month or (self.month is None and month.first_id < self.end)


def patiently(work: Callable[[CursorWrapper], _T], patience: float = PATIENCE_S) -> _T:
    """Change tables in one transaction that waits for no lock longer than LOCK_TIMEOUT_MS, and try again.

    Who waits behind it in the queue of a table waits no longer either. Raises TablesBusy after `patience` seconds.
    """
    until = time.monotonic() + patience
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
                cursor.execute(_LOCK)
                return work(cursor)
        except DatabaseError as fault:
            if not isinstance(fault.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            if time.monotonic() > until:
                raise TablesBusy() from fault
        time.sleep(_PAUSE_S)


def parts(table: str) -> list[Part]:
    """The partitions of a table, oldest first."""
    with connection.cursor() as cursor:
        return _parts(cursor, table)


def _parts(cursor: CursorWrapper, table: str) -> list[Part]:
    cursor.execute(
        "select child.relname, pg_get_expr(child.relpartbound, child.oid), greatest(child.reltuples, 0)::bigint"
        " from pg_inherits join pg_class child on child.oid = inhrelid where inhparent = %s::regclass",
        [table],
    )
    found = []
    for name, bounds, rows in cursor.fetchall():
        known = _BOUNDS.fullmatch(bounds)
        if known is None:
            raise MonthUnfit(f"{name} has bounds that no month has: {bounds}")
        month = None if known[1] == "MINVALUE" else Month(int(known[1].strip("'")) // IDS_PER_MONTH)
        found.append(Part(table, name, month, int(known[2]), rows))
    return sorted(found, key=lambda part: part.month.index if part.month else 0)


def newest_id(cursor: CursorWrapper, table: str) -> int:
    """The last id drawn from the table's sequence; the first not drawn where there is none yet."""
    cursor.execute(sql.SQL("select last_value from {}").format(_sequence(table)).as_string())
    return int(cursor.fetchone()[0])


def make(table: str, month: Month) -> bool:
    """Make the partition of a month, empty; False where its ids have a place.

    Attaching takes a lock that neither reading nor writing minds, unlike `create table ... partition of`.
    """

    def work(cursor: CursorWrapper) -> bool:
        if any(part.takes(month) for part in _parts(cursor, table)):
            return False
        if newest_id(cursor, table) >= month.plus(1).first_id:
            raise MonthUnfit(f"{month}: ids are past it")
        create(cursor, table, month)
        attach(cursor, table, month)
        return True

    return patiently(work)


def turn(table: str, month: Month) -> bool:
    """Let ids of `month` begin; False where they have begun. Never backwards, never without a partition to go to.

    Ids in between stay undrawn. A batch on its way goes on with ids of the new month: they only ever rise.
    """

    def work(cursor: CursorWrapper) -> bool:
        if newest_id(cursor, table) >= month.first_id:
            return False
        if not any(part.takes(month) for part in _parts(cursor, table)):
            raise MonthUnfit(f"{month}: {table} has no partition for it")
        cursor.execute(
            sql.SQL("select setval({}, %s, false)").format(sql.Literal(f"{table}_id_seq")).as_string(),
            [month.first_id],
        )
        return True

    return patiently(work)


def create(cursor: CursorWrapper, table: str, month: Month) -> str:
    """A table of its own, formed like `table`, for rows of one month. Only its owner can reach it directly."""
    name = name_of(table, month)
    cursor.execute("select to_regclass(%s)", [name])
    if cursor.fetchone()[0] is not None:
        raise MonthUnfit(f"{month}: {name} is there already, apart from {table}")
    statement = "create table {} (like {} including all)"
    cursor.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(table)).as_string())
    return name


def attach(cursor: CursorWrapper, table: str, month: Month) -> None:
    names = {"table": sql.Identifier(table), "part": sql.Identifier(name_of(table, month))}
    span = {"first": sql.Literal(month.first_id), "end": sql.Literal(month.plus(1).first_id)}
    statement = "alter table {table} attach partition {part} for values from ({first}) to ({end})"
    cursor.execute(sql.SQL(statement).format(**names, **span).as_string())


def name_of(table: str, month: Month) -> str:
    return f"{table}_m{str(month).replace('-', '')}"


def _sequence(table: str) -> sql.Identifier:
    return sql.Identifier(f"{table}_id_seq")
