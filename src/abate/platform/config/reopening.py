"""What must be done to a restored database before anybody uses it: the past must not undo what was promised since."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import django
import psycopg
from cryptography.exceptions import InvalidTag

from abate.platform.doors import keyring, private_postgres, recovery
from abate.platform.doors.backup import Base
from abate.platform.doors.errors import SetupError


@dataclass(frozen=True, slots=True)
class Later:
    """What the database knew at the end of its changes: its newest signed head, who was erased, and who left and is kept
    (person, until, grounds)."""

    head: tuple[int, bytes, str, datetime] | None
    erased: frozenset[int]
    frozen: tuple[tuple[int, date, list[tuple[str, str]]], ...] = ()


def secrets_fit(into: Path) -> Path:
    """The secret file that the restored installation will use. Raises SetupError where there is none."""
    path = Path(os.environ.get("ABATE_SECRET_FILE") or into / "secrets.json")
    if not path.exists():
        raise SetupError(
            f"There is no secret file at {path}.",
            "A backup holds no keys: without them names cannot be read and the log cannot be signed.",
            "Put your copy of the old installation's secrets there (or name it in ABATE_SECRET_FILE).",
        )
    keyring.read(path)
    return path


def make_safe(
    url: str, folder: Path, base: Base, into: Path, to: datetime | None, *, wait: Callable[[float], object]
) -> dict[str, object]:
    """Check the keys, erase again who was erased since `to`, remember the newest head that was signed since.

    Returns what was found and done. Raises SetupError where the secret file is another installation's.
    """
    later = _at_the_end(folder, base, into, wait) if to is not None else None
    os.environ |= {"DATABASE_URL": url, "ABATE_DATA_DIR": str(into.resolve())}
    os.environ["ABATE_SECRET_FILE"] = str(secrets_fit(into).resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"
    django.setup()
    from abate.platform.ledger import erasing  # lazy: needs Django set up
    from abate.platform.log import actions as log  # lazy: as above
    from abate.platform.log import queries as tree  # lazy: as above
    from abate.platform.people import freezing  # lazy: as above
    from abate.platform.people.models import Person  # lazy: as above

    _keys_open_something()
    alive = Person.objects.filter(pk__in=later.erased if later else ()).exclude(status=Person.Status.ERASED)
    again = [erasing.erase(person) for person in alive]
    for person_id, until, grounds in later.frozen if later else ():
        for person in Person.objects.filter(pk=person_id, status=Person.Status.ACTIVE):
            freezing.freeze(person, until, grounds)
    found: dict[str, object] = {"entries_in_the_log": tree.size(), "erased_again": len(again)}
    if later and later.head and later.head[0] > tree.size():
        log.remember_head(*later.head)
        found["log"] = (
            f"halted: a head of {later.head[0]} entries was signed after the moment gone back to; "
            "restore everything instead, or give the log a new name"
        )
    return found


def _at_the_end(folder: Path, base: Base, into: Path, wait: Callable[[float], object]) -> Later:
    """Recover everything once more beside it, read what must outlive the step back, and remove it."""
    beside = into / ".restore-end"
    try:
        with psycopg.connect(recovery.recover(folder, base, beside, None, wait=wait)) as connection:
            head = connection.execute(
                "select size, root, note, at from log_checkpoint order by size desc limit 1"
            ).fetchone()
            erased = connection.execute("select id from people_person where status = 'erased'").fetchall()
            kept = connection.execute(
                "select person_id, until, grounds from people_freeze where ended_at is null order by at, person_id desc"
            ).fetchall()
        return Later(
            head and (head[0], bytes(head[1]), head[2], head[3]),
            frozenset(row[0] for row in erased),
            tuple((person, until, [(zh, en) for zh, en in grounds]) for person, until, grounds in kept),
        )
    finally:
        private_postgres.stop(beside)
        shutil.rmtree(beside, ignore_errors=True)


def _keys_open_something() -> None:
    from abate.platform.people.models import Person  # lazy: needs Django set up

    wrapped = Person.objects.filter(wrapped_key__isnull=False).values_list("wrapped_key", flat=True).first()
    try:
        if wrapped is not None:
            keyring.keyring().unwrap(bytes(wrapped))
    except (InvalidTag, ValueError) as fault:
        raise SetupError(
            "The secret file is not the one this database was written with.",
            "No name could be read, and receipts would be signed by another key.",
            "Find the old installation's file; nothing else opens what it closed.",
        ) from fault
