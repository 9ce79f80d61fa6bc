"""While an acceptor takes part in nothing its offers and codes say so, to who would order and who would go there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from tests.platform.web import city as stage
from tests.platform.web.test_tills import voucher

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.incentives import queries as codes
from abate.platform.incentives.errors import CodeExpired, OfferEnded, OfferPaused
from abate.platform.ledger import queries as ledger

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-7.5.3-1", "P-6.3")]
Enter = Callable[..., Client]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_offer_of_a_suspended_acceptor_has_not_ended(
    city: stage.City, enter: Enter, language: str
) -> None:
    text, browser = voucher(city), enter(city.person.user, language)
    (held,) = codes.my_codes(city.person)
    here = f"/codes/{held.id}"
    assert held.text == text and 'id="away"' not in browser.get(here).content.decode()
    before = ledger.balance(city.person.pk).credits
    desk.decide("party.suspend", code=city.cafe.code)
    with pytest.raises(OfferPaused):
        incentives.redeem(city.person, city.offer, uuid4())
    assert 'id="away"' in browser.get(here).content.decode(), "nobody goes there for nothing"
    paused = {"zh": "提供方目前暂停接入", "en": "does not take part for now"}[language]
    assert paused in browser.get(f"/offers/{city.offer}").content.decode()
    desk.decide("party.resume", code=city.cafe.code)
    assert ledger.balance(city.person.pk).credits == before
    assert 'id="away"' not in browser.get(here).content.decode()
    assert incentives.redeem(city.person, city.offer, uuid4()).state == "active"


def test_an_ended_offer_of_a_suspended_acceptor_has_ended(city: stage.City) -> None:
    desk.adjust(city.person.pk, 3_000, "opening")
    desk.decide("party.suspend", code=city.cafe.code)
    desk.decide("offer.end", offer=str(city.offer))
    with pytest.raises(OfferEnded):
        incentives.redeem(city.person, city.offer, uuid4())


def test_whose_code_expired_is_told_that_nothing_comes_back(city: stage.City, enter: Enter) -> None:
    """The till said that the credits had gone back: they had not, and nothing gives them back."""
    text = voucher(city)
    before, (held,) = ledger.balance(city.person.pk).credits, codes.my_codes(city.person)
    asked = enter(city.person.user, "en").get(f"/offers/{city.offer}").content.decode()
    assert "they do not come back" in asked, "said before the credits are spent"
    with clock.frozen(held.expires_at + timedelta(days=1)), pytest.raises(CodeExpired) as refused:
        incentives.burn(city.cashier, text)
    assert ledger.balance(city.person.pk).credits == before
    assert "do not come back" in refused.value.why_en and "不退回" in refused.value.why_zh


def test_who_forgot_the_reason_sees_where_it_goes(city: stage.City, enter: Enter) -> None:
    till, text = enter(city.cashier, "en"), voucher(city)
    assert "<details open" not in till.get("/acceptor").content.decode()
    refused = till.post("/acceptor", {"code": text, "step": "back", "reason": ""})
    assert refused.status_code == 422 and "<details open" in refused.content.decode()
    given = till.post("/acceptor", {"code": text, "step": "back", "reason": "sold out"})
    assert given.status_code == 200 and "<details open" not in given.content.decode()
