"""Small batches of events, again and again, on one connection: statements prepared once, data that changes.

Binding a methodology's SQL takes longer than running it on a thousand records, so it is bound once for each
connection. The engine binds a prepared statement anew when it reads a table of its own, or when a view is
made; it does not when what it scans is the same object, which then hands out other rows: the `Feed`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

FEED = "abate_events"
SCHEMA = pa.schema([("ord", pa.int64()), ("data", pa.string())])


class Feed:
    """An Arrow stream of whatever `table` is at the time of the scan."""

    def __init__(self) -> None:
        self.table = SCHEMA.empty_table()

    def __arrow_c_schema__(self) -> object:
        return SCHEMA.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@dataclass(slots=True)
class _Session:
    """What a connection knows already."""

    feed: Feed
    prepared: dict[tuple[object, ...], str] = field(default_factory=dict)


_sessions: WeakKeyDictionary[duckdb.DuckDBPyConnection, _Session] = WeakKeyDictionary()


def run(
    con: duckdb.DuckDBPyConnection, events: pa.Table, key: tuple[object, ...], write: Callable[[bool], str]
) -> pa.Table:
    """The rows of `write(False)` over the relation FEED, in the order of `ord`.

    `write(True)` is the quick statement: it may leave rows undecided (`ok` false), and those alone are given to
    `write(False)`. `key` names the pair of statements.
    """
    session = _session(con)
    given = events.select(SCHEMA.names).cast(SCHEMA)
    found = _execute(con, session, given, (*key, True), lambda: write(True))
    sure = found.column("ok")
    if not pc.all(sure).as_py():
        left = found.filter(pc.invert(sure)).column("ord")
        again = given.filter(pc.is_in(given.column("ord"), value_set=left.combine_chunks()))
        careful = _execute(con, session, again, (*key, False), lambda: write(False))
        found = pa.concat_tables([found.filter(sure), careful])
    return found.drop_columns("ok").sort_by("ord")


def _session(con: duckdb.DuckDBPyConnection) -> _Session:
    if con not in _sessions:
        feed = Feed()
        con.register(FEED, feed)
        _sessions[con] = _Session(feed)
    return _sessions[con]


def _execute(
    con: duckdb.DuckDBPyConnection,
    session: _Session,
    rows: pa.Table,
    key: tuple[object, ...],
    write: Callable[[], str],
) -> pa.Table:
    if key not in session.prepared:
        name = f"abate_{len(session.prepared)}"
        con.execute(f"PREPARE {name} AS {write()}")
        session.prepared[key] = name
    session.feed.table = rows
    try:
        return con.sql(f"EXECUTE {session.prepared[key]}").to_arrow_table()
    finally:
        session.feed.table = SCHEMA.empty_table()  # the rows are the caller's, not to be kept
