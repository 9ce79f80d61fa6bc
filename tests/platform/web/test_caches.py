"""What a cache may keep, wherever it is: in a browser, in a proxy on the way, in the platform itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.review import callers, test_matrix
from tests.platform.web import city as stage

from abate.platform.log import actions as log
from abate.platform.parties import actions as parties
from abate.platform.review import actions as review
from abate.platform.review.models import Grant, User
from abate.platform.signin.kept import Table
from abate.platform.web import gate

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
PUBLIC = {("log-checkpoint", "GET"), ("log-tile", "GET"), ("log-key", "GET"), ("idp:oidc:jwks", "GET")}
"""Whose answers say themselves how long anybody may keep them: the log's face and public keys, the same for everybody."""


Given = dict[str, dict[str, object]]
Asking = Callable[[str, gate.Line], Iterable[str]]


def outside(answer: HttpResponse) -> bool:
    """Whether no cache may keep the answer, shared or a browser's own."""
    return "no-store" in {word.strip() for word in answer.get("Cache-Control", "").split(",")}


def everybody(made: test_matrix.Town) -> dict[str, User]:
    """One of each kind that a session can be of, and of each role of the staff."""
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, made.city.partner, "partner")
    found = {
        "person": made.city.person.user,
        "partner": keeper,
        "acceptor": made.city.cashier,
        "applicant": applicants.draft().user,
    }
    return found | {role: test_matrix.staff(role) for role in Grant.Role.values}


def who_may(name: str, line: gate.Line) -> str:
    """One of those for whom the address is; who signs in and out, and what is everybody's, is asked by a person too."""
    if line.who == "staff":
        return min(test_matrix.ALLOWED[name])
    return line.who if line.who in ("partner", "acceptor", "applicant") else "person"


def answers(
    made: test_matrix.Town,
    users: dict[str, User],
    asking: Asking,
    given: Given | None = None,
    only: str = "",
) -> Iterator[tuple[str, str, str, HttpResponse]]:
    """Each declared address, or `only` this, asked by nobody (``) and by those of `users` whom `asking` names of its line: who
    asked, the address, the method, what was answered. `given` are arguments of addresses that the town does not name."""
    cookies: dict[str, dict[str, Any]] = {"": {}}
    for who, user in users.items():
        browser = Client()
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        stage.prove(browser)
        # The first use of a session is written down, and what is asked below is taken back.
        browser.get("/livez")
        cookies[who] = dict(browser.cookies)
    for (name, method), line in sorted(gate.lines().items()):
        if only and name != only:
            continue
        named = test_matrix.COMMON.get(name, {}) | made.own.get(name, {}) | (given or {}).get(name, {})
        for who in ("", *asking(name, line)):
            browser = Client(raise_request_exception=False)
            browser.cookies.update(cookies[who])
            with callers.taken_back():
                yield who, name, method, test_matrix.ask(browser, name, method, named)


@pytest.mark.clause("P-8.4-b")
def test_no_cache_keeps_what_an_address_answers_unless_it_says_so(settings: Any) -> None:
    settings.ABATE_ADDRESS_PER_MINUTE = settings.ABATE_ACCOUNT_PER_MINUTE = 1_000_000
    kept, shown = set(), set()
    made = test_matrix.town()
    log.sequence()
    for _, name, method, answer in answers(made, everybody(made), lambda name, line: [who_may(name, line)]):
        shown |= {name} if answer.status_code == 200 else set()
        if not outside(answer):
            kept.add((name, method, answer.status_code))
    assert {(name, method, 200) for name, method in PUBLIC} >= kept, kept
    # An address that only ever refused would have shown nothing of what it shows: most of people's and the staff's did.
    assert {"entry", "entry-receipt", "privacy", "privacy-copy", "codes", "code", "statement", "v1:account", "v1:entries",
            "v1:receipt", "partner", "acceptor", "joining", "operator", "audit", "applications", "alarms"} <= shown  # fmt: skip


def answers_to_keys(made: callers.Town) -> Iterator[tuple[str, str, str, HttpResponse]]:
    """Each address of a key's, asked by every caller that something opens to, and by three that nothing does."""
    for caller in made.callers:
        if caller.refusal and caller.name not in (
            "nobody",
            "a party that is suspended",
            "a token for a person",
        ):
            continue
        for name, method in sorted(
            at for at, line in gate.lines().items() if line.who in ("key", "verifier")
        ):
            given = caller.things.get(name) or made.foreign.get(name) or test_matrix.COMMON.get(name, {})
            path = test_matrix.reverse(name, kwargs=given)
            yield (
                caller.name,
                name,
                method,
                Client().generic(method, path, headers=caller.headers(method, path, b"")),
            )


@pytest.mark.clause("P-8.4-b")
@pytest.mark.django_db(transaction=True)
def test_no_cache_keeps_what_a_key_is_told() -> None:
    """By token and by signature: a shared cache knows the first by its header, the second is a request like any other."""
    told = defaultdict(set)
    for who, name, method, answer in answers_to_keys(callers.build()):
        assert outside(answer), (who, name, method, answer.status_code)
        told[name].add(answer.status_code < 300)
    assert {name for name, seen in told.items() if True in seen} >= {
        "events", "event", "files", "file", "file-errors", "file-back", "notices", "reconciliation-breaks",
        "sharing-request", "sharing-people", "log-opening", "idp:oidc:userinfo",
    }  # fmt: skip


def test_the_platform_s_own_caches_are_tables_of_the_database() -> None:
    """What is searched for names on disk and in dumps is all that there is: no cache beside the database, none of pages."""
    assert [one["BACKEND"] for one in settings.CACHES.values()] == [
        f"{Table.__module__}.{Table.__qualname__}"
    ]
    assert settings.SESSION_ENGINE == "django.contrib.sessions.backends.db"
    assert not [one for one in settings.MIDDLEWARE if "cache" in one.lower()]
