"""The door to PostgreSQL: the server that `DATABASE_URL` names, or one of our own in the data folder.

Beside it `ABATE_OWNER_URL` may name the same database with its owner's login (logins.py).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
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
        raise SetupError("address-unreadable", variable=variable) from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SetupError("address-not-postgresql", variable=variable, scheme=repr(parts.scheme or "(none)"))
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


def settings(url: str, role: str = "") -> dict[str, Any]:
    """Django's settings of the server's connections, which begin in `role` where one is named. Raises SetupError as parse()."""
    made: dict[str, Any] = parse(url) | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    # Our policy: a batch of 50,000 is sorted and joined in memory. It can be set only before a connection's first temporary
    # table, whoever makes that; nothing is taken before rows need it.
    given = [made["OPTIONS"].get("options", ""), "-c temp_buffers=64MB", f"-c role={role}" if role else ""]
    made["OPTIONS"]["options"] = " ".join(filter(None, given))
    return made


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
        raise SetupError("no-installation", folder=data_dir.resolve())


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
