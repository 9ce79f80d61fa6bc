"""A page that is left open shows nothing any more once its session is over, also without a connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.browser.conftest import Visitor
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.browser, pytest.mark.clause("P-8.4-a", "P-8.4-b")]


def shown(window: Visitor) -> str:
    """All that stands in the page: words, what was typed, title and address."""
    return str(window.page.evaluate(
        "document.title + document.documentElement.outerHTML + [...document.querySelectorAll('input')].map(one => one.value)"
    ))  # fmt: skip


@pytest.mark.parametrize(("who", "path", "minutes"), [("person", "/privacy", 60), ("clerk", "/operator", 15)])
def test_a_page_clears_itself_when_its_session_is_over(
    city: stage.City, visit: Callable[..., Visitor], who: str, path: str, minutes: int
) -> None:
    user: User = city.person.user if who == "person" else desk.hire("made-up clerk", "query")
    window = visit(language="en-GB")
    window.page.clock.install()
    window.sign_in(user)
    assert window.go(path) == 200
    words = window.page.locator("main").inner_text()
    assert len(words) > 100
    window.page.context.set_offline(True)
    # A minute of doubt: a use is written down no more often.
    window.page.clock.fast_forward((minutes - 2) * 60_000)
    assert window.page.locator("main").inner_text() == words
    window.page.clock.fast_forward(121_000)
    window.page.get_by_role("heading", name="This page was cleared").wait_for()
    left = shown(window)
    assert not [line for line in words.splitlines() if len(line.strip()) > 12 and line.strip() in left]
    assert window.page.locator("form, nav, header").count() == 0
    assert window.page.title() == "Cleared · Abate"
    window.page.context.set_offline(False)


def test_every_other_page_clears_itself_at_once_when_one_signs_out(
    city: stage.City, visit: Callable[..., Visitor]
) -> None:
    window, others = visit(language="en-GB"), visit(language="en-GB")
    window.sign_in(city.person.user)
    others.sign_in(city.stranger.user)
    assert window.go("/privacy") == 200 and others.go("/privacy") == 200
    second, third = (window.page.context.new_page() for _ in range(2))
    for page, path in ((second, "/privacy"), (third, "/feed")):
        page.goto(window.address + path)
        page.locator("form[action='/sign-out']").wait_for()
    words = second.locator("main").inner_text()
    window.page.locator("form[action='/sign-out'] button").click()
    for page in (second, third):
        page.get_by_role("heading", name="This page was cleared").wait_for()
        assert page.locator("form, nav, header").count() == 0
    left = second.content()
    assert not [line for line in words.splitlines() if len(line.strip()) > 12 and line.strip() in left]
    assert others.page.get_by_role("heading", name="Privacy centre").count() == 1, (
        "in another browser nothing changes"
    )
    assert not window.complaints + others.complaints
    # Signed in anew, by whomever, pages stay: what was taken away is had again.
    window.sign_in(city.stranger.user)
    assert window.go("/privacy") == 200
    assert window.page.get_by_role("heading", name="Privacy centre").count() == 1
