"""A person withdraws, takes everything out, and is erased: on a phone and on a desk, without scripts, by keyboard."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from tests.browser.conftest import Visitor
from tests.browser.test_every_page import look
from tests.browser.test_main_path import press, sent_code, sign_in, tab_to
from tests.platform.web import city as stage

from abate.platform.doors import clock
from abate.platform.log import actions as log
from abate.platform.people import queries
from abate.platform.people.models import Person
from abate.platform.review import actions as review

pytestmark = [pytest.mark.browser, pytest.mark.platform]


def a_clerk_reads_it(window: Visitor, visit, width: int, language: str) -> None:
    """Somebody of the staff reads the request, and the person is told: as what, what for, not by whom."""
    clerk = review.create_user("staff", made_up=True)
    review.enrol(clerk, "made-up entry clerk")
    review.grant(clerk, "entry")
    desk = visit(width, language)
    desk.sign_in(clerk)
    desk.go("/operator/requests")
    assert "为什么这次出行没有计入" in desk.page.inner_text("main")
    window.page.reload()
    told = window.page.locator("section[aria-labelledby=readings]").inner_text()
    assert ("录入" if language == "zh-CN" else "entry opened the text of a request") in told
    assert clerk.handle not in window.page.content()


def takes_it_out_later(window: Visitor, messages: Path) -> None:
    """Past the sign-in's own proof a press on the copy asks for a code, comes back to the page, and then gives the file."""
    page = window.page
    with clock.frozen(clock.now() + timedelta(minutes=20)):
        window.go("/privacy")
        page.locator("a[href='/privacy/copy.zip']").click()
        page.wait_for_url("**/confirm?next=%2Fprivacy")
        page.locator("#by-code + ul button").click()
        page.wait_for_selector("#code")
        page.fill("#code", sent_code(messages))
        page.keyboard.press("Enter")
        page.wait_for_url("**/privacy")
        with page.expect_download() as download:
            page.locator("a[href='/privacy/copy.zip']").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


@pytest.mark.clause("P-8.4-b", "P-4.3", "P-8.5-e")
@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (1440, "en-GB")])
def test_withdraws_exports_and_is_erased(
    city: stage.City, visit, shots: str | None, width: int, language: str
) -> None:
    messages = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    stage.book_every_outcome(city.partner, city.person)
    log.sequence()
    identity, contacts = queries.own_copy(city.person)
    window = visit(width, language, scripts=False)
    page, tag = window.page, f"{width}-{language}"
    sign_in(window, city.contact, messages)

    # Withdraw: one press, and the next event of that behaviour is refused.
    press(page, ".tabs a[href='/authorisations']")
    press(page, "form[action$='/withdraw'] button")
    live = {row.behaviour for row in queries.authorisations(city.person.pk) if row.live}
    (gone,) = set(stage.BEHAVIOURS) - live
    assert len(live) == 2
    press(page, "a[href='/privacy']")
    look(window, f"{tag}-privacy", shots)

    # Take everything out.
    tab_to(page, "a[href='/privacy/copy.json']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    copy = json.loads(Path(download.value.path()).read_text())
    assert copy["account"][0]["number"] == identity["number"] and copy["contacts"] == contacts
    ended = [row["behaviour"] for row in copy["authorisations"] if row["withdrawn_at"]]
    assert ended == [gone] and len(copy["behaviours"]) == 8
    takes_it_out_later(window, messages)

    # Ask, and see the day by which it is answered.
    page.check("input[value=explanation]")
    page.fill("#text", "为什么这次出行没有计入")
    with page.expect_navigation():
        page.locator("form[action='/privacy/requests'] button").click()
    assert page.locator(".chip.wait").count() == 1

    a_clerk_reads_it(window, visit, width, language)
    if language == "zh-CN":  # what the person wrote is Chinese
        look(window, f"{tag}-privacy-opened", shots)

    # Leave. An hour later the proof of the sign-in is no longer fresh.
    press(page, "a[href='/privacy/leave']")
    look(window, f"{tag}-leave", shots)
    with clock.frozen(clock.now() + timedelta(minutes=40)):
        page.check("input[name=sure]")
        with page.expect_navigation():
            page.locator("main form .danger").click()
        assert "/confirm" in page.url and Person.objects.get(pk=city.person.pk).status == "active"
        page.locator("#by-code + ul button").click()
        page.wait_for_selector("#code")
        page.fill("#code", sent_code(messages))
        page.keyboard.press("Enter")
        page.wait_for_url("**/privacy/leave")
        page.check("input[name=sure]")
        with page.expect_navigation():
            page.locator("main form .danger").click()
        look(window, f"{tag}-left", shots)
    person = Person.objects.get(pk=city.person.pk)
    assert person.status == "erased" and bytes(person.identity_enc) == b"" and person.wrapped_key is None
    window.go("/privacy")
    assert "/sign-in" in page.url
    with connection.cursor() as cursor:
        for table in ("people_identity", "people_contact"):
            cursor.execute(f"select count(*) from {table} where person_id = %s", [person.pk])
            assert cursor.fetchone() == (0,)
    assert window.complaints == []
