"""One private PostgreSQL for the whole test run, started only when a test asks for the database."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, settings
from tests.once import once
from tests.order import dealt

# How quick something is, is judged in benchmarks: a machine that is busy turns no test red.
settings.register_profile("abate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("abate")
ROOMY = 8 << 30
"""Bytes that have to be free in memory before servers that wait for no disk lie there; each takes less than a tenth of it."""


def _place() -> str | None:
    """Where this worker's server lies: in memory where that is roomy, else where temporary files do. Each table is some files,
    and writing them back to a disk takes longer than most tests."""
    memory = Path("/dev/shm")
    if "TMPDIR" in os.environ or not memory.is_dir():
        return None
    free = min(shutil.disk_usage(memory).free, psutil.virtual_memory().available)
    return str(memory) if free > ROOMY else None


_FOLDER = Path(tempfile.mkdtemp(prefix="abate-test-", dir=_place()))
os.environ["ABATE_DATA_DIR"] = str(_FOLDER)
os.environ["ABATE_SECRET_FILE"] = str(_FOLDER / "secrets.json")
os.environ["ABATE_MESSAGES"] = "abate.platform.doors.messages.Files"
os.environ["ABATE_PEOPLE_MAY"] = "redeem,transfer"


def _set_up_django() -> None:
    try:
        import django

        from abate.platform.doors import keyring
    except ImportError:  # the pure packages are tested without Django too
        return
    keyring.create(_FOLDER / "secrets.json", log_origin="abate.test/log")
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"
    django.setup()
    _empty_quickly()
    _hash_quickly()


# What is collected, 8,000 tests and all they import, stays to the end: walking through it again and again for garbage
# would be half of the collecting, and a twelfth of the testing. pytest's last looks for
# what tests left pass it by too; only Python's own, when it ends, does not.
gc.disable()
atexit.register(gc.unfreeze)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    gc.freeze()
    # Garbage is looked for twenty times more seldom: a test that reads every file of the house holds a million objects, and
    # walking through them at each seven hundredth new one took longer than the test.
    gc.set_threshold(15_000, 20, 20)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        here = Path(__file__).parent
        items[:] = dealt([(item.path.relative_to(here).as_posix(), item) for item in items], workers)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a worker often waits for its database, a browser or another process."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers inherit the environment: with the settings named in it, pytest-django would read them before this file names
    the worker's own folder, and all workers would write to one."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def _hash_quickly() -> None:
    """A third of a second for each secret is a guesser's price; no test guesses. Whoever starts `abate` pays it in full."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    PBKDF2PasswordHasher.iterations = 1_000


def _empty_quickly() -> None:
    """After a test that commits, Django truncates every table there is and makes the rows of permissions again, that this
    platform never reads (its rights are data of its own): 190 statements, each of which makes the files of a table, of its
    indexes and of its months anew. Here the rows are deleted, where there are any, in one statement.
    """
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db.backends.postgresql.operations import DatabaseOperations
    from django.db.models.signals import post_migrate

    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    assert post_migrate.disconnect(create_contenttypes)

    def sql_flush(
        self: Any,
        style: Any,
        tables: list[str],
        *,
        reset_sequences: bool = False,
        allow_cascade: bool = False,
    ) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                " union all ".join(
                    f"select '{name}' where exists (select from {self.quote_name(name)})" for name in tables
                )
            )
            filled = [self.quote_name(name) for (name,) in cursor.fetchall()]
        # Past the triggers: those that keep a row as it is, and those that look for what refers to it.
        made = ["set local session_replication_role = replica", *(f"delete from {name}" for name in filled)]
        if reset_sequences:
            of = ", ".join(f"'{name}'::regclass" for name in filled)
            made.append(
                "select setval(seqrelid, seqstart, false) from pg_sequence join pg_depend on objid = seqrelid"
                f" where deptype in ('a', 'i') and refobjid in ({of})"
            )
        return ["; ".join(made)] if filled else []

    DatabaseOperations.sql_flush = sql_flush  # type: ignore[method-assign]


# At import: a folder's own conftest may import models, and it is read before any hook of this one runs.
_set_up_django()


def pytest_unconfigure(config: pytest.Config) -> None:
    if (_FOLDER / "postgres").exists():
        from abate.platform.doors import private_postgres

        private_postgres.stop(_FOLDER)
    shutil.rmtree(_FOLDER, ignore_errors=True)


