"""A fault at every call of the doors that no test goes through by itself with success (test_every_call.py), and the same
call once more behind each fault: one effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.faults.test_every_call import tried
from tests.platform.joining import applicants
from tests.platform.joining.applicants import public_pem
from tests.platform.joining.test_conformance import RUN, leave_traces, lines, report
from tests.platform.joining.test_conformance import trusted as trusted
from tests.platform.notices.test_channels import MAIL, PUSH, Window
from tests.platform.review import callers
from tests.platform.signin.test_second_factor import by_link, set_up_app
from tests.platform.web import city as stage
from tests.platform.web.conftest import enter as enter
from tests.platform.web.test_checks_page import city as city
from tests.platform.web.test_checks_page import page as page
from tests.platform.web.test_sign_in import ask, code_sent

from abate.client.conformance import Kit
from abate.demo import desk
from abate.platform.doors import keyring
from abate.platform.joining import actions as joining
from abate.platform.joining import queries as applications
from abate.platform.joining import trying
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, Finding, Run
from abate.platform.notices.models import Browser
from abate.platform.parties import queries as known
from abate.platform.parties import standing
from abate.platform.parties.models import Client as Key
from abate.platform.parties.models import Party, PublicKey
from abate.platform.people import consents, groups, identity, volunteers
from abate.platform.people.models import Person
from abate.platform.review.models import User
from abate.platform.signin import factors

pytestmark = [
    pytest.mark.platform,
    pytest.mark.clause("P-7.5.3-3"),
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
Enter = Callable[..., Client]
TOKEN, BACK = "/identity/o/api/token", "/identity/o/api/revoke"


# --- joining ------------------------------------------------------------------------------------------------------------
def test_a_paper_is_found_in_order(enter: Enter) -> None:
    one, clerk = applicants.submitted(), enter(applicants.reviewer(), "en")
    said = {"document": applications.newest(one)["registration"].pk, "found": "in_order"}
    with tried("POST application-finding"):
        assert clerk.post(f"/operator/applications/{one.pk}/finding", said).status_code == 302
    assert Finding.objects.filter(application=one).count() == 1


def test_an_application_is_sent_back(enter: Enter) -> None:
    one, clerk = applicants.submitted(), enter(applicants.reviewer(), "en")
    with tried("POST application-finding"):
        said = {"found": "return", "note": "unreadable"}
        assert clerk.post(f"/operator/applications/{one.pk}/finding", said).status_code == 302
    assert Application.objects.get().state == "returned"


def test_an_application_is_handed_in(enter: Enter) -> None:
    one = applicants.draft()
    joining.prove(one.user)
    applicants.bring(one)
    browser = enter(one.user, "en")
    with tried("POST joining-submit"):
        assert browser.post("/joining/submit", {"terms": kinds().terms}).status_code == 302
    assert Application.objects.get().state == "submitted"


def test_an_application_is_withdrawn(enter: Enter) -> None:
    browser = enter(applicants.submitted().user, "en")
    with tried("POST joining-submit"):
        assert browser.post("/joining/submit", {"step": "withdraw", "sure": "yes"}).status_code == 302
    assert Application.objects.get().state == "withdrawn"


def test_a_report_ends_the_trial(enter: Enter, trusted: Any) -> None:
    party = applicants.admitted()
    browser = enter(Application.objects.get(party=party).user, "en")
    file = SimpleUploadedFile("report.json", json.dumps(report(party, trusted)).encode(), "application/json")
    with tried("POST joining-report", even=False):
        assert browser.post("/joining/report", {"file": file}).status_code == 302
    party.refresh_from_db()
    assert party.status == Party.Status.ACTIVE


def test_the_first_key_is_collected(enter: Enter) -> None:
    party = applicants.admitted()
    standing.begin(party)
    browser = enter(Application.objects.get(party=party).user, "en")
    with tried("POST joining-key"):
        assert browser.post("/joining/key").status_code == 200
    assert Key.objects.get().party == party


def test_a_run_of_checks_on_the_page(city: stage.City, page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the calls that the kit makes the first: each is a request of its own, and tried as that."""
    every = Kit.lines
    monkeypatch.setattr(Kit, "lines", lambda self: islice(every(self), 1))
    monkeypatch.setattr(volunteers, "NAMES", volunteers.NAMES[:1])
    trying.with_people(city.partner.code)
    with tried("POST partner-checks", again=False):
        assert page.post("/partner/checks").status_code == 302
    assert Run.objects.get().failed == 0
    assert {key.state for key in known.keys(city.partner.pk)} == {"revoked"}


