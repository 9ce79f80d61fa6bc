"""The queue, a proposal and the person's page about it, in every state, on a phone and on a desk, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.test_every_page import Everywhere
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow, pytest.mark.clause("P-6.1-e")]


def test_from_the_rule_to_the_decision(city, visit, shots) -> None:
    clerk, checker = desk.hire("made-up clerk", "entry"), desk.hire("made-up second", "check")
    everywhere = Everywhere(visit, shots, clerk=clerk, checker=checker, person=city.person.user)
    every = everywhere.look
    every("clerk", "/operator/quarantine", "quarantine-empty")
    today = clock.today()
    desk.decide("quarantine.rule", rule="new-partner", party=city.partner.code, cause="probation", reason_zh="示例：试用期",
                reason_en="made up: on probation", told_zh="示例：" + "这段时间的记录先核对再计入，" * 8,
                told_en="made up: " + "looked-at-first-" * 8, valid_from=today.isoformat(),
                valid_until=(today + timedelta(days=7)).isoformat())  # fmt: skip
    found = stage.send(
        city.partner, [stage.meeting(city.partner, city.person, f"held-{n}", clock.now()) for n in range(3)]
    )
    assert {one.outcome for one in found} == {Outcome.QUARANTINED}
    every("clerk", "/operator/quarantine", "quarantine")
    why = f"/why?party={city.partner.pk}&event=held-"
    every("person", why + "0", "why-held")
    every("person", "/feed", "feed-held")
    one, other, phone = everywhere.phones()
    one.go("/operator/quarantine")
    one.page.locator("input[name=record]").first.check()
    one.page.fill("#reason", "not what was agreed")
    one.page.get_by_role("button", name="Propose to dismiss").click()
    first = one.page.url.rpartition("/")[2]
    other.go(f"/operator/quarantine/{first}")
    other.page.fill("#reason", "not so fast")
    other.page.get_by_role("button", name="Refuse").click()
    every("clerk", f"/operator/quarantine/{first}", "quarantine-refused")
    one.go("/operator/quarantine")
    one.page.locator("input[name=record]").first.check()
    one.page.fill("#reason", "not what was agreed")
    one.page.get_by_role("button", name="Propose to dismiss").click()
    first = one.page.url.rpartition("/")[2]
    every("person", why + "2", "why-proposed")
    one.go("/operator/quarantine?rule=new-partner")
    one.page.get_by_label("All that wait under this filter").check()
    one.page.fill("#reason", "looked at")
    one.page.get_by_role("button", name="Propose to release").click()
    second = one.page.url.rpartition("/")[2]
    assert one.page.get_by_role("button", name="Accept and carry out").count() == 0
    every("checker", "/operator/quarantine", "quarantine-proposed")
    every("checker", f"/operator/quarantine/{second}", "quarantine-proposal")
    for number in (first, second):
        other.go(f"/operator/quarantine/{number}")
        other.page.fill("#reason", "seen")
        other.page.get_by_role("button", name="Accept and carry out").click()
    assert other.page.get_by_text("booked", exact=True).count() == 2
    every("clerk", f"/operator/quarantine/{first}", "quarantine-dismissed")
    every("clerk", "/operator/quarantine?all=1", "quarantine-decided")
    every("person", why + "2", "why-dismissed")
    every("person", why + "0", "why-released")
    phone.go("/feed")
    assert "Under review" not in phone.page.locator("main").inner_text()
    every("clerk", "/operator", "operator-quarantine")
    assert everywhere.complaints() == []
