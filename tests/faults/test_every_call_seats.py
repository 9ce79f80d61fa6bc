"""A fault at every call of what is done about seats at a till, what a party may be told of one person, the tokens of an app,
and ending sessions; and the same call once more behind each fault: one effect (test_every_call.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from allauth.idp.oidc.models import Token
from django.test import Client
from tests.faults.test_every_call import tried
from tests.platform.joining.test_commands import here as here
from tests.platform.review import shell
from tests.platform.signin.test_second_factor import set_up_app
from tests.platform.web import city as stage
from tests.platform.web.conftest import city as city
from tests.platform.web.conftest import enter as enter
from tests.platform.web.test_binding import App, agree, told
from tests.platform.web.test_binding import key as key
from tests.platform.web.test_tills import TILLS, invited, keeper_of, link_in

from abate.cli import staff
from abate.demo import desk
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.notices.models import Notice
from abate.platform.parties import tills
from abate.platform.parties.models import Member, Till
from abate.platform.people import consents, disclosing
from abate.platform.review.models import User
from abate.platform.sharing import actions as sharing
from abate.platform.signin import factors, queries

pytestmark = [
    pytest.mark.platform,
    pytest.mark.clause("P-7.5.3-3"),
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
Enter = Callable[..., Client]


# --- at a till ----------------------------------------------------------------------------------------------------------
def test_somebody_is_invited_to_a_till_and_takes_it(city: stage.City, enter: Enter) -> None:
    shop = enter(keeper_of(city.cafe), "en")
    with tried("POST partner-tills"):
        path = invited(shop, "1")
    with tried("POST till"):
        assert Client().post(path)["Location"] == "/"
    seat = Till.objects.get()
    assert seat.user and Member.objects.filter(user=seat.user, party=city.cafe).count() == 1


def test_who_has_a_seat_gets_a_link_and_is_ended(city: stage.City, enter: Enter) -> None:
    shop, seat = enter(keeper_of(city.cafe), "en"), seated(city)
    # Each link is another one.
    with tried("POST partner-tills", again=False):
        path = link_in(shop.post(TILLS, {"step": "link", "till": seat.pk}))
    assert Client().post(path).status_code == 302
    with tried("POST partner-till-end"):
        assert shop.post(f"{TILLS}/end", {"till": seat.pk})["Location"] == TILLS
    assert not Member.objects.filter(user=seat.user).exists()


def test_the_operator_ends_a_seat(city: stage.City, enter: Enter) -> None:
    seat, guard = seated(city), enter(desk.hire("made-up guard", "security_admin"), "en")
    with tried("POST till-end"):
        assert guard.post("/operator/tills/end", {"till": seat.pk}).status_code == 302
    assert not User.objects.get(pk=seat.user_id).is_active


def seated(city: stage.City) -> Till:
    seat, token = tills.invite(city.cafe, "1", stage.AT_TILL)
    tills.take(token)
    return Till.objects.get(pk=seat.pk)


# --- what a party is told of a person -----------------------------------------------------------------------------------
def test_a_person_lets_a_party_be_told_and_takes_it_back(city: stage.City, enter: Enter) -> None:
    browser, path = enter(city.person.user, "en"), f"/authorisations/asked/{asked(city)}"
    with tried("POST disclosure-agree"):
        assert (
            browser.post(f"{path}/agree", {"notice": consents.current("sharing").version}).status_code == 302
        )
    (given,) = disclosing.of(city.person.pk)
    assert given.withdrawn_at is None
    with tried("POST disclosure-withdraw"):
        assert browser.post(f"{path}/withdraw").status_code == 302
    (given,) = disclosing.of(city.person.pk)
    assert given.withdrawn_at is not None


def asked(city: stage.City) -> UUID:
    """A granted request of the partner's about people, which nobody agreed to yet."""
    month = clock.today().replace(day=1)
    made = sharing.ask(city.partner.pk, purpose="补贴", ground="本人同意", about="people", contact="ask@example.org",
                       behaviours=[], fields=["month", "acts"], from_month=month, to_month=month,
                       until=clock.today() + timedelta(days=60), known=catalogue().methods)  # fmt: skip
    desk.decide("sharing.answer", request=str(made.id), granted=True)
    return made.id


def test_a_person_ends_the_tokens_of_an_app(city: stage.City, enter: Enter, key: None) -> None:
    app, browser = App(city.partner), enter(city.person.user, "en")
    assert app.exchange(told(agree(browser, app))["code"]).status_code == 200
    with tried("POST tokens-end"):
        assert browser.post(f"/authorisations/{city.partner.code}/tokens").status_code == 302
    assert not Token.objects.exists()


# --- sessions, and how one signs in -------------------------------------------------------------------------------------
def signed_in(city: stage.City, enter: Enter) -> None:
    assert enter(city.person.user).get("/security").status_code == 200


def test_a_security_administrator_ends_the_sessions_of_an_account(city: stage.City, enter: Enter) -> None:
    signed_in(city, enter)
    guard = enter(desk.staffed()["security_admin"], "en")
    with tried("POST sessions-end"):
        sent = {"account": city.person.pseudonym, "why": "stolen"}
        assert guard.post("/operator/sessions/end", sent).status_code == 302
    assert queries.sessions(city.person.user) == []
    assert Notice.objects.filter(user=city.person.user, kind="sign-in.ended").count() == 1


def test_so_does_the_command(city: stage.City, enter: Enter, here: Path) -> None:
    signed_in(city, enter)
    shell.signed_in("security_admin")
    with tried("abate staff end-sessions"):
        made = shell.run(staff, "end-sessions", city.person.pseudonym, "--why", "stolen")
    assert json.loads(made.stdout)["ended"] == 1 and queries.sessions(city.person.user) == []


def test_somebody_is_always_asked_for_the_second_factor_and_not_any_more(
    city: stage.City, enter: Enter
) -> None:
    """With codes of recovery, which come with it where there are none; whoever has some keeps them."""
    user: Any = city.person.user
    browser = enter(user, "en")
    set_up_app(browser)
    with tried("POST security-always"):
        assert browser.post("/security/always", {"on": "yes"}).status_code == 200
    assert "recovery_codes" in {one.kind for one in factors.factors(user)}
    with tried("POST security-always"):
        assert browser.post("/security/always", {"on": "no"}).status_code == 302
    assert not User.objects.get(pk=user.pk).always_second
