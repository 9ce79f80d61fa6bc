"""One private PostgreSQL for the whole test run, started only when a test asks for the database."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

_FOLDER = Path(tempfile.mkdtemp(prefix="abate-test-"))
os.environ["ABATE_DATA_DIR"] = str(_FOLDER)
os.environ["ABATE_SECRET_FILE"] = str(_FOLDER / "secrets.json")
os.environ["ABATE_MESSAGES"] = "abate.platform.doors.messages.Files"


def _set_up_django() -> None:
    try:
        import django

        from abate.platform.doors import keyring
    except ImportError:  # the pure packages are tested without Django too
        return
    keyring.create(_FOLDER / "secrets.json", log_origin="abate.test/log")
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"
    django.setup()


# At import: a folder's own conftest may import models, and it is read before any hook of this one runs.
_set_up_django()


def pytest_unconfigure(config: pytest.Config) -> None:
    if (_FOLDER / "postgres").exists():
        from abate.platform.doors import private_postgres

        private_postgres.stop(_FOLDER)
    shutil.rmtree(_FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL server for this run: DATABASE_URL's, or a private one."""
    from abate.platform.doors import private_postgres

    return os.environ.get("DATABASE_URL") or private_postgres.start(_FOLDER)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str) -> None:
    from django.db import connections

    from abate.platform.doors import database

    connections["default"].settings_dict.update(database.parse(postgres_url))
