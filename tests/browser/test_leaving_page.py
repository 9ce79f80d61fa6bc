"""Leaving while a duty keeps the records: the reason and the day stand on the page before and after, and at sign-in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from tests.browser.test_every_page import look
from tests.browser.test_main_path import sent_code
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.people.models import Person

pytestmark = [pytest.mark.browser, pytest.mark.platform]


@pytest.mark.clause("P-8.4-b")
@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (1440, "en-GB")])
def test_told_why_and_until_when(
    city: stage.City, visit, shots: str | None, width: int, language: str
) -> None:
    until = clock.today() + timedelta(days=90)
    event = stage.meeting(city.partner, city.person, "kept", clock.now() - timedelta(hours=1))
    assert stage.send(city.partner, [event])[0].outcome.text == "credited"
    desk.decide(
        "duty.add",
        behaviour="online-meeting",
        first_day=str(clock.today() - timedelta(days=2)),
        last_day=str(clock.today()),
        keep_until=str(until),
        ground_zh="计入期核证尚未完成",
        ground_en="the crediting period is still to be verified",
    )
    window, tag = visit(width, language, scripts=False), f"{width}-{language}"
    page = window.page
    window.sign_in(city.person.user)
    window.go("/privacy/leave")
    assert str(until) in page.locator("main").inner_text()
    look(window, f"{tag}-leave-kept", shots)
    page.check("input[name=sure]")
    with page.expect_navigation():
        page.locator("main form .danger").click()
    assert str(until) in page.locator("main").inner_text()
    look(window, f"{tag}-left-kept", shots)
    assert Person.objects.get(pk=city.person.pk).status == "frozen"

    window.go("/sign-in")
    page.fill("#contact", city.contact)
    page.keyboard.press("Enter")
    page.wait_for_selector("#code")
    page.fill("#code", sent_code(Path(settings.ABATE_DATA_DIR) / "messages.jsonl"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#code-error")
    assert str(until) in page.locator("#code-error").inner_text()
    look(window, f"{tag}-sign-in-frozen", shots)
    assert [one for one in window.complaints if "status of 409" not in one] == []
