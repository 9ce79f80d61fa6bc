"""Whoever comes to an empty or a new page finds the next step there, and reads whole sentences and figures."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.ledger import standing
from abate.platform.people import consents

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
SIZES = (("zh-hans", 0, "涉及：{}。{}"), ("en", 1, "Data: {}. {}"))


def test_a_sandbox_leads_to_its_key_from_the_start_page_and_live_does_not(settings) -> None:  # type: ignore[no-untyped-def]
    desk.staffed()
    assert 'href="/try"' not in Client().get("/").content.decode()
    settings.ABATE_SANDBOX = True
    assert 'href="/try"' in Client().get("/").content.decode()


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh-hans", "沙箱的地址与本站不同，请向运营方索取"), ("en", "which the operator tells you")],
)
def test_a_partner_who_tries_on_live_is_told_where_the_sandbox_is(language: str, said: str) -> None:
    """An applicant was told on a page to run the operator's command, which it cannot."""
    desk.staffed()
    answer = Client(headers={"accept-language": language}).get("/try")
    assert answer.status_code == 409
    assert said in unescape(answer.content.decode())


def test_without_a_party_the_console_leads_to_where_one_applies(enter) -> None:  # type: ignore[no-untyped-def]
    clerk = enter(desk.staffed()["entry"], "en")
    assert 'href="/join"' in clerk.get("/operator").content.decode()
    page = clerk.get("/operator/tills").content.decode()
    assert "No party takes credits yet." in page and "<select" not in page


@pytest.mark.parametrize(("language", "place", "said"), SIZES)
def test_what_is_kept_and_how_long_are_two_sentences(city: stage.City, enter, language, place, said) -> None:  # type: ignore[no-untyped-def]
    browser = enter(city.person.user, language)
    for about, page in (("people", "/privacy"), ("children", "/family")):
        shown = unescape(browser.get(page).content.decode())
        for one in consents.current(about).purposes:
            assert said.format(one.data[place], one.kept[place]) in shown, page


def test_who_leaves_reads_the_credits_as_everywhere(city: stage.City, enter, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    told = replace(standing.standing(city.person.pk), free=3795)
    monkeypatch.setattr(standing, "standing", lambda person_id: told)
    assert "The 3,795 credits left" in enter(city.person.user, "en").get("/privacy/leave").content.decode()


@pytest.mark.parametrize(
    ("language", "said"), [("zh-hans", "这个账号可以打开："), ("en", "This account may open: ")]
)
def test_who_may_not_come_here_is_led_to_their_own_places(enter, language: str, said: str) -> None:  # type: ignore[no-untyped-def]
    """A security administrator was told to sign in as somebody else, and not that their sessions lie elsewhere."""
    answer = enter(desk.staffed()["security_admin"], language).get("/operator")
    _, _, rest = answer.content.decode().partition(said)
    places = rest.partition("</p>")[0]
    assert (
        answer.status_code == 403 and 'href="/operator/sessions"' in places and 'href="/security"' in places
    )
    assert 'href="/operator"' not in places