@pytest.fixture(autouse=True)
def nobody_s_language() -> Iterator[None]:
    """A request leaves its language to the thread, as in a server; the next test begins with the platform's."""
    yield
    translation = sys.modules.get("django.utils.translation")
    if translation is not None:
        translation.deactivate()


@pytest.fixture(autouse=True)
def nobody_s_refusals() -> Iterator[None]:
    """What a test was refused is counted in the process, and its row goes with the test."""
    yield
    turned_away = sys.modules.get("abate.platform.review.turned_away")
    if turned_away is not None:
        turned_away.forget()


@pytest.fixture(autouse=True)
def nobody_s_acts() -> Iterator[None]:
    """Who is signed in at a shell acts until its process ends (audit.as_command); here the process goes on to the next test."""
    audit = sys.modules.get("abate.platform.review.audit")
    if audit is None:
        yield
        return
    with audit.acting(lambda: audit.NOBODY):
        yield


@pytest.fixture(scope="session")
def postgres_url(django_db_blocker: Any) -> str:
    """A PostgreSQL server for this run: DATABASE_URL's, or a private one, which waits for no disk.

    What a lost disk or a killed server leaves is tried in tests/faults, on servers of their own that wait.
    """
    if given := os.environ.get("DATABASE_URL"):
        return given
    from abate.platform.doors import private_postgres

    with django_db_blocker.unblock():
        made = once("abm", _make_database) / "postgres"
    subprocess.run(["cp", "-a", str(made), str(_FOLDER)], check=True)
    return private_postgres.start(_FOLDER)


def _make_database(folder: Path) -> None:
    """A server with the test database as the migrations leave it, stopped again. Migrating takes ten times as long as copying."""
    import psycopg
    from django.db import connection

    from abate.platform.doors import database, private_postgres

    url = private_postgres.start(folder)
    try:
        with psycopg.connect(url, autocommit=True) as server:
            _set_fsync(server, "off")
            server.execute("alter system set max_wal_size = '128MB'")
            # Over a few rows every plan is good: joins are made in the order they are written in. To find the best order of
            # eight takes a hundred times what it saves.
            for limit in ("join_collapse_limit", "from_collapse_limit"):
                server.execute(f"alter system set {limit} = 1")
            server.execute("select pg_reload_conf()")
        connection.settings_dict.update(database.parse(url))
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        private_postgres.stop(folder)


def _set_fsync(server: Any, value: str) -> None:
    """The server, and each connection to it, takes it up some time after it was told: one more look is one more moment."""
    if server.execute("show fsync").fetchone() != (value,):
        server.execute(f"alter system set fsync = {value}")
        server.execute("select pg_reload_conf()")
    for connection in (server, _of_this_test()):
        for _ in range(100_000):
            if connection is None or connection.execute("show fsync").fetchone() == (value,):
                break
        else:
            raise AssertionError(f"the server did not take up fsync = {value}")


def _of_this_test() -> Any:
    """The open connection of Django, if there is one."""
    from django.db import connection

    return connection.connection


@pytest.fixture
def fsync(postgres_url: str) -> Iterator[Callable[[str], None]]:
    """Sets whether the server waits for its disk; after the test it does what it did before."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as server:
        row = server.execute("show fsync").fetchone()
        assert row is not None
        yield lambda value: _set_fsync(server, value)
        _set_fsync(server, row[0])


@pytest.fixture
def waiting_for_disk(fsync: Callable[[str], None]) -> None:
    """The server as an operator has to run it: `abate doctor` finds nothing, and an upgrade is not refused."""
    fsync("on")


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The test database of a private server is there already, and goes with the server."""
    return "DATABASE_URL" not in os.environ


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str) -> None:
    from django.db import connections

    from abate.platform.doors import database

    connections["default"].settings_dict.update(database.parse(postgres_url))


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One transaction for a module's tests that do not commit: what a fixture of the module makes in it each of them finds,
    and what a test does is taken back with the transaction of its own (`db`), which stands inside."""
    from django.db import transaction

    whole = transaction.atomic()
    whole._from_testcase = True  # as pytest-django's own: durable blocks may stand in it
    with django_db_blocker.unblock(), whole:
        yield
        transaction.set_rollback(True)
