"""A second factor at every sign-in, for who chose it and for those who act for a party where the operator asks it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection, transaction
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.people.townspeople import at_once
from tests.platform.signin.test_second_factor import by_link, code_of, set_up_app
from tests.platform.web import city as stage
from tests.platform.web.test_sign_in import code_sent

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.notices.models import Notice
from abate.platform.parties import actions as parties
from abate.platform.review import actions as review
from abate.platform.review.models import Audit, User
from abate.platform.signin import actions, factors, recovery_codes
from abate.platform.signin.errors import FactorFirst, FactorRefused, LastFactor
from abate.platform.web import gate

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-a")]
CONTACT = "13800000001"


@pytest.fixture
def city(transactional_db: None) -> stage.City:
    return stage.build()


def by_code() -> Client:
    """A person's browser, signed in with a code to the contact."""
    browser = Client(headers={"accept-language": "en"})
    assert browser.post("/sign-in", {"contact": CONTACT}).status_code == 302
    assert browser.post("/sign-in/code", {"code": code_sent()}).status_code == 302
    return browser


def set_up(browser: Client) -> tuple[str, list[str]]:
    """(secret of the app, recovery codes) after choosing to be asked always."""
    page = browser.get("/security/app").content.decode()
    secret = re.search(r'<p class="mono break">([A-Z2-7 ]+)</p>', page)
    assert secret
    kept = secret[1].replace(" ", "")
    assert browser.post("/security/app", {"code": code_of(kept)})["Location"] == "/security"
    assert "Switch on" in browser.get("/security").content.decode()
    made = browser.post("/security/always", {"on": "yes"}).content.decode()
    return kept, re.findall(r'<li class="mono num">(\d{4} \d{4})</li>', made)


def test_who_chose_it_reaches_nothing_with_one_factor_and_everything_with_two(city: stage.City) -> None:
    here = by_code()
    assert "Switch on" not in here.get("/security").content.decode()
    _, codes = set_up(here)
    assert len(codes) == 10 and here.get("/feed").status_code == 200
    assert "Switch off" in here.get("/security").content.decode()
    thief = by_code()
    own = {name: line.who for (name, method), line in gate.lines().items() if line.who in ("person", "user")}
    tried = 0
    for path in ("/", "/feed", "/offers", "/codes", "/authorisations", "/privacy", "/privacy/contact", "/privacy/copy.json",
                 "/security", "/security/passkey", "/security/app", "/confirm", "/notices", "/groups", "/family"):  # fmt: skip
        answer = thief.get(path)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/second"), path
        tried += 1
    for path in ("/security/always", "/security/recovery", "/security/others", "/collect", "/confirm"):
        answer = thief.post(path, {"on": "no", "contact": "0"})
        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in/second"), path
        tried += 1
    assert tried == 20 and len(own) > 40
    told = thief.get("/v1/me/account")
    assert (told.status_code, told.json()["code"]) == (403, "second-factor-missing")
    assert User.objects.get(pk=city.person.user.pk).always_second
    page = thief.get("/sign-in/second?next=/feed").content.decode()
    assert "Device and recovery codes are gone" in page
    assert thief.post("/sign-in/second", {"code": "000000", "next": "/feed"}).status_code == 403
    assert thief.get("/feed").status_code == 302
    answer = thief.post("/sign-in/second", {"code": codes[0], "next": "/feed"})
    assert answer["Location"] == "/feed" and thief.get("/feed").status_code == 200
    # Signing out never waits for it.
    assert by_code().post("/sign-out").status_code == 302
    row = Audit.objects.get(what="signin.always-second", subject=city.person.user.handle)
    assert row.role == "person"
    assert Notice.objects.filter(user=city.person.user, kind="sign-in.key").count() >= 2


def test_it_is_switched_off_by_who_showed_two_and_the_last_factor_stays_until_then(city: stage.City) -> None:
    here = by_code()
    set_up(here)
    app = Authenticator.objects.get(user=city.person.user, type="totp")
    assert here.post(f"/security/factors/{app.pk}/remove").status_code == 409
    assert here.post("/security/always", {"on": "no"})["Location"] == "/security"
    assert here.post(f"/security/factors/{app.pk}/remove").status_code == 302
    assert by_code().get("/feed").status_code == 200
    with pytest.raises(FactorFirst):
        factors.ask_always(city.person.user, True)


