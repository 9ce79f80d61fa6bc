"""Enter in a field, or on a tick, decides nothing where several buttons decide differently: its reader has not chosen yet."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page
from tests.browser.test_main_path import press, tab_to
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform import web
from abate.platform.incentives import actions as offers
from abate.platform.review import proposing, queries

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.clause("P-8.4-c")]
TEMPLATES = Path(web.__file__).parent / "templates/abate"
FORM = re.compile(r"<form.*?</form>", re.DOTALL)
CHOICE = re.compile(r"<button[^>]* (name=\"\w+\" value=\"[^\"]*\")")
FIELD = re.compile(r"<input(?! type=\"hidden\")|<textarea|parts/field.html|tick=may")
LOOPED = re.compile(r"{% for [^%]*%}<button[^>]* name=")


def wrote_and_pressed_enter(page: Page, text: str) -> None:
    tab_to(page, "#reason")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)


def test_a_reason_to_reject_that_ends_with_enter_approves_nothing(city: stage.City, visit) -> None:
    people = desk.staffed()
    asked = {"code": city.partner.code}
    number = proposing.propose(people["entry"], "party.suspend", asked, "late reports").pk
    checker = visit(360, "zh-CN", scripts=False)
    checker.sign_in(people["check"])
    checker.go("/operator/proposals")
    tab_to(checker.page, f"input[name=number][value='{number}']")
    checker.page.keyboard.press("Space")
    checker.page.keyboard.press("Enter")
    wrote_and_pressed_enter(checker.page, "the reports came")
    assert queries.proposal(number).state == "proposed"
    checker.go(f"/operator/proposals/{number}")
    wrote_and_pressed_enter(checker.page, "the reports came")
    assert queries.proposal(number).state == "proposed"
    proposing.check(people["check"], number)
    approver = visit(1440, "en-GB", scripts=False)
    approver.sign_in(people["approve"])
    approver.go(f"/operator/proposals/{number}")
    wrote_and_pressed_enter(approver.page, "the reports came")
    assert queries.proposal(number).state == "checked"
    press(approver.page, "button[value=reject]")
    assert queries.proposal(number).state == "rejected"


def test_why_goods_cannot_be_handed_out_burns_no_code(city: stage.City, visit) -> None:
    desk.adjust(city.person.pk, 1_000, "opening")
    code = offers.redeem(city.person, city.offer, uuid4()).text
    till = visit(360, "zh-CN", scripts=False)
    till.sign_in(city.cashier)
    till.go(f"/acceptor?code={code}")
    till.page.locator("summary").click()
    tab_to(till.page, "#reason")
    till.page.keyboard.type("sold out")
    till.page.keyboard.press("Enter")
    till.page.wait_for_timeout(500)
    press(till.page, "button[value=back]")
    assert till.page.locator("#given-back").count() == 1


def test_every_form_whose_buttons_decide_differently_has_no_button_that_enter_presses() -> None:
    found = 0
    for path in sorted(TEMPLATES.rglob("*.html")):
        for form in FORM.findall(path.read_text()):
            several = len(set(CHOICE.findall(form))) > 1 or LOOPED.search(form)
            if not several or not FIELD.search(form):
                continue
            inert, button = form.find("parts/enter.html"), form.find("<button")
            assert 0 <= inert < button, f"{path.name}: {form[:120]}"
            found += 1
    assert found >= 9, "the forms that this test is about were not found"
