"""Faults of the database under one call: real errors of the server, and real ends of the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import Connection, Copy
from tests.platform.pipeline.test_faults_inside import cut, fault_at

STATEMENTS = 24
"""No action makes more statements than about this; a fault beyond the last one does nothing."""


def _raised(state: str) -> Callable[[Any], None]:
    """The server itself ends the statement, and with it the transaction, with this SQLSTATE."""

    def fault(cursor: Any) -> None:
        psycopg.Cursor(cursor.connection).execute(
            f"do $$ begin raise exception 'planted' using errcode = '{state}'; end $$"
        )

    return fault


AT_STATEMENT = {"cut": cut, "deadlock": _raised("40P01"), "serialization": _raised("40001")}
ELSEWHERE = ("cut inside COPY", "cut before commit", "answer lost after commit")


@dataclass(frozen=True)
class Fault:
    """One fault before the `number`-th statement (or at the `number`-th COPY or commit) of a call."""

    name: str
    number: int

    @contextmanager
    def planted(self) -> Iterator[None]:
        patch = pytest.MonkeyPatch()
        with patch.context():
            if self.name in AT_STATEMENT:
                with fault_at(self.number, AT_STATEMENT[self.name], patch):
                    yield
            else:
                with _elsewhere(self, patch):
                    yield


@contextmanager
def _elsewhere(fault: Fault, patch: pytest.MonkeyPatch) -> Iterator[None]:
    left = [fault.number]
    write, commit = Copy.write, Connection.commit

    def torn(self: Any, buffer: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            write(self, buffer[: len(buffer) // 2])
            cut(self.cursor)
            write(self, buffer[len(buffer) // 2 :])
        else:
            write(self, buffer)

    def committed(self: Any) -> None:
        left[0] -= 1
        if left[0] == 0 and fault.name == "cut before commit":
            cut(psycopg.Cursor(self))
        commit(self)
        if left[0] == 0:
            self.close()
            raise psycopg.OperationalError("planted: the answer to the commit was lost")

    with patch.context() as inner:
        if fault.name == "cut inside COPY":
            inner.setattr(Copy, "write", torn)
        else:
            inner.setattr(Connection, "commit", committed)
        yield


def some(dice: Random) -> Fault:
    if dice.random() < 0.6:
        return Fault(dice.choice(sorted(AT_STATEMENT)), dice.randint(1, STATEMENTS))
    return Fault(dice.choice(ELSEWHERE), 1 if dice.random() < 0.8 else 2)
