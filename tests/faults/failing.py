"""A fault at the n-th database call, wherever it is made: psycopg is the one door, and libpq's pipeline beside it.

The server itself fails, so that a transaction is as broken as it would be; a call is a statement, a COPY, or a commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import psycopg
from django.db import connection
from psycopg import Connection, Cursor
from tests.faults.tables import Tables

from abate.platform import together

Fault = Callable[[Connection[Any], Tables], None]


@dataclass(slots=True)
class Seen:
    """The calls so far; where the fault came, the words that the call began with."""

    calls: int = 0
    at: str = ""


def server_says(state: str) -> Fault:
    """The server refuses the call with this SQLSTATE, and the transaction with it."""

    def fault(own: Connection[Any], _: Tables) -> None:
        with Cursor(own) as cursor:
            _execute(cursor, f"do $$ begin raise exception 'planted' using errcode = '{state}'; end $$")

    return fault


def cut(own: Connection[Any], beside: Tables) -> None:
    """The server ends this very connection, as a restart or a broken line would."""
    beside.end(own.info.backend_pid)


FAULTS: dict[str, Fault] = {
    "serialization": server_says("40001"),
    "disk full": server_says("53100"),
    "connection lost": cut,
}
LOST_AFTER = "connection lost after the commit"
"""The call is done, and nobody hears of it: what a client cannot know."""

# The real ones, whatever is patched.
_execute, _commit, _exchange = Cursor.execute, Connection.commit, together.exchange


@contextmanager
def failing(number: int, fault: Fault, beside: Tables, *, after: bool = False) -> Iterator[Seen]:
    """Before the `number`-th database call, once, do `fault`; with `after` behind it, where it is a commit. What it takes to
    do so goes `beside` it.
    """
    seen = Seen()

    def counted(own: Connection[Any], words: str, call: Callable[[], Any], commits: bool) -> Any:
        if after and not commits:
            return call()
        seen.calls += 1
        if seen.calls != number:
            return call()
        seen.at = words
        if not after:
            fault(own, beside)
            return call()
        call()
        cut(own, beside)
        raise psycopg.OperationalError("planted: the connection was lost after the commit")

    def before(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, query: Any, *args: Any, **more: Any) -> Any:
            words = " ".join(str(query).split())[:80]
            done = lambda: plain(self, query, *args, **more)  # noqa: E731
            return counted(
                self.connection, words, done, not self.connection.info.transaction_status and _writes(words)
            )

        return call

    def commit(self: Connection[Any]) -> None:
        counted(self, "COMMIT", lambda: _commit(self), True)

    def exchange(*args: Any) -> Any:
        connection.ensure_connection()
        with connection.wrap_database_errors:
            return counted(connection.connection, "pipeline", lambda: _exchange(*args), True)

    with (
        mock.patch.object(Cursor, "execute", before(_execute)),
        mock.patch.object(Cursor, "executemany", before(Cursor.executemany)),
        mock.patch.object(Cursor, "copy", before(Cursor.copy)),
        mock.patch.object(Connection, "commit", commit),
        mock.patch.object(together, "exchange", exchange),
    ):
        yield seen


def _writes(words: str) -> bool:
    """Of a statement outside a transaction: it commits by itself."""
    return words.lower().startswith(("insert", "update", "delete", "with"))
