"""1,000 planted people: their names, numbers and phones are in no dump, WAL, table file, server log, log line, export,
cache or message that they don't belong to. The real server, its real files, with every statement logged. What pages and
interfaces show, test_canaries_on_pages.py says; what is left of one who leaves, test_canaries_leave.py."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from tests.platform.people import canaries
from tests.platform.people.canaries import NAME, NUMBER, dump, found, kept, on_disk
from tests.platform.web import city as stage

from abate.platform.log import actions as log
from abate.platform.log import export
from abate.platform.people import actions
from abate.platform.people.errors import Problem
from abate.platform.people.models import Person
from abate.platform.web import own_data

pytestmark = [pytest.mark.platform, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PEOPLE = 1000


def plant() -> Person:
    for order in range(PEOPLE):
        person, one = canaries.plant(order), canaries.canary(order)
        if order % 100 == 0:
            with pytest.raises(Problem):
                canaries.plant(order)
            actions.request_code(one.phone)
            Client().post("/sign-in", {"contact": one.mail})
    return person


@pytest.mark.clause("P-8.4-b", "P-4.3")
def test_a_thousand_canaries_are_where_they_belong_and_nowhere_else(
    statements_logged: None, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    city = stage.build()
    person = plant()
    canaries.book(city, person)
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
    assert {NAME, NUMBER} <= set(found(own_data.as_json(own_data.gather(person))))

    assert Person.objects.count() == PEOPLE + 2
    assert found(dump()) == []
    assert on_disk() == {}
    assert found(caplog.text.encode()) == []
    assert [found(page) for page in pages] == [[]] * len(pages)
    assert canaries.in_files(tmp_path) == {}
    assert found(kept()) == []
    sent = canaries.messages()
    assert len([one for one in sent if found(one["to"].encode())]) >= PEOPLE // 50
    assert canaries.misdirected(sent) == []

    # One thing in the wrong place is seen in a session, in the dump, in WAL or tables, and in the server's log; and in a
    # message that goes to another.
    assert canaries.misdirected([sent[0] | {"body": canaries.canary(999).name}])
    wrong = canaries.stray()
    session = visitor.session
    session["planted"] = wrong
    session.save()
    assert found(kept(), [wrong]) and not found(dump(), [wrong])
    with connection.cursor() as cursor:
        cursor.execute(f"create table planted as select '{wrong}' as name")
        try:
            assert found(dump(), [wrong])
            seen = on_disk([wrong])
            assert (
                "postgres/log" in seen
                and any("pg_wal" in name for name in seen)
                and any("base/" in n for n in seen)
            )
        finally:
            cursor.execute("drop table planted")
