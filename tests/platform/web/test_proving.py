"""What an open session alone does not do: keys, addresses to be told at, exports, files of events, decisions. (P-8.4-a)"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from tests.platform.joining import applicants
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.events.models import File
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.parties.models import Client as Key
from abate.platform.parties.models import Endpoint
from abate.platform.review import actions as review
from abate.platform.review.models import User
from abate.platform.signin import factors, proofs
from abate.platform.signin.policy import policy

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]
DAYS = "first=2026-01-01&last=2026-01-31"
BY_LINK = "django.contrib.auth.backends.ModelBackend"


def keeper(city: stage.City) -> User:
    made = review.create_user("staff", made_up=True)
    parties.add_member(made, city.partner, "partner")
    return made


def come(user: User) -> Client:
    """By a mailed link, and nothing else shown."""
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(user, backend=BY_LINK)
    session = browser.session
    proofs.note(session, proofs.LINK)
    session.save()
    return browser


@pytest.mark.clause("P-8.4-a")
def test_a_mailed_link_alone_makes_no_key_no_hook_and_books_no_file(
    city: stage.City, settings: object
) -> None:
    settings.ABATE_SANDBOX = True  # type: ignore[attr-defined]
    browser = come(keeper(city))
    # Nor a first key, for whoever applied.
    (applicant := come(applicants.draft().user)).get("/joining")
    before = Key.objects.count()
    for who, path, given in (
        (browser, reverse("partner-key"), {"step": "new", "label": "x"}),
        (browser, reverse("partner-hook"), {"step": "add", "url": "https://hooks.example.org/a"}),
        (browser, "/partner/files", {"file": SimpleUploadedFile("a.jsonl", b"{}\n")}),
        (applicant, "/joining/key", {}),
    ):
        answer = who.post(path, given)
        assert answer.status_code == 302 and answer["Location"].startswith("/confirm?next="), path
    assert (Key.objects.count(), Endpoint.objects.count(), File.objects.count()) == (before, 0, 0)
    # Looking on is what the link is for.
    assert browser.get("/partner/files").status_code == 200


@pytest.mark.clause("P-6.1-b", "P-8.4-a")
def test_whose_key_is_stolen_revokes_it_without_a_fresh_proof(city: stage.City) -> None:
    key, _ = parties.issue_client(city.partner)
    browser = come(keeper(city))
    assert browser.post("/partner/key", {"step": "rotate", "key": key})["Location"].startswith("/confirm")
    assert reverse("partner-key-revoke") in browser.get("/partner").content.decode()
    assert browser.post(reverse("partner-key-revoke"), {"key": key})["Location"] == "/partner"
    assert [one.state for one in queries.keys(city.partner.pk)] == ["revoked"]


@pytest.mark.clause("P-8.4-a")
def test_exports_and_decisions_need_a_fresh_proof_and_lead_through_it(city: stage.City, enter: Enter) -> None:
    person, clerk = city.person.user, desk.hire("made-up check of the doors", "check")
    auditor = desk.hire("made-up audit of the doors", "audit_admin")
    for user, ways in (
        (person, ["/statement/2026-01.json", f"/v1/me/statement?{DAYS}", f"/v1/me/statement.pdf?{DAYS}"]),
        (auditor, ["/operator/audit.csv"]),
    ):
        browser = enter(user)
        with clock.frozen(clock.now() + policy().fresh + timedelta(seconds=1)):
            for way in ways:
                answer = browser.get(way)
                if way.startswith("/v1/"):
                    assert (answer.status_code, answer.json()["code"]) == (403, "fresh-proof-needed")
                else:
                    path = way.partition("?")[0].replace("/", "%2F")
                    assert answer["Location"].startswith(f"/confirm?next={path}"), way
        # Asked for on a page, it leads back there: to a file nobody is led without seeming to stay where they were.
        page = "/operator/audit?act=read" if user == auditor else "/statement"
        with clock.frozen(clock.now() + policy().fresh + timedelta(seconds=1)):
            answer = browser.get(ways[0], headers={"referer": f"http://testserver{page}"})
            assert answer["Location"] == f"/confirm?next={quote_plus(page)}"
            assert "尚未下载" in "".join(map(str, get_messages(answer.wsgi_request)))
            elsewhere = browser.get(ways[0], headers={"referer": "http://elsewhere.example/"})
            assert elsewhere["Location"].startswith(f"/confirm?next={quote_plus(ways[0])}")
    browser = enter(clerk)
    with clock.frozen(clock.now() + policy().fresh + timedelta(seconds=1)):
        answer = browser.post(
            "/operator/proposals/decide", {"step": "check", "number": "1"},
            headers={"referer": "http://testserver/operator/proposals"},
        )  # fmt: skip
        assert answer["Location"] == "/confirm?next=%2Foperator%2Fproposals"
        body = json.dumps({"step": "check", "numbers": [1]})
        answer = browser.post("/v1/proposals/decide", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "fresh-proof-needed")


def test_who_has_no_factor_makes_one_and_is_back_where_they_were(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = keeper(city)
    browser = come(user)
    sent = browser.post(
        reverse("partner-key"), {"step": "new"}, headers={"referer": "http://testserver/partner"}
    )
    assert sent["Location"] == "/confirm?next=%2Fpartner"
    asked = browser.get(sent["Location"], follow=True)
    assert asked.redirect_chain[-1][0] == "/security" and "A mailed link alone" in asked.content.decode()
    # What the app shows is tried in test_second_factor.py; here only where one comes out.
    monkeypatch.setattr(factors, "add_app", lambda user, code: None)
    text = browser.post("/security/app", {"code": "000000"}).content.decode()
    assert 'href="/partner"' in text
