"""Hostile text in every filter and every field of every page, by somebody who may use it: refused or shown as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from tests.platform.joining import applicants
from tests.platform.review import callers
from tests.platform.review import test_matrix as matrix
from tests.platform.web import city as stage

from abate.platform.parties import actions as parties
from abate.platform.review import actions as review
from abate.platform.review.models import Grant

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
SCRIPT = '"><script>alert(1)</script>'
TEXTS = (
    SCRIPT,
    "a\0b",
    "' or 1=1 --",
    "../../etc/passwd",
    "9" * 400,
    "=cmd|' /C calc'!A0\u202e",
    "{0.__class__} {secret} %(secret)s %s {{ settings }} {% debug %}",
    "x" * 70_000,
)
# What an ORM would take for a filter, if anybody's keys came so far.
KEYS = ("user__password__startswith", "id__in", "order_by", "page", "from", "to", "cursor", "party", "event")


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """The forms of a page as a browser would send them, and which of their fields somebody writes or could."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._open: Form | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.found.append(self._open)
        elif self._open and given.get("name") and tag in {"input", "select", "textarea", "button"}:
            self._open.fields[given["name"]] = given.get("value", "")
            if given["name"] != "csrfmiddlewaretoken":
                self._open.free.add(given["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def pages() -> Iterator[tuple[AbstractBaseUser | None, str, str]]:
    """Who, the address's name and its path: each page once, by the first who may see it."""
    made = matrix.town()
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, made.city.partner, "partner")
    users = {
        "stranger": None,
        matrix.PERSON: made.city.person.user,
        matrix.ACCEPTOR: made.city.cashier,
        matrix.PARTNER: keeper,
        matrix.APPLICANT: applicants.draft().user,
        **{role: matrix.staff(role) for role in Grant.Role.values},
    }
    given = {
        **matrix.COMMON,
        **made.own,
        "offer": {"offer_id": made.city.offer},
        "redeem": {"offer_id": made.city.offer},
    }
    for name in sorted(matrix.known() - matrix.OUR_OWN - matrix.CLOSED):
        for who, user in users.items():
            if matrix.expected(name, "GET", who, "live"):
                arguments = {key: value for key, value in given.get(name, {}).items() if key != "?"}
                query = given.get(name, {}).get("?")
                yield user, name, reverse(name, kwargs=arguments) + (f"?{query}" if query else "")
                break


def browser_of(user: AbstractBaseUser | None) -> Client:
    browser = Client(raise_request_exception=False)
    if user is not None:
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        stage.prove(browser)
        # The first use of a session is written down, and what is tried is taken back: it would be written with every call.
        browser.get("/livez")
    return browser


def faults(where: str, answer: HttpResponse) -> list[str]:
    """What must not be in an answer to hostile text."""
    found = [f"{where}: {answer.status_code}"] if answer.status_code >= 500 else []
    if not getattr(answer, "streaming", False) and "html" in answer.get("Content-Type", ""):
        page = answer.content.decode()
        found += [f"{where}: a script of theirs"] * (SCRIPT in page) + [f"{where}: a trace"] * (
            "Traceback (" in page
        )
    return found


class Tried:
    """Calls that leave nothing behind, and what was wrong with their answers."""

    def __init__(self) -> None:
        self.calls, self.wrong, self.reached = 0, list[str](), set[str]()

    def call(
        self, browser: Client, method: str, path: str, values: dict[str, str], where: str
    ) -> HttpResponse:
        cookies = dict(browser.cookies)
        # A savepoint and no block of ours: what must not lie within another transaction (a counted try) lies in the test's alone.
        before = transaction.savepoint()
        answer: HttpResponse = getattr(browser, method)(path, values) if values else browser.get(path)
        if answer.status_code == 302 and answer["Location"].startswith("/"):
            # What was kept is shown where one is sent next.
            self.wrong += faults(f"{where}, then {answer['Location'][:60]}", browser.get(answer["Location"]))
        transaction.set_rollback(False)
        transaction.savepoint_rollback(before)
        browser.cookies.clear()
        browser.cookies.update(cookies)
        self.calls += 1
        self.wrong += faults(where, answer)
        return answer


def try_page(tried: Tried, browser: Client, name: str, path: str) -> None:
    """Every filter of the page and every field of its forms."""
    answer = tried.call(browser, "get", path, {}, name)
    if "html" not in answer.get("Content-Type", "") or answer.status_code != 200:
        return
    forms = Forms(answer.content.decode()).found
    filters = {key for form in forms if form.method == "get" for key in form.free}
    for text in TEXTS:
        tried.call(
            browser,
            "get",
            path.partition("?")[0],
            dict.fromkeys([*KEYS, *filters], text[:2000]),
            f"{name}?",
        )
    for form in forms:
        if form.method != "post" or any(f"/{end}" in form.action for end in ("sign-out", "sessions")):
            continue
        tried.reached.add(name)
        for text in TEXTS:
            # Everything hostile, and one field after the other where the rest is as the page has it.
            for some in [form.free] if text is not SCRIPT else [form.free, *({one} for one in form.free)]:
                sent = form.fields | dict.fromkeys(some, text)
                tried.call(browser, "post", form.action or path, sent, f"{name} -> {form.action}")


@pytest.mark.clause("P-8.4-c")
def test_no_filter_and_no_field_of_any_page_takes_hostile_text_for_anything_but_text() -> None:
    tried = Tried()
    for user, name, path in pages():
        with callers.tabs_drawn_once():
            try_page(tried, browser_of(user), name, path)
    assert tried.wrong == [], sorted(set(tried.wrong))
    # A run that found no forms would have tried nothing.
    assert tried.calls > 800 and len(tried.reached) > 25, (tried.calls, len(tried.reached))


def test_a_page_that_lets_a_script_through_would_be_found() -> None:
    shown = HttpResponse(f"<p>{SCRIPT}</p>")
    assert faults("there", shown) == ["there: a script of theirs"]
    assert faults("there", HttpResponse("", status=500)) == ["there: 500"]
    (form,) = Forms(
        '<form method="post" action="/x"><input name="a" value="1"><textarea name="b"></textarea></form>'
    ).found
    assert (form.fields, form.free, form.method) == ({"a": "1", "b": ""}, {"a", "b"}, "post")
