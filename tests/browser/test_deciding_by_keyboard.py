"""A proposal is read and approved, and a session ended, by keyboard alone; what is shown beside a change fits a telephone too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from tests.browser import looks
from tests.browser.test_main_path import press
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.review import proposing, queries

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.clause("P-8.4-c")]


def sound(page: Page, name: str) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    seen = looks.at_once(page)
    assert (seen["overflow"], seen["faint"], seen["small"]) == (0, [], []), name


def test_three_people_adjust_an_account_by_keyboard(city: stage.City, visit) -> None:
    people = desk.staffed()
    asked = {"person": city.person.pseudonym, "credits": -500, "order": "decision 7"}
    number = proposing.propose(people["entry"], "ledger.adjust", asked, "paid twice").pk
    for role, width, language, button in (
        ("check", 360, "zh-CN", "check"),
        ("approve", 1440, "en-GB", "approve"),
    ):
        reader = visit(width, language, scripts=False)
        reader.sign_in(people[role])
        reader.go(f"/operator/proposals/{number}")
        sound(reader.page, f"adjust-{width}")
        press(reader.page, f"button[value={button}]")
    assert queries.proposal(number).state == "approved"


@pytest.mark.parametrize("width", [360, 1440])
def test_a_basis_is_read_on_a_telephone_and_on_a_desk(
    city: stage.City, visit, width: int, settings: object
) -> None:
    people = desk.staffed()
    settings.ABATE_REGION = "广东"  # type: ignore[attr-defined]
    number = proposing.propose(people["entry"], "basis.adopt", {}, "another region").pk
    reader = visit(width, "zh-CN", scripts=False)
    reader.sign_in(people["check"])
    reader.go(f"/operator/proposals/{number}")
    sound(reader.page, f"basis-{width}")


def test_a_session_is_ended_by_keyboard(city: stage.City, visit) -> None:
    people = desk.staffed()
    other = visit(1440, "en-GB", scripts=False)
    other.sign_in(people["check"])
    other.go("/security")
    here = visit(360, "zh-CN", scripts=False)
    here.sign_in(people["check"])
    here.go("/security")
    sound(here.page, "security-360")
    press(here.page, "form[action='/security/session'] button[name=number]")
    other.go("/security")
    assert "sign-in" in other.page.url
