"""Whoever agrees to something is told on that page who handles their data, and how to reach them (PIPL article 17)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.platform.web import city as stage
from tests.platform.web.test_groups_page import AGREED, CODE

import abate.platform.web as web

pytestmark = pytest.mark.platform
PAGES = Path(web.__file__).parent / "templates" / "abate"
# What is agreed to goes with the version of its notice; who invites agrees by that to the household it opens.
TAKES = re.compile(r'name="notice" value="\{\{ notice(?:[._]version)? \}\}"|groups-invite')
TELLS = '{% include "abate/parts/handler.html" %}'
PART = re.compile(r'{% include "(abate/parts/[a-z_]+\.html)"[^%]* %}')
WHO, HOW = "Made-up operator of a test", "privacy@operator.example"


def _whole(text: str) -> str:
    """A page with its parts in their places, but for the one that tells."""
    while found := [one for one in PART.finditer(text) if one.group(0) != TELLS]:
        part = (PAGES.parent / found[0].group(1)).read_text(encoding="utf-8")
        text = text[: found[0].start()] + part + text[found[0].end() :]
    return text


def _taking() -> dict[str, str]:
    pages = {one.stem: _whole(one.read_text(encoding="utf-8")) for one in sorted(PAGES.glob("*.html"))}
    return {name: text for name, text in pages.items() if TAKES.search(text)}


@pytest.mark.clause("P-8.4-b")
def test_every_page_that_takes_a_consent_says_who_handles_the_data() -> None:
    taking = _taking()
    assert set(taking) >= {"authorise", "bind", "disclosure", "family", "groups", "privacy", "register"}
    assert [name for name, text in taking.items() if TELLS not in text] == []


@pytest.mark.django_db
def test_who_joins_or_opens_a_household_is_told_beside_what_they_agree_to(
    city: stage.City,
    enter,
    settings,  # type: ignore[no-untyped-def]
) -> None:
    settings.ABATE_OPERATOR_NAME, settings.ABATE_OPERATOR_CONTACT = WHO, HOW
    first, second = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    seen = first.get("/groups").content.decode()
    assert seen.count(WHO) == seen.count(HOW) == 1, "inviting opens a household"
    (code,) = set(CODE.findall(first.post("/groups/invite", AGREED).content.decode()))
    assert WHO not in first.get("/groups").content.decode(), "there is one, and nothing more is agreed to"
    form = second.post("/groups/join", {"code": code}).content.decode().split("groups/join")[1]
    form = form[: form.index("</form>")]
    assert WHO in form and HOW in form
