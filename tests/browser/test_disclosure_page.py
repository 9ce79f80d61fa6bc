"""What a party asks to be told of a person, in both languages, on a phone and on a desk: asked, agreed to, read, taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.test_every_page import look
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.sharing import actions
from abate.platform.sharing import people as sharing

pytestmark = [pytest.mark.browser, pytest.mark.platform]


@pytest.mark.clause("P-8.5-b", "P-4.3")
@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [
        (360, "zh-CN", "light"),
        (1440, "zh-CN", "light"),
        (1440, "en-GB", "light"),
        (360, "en-GB", "dark"),
        (360, "en-GB", "light"),
    ],
)
def test_a_person_sees_all_of_it_agrees_sees_the_reading_and_withdraws(
    city: stage.City, visit, shots: str | None, width: int, language: str, scheme: str
) -> None:
    # The party's own words are in its own language; here in that of the page, so that what is ours is told apart.
    chinese = language == "zh-CN"
    month = clock.today().replace(day=1)
    asked = actions.ask(
        city.partner.pk,
        purpose="为参加绿色通勤计划的员工核算补贴"
        if chinese
        else "Working out allowances of a green commuting scheme",
        ground="本人单独同意（个人信息保护法第二十三条）"
        if chinese
        else "Separate consent (PIPL article 23)",
        kind="service",
        about="people",
        contact="privacy-officer-of-the-sample-trips-app@partner.example",
        behaviours=["cycling", "online-meeting"],
        fields=["month", "behaviour", "acts", "carbon_mg", "credits"],
        from_month=month,
        to_month=month,
        until=clock.today() + timedelta(days=60),
        known=catalogue().methods,
    )
    desk.decide("sharing.answer", request=str(asked.id), granted=True)
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-1", clock.now())])
    window, tag = visit(width, language, scheme, scripts=False), f"{width}-{language}-{scheme}"
    page = window.page
    window.sign_in(city.person.user)

    def subjects() -> int:
        return sharing.read(city.partner.pk, asked.id, "", 10, "made-up-key").body.count('"subject"')

    assert window.go("/authorisations") == 200
    look(window, f"{tag}-authorisations-asked", shots)
    with page.expect_navigation():
        page.locator("section[aria-labelledby=asked] a.button").click()
    look(window, f"{tag}-disclosure", shots)
    shown = page.locator("main").inner_text()
    for words in (asked.purpose, asked.ground, asked.contact, "示例出行" if chinese else "Sample Trips"):
        assert words in shown
    assert subjects() == 0
    with page.expect_navigation():
        page.locator("form[action$='/agree'] button").click()
    assert page.url.endswith("/authorisations") and subjects() == 1
    look(window, f"{tag}-authorisations-agreed", shots)
    assert window.go("/privacy") == 200
    look(window, f"{tag}-privacy-told", shots)
    assert page.locator("section[aria-labelledby=readings] a").count() == 1
    assert window.go(f"/authorisations/asked/{asked.id}") == 200
    look(window, f"{tag}-disclosure-agreed", shots)
    # One press, as it was given.
    window.go("/authorisations")
    with page.expect_navigation():
        page.locator("section[aria-labelledby=asked] form button").click()
    look(window, f"{tag}-authorisations-withdrawn", shots)
    assert subjects() == 0
    assert window.complaints == []
