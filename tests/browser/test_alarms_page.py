"""The console's alarms and a person's change of contact, in every state, on a phone and on a desk, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.test_every_page import LANGUAGES, SIZES, look
from tests.platform.people.conftest import sent  # noqa: F401 (a fixture)
from tests.platform.people.townspeople import code_in

from abate.demo import desk
from abate.platform.config import alarming
from abate.platform.doors import clock
from abate.platform.people import queries
from abate.platform.signin import actions as signin
from abate.platform.signin.errors import SignInRefused

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow]


def test_alarms_and_contacts(city, visit, shots, sent) -> None:  # noqa: F811
    guarded, person = desk.staffed()["security_admin"], city.person
    windows = {"guard": visit(), "person": visit()}
    windows["guard"].sign_in(guarded)
    windows["person"].sign_in(person.user)

    def every(name: str, path: str, tag: str) -> None:
        """The same window in every size and language."""
        window = windows[name]
        for width, language in SIZES:
            window.page.set_viewport_size({"width": width, "height": 800})
            window.page.set_extra_http_headers({"Accept-Language": LANGUAGES[language]})
            assert window.go(path) == 200
            look(window, f"{width}-{language}-{tag}", shots)

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
    phone = windows["person"]
    phone.page.set_viewport_size({"width": 360, "height": 800})
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
    found = [
        one
        for window in windows.values()
        for one in window.complaints
        if "the server responded with" not in one
    ]
    assert found == []
