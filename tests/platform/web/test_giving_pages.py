"""Giving credits on the pages: looked at first, confirmed freshly, and neither side learns who the other is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.demo import desk
from abate.platform.ledger import queries as ledger
from abate.platform.people.models import Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-6.5")]
CODE = re.compile(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){2}")
ORDER = re.compile(r'name="order_id" value="([0-9a-f-]{36})"')


def held(*persons: Person) -> list[int]:
    return [ledger.balance(one.pk).credits for one in persons]


def test_from_the_code_to_both_accounts(city: stage.City, enter: Any) -> None:
    desk.adjust(city.person.pk, 50, "opening")
    giver, taker = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    assert 'href="/giving"' in giver.get("/").content.decode()
    (code,) = set(CODE.findall(taker.post("/giving/receive").content.decode()))
    assert code not in taker.get("/giving").content.decode(), "shown once"
    page = giver.post("/giving/look", {"code": code, "credits": "20"}).content.decode()
    assert "You give" in page and "Left after this" in page and held(city.person, city.stranger) == [50, 0]
    given = {"code": code, "credits": "20", "order_id": ORDER.findall(page)[0]}
    first, again = giver.post("/giving/confirm", given), giver.post("/giving/confirm", given)
    assert first.status_code == 302 and first["Location"] == again["Location"], "pressed twice it is one gift"
    assert held(city.person, city.stranger) == [30, 20]
    shown = giver.get(first["Location"]).content.decode() + taker.get("/entries").content.decode()
    assert "Credits transferred" in shown
    for other in (city.person, city.stranger):
        assert other.pseudonym not in shown
    used = giver.post("/giving/look", {"code": code, "credits": "5"})
    assert used.status_code == 404 and "used, or has expired" in used.content.decode()


def test_what_cannot_be_given_is_said_at_its_field_and_kept(city: stage.City, enter: Any) -> None:
    desk.adjust(city.person.pk, 50, "opening")
    giver, taker = enter(city.person.user, "en"), enter(city.stranger.user, "zh-hans")
    (code,) = set(CODE.findall(taker.post("/giving/receive").content.decode()))
    for credits in ("", "0", "-1", "1.5", "9" * 19, "二十", "1e3"):
        answer = giver.post("/giving/look", {"code": code, "credits": credits})
        page = answer.content.decode()
        assert answer.status_code == 422 and 'id="credits-error"' in page and f'value="{code}"' in page
    short = giver.post("/giving/look", {"code": code, "credits": "51"}).content.decode()
    assert "You need 1 more credits" in short and "order_id" not in short
    assert giver.post("/giving/confirm", {"code": code, "credits": "5", "order_id": "x"}).status_code == 200
    own = taker.post("/giving/look", {"code": code, "credits": "5"})
    assert own.status_code == 422 and "不能向自己的账户转出积分" in own.content.decode()
    wrong = giver.post("/giving/look", {"code": "<b>", "credits": "5"})
    assert wrong.status_code == 404 and "<b>" not in wrong.content.decode()
    assert held(city.person, city.stranger) == [50, 0]


def test_where_the_operator_does_not_let_people_give_there_is_no_door(
    city: stage.City, enter: Any, settings: Any
) -> None:
    desk.adjust(city.person.pk, 50, "opening")
    giver, taker = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    (code,) = set(CODE.findall(taker.post("/giving/receive").content.decode()))
    page = giver.post("/giving/look", {"code": code, "credits": "20"}).content.decode()
    given = {"code": code, "credits": "20", "order_id": ORDER.findall(page)[0]}
    settings.ABATE_PEOPLE_MAY = []
    assert 'href="/giving"' not in giver.get("/").content.decode()
    for answer in (
        giver.get("/giving"),
        giver.post("/giving/look", given),
        giver.post("/giving/confirm", given),
        taker.post("/giving/receive"),
    ):
        assert answer.status_code == 403 and "does not offer that" in answer.content.decode()
    offer = giver.get(f"/offers/{city.offer}").content.decode()
    assert "does not offer redeeming now" in offer and 'name="order_id"' not in offer
    assert giver.post(f"/offers/{city.offer}/redeem", {"order_id": given["order_id"]}).status_code == 403
    assert held(city.person, city.stranger) == [50, 0]
