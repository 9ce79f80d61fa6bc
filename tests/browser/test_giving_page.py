"""Giving credits in both languages, on a phone and on a desk: empty, refused, looked at, given, and a code to receive."""

from __future__ import annotations

import pytest
from tests.browser.test_every_page import look
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.credits import giving
from abate.platform.ledger import queries as ledger

pytestmark = [pytest.mark.browser, pytest.mark.platform]


@pytest.mark.clause("P-6.5")
@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [(360, "zh-CN", "light"), (1440, "en-GB", "light"), (360, "en-GB", "dark")],
)
def test_gives_by_a_code_and_makes_one(
    city: stage.City, visit, shots: str | None, width: int, language: str, scheme: str
) -> None:
    window, tag = visit(width, language, scheme, scripts=False), f"{width}-{language}-{scheme}"
    page, before = window.page, ledger.balance(city.stranger.pk).credits
    desk.adjust(city.person.pk, 50, "opening")
    code, _ = giving.receive(city.stranger)
    window.sign_in(city.person.user)
    assert window.go("/") == 200
    look(window, f"{tag}-giving-home", shots)
    page.locator("a[href='/giving']").click()
    look(window, f"{tag}-giving", shots)
    for typed, name in (("WRONG", "refused"), (code, "look")):
        page.fill("#credits", "20")
        page.fill("#code", typed)
        with page.expect_navigation():
            page.locator("form[action='/giving/look'] button").click()
        look(window, f"{tag}-giving-{name}", shots)
        window.complaints = [one for one in window.complaints if "status of 404" not in one]
    with page.expect_navigation():
        page.locator("form[action='/giving/confirm'] button").click()
    assert "/entries/" in page.url
    look(window, f"{tag}-giving-given", shots)
    assert ledger.balance(city.stranger.pk).credits == before + 20
    window.go("/giving")
    with page.expect_navigation():
        page.locator("form[action='/giving/receive'] button").click()
    look(window, f"{tag}-giving-code", shots)
    assert window.complaints == []
