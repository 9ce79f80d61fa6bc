"""All tables of a database at once: a digest of each, what was changed since, and back to how it was.

What was changed is asked from the cheap to the dear, thousands of times in a run: was any transaction committed since, which
tables hold a row of one or fewer rows than they had, and of those alone, is the digest another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
select relname from pg_class
where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by 1
"""


_COMMITTED = """
select exists (
    select from generate_series(%(since)s::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) number
    where coalesce(pg_xact_status(number::text::xid8), 'committed') <> 'aborted'
)
"""
"""Whether any transaction since that number may have left something: all but those that are known to be taken back."""
_NOW = "select pg_snapshot_xmin(pg_current_snapshot())::text"
_DIGEST = sql.SQL(
    "select {}, count(*), coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from {} t"
)
_TOUCHED = sql.SQL(
    "select {}, count(*), count(*) filter (where age(xmin) <= age(%(since)s::text::xid8::xid)) from {}"
)
"""A row that was written or changed bears the number of the transaction that did it; one that is gone is missed in the count."""
_HELD = "select pid, classid, objid, objsubid from pg_locks where locktype = 'advisory'"
GONE_SECONDS = 20
PLACE = ("host", "user", "password", "dbname", "port")

State = dict[str, tuple[int, str]]
"""Of each table: how many rows, and a digest of them in whatever order."""


class Tables:
    """A connection of its own, so that it sees what is committed and nothing else. Nobody writes but who is watched."""

    def __init__(self, **given: Any) -> None:
        """Where it is `given`, as to Django's own connection."""
        self._own = psycopg.connect(**{name: given[name] for name in PLACE if name in given}, autocommit=True)
        # What holds a row here would hold it for ever: nobody else is working.
        self._own.execute("set lock_timeout = '20s'")
        self._own.execute("set session_replication_role = replica")
        self._names = [name for (name,) in self._own.execute(_TABLES)]
        self._look = _all(_TOUCHED, self._names)
        self._former: State = {}
        self._since = "0"
        self._held = self._locks()

    def state(self) -> State:
        """As it is now; what is asked of `changed` from here on is what differs from it."""
        self._since = self._now()
        self._former = self._digests(self._names)
        return self._former

    def changed(self) -> dict[str, int]:
        """The tables that differ from the state, with how many rows more there are (0: rows were changed); asked once whoever
        was cut off has let go of what it held, or the next request would be refused for that. Raises TimeoutError."""
        _until("a lock is let go", lambda: self._locks() <= self._held)
        since = {"since": self._since}
        ((committed,),) = self._own.execute(_COMMITTED, since)
        if not committed:
            return {}
        looked = self._own.execute(self._look, since, prepare=True).fetchall()
        touched = [name for name, rows, new in looked if new or rows != self._former[name][0]]
        return {
            name: now[0] - self._former[name][0]
            for name, now in self._digests(touched).items()
            if now != self._former[name]
        }

    def end(self, backend: int) -> None:
        """End that connection's process, and wait until it is gone. Raises TimeoutError."""
        self._own.execute("select pg_terminate_backend(%s)", [backend])
        there = "select from pg_stat_get_activity(%s)"
        _until(f"{backend} ends", lambda: not self._own.execute(there, [backend]).fetchall())

    def _locks(self) -> set[tuple[Any, ...]]:
        """The advisory locks that anybody holds."""
        return set(self._own.execute(_HELD).fetchall())

    def keep(self, now: State) -> dict[str, bytes]:
        """Every row there is, by table."""
        kept = {}
        for name, (rows, _) in now.items():
            if rows:
                with self._own.cursor().copy(
                    sql.SQL("copy (select {} from {}) to stdout").format(
                        self._columns(name), sql.Identifier(name)
                    )
                ) as copy:
                    kept[name] = b"".join(copy)
        return kept

    def back(self, kept: dict[str, bytes], changed: dict[str, int]) -> None:
        """These tables hold again what was kept, and nothing that came since. Triggers and foreign keys are not asked."""
        with self._own.transaction():
            for name in changed:
                table = sql.Identifier(name)
                self._own.execute(sql.SQL("delete from {}").format(table))
                if name in kept:
                    columns = self._columns(name)
                    with self._own.cursor().copy(
                        sql.SQL("copy {} ({}) from stdin").format(table, columns)
                    ) as copy:
                        copy.write(kept[name])
        self._since = self._now()

    def _now(self) -> str:
        """The number that the next transaction has, or the lowest of those that are on."""
        ((number,),) = self._own.execute(_NOW)
        return str(number)

    def _digests(self, names: list[str]) -> State:
        if not names:
            return {}
        return {name: (rows, digest) for name, rows, digest in self._own.execute(_all(_DIGEST, names))}

    def _columns(self, name: str) -> sql.Composed:
        found = self._own.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
            " and attgenerated = '' order by attnum",
            [name],
        )
        return sql.SQL(", ").join(sql.Identifier(column) for (column,) in found)

    def close(self) -> None:
        self._own.close()


def _all(one: sql.SQL, names: list[str]) -> sql.Composed:
    return sql.SQL(" union all ").join(one.format(name, sql.Identifier(name)) for name in names)


def _until(what: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + GONE_SECONDS
    while not done():
        if time.monotonic() > until:
            raise TimeoutError(f"not yet: {what}")
        time.sleep(0.001)
