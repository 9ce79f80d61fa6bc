"""From an empty folder to a ready installation: data folder, secret file, database, migrations, grants."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import django
import psycopg
from django.core.management import call_command
from django.db import connection

from abate.platform.config import sandbox as beside
from abate.platform.doors import database, keyring, logins, settings_file
from abate.platform.doors.errors import SetupError
from abate.platform.doors.months import TablesBusy

SANDBOX = "sandbox"
"""The folder of the sandbox, inside that of the installation."""

CLOCKS_APART = (
    "警告 WARNING: 本机与数据库服务器的时钟不在同一个月，未准备新的月份：其间数据仍记入之前的月份，不会丢失。"
    "请校准时钟，再运行 abate months turn。"
    "The clocks of this machine and of the database server are in different months, so no month was made ready: rows go to a "
    "month before meanwhile, none is lost. Set the clocks right, then run abate months turn.\n"
)
"""To the operator at a start: what was left undone, for a turn cannot be taken back."""


def environment(
    data_dir: Path,
    *,
    begin: bool = False,
    demo: bool = False,
    log_origin: str | None = None,
    sandbox: bool = False,
) -> None:
    """Make the data folder, the secret file and the database address known to the settings. Idempotent.

    Only who is to `begin` an installation makes a private database. Raises SetupError where there is none.

    The sandbox has a folder, secrets and a database of its own, inside the folder of the installation it stands beside:
    nothing of it is shared (docs/decisions/0021-a-sandbox-of-its-own.md). `ABATE_SANDBOX=1` asks for it too.
    """
    sandbox = sandbox or os.environ.get("ABATE_SANDBOX") == "1"
    settings_file.load(data_dir)
    if sandbox and data_dir.name == SANDBOX:
        settings_file.load(data_dir.parent)
    if sandbox:
        data_dir, log_origin = _sandbox(data_dir), log_origin or "abate.invalid/sandbox"
    if not begin:
        database.require(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    os.environ["ABATE_DATA_DIR"] = str(data_dir)
    secret_file = Path(os.environ.setdefault("ABATE_SECRET_FILE", str(data_dir / "secrets.json")))
    if not secret_file.exists():
        keyring.create(secret_file, demo=demo, log_origin=log_origin or "abate.invalid/log")
    if begin:
        keyring.ensure_oidc(secret_file)
        keyring.ensure_push(secret_file)
    os.environ["DATABASE_URL"], os.environ[logins.OWNER] = database.urls(data_dir)
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"


def _sandbox(data_dir: Path) -> Path:
    """Turn the environment of the live installation into that of its sandbox; returns the sandbox's folder."""
    own = data_dir if data_dir.name == SANDBOX else data_dir / SANDBOX
    os.environ |= {
        "ABATE_SANDBOX": "1",
        "ABATE_SECRET_FILE": str(own.resolve() / "secrets.json"),
        "DATABASE_URL": os.environ.get("ABATE_SANDBOX_DATABASE_URL") or database.EMBEDDED,
        logins.OWNER: os.environ.get("ABATE_SANDBOX_OWNER_URL", ""),
        "ABATE_ORIGIN": beside.origin(),
    }
    return own


_SANDBOX, _LIVE = ("沙箱", "a sandbox"), ("正式环境", "live")


def _keep_areas_apart() -> None:
    """What was once a live database never serves a sandbox, nor the other way round. Raises SetupError."""
    from abate.platform.parties import actions  # lazy: models exist once Django has started

    wanted = os.environ.get("ABATE_SANDBOX") == "1"
    if actions.claim_area(sandbox=wanted) != wanted:
        here, there = (_SANDBOX, _LIVE) if wanted else (_LIVE, _SANDBOX)
        raise SetupError("area-other", here=here, there=there)


def migrate() -> None:
    """Begin the schema of a new installation; one that was begun must have this program's. Then months ahead, and the
    application role's rights. Starts Django. Raises SetupError where the schema is older (`abate upgrade`) or newer.

    All of it as the owner. Where only the server's login is known, what the owner left is looked at and nothing is changed.
    Where a table is too busy for its next month, what is there serves on, and `abate doctor` says so.
    """
    os.environ.pop("ABATE_DB_ROLE", None)
    django.setup()
    from abate.platform.doors import schema  # lazy: needs Django's app registry

    with logins.as_owner():
        with connection.cursor() as cursor:
            stands = logins.standing(cursor)
        if not stands.owns and not stands.serves:
            raise SetupError("login-may-nothing", login=stands.login, role=logins.ROLE, owner=logins.OWNER)
        with _in_turn() if stands.owns else nullcontext():
            found = schema.look()
            schema.check(found)
            if stands.owns:
                _prepare(waiting=bool(found.waiting))
            elif found.waiting:
                raise SetupError("login-makes-no-tables", login=stands.login, owner=logins.OWNER)
            else:
                _keep_areas_apart()
    connection.close()


@contextmanager
def _in_turn() -> Iterator[None]:
    """Two that start at once: who comes second finds what the first one made. A lock of the connection: who is killed holds
    none, and the migrations inside are transactions of their own."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(4912026, 23)")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(4912026, 23)")


def _prepare(*, waiting: bool) -> None:
    """What only the owner can do at a start."""
    from abate.platform.config import grants  # lazy: needs Django's app registry
    from abate.platform.doors import rotation  # lazy: as above

    if waiting:
        _keep_to_one_database()
        apply()
    _keep_areas_apart()
    # With every start and every daily close, so that no month comes unprepared.
    if rotation.agreed():
        with suppress(TablesBusy):
            rotation.keep_ahead()
    else:
        sys.stderr.write(CLOCKS_APART)
    grants.apply_grants(connection)


def _keep_to_one_database() -> None:
    """Before an empty database is filled: that it is the one which will be served. The server's login is let in first, where it
    is new. Raises SetupError."""
    from abate.platform.config import grants  # lazy: needs Django's app registry

    if not os.environ.get(logins.OWNER):
        return
    with connection.cursor() as cursor:
        there = logins.place(cursor)
        grants.admit_server(cursor)
    with psycopg.connect(os.environ["DATABASE_URL"]) as server, server.cursor() as cursor:
        _same(logins.place(cursor), there)


def _same(here: tuple[str, int], there: tuple[str, int]) -> None:
    if here != there:
        raise SetupError("logins-two-databases", owner=logins.OWNER)


def apply() -> None:
    """Every migration that waits. `abate upgrade` calls it for a database with books, inside its checks."""
    call_command("migrate", verbosity=0, interactive=False)


def become_application() -> logins.Standing:
    """From here on this process's connections run under the application's own role, and it knows no owner any more.

    Returns what its login could do beyond that. Raises SetupError where an owner is named apart and the login is not apart
    from it: a wall that was asked for stands, or nothing is served.
    """
    with logins.as_owner(), connection.cursor() as cursor:
        there = logins.place(cursor)
    apart = bool(os.environ.pop(logins.OWNER, ""))
    connection.close()
    connection.settings_dict["OPTIONS"]["options"] += f" -c role={logins.ROLE}"
    with connection.cursor() as cursor:
        here, stands = logins.place(cursor), logins.standing(cursor)
    _same(here, there)
    if apart and not stands.walled:
        raise SetupError(
            "login-may-more", login=stands.login, role=logins.ROLE, more=stands.more, owner=logins.OWNER
        )
    return stands
