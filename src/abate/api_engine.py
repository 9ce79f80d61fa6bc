"""Tables of this process, again and again: the statement for one form of table is bound once.

Writing and binding a methodology's SQL takes longer than running it on 100,000 rows. A prepared statement stays
bound as long as it scans the same object, so what it scans is a `Feed` that hands out the table at hand.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import duckdb
import pyarrow as pa

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import connect, identity, quantify_table
from abate.quantify.factors import Setting

KEPT = 16
"""Statements that stay bound for a thread; the one longest unused goes first."""


class Feed:
    """An Arrow stream of whatever `table` is at the time of the scan."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_schema__(self) -> object:
        return self.table.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class _Session(threading.local):
    """A thread's own cursor with what is bound on it."""

    def __init__(self) -> None:
        self.con = _engine().cursor()
        self.bound: OrderedDict[tuple[object, ...], tuple[str, Feed]] = OrderedDict()
        self.count = 0


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    return connect()


@lru_cache(maxsize=1)
def _session() -> _Session:
    return _Session()


def cursor() -> duckdb.DuckDBPyConnection:
    """A connection of one's own to the process's engine, to be closed."""
    return _engine().cursor()


def table_results(
    table: pa.Table, method_id: str, catalogue: Catalogue, setting: Setting, keys: Sequence[str]
) -> pa.Table:
    """As `columns.quantify_table`, for a table in memory; row k belongs to row k."""
    session = _session()
    key = (identity(method_id, catalogue, setting), method_id, str(table.schema), tuple(keys))
    if key not in session.bound:
        _bind(session, key, table, method_id, catalogue, setting, keys)
    session.bound.move_to_end(key)
    name, feed = session.bound[key]
    feed.table = table
    try:
        return session.con.sql(f"EXECUTE {name}").to_arrow_table()
    finally:
        feed.table = table.schema.empty_table()  # the rows are the caller's, not to be kept


def _bind(
    session: _Session,
    key: tuple[object, ...],
    table: pa.Table,
    method_id: str,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str],
) -> None:
    while len(session.bound) >= KEPT:
        _, (old, _) = session.bound.popitem(last=False)
        session.con.execute(f"DEALLOCATE {old}")
        session.con.unregister(f"{old}_rows")
    session.count += 1
    name, feed = f"abate_{session.count}", Feed(table.schema.empty_table())
    session.con.register(f"{name}_rows", feed)
    relation = quantify_table(session.con, f"{name}_rows", method_id, catalogue, setting, keys)
    session.con.execute(f"PREPARE {name} AS {relation.sql_query()}")
    session.bound[key] = (name, feed)