def test_somebody_is_let_into_the_sandbox(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one of the made-up people: the others come the same way."""
    settings.ABATE_SANDBOX = True
    monkeypatch.setattr(volunteers, "NAMES", volunteers.NAMES[:1])
    with tried("POST try"):
        assert Client().post("/try", {"code": "made-up-rides"}).status_code == 200
    assert Key.objects.get().party.code == "made-up-rides"


def test_a_run_of_the_command_is_signed(settings: Any) -> None:
    settings.ABATE_SANDBOX = True
    party = desk.create_party("made-up-rides", "data_provider", "骑行", "Rides", ["walking"])
    leave_traces(party)
    bearer = {"authorization": f"Bearer {callers.key(party, 'events')[1]}"}
    told = {"run": RUN, "lines": lines()}
    with tried("POST conformance", even=False, again=False):
        made = Client().post("/v1/conformance", told, content_type="application/json", headers=bearer)
    assert made.status_code == 200 and Run.objects.count() == 1


# --- keys ---------------------------------------------------------------------------------------------------------------
def test_a_token_is_given_back() -> None:
    made = desk.issue_client(desk.create_party("rides", "data_provider", "骑行", "Rides", ["cycling"]))
    named = dict(zip(("client_id", "client_secret"), made, strict=True))
    token = Client().post(TOKEN, named | {"grant_type": "client_credentials"}).json()["access_token"]
    with tried("POST idp:oidc:revoke", least=2):
        assert Client().post(BACK, named | {"token": token}).status_code == 200


@pytest.fixture
def key(db: None) -> str:
    party = desk.create_party("rides", "data_provider", "骑行", "Rides", ["cycling"])
    return desk.issue_client(party)[0]


def test_a_key_gets_other_conditions(key: str) -> None:
    with tried("approve party.conditions"):
        desk.decide("party.conditions", client_id=key, label="new", addresses=["192.0.2.0/24"])
    assert Key.objects.get().addresses == ["192.0.2.0/24"]


def test_a_key_may_sign(key: str) -> None:
    with tried("approve party.sign"):
        desk.decide("party.sign", client_id=key, pem=public_pem(), must_sign=True)
    assert PublicKey.objects.get().client_id == key and Key.objects.get().must_sign


def test_a_party_gets_limits(key: str) -> None:
    with tried("approve party.limits"):
        desk.decide("party.limits", code="rides", requests_per_minute=600, events_per_day=None)
    assert Party.objects.get().requests_per_minute == 600


# --- people -------------------------------------------------------------------------------------------------------------
def test_an_account_is_opened(settings: Any) -> None:
    settings.ABATE_DEMO = True
    browser, _ = ask("13800000009")
    assert browser.post("/sign-in/code", {"code": code_sent()})["Location"] == "/register"
    form = {
        "name": "某丙",
        "number": identity.made_up_number(date(1990, 1, 1), 1),
        "notice": consents.current().version,
        "purpose": [one.name for one in consents.current().purposes],
    }
    with tried("POST register"):
        assert browser.post("/register", form).status_code == 302
    assert Person.objects.count() == 1


@pytest.fixture
def person(db: None) -> Person:
    return stage.made_up_person(1, "13800000001")


def test_a_notice_is_agreed_to(person: Person, enter: Enter) -> None:
    told, browser = consents.current(), enter(person.user)
    with tried("POST privacy-agree"):
        browser.post(
            "/privacy/agree", {"notice": told.version, "purpose": [one.name for one in told.purposes]}
        )
    assert consents.agreed_to_current(person.pk)


def test_a_household_is_joined(person: Person, enter: Enter) -> None:
    code, _ = groups.invite(stage.made_up_person(2))
    browser = enter(person.user)
    terms = consents.current("groups").version
    with tried("POST groups-join"):
        assert (
            browser.post("/groups/join", {"code": code, "agree": "yes", "notice": terms}).status_code == 302
        )
    assert len(groups.of(person.pk)) == 1


def test_a_browser_is_told_and_told_no_more(person: Person, enter: Enter, settings: Any) -> None:
    settings.ABATE_MESSAGES, settings.DEFAULT_FROM_EMAIL = f"{MAIL},{PUSH}", "abate@city.example"
    keyring.ensure_push(Path(settings.ABATE_SECRET_FILE))
    browser = enter(person.user)
    with tried("POST told-browser"):
        browser.post("/notices/browser", Window().form("https://push.example/1"))
    number = Browser.objects.get().pk
    with tried("POST told-browser-end"):
        browser.post(f"/notices/browser/{number}/end")
    assert not Browser.objects.exists()


# --- how the staff signs in ---------------------------------------------------------------------------------------------
@pytest.fixture
def clerk(db: None) -> User:
    return desk.hire("made-up clerk", "query")


def test_recovery_codes_are_made_anew(clerk: User) -> None:
    browser = by_link(clerk)
    _, former = set_up_app(browser)
    with tried("POST security-recovery", again=False):
        assert browser.post("/security/recovery").status_code == 200
    assert not factors.spend_recovery_code(clerk, former[0])


def test_a_factor_is_taken_away(clerk: User, person: Person, enter: Enter) -> None:
    browser = enter(person.user)
    set_up_app(browser)
    (app,) = [one for one in factors.factors(person.user) if one.kind == "totp"]
    with tried("POST security-remove"):
        assert browser.post(f"/security/factors/{app.id}/remove").status_code == 302
    assert "totp" not in {one.kind for one in factors.factors(person.user)}