@pytest.mark.parametrize("how", ["recovered", "undone"])
def test_a_recovery_that_took_the_factors_away_leads_in_with_a_code(city: stage.City, how: str) -> None:
    began = clock.now()
    set_up(by_code())
    user = User.objects.get(pk=city.person.user.pk)
    with pytest.raises(LastFactor):
        factors.remove(user, Authenticator.objects.get(user=user, type="totp").pk, keep_one=False)
    if how == "recovered":
        actions.forget(user)
    else:
        actions.forget_since(user, began - timedelta(seconds=1))
    assert by_code().get("/feed").status_code == 200
    assert not User.objects.get(pk=user.pk).always_second


def test_who_acts_for_a_party_shows_two_where_the_operator_asks_it(city: stage.City, settings: Any) -> None:
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.partner, "partner")

    def come(user: User) -> Client:
        browser = Client(headers={"accept-language": "en"})
        assert browser.post(f"/sign-in/link/{review.issue_link(user)}").status_code == 302
        return browser

    reach: Callable[[User, str], int] = lambda user, path: come(user).get(path).status_code  # noqa: E731
    applicant = applicants.draft().user
    pages = ((keeper, "/partner"), (city.cashier, "/acceptor"), (applicant, "/joining"))
    assert [reach(*each) for each in pages] == [200, 200, 200]
    settings.ABATE_SIGN_IN_POLICY = {"members_two_factors": True}
    # Nor does an applicant collect the first live key with one.
    assert come(applicant).post("/joining/key")["Location"].startswith("/security?next")
    for user, path in pages:
        browser = come(user)
        answer = browser.get(path)
        # Who has none yet is led to where the first is made.
        assert answer.status_code == 302 and answer["Location"].startswith("/security?next")
        page = browser.get("/security/app").content.decode()
        secret = re.search(r'<p class="mono break">([A-Z2-7 ]+)</p>', page)
        assert secret
        assert browser.post("/security/app", {"code": code_of(secret[1].replace(" ", ""))}).status_code == 200
        assert browser.get(path).status_code == 200
        again = come(user).get(path)
        assert again.status_code == 302 and again["Location"].startswith("/sign-in/second?next")
    # A person is not asked by it.
    assert by_code().get("/feed").status_code == 200


def test_in_dengbao3_a_password_past_its_age_opens_no_page_of_a_party_s_either(
    city: stage.City, settings: Any
) -> None:
    settings.ABATE_SIGN_IN_PROFILE = "dengbao3"
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.partner, "partner")
    applicant = applicants.draft().user
    pages = ((keeper, "/partner"), (city.cashier, "/acceptor"), (applicant, "/joining"))
    for user, _ in pages:
        actions.set_password(user, "Small4nd+Big")
    with clock.frozen(clock.now() + timedelta(days=90)):
        for user, path in pages:
            browser = Client(headers={"accept-language": "en"})
            entered = browser.post("/sign-in/staff", {"account": user.handle, "password": "Small4nd+Big"})
            assert entered.status_code == 302
            answer = browser.get(path)
            assert answer.status_code == 302 and answer["Location"].startswith("/security/password?next")
            given = {"present": "Small4nd+Big", "password": "Other4nd+Big"}
            assert browser.post("/security/password", given)["Location"] == "/security"
            assert browser.get(path).status_code == 200


def test_a_till_gets_no_recovery_codes_for_its_party_lets_it_in_again(city: stage.City) -> None:
    user, browser = review.create_user("till", made_up=True), Client(headers={"accept-language": "en"})
    totp.TOTP.activate(user, totp.generate_totp_secret())
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    page = browser.get("/security").content.decode()
    assert "recovery code" not in page and "a new link from your party" in page
    for path in ("/security/always", "/security/recovery"):
        answer = browser.post(path, {"on": "yes"})
        assert (answer.status_code, answer["Location"]) == (302, "/security")
    assert User.objects.get(pk=user.pk).always_second
    assert [one.kind for one in factors.factors(user)] == ["totp"]


def test_the_weaker_way_is_told_where_people_choose(city: stage.City) -> None:
    words = {"en": "the weaker way: whoever takes over your number reads it", "zh-hans": "短信验证码较弱"}
    for language, text in words.items():
        stranger = Client(headers={"accept-language": language})
        assert text in stranger.get("/sign-in").content.decode()
        browser = by_code()
        browser.post("/language", {"language": language, "next": "/"})
        for path in ("/confirm?next=/", "/privacy/contact", "/security"):
            page = browser.get(path).content.decode()
            assert text in page, (path, page[2500:])
            # Who is signed in is not told to come back once they are.
            hint = {"en": "once signed in, add one", "zh-hans": "登录后可在"}[language]
            assert hint not in page, path
        assert hint in stranger.get("/sign-in").content.decode()


