"""The door to PostgreSQL: the server that `DATABASE_URL` names, or one of our own in the data folder.

Beside it `ABATE_OWNER_URL` may name the same database with its owner's login (logins.py).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from abate.platform.doors import logins, private_postgres
from abate.platform.doors.errors import SetupError

EMBEDDED = "embedded"


def parse(url: str, variable: str = "DATABASE_URL") -> dict[str, object]:
    """Django's settings for a `postgresql://user:password@host:port/name?option=value` address.

    Raises SetupError, which names the `variable` that it stands in and nothing of the address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        unread = "/" in parts.path.strip("/") or "@" in parts.path
    except ValueError:
        unread = True
    if unread:
        # What the library says of it may quote the password, so nothing of the address is repeated.
        raise SetupError(
            f"{variable} cannot be read as an address.",
            "A sign that has a meaning in addresses stands in its password or name, or its port is no number.",
            "Write such signs as %XX (`/` is %2F, `@` %40, `:` %3A, `#` %23, `?` %3F, `[` %5B): "
            "postgresql://user:password@host:5432/abate",
        ) from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SetupError(
            f"{variable} does not name a PostgreSQL database: scheme {parts.scheme or '(none)'!r}.",
            "Abate keeps its ledger in PostgreSQL 16 or newer and in nothing else.",
            "Write it as postgresql://user:password@host:5432/abate",
        )
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": options,
    }


def place(url: str) -> str:
    """Host and database of an address, as they may be shown: neither user, password nor options. "" where unreadable."""
    if url in ("", EMBEDDED):
        return url
    try:
        found = parse(url)
    except SetupError:
        return ""
    return f"{found['HOST'] or 'localhost'}/{found['NAME']}"


def require(data_dir: Path) -> None:
    """Raises SetupError where neither `DATABASE_URL` names a server nor `data_dir` holds a private one."""
    if os.environ.get("DATABASE_URL", EMBEDDED) in ("", EMBEDDED) and not private_postgres.exists(data_dir):
        raise SetupError(
            f"There is no installation of Abate in {data_dir.resolve()}, and DATABASE_URL is not set.",
            "This command works on an installation that is there; it begins none.",
            "Go to its folder, name it (--data-dir or ABATE_DATA_DIR), or set DATABASE_URL. To begin one: `abate setup`; for "
            "a trial `abate serve`, or `abate demo` for a sample city.",
        )


def urls(data_dir: Path) -> tuple[str, str]:
    """(`DATABASE_URL`, `ABATE_OWNER_URL` or ""), or both logins of the private server, which is started if need be."""
    given = os.environ.get("DATABASE_URL", "")
    if given and given != EMBEDDED:
        return given, os.environ.get(logins.OWNER, "")
    owner = private_postgres.start(data_dir)
    with psycopg.connect(owner) as connection, connection.cursor() as cursor:
        logins.admit(cursor, logins.SERVER)
    return private_postgres.address(data_dir, user=logins.SERVER), owner


def owner_url(data_dir: Path) -> str:
    """The address of the owner, which is that of the server where there is one login only."""
    server, owner = urls(data_dir)
    return owner or server
