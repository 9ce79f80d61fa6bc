"""The reviewers' queue, a case and the person's page about it, in every state, on a phone and on a desk, in both languages."""

from __future__ import annotations

import pytest
from tests.browser.test_every_page import Everywhere, look
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.anomalies import actions, queries
from abate.platform.anomalies.queries import Filter

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow, pytest.mark.clause("P-7.3.3.3-b")]


def test_a_case_from_the_queue_to_the_appeal(city, visit, shots, settings) -> None:
    stage.book_every_outcome(city.partner, city.person)
    settings.ABATE_OPERATOR_PACK = "demo"
    desk.decide("basis.adopt")
    first, second, third = (desk.hire(f"made-up reviewer {n}", "entry") for n in range(3))
    everywhere = Everywhere(visit, shots, clerk=first, other=second, person=city.person.user, last=third)
    every = everywhere.look
    every("clerk", "/operator/anomalies?grade=strong", "anomalies-empty")
    actions.sweep()
    found = {one.group.rpartition(":")[2]: one.id for one in queries.cases(Filter(rule="one-trip-at-a-time"))}
    assert set(found) == {"ride-1", "ride-2"}
    one, why = found["ride-1"], f"/why?party={city.partner.pk}&event=ride-1"
    every("clerk", "/operator/anomalies", "anomalies")
    every("clerk", f"/operator/anomalies/{one}", "anomaly-open")
    every("person", why, "why-open")
    clerk, other, phone, last = everywhere.phones()
    clerk.go(f"/operator/anomalies/{one}")
    clerk.page.fill("#reason", "two trips at one time")
    clerk.page.get_by_role("button", name="Propose to confirm").click()
    every("other", f"/operator/anomalies/{one}", "anomaly-proposed")
    every("person", why, "why-proposed")
    other.go(f"/operator/anomalies/{one}")
    other.page.fill("#reason", "two trips indeed")
    other.page.get_by_role("button", name="Confirm, and take it back").click()
    assert "taken back" in other.page.locator("#evidence + ul").inner_text()
    every("person", why, "why-confirmed")
    phone.go(why)
    phone.page.get_by_label("Appeal: what is wrong with it?").fill("My clock was wrong.")
    phone.page.get_by_role("button", name="Appeal").click()
    assert "waits for the decision of another reviewer" in phone.page.locator("main").inner_text()
    # The first reviewer may not, and is told so with the other case that was already ticked.
    clerk.go("/operator/anomalies")
    for box in clerk.page.locator("input[name=case]").all():
        box.check()
    clerk.page.fill("#reason", "again")
    clerk.page.get_by_role("button", name="Appeal: overturn, book again").click()
    look(clerk, "360-en-anomalies-refused", shots)
    assert "decided by somebody else" in clerk.page.locator("main").inner_text()
    every("last", f"/operator/anomalies/{one}", "anomaly-appealed")
    last.go(f"/operator/anomalies/{one}")
    last.page.fill("#reason", "the clock was wrong")
    last.page.get_by_role("button", name="Overturn, and book it again").click()
    assert "booked again" in last.page.locator("#evidence + ul").inner_text()
    every("person", why, "why-overturned")
    every("clerk", "/operator", "operator-anomalies")
    assert everywhere.complaints() == []
