"""A partner's list of its own events, and the correction of an identity: on a phone and on a desk, full, empty and refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.browser.conftest import Visitor
from tests.browser.test_every_page import LANGUAGES, look
from tests.platform.web import city as stage

from abate.platform.parties import actions as parties
from abate.platform.review import actions as review

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow]


@pytest.mark.clause("P-6.2")
def test_events_and_corrections_fit_every_window(
    city: stage.City, visit: Callable[..., Visitor], shots: str | None
) -> None:
    stage.book_every_outcome(city.partner, city.person)
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "x" * 128, stage.clock.now())])
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.partner, "partner")
    windows: list[Visitor] = []

    def opened(width: int, locale: str, user: object) -> Visitor:
        windows.append(visit(width, locale, "light"))
        windows[-1].sign_in(user)
        return windows[-1]

    for width in (360, 1440):
        for language, locale in LANGUAGES.items():
            window = opened(width, locale, keeper)
            for query, status, name in (
                ("", 200, "full"),
                ("?outcome=quarantined", 200, "empty"),
                ("?from=x", 422, "refused"),
            ):
                assert window.go(f"/partner/events{query}") == status
                look(window, f"{width}-{language}-events-{name}", shots)
            assert window.go("/partner") == 200
            look(window, f"{width}-{language}-partner", shots)
            window = opened(width, locale, city.person.user)
            assert window.go("/privacy") == 200
            window.page.locator("details").evaluate_all("all => all.forEach(one => (one.open = true))")
            look(window, f"{width}-{language}-privacy", shots)
    assert [
        one for each in windows for one in each.complaints if "the server responded with" not in one
    ] == []