def rows_of(user: User) -> Authenticator:
    return Authenticator.objects.get(user=user, type="recovery_codes")


def test_recovery_codes_are_kept_as_slow_salted_hashes_alone(city: stage.City) -> None:
    user, other = city.person.user, city.stranger.user
    codes = factors.new_recovery_codes(user)
    kept = rows_of(user).data
    assert len(set(codes)) == 10 and all(len(code) == 8 and code.isdigit() for code in codes)
    assert set(kept) == {"salt", "iterations", "hashes"} and len(kept["hashes"]) == 10
    assert (
        len(bytes.fromhex(kept["salt"])) * 8 >= 32 and kept["iterations"] == PBKDF2PasswordHasher.iterations
    )
    # Made once more here, from what the code must be and the keyed digest of it.
    keyed = keyring().code_hmac(f"recovery\x00{user.pk}\x00{codes[0]}").hex()
    slow = hashlib.pbkdf2_hmac("sha256", keyed.encode(), kept["salt"].encode(), kept["iterations"])
    assert base64.b64encode(slow).decode() == kept["hashes"][0]
    factors.new_recovery_codes(other)
    assert rows_of(other).data["salt"] != kept["salt"]
    assert not factors.spend_recovery_code(other, codes[0])
    assert [factors.spend_recovery_code(user, codes[3]) for _ in range(2)] == [True, False]
    for wrong in ("", "1234567", codes[0] + "0", "１２３４５６７８", kept["hashes"][0]):
        assert not factors.spend_recovery_code(user, wrong)
    assert [one.left for one in factors.factors(user)] == [9]
    # New ones end the earlier ones.
    factors.new_recovery_codes(user)
    assert not factors.spend_recovery_code(user, codes[0])


def test_new_recovery_codes_are_counted_before_they_are_hashed_and_hold_nothing_up(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bool] = []

    def kept(*_: object) -> dict[str, object]:
        hashed.append(connection.in_atomic_block)
        return {"salt": "", "iterations": 1, "hashes": []}

    monkeypatch.setattr(recovery_codes, "kept", kept)
    # On the pages too: with the first factor of one of the staff, and for a person.
    clerk, here, now = desk.hire("made-up clerk", "query"), by_code(), clock.now()
    assert len(set_up_app(by_link(clerk))[1]) == 10
    most = factors.DRAWS_A_DAY
    with clock.frozen(now):
        answers = [here.post("/security/recovery") for _ in range(most + 1)]
    assert [one.status_code for one in answers] == [200] * most + [429]
    assert 86_000 < int(answers[-1]["Retry-After"]) <= 86_401
    assert hashed == [False] * (most + 1)
    with clock.frozen(now + timedelta(days=1, seconds=1)):
        assert len(factors.new_recovery_codes(city.person.user)) == 10
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            factors.new_recovery_codes(city.person.user)


def test_codes_of_an_earlier_version_are_good_and_lose_their_seed_at_the_first_try(city: stage.City) -> None:
    user = city.person.user
    codes = RecoveryCodes.activate(user).generate_codes()
    assert RecoveryCodes(rows_of(user)).validate_code(codes[1])
    assert "seed" in rows_of(user).data and [one.left for one in factors.factors(user)] == [9]
    assert not factors.spend_recovery_code(user, codes[1])
    assert "seed" not in rows_of(user).data and len(rows_of(user).data["hashes"]) == 9
    assert [factors.spend_recovery_code(user, codes[2]) for _ in range(2)] == [True, False]


def test_a_code_that_meets_the_making_of_new_ones_is_refused(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = city.person.user
    codes, real = factors.new_recovery_codes(user), factors._spend_recovery
    others = factors.draw_recovery_codes(user)

    def meanwhile(one: Authenticator, code: str) -> bool:
        factors.new_recovery_codes(user, others)
        return real(one, code)

    monkeypatch.setattr(factors, "_spend_recovery", meanwhile)
    assert not factors.spend_recovery_code(user, codes[0])
    with pytest.raises(FactorRefused):
        factors.use_code(user, codes[1], None)


def test_of_sixteen_who_bring_one_recovery_code_at_once_one_is_let_in(city: stage.City) -> None:
    user = city.person.user
    codes = factors.new_recovery_codes(user)
    found = at_once(16, lambda _: factors.spend_recovery_code(user, codes[0]))
    assert sorted(found, key=bool) == [False] * 15 + [True]
