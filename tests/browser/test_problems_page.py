"""The list of refusals, from which each leads to its page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from tests.browser import looks

pytestmark = [pytest.mark.browser, pytest.mark.platform]


def test_each_refusal_of_the_list_can_be_hit_with_a_thumb(chromium: Browser, address: str) -> None:
    page = chromium.new_page(viewport={"width": 360, "height": 740})
    page.goto(f"{address}/problems")
    assert page.locator("main li a").count() > 50
    assert not looks.small(page) and not looks.overflow(page)
    page.close()
