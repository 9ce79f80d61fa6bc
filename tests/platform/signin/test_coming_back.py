"""Who set up an app by a link and nothing else could not sign in again: the page says so and leads on, and doctor sees it."""

from __future__ import annotations

import pytest
from tests.platform.signin.test_second_factor import GOOD, by_link, set_up_app

from abate.demo import desk
from abate.platform.config import doctor
from abate.platform.review.models import User
from abate.platform.signin import actions, factors

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def guard(db: None) -> User:
    return desk.hire("made-up keeper of the way back", "security_admin")


def test_the_codes_of_a_first_app_lead_to_a_password_and_then_to_where_one_was_going(guard: User) -> None:
    browser = by_link(guard)
    set_up_app(browser)
    shown = browser.post("/security/recovery").content.decode()
    assert 'href="/security/password"' in shown
    set_ = browser.post("/security/password", {"password": GOOD})
    guard.refresh_from_db()
    assert set_["Location"] == "/" and factors.comes_back(guard)
    # Who has one is led on at once.
    assert 'href="/security/password"' not in browser.post("/security/recovery").content.decode()


def test_the_page_of_security_says_that_nothing_lets_one_in_again_and_which_account_it_is(
    guard: User,
) -> None:
    browser = by_link(guard)
    assert "stranded" not in browser.get("/security").content.decode(), "a first factor is asked for first"
    set_up_app(browser)
    shown = browser.get("/security").content.decode()
    assert 'id="stranded"' in shown and guard.handle in shown
    actions.set_password(guard, GOOD)
    browser = by_link(guard)
    assert 'id="stranded"' not in browser.get("/security").content.decode()


def test_doctor_sees_that_no_security_administrator_could_sign_in_again(guard: User) -> None:
    def case() -> str | None:
        return next((one.state for one in doctor.coming_back()), None)

    assert case() is None, "nobody signed in yet: links are made without a session still"
    browser = by_link(guard)
    set_up_app(browser)
    assert case() == "warning"
    other = desk.hire("made-up clerk with a password", "query")
    actions.set_password(other, GOOD)
    assert case() == "warning", "one of another post makes no links"
    actions.set_password(guard, GOOD)
    assert case() == "ok"
