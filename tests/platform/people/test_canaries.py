"""Planted names, numbers, phones and addresses are in no table, log line, error or representation."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import date

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from tests.platform.people.canaries import found
from tests.platform.people.townspeople import code_in

from abate.platform.parties.actions import create_party
from abate.platform.people import actions, identity, queries
from abate.platform.people.errors import Problem
from abate.platform.people.models import Code, Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
PEOPLE = 20


def dump() -> str:
    """Every row of every table as text."""
    with connection.cursor() as cursor:
        tables = [t for t in connection.introspection.table_names(cursor) if t != "django_migrations"]
        assert {"people_person", "people_code", "review_user"} <= set(tables)
        lines = []
        for table in tables:
            cursor.execute(f'select t::text from "{table}" t')
            lines += [row[0] for row in cursor.fetchall()]
    return "\n".join(lines)


def test_nothing_that_names_a_person_is_readable(
    sent: Callable[[], list[dict[str, str]]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    party = create_party("metro-app", "data_provider", "地铁应用", "Metro app", ["metro"])
    canaries, said = [], []
    for order in range(PEOPLE):
        name, phone, mail = (
            f"金丝雀{chr(0x4E00 + order)}",
            f"1880075{order:04d}",
            f"canary{order:03d}@example.org",
        )
        number = identity.made_up_number(date(1975, 5, 5), order)
        canaries += [name, number, phone, f"+86{phone}", mail]
        person = actions.register(name, number, [phone, mail], "notice-1", True)
        actions.authorise(person, party, ["metro"], "notice-1")
        actions.request_code(phone, f"198.51.100.{order}")
        actions.confirm_code(phone, code_in(sent()[-1]))
        actions.request_code(mail)
        canaries += [f"198.51.100.{order}", code_in(sent()[-1])] if order == 0 else []
        said += [repr(vars(Person.objects.get(pk=person.pk))), repr(queries.own_identity(person))]
        for refused in (
            lambda n=name, i=number, p=phone: actions.register(n, i, [p], "notice-1", True),
            lambda n=name, i=number, p=phone: actions.register(n, i[:-1] + "Y", [p], "notice-1", True),
            lambda n=name, i=number, p=phone: actions.register(n + "1", i, [p], "notice-1", True),
            lambda n=name, i=number, p=phone: actions.register(n, i, [p + "9"], "notice-1", True),
            lambda p=phone: actions.confirm_code(p, "not-a-code"),
        ):
            with pytest.raises(Problem) as problem:
                refused()
            said += traceback.format_exception(problem.value)
            said += [
                repr(problem.value),
                problem.value.text("zh"),
                problem.value.text("en"),
                problem.value.detail,
            ]
    assert Code.objects.exists()
    assert found(dump().encode(), canaries) == []
    assert found("\n".join(said).encode(), canaries) == []
    assert found(caplog.text.replace("INSERT", "").encode(), canaries) == []


def test_signing_in_over_http_leaves_no_contact_in_the_session(
    sent: Callable[[], list[dict[str, str]]], client: Client
) -> None:
    phone = "18800760000"
    client.post("/sign-in", {"contact": phone})
    assert sent()[-1]["to"] == f"+86{phone}"
    sessions = Session.objects.all()
    assert sessions and found(repr([session.get_decoded() for session in sessions]).encode(), [phone]) == []
    assert found(dump().encode(), [phone]) == []


@pytest.mark.parametrize("column", ["name text", "name bytea"])
def test_the_search_sees_a_planted_canary(column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"create table planted ({column})")
        value = "金丝雀甲" if column.endswith("text") else "金丝雀甲".encode()
        cursor.execute("insert into planted values (%s)", [value])
    assert found(dump().encode(), ["金丝雀甲"])
