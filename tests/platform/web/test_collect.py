"""What waits is shown as waiting, collected by a tap on the page or over the interface, and stands in the statement."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.platform.web import city as stage
from tests.platform.web.conftest import BACKEND

from abate.platform.credits import actions as credits
from abate.platform.doors import clock

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def waiting(city: stage.City) -> int:
    """Credits of the city's person that wait to be collected."""
    today = clock.today()
    with clock.frozen(clock.now() - timedelta(days=2)):
        credits.add_rule(today, ("七日内领取", "Collect within seven days"), claim_days=7)
    return sum(result.credits for result in stage.book_every_outcome(city.partner, city.person))


def test_a_tap_on_the_page_collects_what_waits(city: stage.City, enter, waiting: int) -> None:
    browser, before = enter(city.person.user), enter(city.person.user).get("/").content.decode()
    assert "待领取" in before and f"{waiting:,}" in before
    assert "待领取积分" in browser.get("/entries").content.decode()
    day = clock.today().isoformat()
    assert browser.post("/collect", {"came_on": "2020-01-01"}).status_code == 409
    assert browser.post("/collect", {"came_on": "today"}).status_code == 404
    assert browser.post("/collect", {"came_on": day}).status_code == 302
    after = browser.get("/entries").content.decode()
    assert "待领取" not in after and "积分领取" in after
    assert browser.post("/collect").status_code == 409, "tapped again"
    assert "待领取" not in enter(city.stranger.user).get("/").content.decode()


def test_the_interface_collects_with_the_pages_token(city: stage.City, enter, waiting: int) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(city.person.user, backend=BACKEND)
    assert careful.post("/v1/me/collect").json()["code"] == "csrf-token"
    assert Client().post("/v1/me/collect").status_code == 401
    browser = enter(city.person.user, "en")
    account = browser.get("/v1/me/account").json()
    assert (account["free"], account["credits"]) == (0, waiting)
    assert [(lot["origin"], lot["credits"]) for lot in account["uncollected"]] == [("uncollected", waiting)]
    made = browser.post("/v1/me/collect")
    assert made.status_code == 200 and made.json()["kind"] == "collect"
    account = browser.get("/v1/me/account").json()
    assert (account["free"], account["uncollected"]) == (waiting, [])
    again = browser.post("/v1/me/collect")
    assert (again.status_code, again.json()["code"]) == (409, "nothing-to-collect")
    statement = browser.get(f"/v1/me/account/at?moment={clock.now().isoformat().replace('+', '%2B')}").json()
    assert [lot["origin"] for lot in statement["lots"]] == ["collect"]
