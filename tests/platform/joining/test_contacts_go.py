"""Who applied for an organisation is forgotten when it is over: their name and address are kept no longer than its papers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.web.conftest import enter as enter

from abate.demo import desk
from abate.platform.carbon import basis
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.joining import actions, mending, queries
from abate.platform.joining.models import Application, Document
from abate.platform.parties import standing
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-b", "P-6.1-d")]
Enter = Callable[..., Client]
A_MONTH = timedelta(days=30)
THREE_YEARS = timedelta(days=1095)


def reach(one: Application) -> str:
    one.refresh_from_db()
    return queries.contact(one)["reach"]


@pytest.mark.parametrize("how", ["refused", "withdrawn", "left"])
def test_a_contact_goes_three_years_after_the_end(how: str) -> None:
    if how == "left":
        party = applicants.admitted()
        standing.begin(party)
        one = Application.objects.get(party=party)
        desk.decide("party.leave", code=party.code)
    else:
        one = applicants.submitted()
        if how == "refused":
            desk.decide("party.refuse", application=str(one.pk), reason="no such register")
        else:
            actions.withdraw(one)
    known, end = reach(one), clock.now()
    with clock.frozen(end + THREE_YEARS - timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 0 and reach(one) == known != ""
    with clock.frozen(end + THREE_YEARS + timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 1 and reach(one) == ""
        assert fields.retain()["joining_application"] == 0
        assert queries.contact_of(one.user_id) is None
        actions.send_links(known)
    assert bytes(one.reach) == b"" and one.token is None and one.title_en, "the row stays"


def test_the_contact_of_a_party_that_takes_part_stays() -> None:
    party = applicants.admitted()
    one = Application.objects.get(party=party)
    known = reach(one)
    with clock.frozen(clock.now() + 3 * THREE_YEARS):
        fields.retain()
        assert reach(one) == known and Party.objects.filter(pk=party.pk).exists()


@pytest.mark.parametrize("kept", [True, False])
def test_the_operator_s_page_says_that_a_contact_is_no_longer_kept(enter: Enter, kept: bool) -> None:
    one = applicants.submitted()
    actions.withdraw(one)
    if not kept:
        with clock.frozen(clock.now() + THREE_YEARS + timedelta(hours=1)):
            fields.retain()
    text = enter(applicants.reviewer(), "en").get(f"/operator/applications/{one.pk}").content.decode()
    assert "did not ask for its link" not in text
    assert ("no longer kept" in text) == (not kept) and (applicants.PARTICULARS.contact in text) == kept


def lying(how: str) -> Application:
    """One whose applicant does nothing more: never handed in, or sent back, perhaps mended since."""
    if how == "proved":
        one = applicants.draft()
        actions.prove(one.user)
        applicants.bring(one)
        return one
    one = applicants.submitted()
    actions.send_back(one, "which register?", applicants.reviewer())
    if how == "mended":
        with clock.frozen(clock.now() + timedelta(days=300)):
            one.refresh_from_db()
            mending.mend(one, replace(applicants.PARTICULARS, title_en="Mended"), basis.catalogue().methods)
    return one


@pytest.mark.parametrize(("how", "days"), [("proved", 0), ("returned", 0), ("mended", 300)])
def test_one_that_nobody_touches_for_three_years_goes_with_contact_and_papers(how: str, days: int) -> None:
    one, start = lying(how), clock.now()
    known, papers = reach(one), Document.objects.filter(application=one)
    over = start + timedelta(days=days) + THREE_YEARS
    with clock.frozen(over - timedelta(hours=1)):
        cleared = fields.retain()
        assert cleared["joining_application"] == cleared["joining_document"] == 0
        assert reach(one) == known != "" and one.state in ("draft", "returned") and papers.exists()
    with clock.frozen(over + timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 1
        assert reach(one) == "" and one.state == "withdrawn" and not papers.exists()
        assert fields.retain()["joining_application"] == 0
        assert applicants.draft().code == one.code, "its code and number are free again"


def test_one_that_waits_for_a_decision_does_not_lie() -> None:
    one = applicants.submitted()
    with clock.frozen(clock.now() + 2 * THREE_YEARS):
        fields.retain()
        assert reach(one) != "" and one.state == "submitted"


@pytest.mark.parametrize("state", ["draft", "returned"])
def test_the_applicant_s_page_says_how_long_it_is_kept(enter: Any, state: str) -> None:
    one = lying("proved" if state == "draft" else "returned")
    for lang, words in (("zh", "视为撤回"), ("en", "counts as withdrawn")):
        assert words in enter(one.user, lang).get("/joining").content.decode()


def test_a_returned_application_whose_new_contact_never_came_goes_after_a_month() -> None:
    one, told = applicants.submitted(), applicants.submitted(code="made-up-told", contact="told@example.org")
    for returned in (one, told):
        actions.send_back(returned, "x")
    stays = replace(applicants.PARTICULARS, contact_name="", contact="mended@example.org")
    mending.mend(one, stays, basis.catalogue().methods)
    mended = clock.now()
    with clock.frozen(mended + A_MONTH - timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 0 and reach(one) == "mended@example.org"
    with clock.frozen(mended + A_MONTH + timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 1
        assert reach(one) == "" and bytes(one.reach) == b"" and one.state == "withdrawn"
        assert fields.retain()["joining_application"] == 0
    assert not one.user.is_active and not queries.newest(one), "nobody signs in, and its papers count no more"
    assert queries.revisions(one, 9), "the row stays"
    assert reach(told) == "told@example.org" and told.state == "returned", "one that was reached stays"
