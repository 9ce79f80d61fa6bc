"""All tables of a database at once: a digest of each, what lies between two, and back to how it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
select relname from pg_class
where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by 1
"""


@dataclass(frozen=True, slots=True)
class State:
    """Of each table: how many rows, and a digest of them in whatever order."""

    tables: dict[str, tuple[int, str]]

    def since(self, former: State) -> dict[str, int]:
        """The tables that differ from a former state, with how many rows more there are (0: rows were changed)."""
        return {
            name: now[0] - former.tables[name][0]
            for name, now in self.tables.items()
            if now != former.tables[name]
        }


class Tables:
    """A connection of its own, so that it sees what is committed and nothing else."""

    def __init__(self, **place: Any) -> None:
        self._own = psycopg.connect(**place, autocommit=True)
        # What holds a row here would hold it for ever: nobody else is working.
        self._own.execute("set lock_timeout = '20s'")
        self._own.execute("set session_replication_role = replica")
        self._names = [name for (name,) in self._own.execute(_TABLES)]
        one = sql.SQL(
            "select {}, count(*), coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from {} t"
        )
        self._look = sql.SQL(" union all ").join(one.format(n, sql.Identifier(n)) for n in self._names)

    def state(self) -> State:
        return State({name: (rows, digest) for name, rows, digest in self._own.execute(self._look)})

    def keep(self, now: State) -> dict[str, bytes]:
        """Every row there is, by table."""
        kept = {}
        for name, (rows, _) in now.tables.items():
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

    def _columns(self, name: str) -> sql.Composed:
        found = self._own.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
            " and attgenerated = '' order by attnum",
            [name],
        )
        return sql.SQL(", ").join(sql.Identifier(column) for (column,) in found)

    def close(self) -> None:
        self._own.close()
