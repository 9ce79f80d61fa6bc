"""From an empty folder to a ready installation: data folder, secret file, database, migrations, grants."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

from abate.platform.doors import database, keyring
from abate.platform.doors.months import TablesBusy


def environment(
    data_dir: Path, *, begin: bool = False, demo: bool = False, log_origin: str | None = None
) -> None:
    """Make the data folder, the secret file and the database address known to the settings. Idempotent.

    Only who is to `begin` an installation makes a private database. Raises SetupError where there is none.
    """
    if not begin:
        database.require(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    os.environ["ABATE_DATA_DIR"] = str(data_dir)
    secret_file = Path(os.environ.setdefault("ABATE_SECRET_FILE", str(data_dir / "secrets.json")))
    if not secret_file.exists():
        keyring.create(secret_file, demo=demo, log_origin=log_origin or "abate.invalid/log")
    os.environ["DATABASE_URL"] = database.url(data_dir)
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"


def migrate() -> None:
    """Bring the schema up to date as the owner, with months ahead, and set the application role's rights. Starts Django.

    Where a table is too busy for its next month, what is there serves on, and `abate doctor` says so.
    """
    from abate.platform.config import grants  # lazy: needs Django's app registry
    from abate.platform.doors import rotation  # lazy: as above

    os.environ.pop("ABATE_DB_ROLE", None)
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    # With every start and every daily close, so that no month comes unprepared.
    with suppress(TablesBusy):
        rotation.keep_ahead()
    grants.apply_grants(connection)
    connection.close()


def become_application() -> None:
    """From here on this process's connections run under the application's own role."""
    from abate.platform.config import grants  # lazy: needs Django's app registry

    connection.close()
    connection.settings_dict["OPTIONS"]["options"] = f"-c role={grants.ROLE}"
