"""The operator's list of keys, empty, full and refused, on a phone and on a desk, in both languages; and revoking one."""

from __future__ import annotations

import pytest
from tests.browser.test_every_page import Everywhere, look
from tests.platform.parties.test_revoking import one_of_each

from abate.demo import desk
from abate.platform.parties import actions, queries
from abate.platform.review import proposing

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow, pytest.mark.clause("P-6.1-b")]


def test_from_the_empty_list_to_a_key_that_is_revoked(city, visit, shots) -> None:
    clerk, guard = desk.hire("made-up clerk", "entry"), desk.hire("made-up guard", "security_admin")
    everywhere = Everywhere(visit, shots, clerk=clerk, guard=guard)
    every = everywhere.look
    every("clerk", "/operator/keys?party=nobody&state=lapsed", "keys-empty")
    found = one_of_each(city.partner)
    key, _ = actions.issue_client(
        city.cafe, label="the-name-of-a-server-" * 3, addresses=["192.0.2.0/24", "2001:db8:85a3:8d3::/64"]
    )
    proposing.propose(clerk, "party.rotate", {"client_id": key, "overlap_hours": 24}, "made up")
    proposing.propose(clerk, "party.client", {"code": city.cafe.code}, "made up")
    every("clerk", "/operator/keys", "keys")
    every("guard", "/operator/keys", "keys-guard")
    every("guard", "/operator/sessions", "sessions")
    every("clerk", "/operator", "operator-keys")
    wide, phone = everywhere.windows[1440, "zh", "clerk"], everywhere.windows[360, "en", "guard"]
    for window, name in ((wide, "1440-zh"), (phone, "360-en")):
        window.go("/operator/keys")
        window.page.locator("details summary").first.click()
        look(window, f"{name}-keys-act", shots)
    assert phone.go("/operator/proposals") == 200
    phone.page.get_by_role("link", name="Keys", exact=True).click()
    phone.page.select_option("#state", "live")
    phone.page.get_by_role("button", name="Show").click()
    assert phone.page.get_by_text(found["expired"]).count() == 0
    phone.page.locator("details summary").first.click()
    shown = phone.page.locator("input[name=key]").first.get_attribute("value")
    phone.page.locator("input[name=why]").first.fill("stolen, by its party's own word")
    phone.page.get_by_role("button", name="Revoke at once").first.click()
    phone.page.get_by_text("refused from this moment").wait_for()
    assert [one.state for one in queries.keys_of_all(limit=99) if one.client_id == shown] == ["revoked"]
    every("guard", "/operator/keys?state=revoked", "keys-revoked")
    assert everywhere.complaints() == []
