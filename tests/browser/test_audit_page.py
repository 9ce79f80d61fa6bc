"""The audit trail on a phone: a page of it is short, says roles in the reader's language, and goes on where it ended."""

from __future__ import annotations

import re

import pytest
from tests.browser.test_every_page import look
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.review import audit
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.clause("P-8.4-c")]
SCREEN, MOST = 800, 6


def test_the_trail_is_read_on_a_phone_page_by_page_and_nothing_is_left_out(
    city: stage.City, visit, shots: str | None
) -> None:
    people = desk.staffed()
    for n in range(60):
        audit.note("sample.row", f"s-{n:03}", n=n, why="a detail of some length, as rows have")
    assert Audit.objects.filter(what="sample.row").count() == 60
    phone = visit(360, "zh-CN", scripts=False)
    phone.sign_in(people["audit_admin"])
    phone.go("/operator/audit")
    look(phone, "360-zh-audit", shots)
    assert phone.page.evaluate("document.documentElement.scrollHeight") <= SCREEN * MOST
    assert "(审计管理员)" in phone.page.inner_text("main") and "(audit_admin)" not in phone.page.inner_text(
        "main"
    )
    seen: list[str] = []
    phone.go("/operator/audit?what=sample.row")
    while True:
        seen += re.findall(r"s-\d{3}", phone.page.inner_text("#list + ul"))
        further = phone.page.locator("main p > a.button", has_text="更多")
        if not further.count():
            break
        further.click()
        phone.page.wait_for_load_state("load")
    assert seen == [f"s-{n:03}" for n in reversed(range(60))]
    assert phone.complaints == []
