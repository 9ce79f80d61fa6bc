"""A database that fails a command, as a named refusal: one that cannot be reached, and one that goes away in the middle."""

from __future__ import annotations

import os
from traceback import walk_tb

import psycopg
from django.db import Error, InterfaceError, OperationalError

from abate.platform.doors import database, logins
from abate.platform.doors.errors import DatabaseAway, DatabaseUnreachable, Problem, SetupError

_MOST = 300


def refusal(fault: BaseException) -> Problem | None:
    """What a command that met this ends with; None where it is no failure of the database's."""
    if not isinstance(fault, Error | psycopg.Error):
        return None
    away = isinstance(
        fault, OperationalError | InterfaceError | psycopg.OperationalError | psycopg.InterfaceError
    )
    if _connecting(fault):
        # Of an address that it cannot read the library quotes what may be the password.
        return DatabaseUnreachable(
            _said(fault) if away else database.place(os.environ.get("DATABASE_URL", ""))
        )
    return DatabaseAway(_said(fault)) if away else None


def _connecting(fault: BaseException) -> bool:
    """Whether it failed in the library's `connect`: what the server says to that is in whatever language it speaks."""
    first = fault.__cause__ if isinstance(fault.__cause__, psycopg.Error) else fault
    return any(
        frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") == "psycopg.connection"
        for frame, _ in walk_tb(first.__traceback__)
    )


def _said(fault: BaseException) -> str:
    """The library's words on one line, without what stands as a password in an address; "" where one cannot be read."""
    words = " ".join(str(fault).split())
    for name in ("DATABASE_URL", logins.OWNER):
        if (url := os.environ.get(name, "")) not in ("", database.EMBEDDED):
            try:
                password = str(database.parse(url, name)["PASSWORD"])
            except SetupError:
                return ""
            words = words.replace(password, "***") if password else words
    return words[:_MOST]
