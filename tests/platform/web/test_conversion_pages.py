"""The conversion on a person's pages: today's rate, an act's own where a list has several, and that none is in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.demo import desk
from abate.platform.credits.models import Rule
from abate.platform.doors import clock

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-3.4", "P-7.4")]
PAGES = ("/", "/feed", "/entries")
RATE, OWN = "1 kg CO₂e = {} credits", "{} credits a kilogram"


def texts(browser: Any) -> list[str]:
    return [browser.get(path).content.decode() for path in PAGES]


def book(city: stage.City, name: str) -> None:
    act = stage.meeting(city.partner, city.person, name, clock.now() - timedelta(hours=1))
    assert [one.outcome.text for one in stage.send(city.partner, [act])] == ["credited"]


def test_every_page_of_credits_says_the_rate_of_today_in_both_languages(city: stage.City, enter: Any) -> None:
    book(city, "one")
    for text in texts(enter(city.person.user, "en")):
        assert RATE.format("1,000") in text and OWN.format("1,000") not in text, "once, not beside each act"
    for text in texts(enter(city.person.user)):
        assert "1 千克 CO₂e = 1,000 积分" in text


def test_acts_that_earned_at_several_rates_say_each_their_own(city: stage.City, enter: Any) -> None:
    first = clock.today() + timedelta(days=1)
    desk.add_rule(first, ("每千克 333 分", "333 credits a kilogram"), credits_per_kg=333)
    book(city, "before")
    with clock.frozen(clock.now() + timedelta(days=2)):
        browser = enter(city.person.user, "en")
        # All of before: each its own all the same, for today's is another.
        for text in texts(browser):
            assert RATE.format("333") in text and OWN.format("1,000") in text
            assert OWN.format("333") not in text
        book(city, "after")
        for text in texts(browser):
            assert OWN.format("333") in text and OWN.format("1,000") in text
        chinese = enter(city.person.user).get("/feed").content.decode()
        assert "每千克 333 积分" in chinese and "每千克 1,000 积分" in chinese


def test_that_no_rule_is_in_force_is_said_plainly(city: stage.City, enter: Any) -> None:
    Rule.objects.all().delete()
    for text in texts(enter(city.person.user, "en")):
        assert "No conversion rule is in force" in text and "1 kg CO₂e" not in text
    for text in texts(enter(city.person.user)):
        assert "目前没有生效的换算规则" in text
