"""1,000 planted people: their names, numbers and phones are in no dump, WAL, table file, server log, log line, export,
cache or page that they don't belong to. The real server, its real files, with every statement logged."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from tests.platform.web import city as stage

from abate.platform.doors import clock, private_postgres
from abate.platform.log import actions as log
from abate.platform.log import export
from abate.platform.people import actions, identity
from abate.platform.people.errors import Problem
from abate.platform.people.models import Person
from abate.platform.signin.models import Kept
from abate.platform.web import own_data

pytestmark = [pytest.mark.platform, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PEOPLE = 1000
# What every canary of a kind begins with: found even where the rest of it was cut off.
NAME, NUMBER, PHONE, MAIL = "鑫鼎羲", "99999919770707", "1770066", "canary-of-"


def forms(plain: str) -> list[bytes]:
    """In clear (both encodings), as hexadecimal and as base64 at each alignment."""
    raw = plain.encode()
    cut = (base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3))
    return [
        raw,
        plain.encode("utf-16-le"),
        plain.encode("gb18030"),
        json.dumps(plain)[1:-1].encode(),
        quote(plain).encode(),
        raw.hex().encode(),
        *(b for b in cut if len(b) >= 8),
    ]


FORMS = [form for plain in (NAME, NUMBER, PHONE, MAIL) for form in forms(plain)]


def found(data: bytes) -> list[bytes]:
    return [form for form in FORMS if form in data]


def files(folder: Path) -> Iterator[Path]:
    """The data folder: tables, WAL and the server's own log; the messages that were sent are where they belong."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "messages.jsonl":
            yield path


def on_disk() -> dict[str, list[bytes]]:
    with connection.cursor() as cursor:
        cursor.execute("checkpoint")
    folder = Path(settings.ABATE_DATA_DIR)
    return {str(p.relative_to(folder)): seen for p in files(folder) if (seen := found(p.read_bytes()))}


def dump() -> bytes:
    """A real pg_dump of the test database."""
    told = connection.settings_dict
    place = ["-h", str(told["HOST"]), "-U", str(told["USER"]), "-d", str(told["NAME"])]
    program = str(private_postgres.programs() / "pg_dump")
    return subprocess.run([program, *place], capture_output=True, check=True).stdout


def kept() -> str:
    """What Django's caches and sessions hold, read: a session's row is packed and signed, and hides what is in it from a
    search. That these are all the caches there are, tests/platform/web/test_caches.py sees to."""
    sessions = [one.get_decoded() for one in Session.objects.all()]
    assert sessions, "somebody signed in"
    return repr([sessions, list(Kept.objects.values_list("value", flat=True))])


@pytest.fixture
def statements_logged() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("set log_statement = 'all'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("reset log_statement")


def plant() -> Person:
    for order in range(PEOPLE):
        name = f"{NAME}{chr(0x4E00 + order)}"
        number = identity.made_up_number(date(1977, 7, 7), order)
        contacts = [f"{PHONE}{order:04d}", f"{MAIL}{order}@example.org"]
        person = actions.register(name, number, contacts, "notice-1", True)
        if order % 100 == 0:
            with pytest.raises(Problem):
                actions.register(name, number, contacts, "notice-1", True)
            actions.request_code(contacts[0])
            Client().post("/sign-in", {"contact": contacts[1]})
    return person


@pytest.mark.clause("P-8.4-b", "P-4.3")
def test_a_thousand_canaries_are_where_they_belong_and_nowhere_else(
    statements_logged: None, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    city = stage.build()
    person = plant()
    stage.send(city.partner, [stage.meeting(city.partner, person, "of-a-canary", clock.now())])
    log.sequence()
    export.write_files(tmp_path, entries=True, whole=True)
    visitor = Client()
    visitor.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(visitor)
    pages = [
        visitor.get(path).content
        for path in ("/", "/feed", "/authorisations", "/privacy", "/privacy/copy.json")
    ]
    # It belongs into the person's own copy: the search sees it there.
    assert {NAME.encode(), NUMBER.encode()} <= set(found(own_data.as_json(own_data.gather(person))))

    assert Person.objects.count() == PEOPLE + 2
    assert found(dump()) == []
    assert on_disk() == {}
    assert found(caplog.text.encode()) == []
    assert [found(page) for page in pages] == [[]] * len(pages)
    assert {p.name: found(p.read_bytes()) for p in files(tmp_path) if found(p.read_bytes())} == {}
    assert found(kept().encode()) == []

    # One canary in the wrong place is seen in a session, in the dump, in WAL or tables, and in the server's log.
    session = visitor.session
    session["planted"] = f"{PHONE}0000"
    session.save()
    assert found(kept().encode()) and not found(dump())
    with connection.cursor() as cursor:
        cursor.execute(f"create table planted as select '{NAME}甲' as name")
        try:
            assert found(dump())
            seen = on_disk()
            assert (
                "postgres/log" in seen
                and any("pg_wal" in name for name in seen)
                and any("base/" in n for n in seen)
            )
        finally:
            cursor.execute("drop table planted")
