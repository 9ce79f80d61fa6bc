"""The console's alarms and a person's change of contact, in every state, on a phone and on a desk, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.test_every_page import Everywhere, look
from tests.platform.people.conftest import sent  # noqa: F401 (a fixture)
from tests.platform.people.townspeople import code_in

from abate.demo import desk
from abate.platform.config import alarming
from abate.platform.doors import clock
from abate.platform.people import queries
from abate.platform.people.models import Recovery
from abate.platform.signin import actions as signin
from abate.platform.signin.errors import SignInRefused

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow]


def test_alarms_and_contacts(city, visit, shots, sent) -> None:  # noqa: F811
    guarded, person = desk.staffed()["security_admin"], city.person
    everywhere = Everywhere(visit, shots, guard=guarded, person=person.user)
    every = everywhere.look
    every("guard", "/operator/alarms", "alarms-empty")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            signin.check_password(guarded.handle, "not the password", "192.0.2.7")
    alarming.look()
    every("guard", "/operator/alarms", "alarms-open")
    with clock.frozen(clock.now() + timedelta(hours=1)):
        alarming.look()
    every("guard", "/operator/alarms", "alarms-over")

    every("person", "/privacy", "privacy-contacts")
    every("person", "/privacy/contact", "contact")
    _, phone = everywhere.phones()
    phone.go("/privacy/contact")
    phone.page.fill("#contact", "nobody")
    phone.page.locator("main form .button").first.click()
    look(phone, "360-en-contact-refused", shots)
    phone.page.fill("#contact", "new@example.org")
    phone.page.locator("main form .button").first.click()
    phone.page.wait_for_selector("#code")
    look(phone, "360-en-contact-code", shots)
    phone.page.fill("#code", code_in(sent()[-1]))
    phone.page.locator("main form .button").first.click()
    phone.page.wait_for_url("**/privacy")
    look(phone, "360-en-contact-changed", shots)
    assert [kind for kind, _ in queries.own_contacts(type(person).objects.get(pk=person.pk))] == ["email"]
    # A recovery goes on: nothing is changed until it is stopped, and the page leads there.
    now, reach = clock.now(), {"contact_hmac": b"made up", "contact_enc": b""}
    Recovery.objects.create(person=person, identity_hmac=b"made up", name_hmac=b"", code_enc=b"", how="identity", asked_at=now,
                            looked_at=now, ready_at=now + timedelta(days=3), until=now + timedelta(days=17), **reach)  # fmt: skip
    every("person", "/security", "security-recovery")
    every("person", "/privacy/contact", "contact-recovery")
    every("person", "/sign-in/lost", "lost")
    phone.go("/privacy/contact")
    assert phone.page.locator("#contact").count() == 0
    phone.page.get_by_role("link", name="Stop it").click()
    look(phone, "360-en-recovery-stop", shots)
    phone.page.locator("main form .button").first.click()
    look(phone, "360-en-recovery-stopped", shots)
    phone.go("/privacy/contact")
    assert phone.page.locator("#contact").count() == 1
    assert everywhere.complaints() == []
