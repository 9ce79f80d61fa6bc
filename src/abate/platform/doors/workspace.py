"""The connection's own cursor with temporary tables to work in: for statements over a whole batch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection
from psycopg import Cursor

# The temporary tables that a connection has already; made outside of any transaction they stay for good.
_ready: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()
_NEVER_BY_ITSELF = 1 << 30
_NAME = re.compile(r"create temporary table if not exists (\w+)")


def prepare(tables: Sequence[str]) -> None:
    """Have the temporary tables there and empty, before the transaction that works in them.

    `tables` are `create temporary table if not exists ... on commit delete rows` statements.
    """
    connection.ensure_connection()
    there = _ready.get(connection.connection, set())
    if there.issuperset(tables) and not connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        # Our policy: a batch of 50,000 is sorted and joined in memory (temp_buffers: settings.py). Few connections ever
        # come here.
        cursor.execute("set work_mem = '64MB'")
        # Whatever the statistics say (none yet, or old ones), no plan reads a whole registry. The
        # temporary tables have no index and are read through all the same.
        cursor.execute("set enable_seqscan = off")
        cursor.execute("set enable_bitmapscan = off")
        # Rows of the batch are joined by hash, in the order they stand in, and not sorted once for each join.
        cursor.execute("set enable_mergejoin = off")
        # Before PostgreSQL 18 a plan with such a table counts as huge and would be compiled first.
        cursor.execute("set jit = off")
        for statement in tables:
            cursor.execute(statement)
        if not connection.in_atomic_block:
            _ready[connection.connection] = there.union(tables)
            return
        # An outer transaction is open (a test's): it has not emptied them, and may take them along.
        _ready.pop(connection.connection, None)
        for statement in tables:
            cursor.execute("truncate pg_temp." + _NAME.findall(statement)[0])


class _Planned(Cursor):
    """Its statements are planned once for a connection and kept: planning them costs more than one event does."""

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> _Planned:
        return super().execute(query, params, **{**kwargs, "prepare": True})


@contextmanager
def workspace(*, few: bool = False) -> Iterator[Cursor]:
    """A cursor that binds on the server, inside the transaction that is open.

    With `few` rows on the temporary tables the plans are kept; a large batch has plans made for its size, which must
    not be those of a small one. Errors come out as Django's, their cause as psycopg's.
    """
    with connection.wrap_database_errors:
        # Django leaves preparing off. Nothing is prepared by itself: what is asked for is.
        connection.connection.prepare_threshold = _NEVER_BY_ITSELF if few else None
        with (_Planned if few else Cursor)(connection.connection) as cursor:
            yield cursor
