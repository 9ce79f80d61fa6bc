"""Signing in on the pages: one answer for every contact, nothing readable left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from tests.platform.people.townspeople import code_in
from tests.platform.web import city as stage

from abate.platform.people import consents, identity
from abate.platform.people.models import Person
from abate.platform.web.wording import pick

pytestmark = [pytest.mark.platform, pytest.mark.django_db(transaction=True)]


def code_sent() -> str:
    path = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    return code_in(json.loads(path.read_text().splitlines()[-1]))


@pytest.fixture
def person(transactional_db: None) -> Person:
    return stage.made_up_person(1, "13800000001")


def ask(contact: str) -> tuple[Client, bytes]:
    browser = Client()
    assert browser.post("/sign-in", {"contact": contact})["Location"] == "/sign-in/code"
    return browser, browser.get("/sign-in/code").content


def test_the_answer_does_not_tell_who_has_an_account(person: Person) -> None:
    (_, known), (_, unknown) = ask("13800000001"), ask("13800000002")
    assert known.count(b"138****0001") == unknown.count(b"138****0002") == 1


def test_a_session_row_does_not_show_the_contact(person: Person) -> None:
    ask("13800000001")
    ask("somebody@example.org")
    kept = " ".join(str(row.get_decoded()) for row in Session.objects.all())
    assert Session.objects.count() == 2
    assert "13800000001" not in kept and "somebody" not in kept


def test_the_right_code_signs_in_and_a_wrong_one_does_not(person: Person) -> None:
    browser, _ = ask("13800000001")
    right = code_sent()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    assert browser.post("/sign-in/code", {"code": wrong}).status_code == 403
    assert browser.get("/feed").status_code == 302
    assert browser.post("/sign-in/code", {"code": f" {right[:3]} {right[3:]} "})["Location"] == "/"
    assert browser.get("/feed").status_code == 200
    assert "sign_in_contact" not in browser.session
    browser.post("/sign-out")
    assert browser.get("/feed").status_code == 302


@pytest.mark.parametrize("contact", ["", "12345", "x" * 400, "a@b"])
def test_what_is_no_contact_is_told_beside_the_field(transactional_db: None, contact: str) -> None:
    answer = Client().post("/sign-in", {"contact": contact})
    assert answer.status_code == 400 and b'aria-invalid="true"' in answer.content


def test_registration_needs_a_proved_contact_and_consent(transactional_db: None) -> None:
    assert Client().get("/register")["Location"] == "/sign-in"
    browser, _ = ask("13800000009")
    assert browser.post("/sign-in/code", {"code": code_sent()})["Location"] == "/register"
    told = consents.current()
    form = {"name": "某丙", "number": "999999199001010011", "notice": told.version}
    answer = browser.post("/register", form)
    assert answer.status_code == 422 and not Person.objects.exists()
    # The number is never sent back into a page.
    assert b"999999199001010011" not in answer.content
    # Outside a demo a made-up number opens no account.
    answer = browser.post("/register", form | {"purpose": [one.name for one in told.purposes]})
    assert answer.status_code == 422 and not Person.objects.exists()
    # It is said at its field, and what was agreed to stays ticked while the number is typed again.
    page = answer.content.decode()
    assert 'id="number-error"' in page and page.count('aria-invalid="true"') == 1
    assert page.count("checked") == len(told.purposes)


def test_in_a_sandbox_everybody_is_made_up(transactional_db: None, settings: pytest.FixtureRequest) -> None:
    """Who tries a binding there typed the number of somebody real, and one of a made-up person was refused."""
    settings.ABATE_SANDBOX = True  # type: ignore[attr-defined]
    told = consents.current()
    browser, _ = ask("13800000009")
    browser.post("/sign-in/code", {"code": code_sent()})
    form = {"name": "某丙", "notice": told.version, "purpose": [one.name for one in told.purposes]}
    real = "11010119900101001"
    refused = browser.post("/register", form | {"number": real + identity.check_sign(real)})
    assert refused.status_code == 422 and not Person.objects.exists()
    made_up = identity.made_up_number(date(1990, 1, 1), 1)
    assert browser.post("/register", form | {"number": made_up}).status_code == 302
    assert Person.objects.get().made_up


def test_an_account_is_opened_under_the_notice_that_was_shown_and_no_other(
    transactional_db: None, settings: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purpose that a later notice brings is asked for before it is agreed to, and a form of the notice before opens nothing."""
    settings.ABATE_DEMO = True  # type: ignore[attr-defined]
    now = consents.current()
    more = consents.Purpose("research", ("用于研究。", "For research."), ("减排量", "reductions"), False)
    later = replace(now, version="2099-01", purposes=(*now.purposes, more))
    browser, _ = ask("13800000009")
    browser.post("/sign-in/code", {"code": code_sent()})
    settings.ABATE_OPERATOR_NAME, settings.ABATE_OPERATOR_CONTACT = "某运营方", "12345"  # type: ignore[attr-defined]
    seen = browser.get("/register").content.decode()
    # Who handles their data and how to reach them (PIPL article 17).
    assert "个人信息处理者" in seen and "某运营方" in seen and "12345" in seen
    assert all(pick(one.text) in seen and pick(one.data) in seen for one in now.purposes)
    form = {"name": "某丙", "number": identity.made_up_number(date(1990, 1, 1), 1)}
    both = [one.name for one in now.purposes]
    monkeypatch.setattr(consents, "current", lambda about="people": later)
    monkeypatch.setitem(consents.notices(), later.version, later)
    stale = browser.post("/register", form | {"purpose": both, "notice": now.version})
    assert stale.status_code == 422 and "告知书已更新" in stale.content.decode()
    assert "用于研究。" in stale.content.decode()
    assert browser.post("/register", form | {"purpose": both, "notice": later.version}).status_code == 422
    assert not Person.objects.exists()
    form |= {"purpose": [*both, "research"], "notice": later.version}
    assert browser.post("/register", form).status_code == 302
    agreed = {(one.purpose, one.notice_version) for one in consents.of(Person.objects.get().pk)}
    assert agreed == {(name, "2099-01") for name in form["purpose"]}


@pytest.mark.parametrize(
    "there", ["%0d%0aX: y", "nothing", "feed", "//elsewhere.example", "javascript:alert(1)", ""]
)
def test_after_a_form_the_way_leads_to_a_page_of_ours_or_home(client: Client, there: str) -> None:
    answer = client.post("/language", {"language": "en", "next": there})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
