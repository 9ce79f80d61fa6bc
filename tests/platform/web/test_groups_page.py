"""The page of household and organisations: nothing happens before the tick, and everybody sees their own only."""

from __future__ import annotations

import re
from html import unescape

import pytest
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.demo import desk
from abate.platform.people import consents, groups
from abate.platform.people.models import Invitation, Member

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
TERMS = consents.current("groups").version
AGREED = {"agree": "yes", "notice": TERMS}
CODE = re.compile(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){2}")


@pytest.mark.clause("P-4.3", "P-8.4-b")
def test_invited_looked_agreed_and_left(city: stage.City, enter) -> None:
    first, second = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    (code,) = set(CODE.findall(first.post("/groups/invite", AGREED).content.decode()))
    assert code not in first.get("/groups").content.decode(), "shown once"
    page = second.post("/groups/join", {"code": code}).content.decode()
    assert "Join a household of 1" in page and Member.objects.count() == 1
    assert Invitation.objects.get().used == 0, "looking spends nothing"
    assert "one member at a time authorises a partner" in page
    assert second.post("/groups/join", {"code": code, "agree": "yes", "notice": TERMS}).status_code == 302
    assert {one.notice_version for one in groups.of(city.stranger.pk)} == {"groups-2026-11-22"}
    assert "Household of 2" in first.get("/groups").content.decode()
    told = second.get("/v1/me/groups").json()
    assert [(one["kind"], one["members"], one["left_at"]) for one in told] == [("household", 2, None)]
    assert "测试甲" not in second.get("/groups").content.decode()
    refused = second.post("/groups/join", {"code": code})
    assert refused.status_code == 404 and "wrong, used up, or has expired" in refused.content.decode()

    (own,) = groups.of(city.stranger.pk)
    assert first.post(f"/groups/{own.id}/leave").status_code == 404
    assert second.post(f"/groups/{own.id}/leave").status_code == 302
    assert groups.of(city.stranger.pk)[0].left_at is not None
    assert "Left" in second.get("/groups").content.decode()


@pytest.mark.clause("P-8.4-b")
def test_an_enterprise_invites_and_sees_no_member(city: stage.City, enter) -> None:
    works = desk.create_party("works", "enterprise", "示例企业", "Sample works", [], made_up=True)
    for party in (works, city.cafe):
        keeper = desk.hire(f"made-up keeper of {party.code}", "query")
        desk.add_member(keeper, party, "partner")
        browser = enter(keeper, "en")
        answer = browser.post("/partner/invitation", {"most": "2"})
        if party == city.cafe:
            assert answer.status_code == 409 and "invitation" not in browser.get("/partner").content.decode()
            continue
        (code,) = set(CODE.findall(answer.content.decode()))
        assert browser.post("/partner/invitation", {"most": "-1"}).status_code == 422
        person = enter(city.person.user, "en")
        assert "Sample works" in person.post("/groups/join", {"code": code}).content.decode()
        person.post("/groups/join", {"code": code, "agree": "yes", "notice": TERMS})
        page = browser.get("/partner").content.decode()
        assert "Sums of your members" in page and city.person.pseudonym not in page


def test_how_long_it_is_kept_stands_beside_each_purpose(city: stage.City, enter) -> None:
    """PIPL article 17 (2), on every page that asks for a consent."""
    first, second = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    terms = {one.name: one.kept[1] for one in consents.current("groups").purposes}
    assert all(terms.values())
    (code,) = set(CODE.findall(first.post("/groups/invite", AGREED).content.decode()))
    assert terms["household"] in unescape(second.post("/groups/join", {"code": code}).content.decode())
    for about, page in (("people", "/privacy"), ("children", "/family")):
        shown = unescape(first.get(page).content.decode())
        for one in consents.current(about).purposes:
            assert one.kept[1] and one.kept[1] in shown, (page, one.name)
    assert "is emptied 1095 days after" in first.get("/authorise/sample-app").content.decode()


@pytest.mark.clause("P-8.4-b")
def test_a_household_is_opened_and_joined_by_a_tick_under_the_notice_shown_only(
    city: stage.City, enter
) -> None:
    first, second = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    page = unescape(first.get("/groups").content.decode())
    (opening,) = (one for one in consents.current("groups").purposes if one.name == "household")
    assert opening.kept[1] in page and f'name="notice" value="{TERMS}"' in page
    for sent in ({}, {"agree": "yes"}, {"notice": TERMS}, AGREED | {"notice": "groups-2026-11"}):
        assert first.post("/groups/invite", sent).status_code == 422
    assert not Member.objects.exists() and not Invitation.objects.exists()
    answer = first.post("/groups/invite", AGREED)
    (code,) = set(CODE.findall(answer.content.decode()))
    assert answer.status_code == 200 and groups.of(city.person.pk)[0].notice_version == TERMS
    assert first.post("/groups/invite").status_code == 200, "one more invitation is no new consent"

    stale = second.post("/groups/join", {"code": code, "agree": "yes", "notice": "groups-2026-11"})
    assert stale.status_code == 422 and "The notice has changed" in stale.content.decode()
    assert Member.objects.count() == 1


@pytest.mark.clause("P-8.4-b")
def test_a_later_notice_is_put_before_members_and_agreed_to_by_a_tick(city: stage.City, enter) -> None:
    """As the notice about people: told where they are, and what they agreed to before goes on until they decide."""
    browser, other = enter(city.person.user, "en"), enter(city.stranger.user, "en")
    browser.post("/groups/invite", AGREED)
    (own,) = groups.of(city.person.pk)
    changed = "The notice of households and organisations has changed"
    agree = f"/groups/{own.id}/agree"
    assert (
        changed not in browser.get("/").content.decode()
        and agree not in browser.get("/groups").content.decode()
    )
    # As one who joined before the present version.
    Member.objects.filter(pk=own.id).update(notice_version="groups-2026-11")
    assert changed in browser.get("/").content.decode()
    page = unescape(browser.get("/groups").content.decode())
    assert agree in page and consents.current("groups").purposes[0].text[1] in page
    for sent in ({}, {"agree": "yes"}, {"notice": TERMS}, AGREED | {"notice": "groups-2026-11"}):
        assert browser.post(agree, sent).status_code == 422
    assert other.post(agree, AGREED).status_code == 404
    assert groups.of(city.person.pk)[0].notice_version == "groups-2026-11"
    assert browser.post(agree, AGREED).status_code == 302
    (agreed,) = groups.of(city.person.pk)
    assert (agreed.notice_version, agreed.joined_at) == (TERMS, own.joined_at)
    assert changed not in browser.get("/").content.decode()
    browser.post(f"/groups/{own.id}/leave")
    assert browser.post(agree, AGREED).status_code == 404
