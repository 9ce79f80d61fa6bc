"""Today's rate, an act's own, and none: on a person's pages, on a phone and on a desk, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.test_every_page import Everywhere
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.credits.models import Rule
from abate.platform.doors import clock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.platform,
    pytest.mark.slow,
    pytest.mark.clause("P-3.4", "P-7.4"),
]
PAGES = {"home": "/", "feed": "/feed", "entries": "/entries"}


def test_rates_fit_every_window(city, visit, shots) -> None:
    everywhere = Everywhere(visit, shots, person=city.person.user)

    def every(tag: str) -> None:
        for name, path in PAGES.items():
            everywhere.look("person", path, f"{name}-{tag}")

    every("nothing-yet")
    # Set two days ago for yesterday: a rule of today's own past cannot be.
    with clock.frozen(clock.now() - timedelta(days=2)):
        titles = ("每千克 1,000,000 分", "1,000,000 credits a kilogram")
        desk.add_rule(clock.today() + timedelta(days=1), titles, credits_per_kg=1_000_000)
    for name, hours in (("before", 70), ("after", 1)):
        at = clock.now() - timedelta(hours=hours)
        stage.send(city.partner, [stage.meeting(city.partner, city.person, name, at)])
    (phone,) = everywhere.phones()
    phone.go("/feed")
    assert "1,000,000 credits a kilogram" in phone.page.locator("main").inner_text()
    every("two-rates")
    Rule.objects.all().delete()
    every("no-rate")
    assert everywhere.complaints() == []
