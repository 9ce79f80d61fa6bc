"""From sign-in to a burnt code, by keyboard alone, with scripts switched off, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from playwright.sync_api import Page
from tests.browser.conftest import Visitor
from tests.platform.people.townspeople import code_in
from tests.platform.web import city as stage

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import verify_receipt
from abate.platform.doors import clock
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.log import queries as log_queries
from abate.platform.people import queries as people
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person

pytestmark = [pytest.mark.browser, pytest.mark.platform]
LANGUAGES = ["zh-CN", "en-GB"]


@pytest.fixture(autouse=True)
def messages() -> Path:
    path = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    path.unlink(missing_ok=True)
    return path


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until `selector` has the focus, as somebody without a mouse does; the focus must be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.evaluate("(e, s) => e.matches(s)", selector):
            style = "e => { const s = getComputedStyle(e); return s.outlineStyle + s.outlineWidth; }"
            assert focused.evaluate(style) == "solid3px", f"{selector}: the focus cannot be seen"
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


def press(page: Page, selector: str) -> None:
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def enter_text(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.type(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def sent_code(path: Path) -> str:
    return code_in(json.loads(path.read_text().splitlines()[-1]))


def sign_in(window: Visitor, contact: str, messages: Path) -> None:
    window.go("/")
    press(window.page, "main a.button")
    enter_text(window.page, "#contact", contact)
    enter_text(window.page, "#code", sent_code(messages))


@pytest.mark.clause("P-7.5.3-1", "P-7.5.3-2", "P-7.5.3-3", "P-8.2-b", "P-4.2", "P-6.1-a")
@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_in_to_burnt_code(city: stage.City, visit, messages: Path, language: str) -> None:
    stage.book_every_outcome(city.partner, city.person)
    before = ledger.balance(city.person.pk).credits
    window = visit(360, language, scripts=False)
    page = window.page
    sign_in(window, city.contact, messages)
    assert page.locator(".hero").inner_text().count(f"{before:,}") == 1

    # Why this number: from the feed to the explanation and to a receipt that verifies.
    press(page, ".tabs a[href='/feed']")
    press(page, "a.stop[href^='/entries/']")
    assert page.locator("article.explanation .step-formula").count() >= 3
    assert page.locator("a[download]").count() == 0, (
        "a receipt cannot be there before the log numbered the entry"
    )
    log.sequence()
    page.reload()
    tab_to(page, "a[download]")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    key = checkpoint.read_key(log_queries.public_key())
    verdict = verify_receipt(Path(download.value.path()).read_bytes(), key, Recomputing())
    assert verdict.ok, verdict

    # Spend: list, confirm, code.
    press(page, ".tabs a[href='/offers']")
    press(page, "a.ticket")
    press(page, "main form button")
    code = page.locator(".code-text").inner_text()
    assert re.fullmatch(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", code)
    assert page.locator(".qr svg").count() == 1
    assert ledger.balance(city.person.pk).credits == before - 300

    # The shop burns it once; the second time it is told not to hand anything out.
    shop = visit(360, language, scripts=False)
    shop.sign_in(city.cashier)
    enter_text(shop.page, "#code", code.lower())
    assert shop.page.locator(".note-box.good").count() == 1
    enter_text(shop.page, "#code", code)
    assert shop.page.locator(".note-box.good").count() == 0
    assert shop.page.locator("#code-error").count() == 1

    press(page, ".tabs a[href='/codes']")
    assert page.locator("a.ticket.spent").count() == 1
    assert window.complaints == []
    assert [c for c in shop.complaints if "409" not in c] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_person_opens_an_account_and_authorises(
    city: stage.City, visit, messages: Path, shots: str | None, language: str
) -> None:
    window = visit(360, language, scripts=False)
    page = window.page
    with override_settings(ABATE_DEMO=True):
        window.go("/sign-in?next=/authorise/sample-app")
        enter_text(page, "#contact", "13900000077")
        if shots:
            page.screenshot(path=f"{shots}/360-{language}-code-step.png", full_page=True)
        enter_text(page, "#code", sent_code(messages))
        page.fill("#name", "某乙")
        page.fill("#number", made_up_number(clock.today().replace(year=1990, day=1), 7))
        with page.expect_navigation():
            page.locator("main form button").click()
        assert page.locator("#consent-error").count() == 1
        if shots:
            page.screenshot(path=f"{shots}/360-{language}-register.png", full_page=True)
        page.fill("#number", made_up_number(clock.today().replace(year=1990, day=1), 7))
        for tick in page.locator("input[name=purpose]").all():
            tick.check()
        with page.expect_navigation():
            page.locator("main form button").click()
    assert "/authorise/sample-app" in page.url
    assert page.locator("input[name=behaviour]:checked").count() == 0, "nothing is ticked for anybody"
    for tick in page.locator("input[name=behaviour]").all():
        tick.check()
    press(page, "main form button")
    assert page.locator("form[action$='/withdraw']").count() == 3
    person = Person.objects.order_by("-pk").first()
    assert person and sum(row.live for row in people.authorisations(person.pk)) == 3
    press(page, "form[action$='/withdraw'] button")
    assert sum(row.live for row in people.authorisations(person.pk)) == 2


def test_a_preview_of_the_link_does_not_spend_it(city: stage.City, visit) -> None:
    from_mail = visit()
    from_mail.sign_in(city.operator)
    assert from_mail.page.url.endswith("/operator")


def test_the_language_can_be_switched_and_stays(city: stage.City, visit) -> None:
    window = visit(360, "zh-CN", scripts=False)
    window.go("/sign-in")
    window.page.locator("button[name=language]").click()
    assert window.page.locator("html").get_attribute("lang") == "en"
    assert window.page.url.endswith("/sign-in")
    window.go("/")
    assert window.page.locator("html").get_attribute("lang") == "en"
