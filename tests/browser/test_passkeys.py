"""Passkeys in a real Chromium with its own virtual authenticator: the browser signs, the platform verifies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from playwright.sync_api import CDPSession
from tests.browser.conftest import Visitor
from tests.browser.test_every_page import look
from tests.platform.joining import applicants
from tests.platform.people.townspeople import code_in
from tests.platform.web import city as stage

from abate.platform.doors import clock
from abate.platform.reaching import carry
from abate.platform.review import actions as review
from abate.platform.signin import factors, proofs
from abate.platform.signin.policy import policy

pytestmark = [pytest.mark.browser, pytest.mark.platform]


@pytest.fixture
def named(visit):
    """Windows under a name: a passkey belongs to one, a bare number is none."""

    def open_window(*args: object, **kwargs: object) -> Visitor:
        window = visit(*args, **kwargs)
        window.address = window.address.replace("127.0.0.1", "localhost")
        return window

    return open_window


def authenticator(window: Visitor, *, verified: bool = True) -> tuple[CDPSession, str]:
    """A security key inside the browser; it does what Chromium's own devices do."""
    line = window.page.context.new_cdp_session(window.page)
    line.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }
    return line, line.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def by_link(window: Visitor, user: object) -> None:
    window.go(f"/sign-in/link/{review.issue_link(user)}")  # type: ignore[arg-type]
    window.page.locator("main button").click()
    window.page.wait_for_url(lambda url: "/link/" not in url)


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("width", [360, 1440])
def test_a_clerk_makes_a_passkey_and_signs_in_with_it(
    city: stage.City, named, shots: str | None, width: int, language: str
) -> None:
    window = named(width, language)
    page, tag = window.page, f"{width}-{language}"
    line, key = authenticator(window)
    by_link(window, city.operator)
    page.wait_for_url("**/security?next=*")
    look(window, f"{tag}-security-must", shots)
    window.go("/security/app")
    look(window, f"{tag}-security-app", shots)
    window.go("/security/password")
    look(window, f"{tag}-security-password", shots)
    window.go("/security/passkey")
    look(window, f"{tag}-security-passkey", shots)
    # By keyboard alone, the script being our own file.
    page.locator("form[data-passkey] button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=/^[0-9]{4} [0-9]{4}$/")
    look(window, f"{tag}-security-codes", shots)
    assert window.go("/operator") == 200
    assert window.go("/security") == 200
    look(window, f"{tag}-security", shots)
    assert len(line.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]) == 1

    # Another window of the same device: no name typed, no password, both factors shown.
    page.context.clear_cookies()
    window.go("/sign-in")
    look(window, f"{tag}-sign-in", shots)
    window.go("/sign-in/staff")
    look(window, f"{tag}-sign-in-staff", shots)
    window.go("/sign-in/passkey")
    look(window, f"{tag}-sign-in-passkey", shots)
    page.locator("form[data-passkey] button").click()
    page.wait_for_url("**/operator")

    # After a link it is the second factor.
    page.context.clear_cookies()
    by_link(window, city.operator)
    page.wait_for_url("**/sign-in/second?next=*")
    look(window, f"{tag}-sign-in-second", shots)
    page.locator("form[data-passkey] button").click()
    page.wait_for_url("**/operator")
    assert window.complaints == []


