"""Who sees what: nobody reads beyond the own account and role, and every answer carries its headers."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.template.loader import get_template
from django.test import Client
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.demo import desk
from abate.platform.carbon import queries as carbon
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import queries as ledger
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import queries as people_queries
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
PERSON = ["/feed", "/entries", "/offers", "/codes", "/authorisations", "/authorise/sample-app"]


@pytest.fixture
def entries(city: stage.City) -> list[int]:
    stage.book_every_outcome(city.partner, city.person)
    return [row.id for row in ledger.entries(city.person.pk)]


@pytest.mark.clause("P-8.2-b")
def test_a_stranger_is_sent_to_sign_in_and_back(city: stage.City) -> None:
    for path in [*PERSON, "/acceptor", "/operator", f"/offers/{city.offer}"]:
        answer = Client().get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in?next=%2F"), path


@pytest.mark.clause("P-8.2-b")
def test_no_role_reads_beyond_its_own(city: stage.City, enter) -> None:
    seen = {"person": city.person.user, "cashier": city.cashier, "operator": city.operator}
    may = {"person": PERSON, "cashier": ["/acceptor"], "operator": ["/operator"]}
    for name, user in seen.items():
        browser = enter(user)
        for path in [*PERSON, "/acceptor", "/operator"]:
            assert browser.get(path).status_code == (200 if path in may[name] else 403), (name, path)


@pytest.mark.clause("P-8.2-b")
def test_another_persons_records_are_not_there(city: stage.City, enter, entries: list[int]) -> None:
    code = incentives.redeem(city.person, city.offer, uuid4())
    own = enter(city.person.user)
    foreign = enter(city.stranger.user)
    paths = [f"/codes/{code.id}", f"/why?party={city.partner.pk}&event=meeting-short"]
    for entry in [*entries, code.entry_id]:
        paths += [f"/entries/{entry}", f"/v1/me/entries/{entry}/receipt"]
    for path in paths:
        assert own.get(path).status_code in (200, 202), path
        refused, missing = foreign.get(path), foreign.get("/entries/999999999")
        assert refused.status_code == missing.status_code == 404, path
    assert foreign.get("/v1/me/entries").json() == {"entries": [], "next_before": None}
    given = people_queries.authorisations(city.person.pk)[0]
    assert foreign.post(f"/authorisations/{given.id}/withdraw").status_code == 404
    assert people_queries.authorisations(city.person.pk)[0].live


@pytest.mark.clause("P-8.2-b")
def test_a_role_ends_at_once(city: stage.City, enter) -> None:
    browser = enter(city.cashier)
    assert browser.get("/acceptor").status_code == 200
    ended = {"account": city.cashier.handle, "role": "acceptor", "member": False}
    desk.decide("party.member", code=city.cafe.code, **ended)
    assert browser.get("/acceptor").status_code == 403
    people.destroy(city.person)
    assert enter(city.person.user).get("/feed").status_code in (302, 403)


def test_only_our_own_files_load_and_signed_in_pages_stay_out_of_caches(city: stage.City, enter) -> None:
    for answer in (Client().get("/"), enter(city.person.user).get("/"), Client().get("/nowhere")):
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        # One file of ours on what somebody signed in sees, another where nobody is; no script within a page.
        ours = b"idle" if b'<template id="gone"' in answer.content else b"over"
        scripts = re.findall(rb"<script.*?</script>", answer.content, re.S)
        assert scripts == [b'<script src="/static/abate/%s.js" defer></script>' % ours]
        assert answer.content.count(b"<script") <= 1 and b"style=" not in answer.content
    assert enter(city.person.user).get("/")["Cache-Control"] == "private, no-store"


def test_what_another_site_posts_does_not_say_that_nobody_is_signed_in(city: stage.City, enter) -> None:
    """The browser sends no cookie with it: the pages that are open would clear themselves."""
    assert b"over.js" not in Client().post("/nowhere").content
    left = enter(city.person.user).post("/sign-out", follow=True)
    assert b"over.js" in left.content


def test_an_outdated_form_is_told_in_words(city: stage.City) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    browser.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    answer = browser.post(f"/offers/{city.offer}/redeem", {"order_id": str(uuid4())})
    assert answer.status_code == 403 and b"out of date" in answer.content
    assert ledger.entries(city.person.pk) == []


def test_a_link_preview_does_not_sign_in_and_a_session_gets_a_new_key(city: stage.City) -> None:
    token = review.issue_link(city.operator)
    browser = Client()
    assert browser.get(f"/sign-in/link/{token}").status_code == 200
    assert browser.get("/operator").status_code == 302
    before = browser.session.session_key
    assert browser.post(f"/sign-in/link/{token}")["Location"] == "/"
    assert browser.session.session_key != before
    # In, but a link is one factor: the staff's pages ask for another.
    assert browser.get("/operator")["Location"] == "/security?next=%2Foperator"
    assert Client().post(f"/sign-in/link/{token}").status_code == 403


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_sign_in_leads_nowhere_else(city: stage.City, there: str) -> None:
    browser = Client()
    browser.get("/sign-in", {"next": there})
    answer = browser.post(f"/sign-in/link/{review.issue_link(city.operator)}")
    assert answer["Location"] == "/"
    assert browser.post("/language", {"language": "en", "next": there})["Location"] == "/"


def test_addresses_out_of_range_are_missing_not_faults(city: stage.City, enter) -> None:
    browser = enter(city.person.user)
    huge = "9" * 30
    for path in (
        f"/entries/{huge}",
        f"/codes/{huge}",
        f"/why?party={huge}&event=x",
    ):
        assert browser.get(path).status_code == 404, path
    for path in (
        f"/entries?before={huge}",
        f"/feed?at=x&party={huge}",
        "/feed?at=2026-01-01T00:00:00Z&party=1",
    ):
        assert browser.get(path).status_code == 200, path
    for path in ("/why?party=1&event=%00", "/feed?at=2026-01-01T00:00:00Z&party=1&event=%00"):
        assert browser.get(path).status_code == 400, path
    assert browser.post("/language", {"language": "\x00"}).status_code == 400
    assert browser.post(f"/authorisations/{huge}/withdraw").status_code == 404
    for path in (f"/v1/me/entries/{huge}/receipt", "/v1/me/entries/0/explanation"):
        assert browser.get(path).status_code == 404, path


@pytest.mark.clause("P-4.2")
def test_the_feed_goes_on_where_it_ended(city: stage.City, enter) -> None:
    now = stage.clock.now().replace(microsecond=0)
    for number in range(23):
        at = now - stage.timedelta(hours=1 + number)
        stage.send(city.partner, [stage.meeting(city.partner, city.person, f"m{number:02}", at)])
    browser = enter(city.person.user)
    first = browser.get("/feed")
    older = first.context["older"]
    second = browser.get(f"/feed?{older}")
    shown = [stop.event_id for page in (first, second) for stop in page.context["stops"]]
    assert shown == [row.event_id for row in carbon.feed(city.person.pk, limit=50)] and len(shown) == 23


def test_a_fault_of_ours_is_told_without_the_database(city: stage.City, monkeypatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(ledger, "balance", broken)
    browser = Client(raise_request_exception=False, headers={"accept-language": "en"})
    browser.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    page, interface = browser.get("/"), browser.get("/v1/me/account")
    assert page.status_code == interface.status_code == 500
    assert b"went wrong on our side" in page.content
    assert interface["Content-Type"] == "application/problem+json" and interface.json()["code"] == "fault"
    assert b"secret detail" not in page.content + interface.content


def test_a_database_that_is_away_has_a_name_of_its_own(city: stage.City, monkeypatch) -> None:
    def away(*args: object, **more: object) -> None:
        raise OperationalError("secret detail: no space left on device")

    browser = Client(raise_request_exception=False, headers={"accept-language": "en"})
    browser.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "balance", away)
        page, interface = browser.get("/"), browser.get("/v1/me/account")
    # The session is written when the work is done: "not safe, nothing was done" would be untrue.
    guest = Client(raise_request_exception=False, headers={"accept-language": "en"})
    assert guest.get("/sign-in?next=/feed").status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(Session, "save", away)
        late = guest.get("/sign-in?next=/entries")
    for answer in (page, interface, late):
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert b"not certain" in answer.content and b"database-away" in answer.content
        assert b"secret detail" not in answer.content


def test_our_own_fault_while_the_database_was_away_is_told_as_ours(city: stage.City, monkeypatch) -> None:
    def away(*args: object, **more: object) -> None:
        try:
            raise OperationalError
        except OperationalError:
            {}["our own"]

    browser = Client(raise_request_exception=False, headers={"accept-language": "en"})
    browser.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    monkeypatch.setattr(ledger, "balance", away)
    for answer in browser.get("/"), browser.get("/v1/me/account"):
        assert (
            answer.status_code == 500
            and b"fault" in answer.content
            and b"database-away" not in answer.content
        )


def test_the_security_administrator_comes_to_the_keys_and_finds_what_is_ended_alone(
    city: stage.City, enter
) -> None:
    """Who has no overview is shown neither the way in, being in, nor a way back to what is closed to them."""
    browser = enter(desk.hire("made-up keeper of the doors", "security_admin"))
    home = browser.get("/")
    assert (home.status_code, home["Location"]) == (302, "/operator/keys")
    assert 'href="/operator/sharing"' in browser.get("/operator/keys").content.decode()
    shared = browser.get("/operator/sharing").content.decode()
    assert 'class="back" href="/operator/keys"' in shared and 'class="back" href="/operator"' not in shared


@pytest.mark.clause("P-4.3", "P-6.2")
def test_whoever_may_send_can_be_authorised_whatever_its_kind(city: stage.City, enter) -> None:
    """A bank or a public service sends too; a shop that only takes credits is no partner of one's data."""
    Party.objects.filter(pk=city.partner.pk).update(kind=Party.Kind.PUBLIC_SERVICE)
    page = enter(stage.made_up_person(9, "13800000009").user).get("/authorisations").content.decode()
    assert (
        f'href="/authorise/{city.partner.code}"' in page and f'href="/authorise/{city.cafe.code}"' not in page
    )


def test_who_takes_part_no_more_is_offered_nothing(city: stage.City, enter) -> None:
    """The form was shown, and refused when it was sent."""
    Party.objects.filter(pk=city.partner.pk).update(status=Party.Status.LEFT)
    page = enter(city.person.user, "en").get(f"/authorise/{city.partner.code}")
    assert page.status_code == 403 and 'name="behaviour"' not in page.content.decode()


def test_every_page_stands_in_the_frame_from_which_one_signs_out() -> None:
    pages = Path(get_template("abate/frame.html").origin.name).parent
    texts = {path.name: path.read_text(encoding="utf-8") for path in pages.glob("*.html")}
    bare = {name for name, text in texts.items() if '{% extends "abate/frame.html" %}' not in text}
    assert bare == {"frame.html", "fault.html"}, "but for a fault of ours, of which nothing is known"
    assert "{% url 'sign-out' %}" in texts["frame.html"]
