"""Notices and the way back into an account, on a phone and on a desk, in both languages, empty, full and failing."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings as django_settings
from tests.browser.conftest import Visitor
from tests.browser.test_every_page import look
from tests.browser.test_main_path import sent_code
from tests.platform.web import city as stage

from abate.platform import reaching
from abate.platform.doors import clock, keyring
from abate.platform.notices import actions, queries
from abate.platform.people import identity, recovering
from abate.platform.people.models import Recovery
from abate.platform.signin import factors

pytestmark = [pytest.mark.browser, pytest.mark.platform]


def tell(window: Visitor, city: stage.City, tag: str, shots: str | None, settings: object) -> None:
    """Empty, changed, and with a way that is not set up."""
    page = window.page
    window.sign_in(city.person.user)
    while reaching.carry():
        pass
    assert window.go("/notices") == 200
    look(window, f"{tag}-notices-new", shots)
    with page.expect_navigation():
        page.locator("input[value='award.taken-back phone']").uncheck()
        page.locator("form.card button").last.click()
    actions.write([city.person.user_id], "request.answered")
    actions.write([city.person.user_id], "award.taken-back")
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Mail"
    while reaching.carry():
        pass
    window.go("/notices")
    told = page.inner_text("section[aria-labelledby=log]")
    assert ("该渠道未开通" if tag.startswith("360") else "not set up here") in told
    look(window, f"{tag}-notices-not-set-up", shots)
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Files"


def ask(stranger: Visitor, code: str, tag: str, shots: str | None, sent: Path) -> None:
    """Prove a new contact, be refused with a number that is none, ask with the right one."""
    lost = stranger.page
    assert stranger.go("/sign-in/lost") == 200
    look(stranger, f"{tag}-lost", shots)
    stranger.go("/sign-in")
    lost.fill("#contact", "13900000009")
    lost.keyboard.press("Enter")
    lost.wait_for_selector("#code")
    lost.fill("#code", sent_code(sent))
    lost.keyboard.press("Enter")
    lost.wait_for_selector("#number")
    lost.locator("a[href='/sign-in/lost']").click()
    lost.wait_for_selector("#code")
    look(stranger, f"{tag}-lost-form", shots)
    for number, name in (("1", "lost-refused"), (stage_number(), "lost-asked")):
        lost.fill("#name", "测试甲")
        lost.fill("#number", number)
        lost.fill("#code", code)
        with lost.expect_navigation():
            lost.locator("form.card button").click()
        look(stranger, f"{tag}-{name}", shots)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (1440, "en-GB")])
def test_what_one_is_told_and_the_way_back(
    city: stage.City, visit, shots: str | None, settings, width: int, language: str
) -> None:
    settings.ABATE_DEMO = True
    keyring.ensure_push(Path(django_settings.ABATE_SECRET_FILE))
    sent, tag = Path(django_settings.ABATE_DATA_DIR) / "messages.jsonl", f"{width}-{language}"
    window = visit(width, language)
    page = window.page
    tell(window, city, tag, shots, settings)
    code, *_ = factors.new_recovery_codes(city.person.user)
    stranger = visit(width, language, scripts=False)
    lost = stranger.page
    ask(stranger, code, tag, shots, sent)
    while reaching.carry():
        pass
    window.go("/security")
    look(window, f"{tag}-security-recovery", shots)
    window.page.locator("a[href*='/sign-in/lost/stop/']").click()
    look(window, f"{tag}-stop", shots)

    # Not pressed: a day later the new contact signs in, and the window of before is signed out.
    with clock.frozen(clock.now() + recovering.policy().code + timedelta(minutes=1)):
        stranger.go("/sign-in")
        lost.fill("#contact", "13900000009")
        lost.keyboard.press("Enter")
        lost.wait_for_selector("#code")
        lost.fill("#code", sent_code(sent))
        with lost.expect_navigation():
            lost.keyboard.press("Enter")
        stranger.go("/notices")
        assert "139****0009" in lost.inner_text("section[aria-labelledby=ways]")
    assert Recovery.objects.get(done_at__isnull=False).person_id == city.person.pk
    window.go("/security")
    assert "/sign-in" in page.url
    assert [one for one in [*window.complaints, *stranger.complaints] if "status of 4" not in one] == []


@pytest.mark.slow
def test_a_browser_subscribes_with_a_worker_that_was_registered_just_now(city: stage.City, visit) -> None:
    """The worker is the real one. The subscription stands for a push service's, and is refused as a browser refuses it
    where no worker is active."""
    keyring.ensure_push(Path(django_settings.ABATE_SECRET_FILE))
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": base64.urlsafe_b64encode(raw).decode().rstrip("="), "auth": "A" * 22}
    window = visit(360, "zh-CN")
    window.page.add_init_script(
        """let found;
           const register = ServiceWorkerContainer.prototype.register;
           ServiceWorkerContainer.prototype.register = async function (...given) {
             return (found = await register.apply(this, given));
           };
           PushManager.prototype.subscribe = async () => {
             if (!found.active) throw new DOMException("no active Service Worker", "AbortError");
             return { toJSON: () => ({ endpoint: "https://push.example/abc", keys: KEYS }) };
           };""".replace("KEYS", json.dumps(keys))
    )
    window.sign_in(city.person.user)
    window.go("/notices")
    with window.page.expect_response(lambda answer: answer.url.endswith("/notices/browser"), timeout=5_000):
        window.page.locator("form[data-push] button").click()
    window.page.wait_for_load_state()
    assert len(queries.browsers(city.person.user_id)) == 1
    assert window.complaints == []


def stage_number() -> str:
    """The number of the city's first made-up person (townspeople.py)."""
    return identity.made_up_number(date(1980, 1, 1), 1)