@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (1440, "en-GB")])
def test_a_contact_whose_link_is_old_makes_its_first_passkey_by_a_new_one(
    city: stage.City, named, shots: str | None, width: int, language: str
) -> None:
    messages = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    window, one = named(width, language), applicants.draft()
    page, tag = window.page, f"{width}-{language}"
    authenticator(window)
    by_link(window, one.user)
    (key,) = [c["value"] for c in page.context.cookies() if c["name"] == settings.SESSION_COOKIE_NAME]
    session = SessionStore(key)
    session["proofs"] = {proofs.LINK: (clock.now() - policy().fresh).isoformat()}
    session.save()
    window.go("/security/passkey")
    page.wait_for_url("**/confirm?next=*")
    look(window, f"{tag}-confirm-link", shots)
    page.locator("main form button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("main [role=status]")
    look(window, f"{tag}-confirm-link-sent", shots)
    assert factors.factors(one.user) == []
    while carry():
        pass
    sent = [json.loads(line)["body"] for line in messages.read_text().splitlines()]
    window.go(re.findall(r"/sign-in/link/\S+", "\n".join(sent))[-1])
    page.locator("main button").click()
    page.wait_for_url(lambda url: "/link/" not in url)
    window.go("/security/passkey")
    page.locator("form[data-passkey] button").click()
    page.wait_for_selector("text=/^[0-9]{4} [0-9]{4}$/")
    assert factors.has_factor(one.user) and window.complaints == []


def test_a_device_that_sees_nobody_lets_nobody_in(city: stage.City, named) -> None:
    window = named(360)
    line, key = authenticator(window)
    by_link(window, city.operator)
    window.go("/security/passkey")
    line.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    window.page.locator("form[data-passkey] button").click()
    window.page.locator("[data-told]").wait_for(state="visible")
    assert factors.factors(city.operator) == []


def test_an_answer_is_good_for_its_challenge_its_site_and_once(city: stage.City, named) -> None:
    """What the browser really sent, sent again: in the same session, in another, and after the key was taken away."""
    window = named(360)
    authenticator(window)
    by_link(window, city.operator)
    window.go("/security/passkey")
    window.page.locator("form[data-passkey] button").click()
    window.page.wait_for_selector("text=/^[0-9]{4} [0-9]{4}$/")
    window.page.context.clear_cookies()
    window.go("/sign-in/passkey")
    with window.page.expect_request(lambda r: r.method == "POST") as sent:
        window.page.locator("form[data-passkey] button").click()
    window.page.wait_for_url("**/operator")
    credential = sent.value.post_data_json["credential"]
    for change in (lambda told: told, lambda told: told["response"].update(signature="AAAA")):
        told = json.loads(credential)
        change(told)
        other = Client(headers={"host": "localhost"})
        other.get("/sign-in/passkey")
        assert other.post("/sign-in/passkey", {"credential": json.dumps(told)}).status_code == 403
        assert other.get("/operator").status_code == 302


def test_under_a_bare_number_the_page_says_why(city: stage.City, visit) -> None:
    window = visit(360, "en-GB")
    window.go("/sign-in/passkey")
    assert "http://localhost" in window.page.locator("main").inner_text()
    assert window.page.locator("form[data-passkey]").count() == 0


@pytest.mark.clause("P-7.5.3-3")
@pytest.mark.parametrize("width", [360, 1440])
def test_a_person_spends_after_a_passkey_or_a_code(
    city: stage.City, named, shots: str | None, width: int
) -> None:
    messages = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    stage.book_every_outcome(city.partner, city.person)
    window = named(width, "zh-CN")
    page = window.page
    authenticator(window)
    by_link(window, city.person.user)
    # The first passkey of a person comes after a code to the own contact.
    window.go("/security/passkey")
    page.wait_for_url("**/confirm?next=*")
    look(window, f"{width}-confirm", shots)
    page.locator("#by-code + ul button").click()
    page.wait_for_selector("#code")
    look(window, f"{width}-confirm-code", shots)
    page.fill("#code", code_in(json.loads(messages.read_text().splitlines()[-1])))
    page.keyboard.press("Enter")
    page.wait_for_url("**/security")
    window.go("/security/passkey")
    page.locator("form[data-passkey] button").click()
    page.wait_for_url("**/security")
    look(window, f"{width}-person-security", shots)
    # A new session by a link has shown nothing: spending asks for the passkey, then goes on.
    page.context.clear_cookies()
    by_link(window, city.person.user)
    window.go(f"/offers/{city.offer}")
    page.locator("main form button").click()
    page.wait_for_url("**/confirm?next=*")
    page.locator("form[data-passkey] button").click()
    page.wait_for_url("**/offers/*")
    page.locator("main form button").click()
    page.wait_for_url("**/codes/*")
    assert window.complaints == []
