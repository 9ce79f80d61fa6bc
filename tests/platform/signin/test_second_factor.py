"""Codes of an app, recovery codes and sessions, on the pages. Passkeys need a browser: tests/browser/test_passkeys.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError, transaction
from django.test import Client
from tests.platform.people.townspeople import at_once
from tests.platform.web import city as stage
from tests.platform.web.test_sign_in import code_sent

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.review import actions as review
from abate.platform.review.models import User
from abate.platform.signin import actions, factors, proofs, queries
from abate.platform.signin.errors import FactorRefused
from abate.platform.signin.models import Try
from abate.platform.web.pages import signin, staff_signin

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
GOOD = "seven otters crossing"


def code_of(secret: str, step: int = 0) -> str:
    """RFC 6238, written down here once more: the library must not be its own witness."""
    counter = struct.pack(">Q", int(time.time()) // 30 + step)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def test_the_code_is_rfc_6238s() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    real, time.time = time.time, lambda: 59.0
    try:
        assert code_of(secret) == "287082"
    finally:
        time.time = real


@pytest.fixture
def clerk(db: None) -> User:
    return desk.hire("made-up clerk", "query")


def by_link(user: User, device: str = "") -> Client:
    browser = Client(headers={"accept-language": "en", "user-agent": device})
    assert browser.post(f"/sign-in/link/{review.issue_link(user)}").status_code == 302
    return browser


def set_up_app(browser: Client) -> tuple[str, list[str]]:
    """(secret, recovery codes) after setting up an app on the page."""
    page = browser.get("/security/app").content.decode()
    secret = re.search(r'<p class="mono break">([A-Z2-7 ]+)</p>', page)
    assert secret and "<svg" in page
    kept = secret[1].replace(" ", "")
    made = browser.post("/security/app", {"code": code_of(kept)}).content.decode()
    codes = re.findall(r'<li class="mono num">(\d{4} \d{4})</li>', made)
    return kept, codes


@pytest.mark.clause("P-8.4-a", "P-8.4-c")
def test_no_page_of_the_staff_opens_before_the_second_factor(clerk: User) -> None:
    browser = by_link(clerk)
    assert browser.get("/operator")["Location"] == "/security?next=%2Foperator"
    assert browser.get("/")["Location"] == "/operator"
    secret, codes = set_up_app(browser)
    assert len(set(codes)) == 10
    assert browser.get("/operator").status_code == 200

    # The next sign-in: a link or a password is not enough any more.
    actions.set_password(clerk, GOOD)
    again = Client(headers={"accept-language": "en"})
    answer = again.post("/sign-in/staff", {"account": clerk.handle, "password": GOOD})
    assert answer["Location"] == "/sign-in/second"
    assert again.get("/operator")["Location"] == "/sign-in/second?next=%2Foperator"
    # Nor can who holds one factor only add another, change the password or take one away.
    for path in ("/security/app", "/security/passkey", "/security/password"):
        assert again.get(path)["Location"].startswith("/confirm?"), path
    for path in ("/security/recovery", "/security/factors/1/remove"):
        assert again.post(path)["Location"].startswith("/confirm?"), path
    # The code with which the app was set up is spent.
    assert again.post("/sign-in/second", {"code": code_of(secret)}).status_code == 403
    answer = again.post("/sign-in/second", {"code": code_of(secret, 1), "next": "/operator"})
    assert answer["Location"] == "/operator" and again.get("/operator").status_code == 200

    third = by_link(clerk)
    assert third.post("/sign-in/second", {"code": codes[3]}).status_code == 302
    assert third.get("/operator").status_code == 200
    fourth = by_link(clerk)
    assert fourth.post("/sign-in/second", {"code": codes[3]}).status_code == 403
    assert fourth.post("/sign-in/second", {"code": codes[4]}).status_code == 302


def test_secrets_are_readable_in_no_row(clerk: User) -> None:
    browser = by_link(clerk)
    browser.get("/security/app")
    waiting = str(browser.session.items())
    secret, codes = set_up_app(browser)
    rows = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    sessions = " ".join(str(row.get_decoded()) for row in Session.objects.all())
    for text in (secret, *codes, *(code.replace(" ", "") for code in codes)):
        assert text not in rows + sessions + waiting


@pytest.mark.django_db(transaction=True)
def test_one_code_lets_one_in_of_many_at_once(clerk: User) -> None:
    secret, codes = set_up_app(by_link(clerk))
    for code in (code_of(secret, 1), codes[0]):
        shown = at_once(5, lambda place, code=code: factors.use_code(clerk, code, None))
        assert sum(one in (proofs.TOTP, proofs.RECOVERY) for one in shown) == 1, shown


def test_guessing_codes_ends_after_five(clerk: User) -> None:
    secret, _ = set_up_app(by_link(clerk))
    browser = by_link(clerk)
    right = code_of(secret, 1)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    answers = [browser.post("/sign-in/second", {"code": wrong}).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    assert browser.post("/sign-in/second", {"code": right}).status_code == 429


def away(*_: object, **__: object) -> None:
    raise OperationalError("planted: the database is away")


@pytest.mark.parametrize("where", ["entered", "enter"])
def test_a_link_that_let_nobody_in_is_not_spent(
    clerk: User, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    address, browser = f"/sign-in/link/{review.issue_link(clerk)}", Client(raise_request_exception=False)
    with monkeypatch.context() as patch:
        patch.setattr(signin.signing if where == "entered" else signin, where, away)
        assert browser.post(address).status_code == 503
    assert browser.post(address).status_code == 302
    assert browser.post(address).status_code in (403, 410), "spent once"


def test_a_recovery_code_that_let_nobody_in_is_not_spent(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, codes = set_up_app(by_link(clerk))
    browser = by_link(clerk)
    browser.raise_request_exception = False
    Try.objects.all().delete()
    with monkeypatch.context() as patch:
        patch.setattr(staff_signin.proofs, "note", away)
        assert browser.post("/sign-in/second", {"code": codes[0]}).status_code == 503
    assert Try.objects.count() == 1, "a try counts, whatever came of it"
    assert browser.post("/sign-in/second", {"code": codes[0]}).status_code == 302
    assert not Try.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_try_is_counted_in_a_transaction_of_its_own(clerk: User) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        factors.use_code(clerk, "000000", "192.0.2.1")
    browser, open_there = by_link(clerk), []
    set_up_app(browser)
    Try.objects.all().delete()
    real = factors._taken

    def taken(*given: Any) -> str:
        # Another connection sees the try, and gets the locks of the account and the address.
        open_there.extend(
            at_once(
                1, lambda _: actions.count_try(f"second\x00{clerk.pk}", "127.0.0.1") and Try.objects.count()
            )
        )
        return real(*given)

    with patch.object(factors, "_taken", taken):
        assert browser.post("/sign-in/second", {"code": "000000"}).status_code == 403
    assert open_there == [2]


def test_an_app_comes_with_its_recovery_codes_or_not_at_all(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = by_link(clerk)
    browser.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(factors, "new_recovery_codes", away)
        secret = re.search(
            r'<p class="mono break">([A-Z2-7 ]+)</p>', browser.get("/security/app").content.decode()
        )
        assert (
            secret
            and browser.post("/security/app", {"code": code_of(secret[1].replace(" ", ""))}).status_code
            == 503
        )
    assert not factors.has_factor(clerk)
    assert len(set_up_app(browser)[1]) == 10


def test_the_only_factor_of_a_clerk_stays(clerk: User) -> None:
    browser = by_link(clerk)
    set_up_app(browser)
    (app, _) = factors.factors(clerk)
    assert browser.post(f"/security/factors/{app.id}/remove").status_code == 409
    other = review.create_user("staff", made_up=True)
    with pytest.raises(Exception, match="second-factor-unknown"):
        factors.remove(other, app.id, keep_one=False)


@pytest.mark.parametrize(
    "sent", ["", "null", "[]", "{}", '{"id": 1}', "x" * 30_000, '{"response": {"userHandle": "AA"}}']
)
def test_what_is_no_answer_of_a_passkey_is_refused(clerk: User, sent: str) -> None:
    browser = Client()
    browser.get("/sign-in/passkey")
    assert browser.post("/sign-in/passkey", {"credential": sent}).status_code == 403


@pytest.mark.clause("P-8.4-a")
def test_a_session_ends_when_nobody_uses_it(clerk: User) -> None:
    browser = by_link(clerk)
    set_up_app(browser)
    now = clock.now()
    with clock.frozen(now + timedelta(minutes=14)):
        assert browser.get("/operator").status_code == 200
    with clock.frozen(now + timedelta(minutes=28)):
        assert browser.get("/operator").status_code == 200
    with clock.frozen(now + timedelta(minutes=43)):
        assert browser.get("/operator")["Location"].startswith("/sign-in?next")


def test_no_session_lasts_for_ever(clerk: User) -> None:
    browser = by_link(clerk)
    began = clock.now()
    for minutes in range(0, 12 * 60, 10):
        with clock.frozen(began + timedelta(minutes=minutes)):
            assert browser.get("/security").status_code == 200, minutes
    with clock.frozen(began + timedelta(hours=12, minutes=1)):
        assert browser.get("/security").status_code == 302


@pytest.mark.clause("P-8.4-a")
def test_sessions_are_listed_and_killed(clerk: User, city: stage.City) -> None:
    here, there, elsewhere = by_link(clerk), by_link(clerk, "Old Phone"), by_link(clerk, "Old Phone")
    before = here.session.session_key
    set_up_app(here)
    assert here.session.session_key != before, "with a new proof a new key"
    page = here.get("/security").content.decode()
    assert "This one" in page and "15 minutes without use, and after 12 hours in any case" in page
    assert page.count("Old Phone") == 2 and here.session.session_key not in page
    ((number, began), *_) = re.findall(r'name="began" value="([^"]+)">.*?name="number" value="(\d+)"', page)
    number, began = began, number
    # Another person's form with the same words ends nothing.
    stranger = Client()
    stranger.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    stranger.post("/security/session", {"number": number, "began": began})
    alive: Callable[[], int] = lambda: sum(b.get("/security").status_code == 200 for b in (there, elsewhere))  # noqa: E731
    assert alive() == 2
    here.post("/security/session", {"number": number, "began": began})
    assert alive() == 1
    here.post("/security/others")
    assert alive() == 0 and here.get("/security").status_code == 200


def test_who_signed_out_left_no_key_that_opens_anything(clerk: User) -> None:
    browser, thief = by_link(clerk), Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = browser.session.session_key
    assert thief.get("/security").status_code == 200
    for path in ("/security", "/security/app", "/nowhere"):
        assert browser.get(path).content.count(b'action="/sign-out"') == 1, path
    browser.post("/sign-out")
    assert thief.get("/security").status_code == 302 and browser.get("/security").status_code == 302


def test_a_password_change_ends_the_other_sessions(clerk: User) -> None:
    here = by_link(clerk)
    set_up_app(here)
    there = by_link(clerk)
    assert here.post("/security/password", {"password": GOOD}).status_code == 302
    assert here.get("/operator").status_code == 200
    assert there.get("/security").status_code == 302


def test_a_new_password_takes_the_present_one_unless_a_link_came_first(clerk: User) -> None:
    _, codes = set_up_app(by_link(clerk))
    actions.set_password(clerk, GOOD)
    new = {"password": "nine otters crossing"}
    browser = Client(headers={"accept-language": "en"})
    browser.post("/sign-in/staff", {"account": clerk.handle, "password": GOOD})
    browser.post("/sign-in/second", {"code": codes[0]})
    for present in ({}, {"present": "another otter"}):
        assert browser.post("/security/password", new | present).status_code == 403
    assert actions.check_password(clerk.handle, GOOD, None) == clerk
    assert browser.post("/security/password", new | {"present": GOOD}).status_code == 302
    assert actions.check_password(clerk.handle, new["password"], None) == clerk

    forgot = by_link(clerk)
    forgot.post("/sign-in/second", {"code": codes[1]})
    assert forgot.post("/security/password", {"password": GOOD}).status_code == 302
    assert actions.check_password(clerk.handle, GOOD, None) == clerk


def test_passwords_tried_at_the_door_shut_no_step_of_the_owner_s_session(clerk: User) -> None:
    _, codes = set_up_app(by_link(clerk))
    actions.set_password(clerk, GOOD)
    browser, stranger = Client(headers={"accept-language": "en"}), Client()
    browser.post("/sign-in/staff", {"account": clerk.handle, "password": GOOD})
    browser.post("/sign-in/second", {"code": codes[0]})
    for _ in range(6):
        tried = stranger.post("/sign-in/staff", {"account": clerk.handle, "password": "another otter"})
    assert tried.status_code == 429
    new = {"password": "nine otters crossing"}
    assert browser.post("/security/password", new | {"present": GOOD}).status_code == 302
    # Tries there are bounded too, and named by their account.
    for _ in range(6):
        tried = browser.post("/security/password", new | {"present": "another otter"})
    assert tried.status_code == 429 and {one.account for one in queries.bursts()} == {clerk.handle}


def test_a_password_is_masked_and_may_come_from_a_manager(clerk: User) -> None:
    _, codes = set_up_app(by_link(clerk))
    actions.set_password(clerk, GOOD)
    browser = Client(headers={"accept-language": "en"})
    fields = [browser.get("/sign-in/staff").content.decode()]
    browser.post("/sign-in/staff", {"account": clerk.handle, "password": GOOD})
    browser.post("/sign-in/second", {"code": codes[0]})
    fields.append(browser.get("/security/password").content.decode())
    pattern = r'<input[^>]* name="(?:password|present)"[^>]*>'
    found = [tag for page in fields for tag in re.findall(pattern, page)]
    assert len(found) == 3
    for tag in found:
        assert 'type="password"' in tag, tag
        assert 'autocomplete="current-password"' in tag or 'autocomplete="new-password"' in tag, tag
        assert "onpaste" not in tag and "readonly" not in tag


@pytest.mark.clause("P-8.4-a", "P-7.5.3-3")
def test_a_person_confirms_before_spending(city: stage.City) -> None:
    stage.book_every_outcome(city.partner, city.person)
    browser = by_link(city.person.user)
    offer = f"/offers/{city.offer}"
    browser.get(offer)
    sent = browser.post(f"{offer}/redeem", {}, headers={"referer": f"http://testserver{offer}"})
    assert sent["Location"] == f"/confirm?next=%2Foffers%2F{city.offer}"
    page = browser.get(sent["Location"]).content.decode()
    assert "138****0001" in page and city.contact not in page
    browser.post("/confirm", {"contact": "0", "next": offer})
    code = code_sent()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert browser.post("/confirm", {"contact": "0", "code": wrong, "next": offer}).status_code == 403
    assert browser.post(f"{offer}/redeem")["Location"].startswith("/confirm")
    # Nowhere else than to a path of ours.
    before = browser.session.session_key
    to = browser.post("/confirm", {"contact": "0", "code": code, "next": "//elsewhere.invalid/"})["Location"]
    assert to == "/"
    assert browser.session.session_key != before, "with a new proof a new key"
    order = {"order_id": str(uuid4())}
    assert browser.post(f"{offer}/redeem", order)["Location"].startswith("/codes/")
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        assert browser.post(f"{offer}/redeem")["Location"].startswith("/confirm")


def test_what_is_erased_can_sign_in_by_nothing(clerk: User) -> None:
    browser = by_link(clerk)
    secret, _ = set_up_app(browser)
    actions.forget(clerk)
    assert browser.get("/security").status_code == 302 and factors.factors(clerk) == []
    with pytest.raises(FactorRefused):
        factors.use_code(clerk, code_of(secret), None)
