"""The page of the family in both languages, on a phone and on a desk: empty, refused, and looking after a child."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.test_every_page import look
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.people import children, groups, identity

pytestmark = [pytest.mark.browser, pytest.mark.platform]


@pytest.mark.clause("P-8.4-b")
@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [(360, "zh-CN", "light"), (1440, "en-GB", "light"), (360, "en-GB", "dark")],
)
def test_a_guardian_opens_looks_after_and_comes_back(
    city: stage.City, visit, shots: str | None, width: int, language: str, scheme: str
) -> None:
    window, tag = visit(width, language, scheme, scripts=False), f"{width}-{language}-{scheme}"
    page = window.page
    window.sign_in(city.person.user)
    assert window.go("/family") == 200
    look(window, f"{tag}-family-empty", shots)

    born = clock.today() - timedelta(days=4000)
    number = identity.made_up_number(born, 1)
    for typed, name in ((number[:-1], "family-refused"), (number, "family")):
        page.fill("#name", "Child One")
        page.fill("#number", typed)
        page.check("input[value=parent]")
        for tick in page.locator("input[name=purpose]").all():
            tick.check()
        with page.expect_navigation():
            page.locator("main form.card button").click()
        look(window, f"{tag}-{name}", shots)
        assert page.locator("main .note-box.bad").count() == (typed != number)
        # A refused number is typed again, and never sent back into the page.
        assert typed not in page.content()
        window.complaints = [one for one in window.complaints if "status of 422" not in one]
    (child,) = children.of(city.person.pk)
    assert child.name == "Child One"

    with page.expect_navigation():
        page.locator("form[action$='/enter'] button").click()
    for path, name in (("/", "home"), ("/authorisations", "authorisations"), ("/privacy", "privacy")):
        assert window.go(path) == 200
        assert "Child One" in page.locator(".acting").inner_text()
        look(window, f"{tag}-child-{name}", shots)
    window.go("/privacy/leave")
    look(window, f"{tag}-child-leave", shots)
    with page.expect_navigation():
        page.locator(".acting button").click()
    assert page.locator(".acting").count() == 0 and page.url.endswith("/family")
    window.go("/privacy/leave")
    look(window, f"{tag}-guardian-leave", shots)
    assert window.complaints == []


@pytest.mark.clause("P-8.4-b")
@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (1440, "en-GB")])
def test_household_and_organisation(
    city: stage.City, visit, shots: str | None, width: int, language: str
) -> None:
    window, tag = visit(width, language, scripts=False), f"{width}-{language}"
    page = window.page
    company = desk.create_party("works", "enterprise", "示例企业", "Sample works", [], made_up=True)
    window.sign_in(city.person.user)
    assert window.go("/groups") == 200
    look(window, f"{tag}-groups-empty", shots)
    page.fill("#code", "2222-2222-2222")
    with page.expect_navigation():
        page.locator("form[action='/groups/join'] button").click()
    look(window, f"{tag}-groups-refused", shots)
    window.complaints = [one for one in window.complaints if "status of 404" not in one]
    for code, name in (
        (groups.invite(city.stranger)[0], "household"),
        (groups.invite_to_organisation(company, 5)[0], "organisation"),
    ):
        page.fill("#code", code)
        with page.expect_navigation():
            page.locator("form[action='/groups/join'] button").last.click()
        look(window, f"{tag}-groups-{name}", shots)
        page.check("input[name=agree]")
        with page.expect_navigation():
            page.locator("form[action='/groups/join'] button").first.click()
    assert page.locator("form[action$='/leave']").count() == 2
    with page.expect_navigation():
        page.locator("form[action='/groups/invite'] button").click()
    look(window, f"{tag}-groups", shots)

    keeper = desk.hire("made-up keeper", "query")
    desk.add_member(keeper, company, "partner")
    window = visit(width, language, scripts=False)
    window.sign_in(keeper)
    window.go("/partner")
    look(window, f"{tag}-partner-members", shots)
    assert window.complaints == []
