"""Who tries to go round the three people is written down, whichever way they try."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors.errors import Problem
from abate.platform.review import actions, audit, proposing
from abate.platform.review.models import Audit, Step

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]


def _refused() -> list[tuple[str, str, str, str]]:
    rows = Audit.objects.filter(act="refused").order_by("id")
    return [(row.account, row.what, row.subject, json.loads(row.detail)["code"]) for row in rows]


def test_every_refused_step_of_a_change_is_told_by_whichever_way() -> None:
    """Who tries to go round the three people is written down: alone, among many, over the interface, on a page."""
    staff = desk.staffed()
    shop = desk.create_party("some-shop", "merchant", "某店", "A shop")
    actions.grant(staff["entry"], "check")
    one = proposing.propose(staff["entry"], "party.suspend", {"code": shop.code}, "x").pk
    approve = staff["approve"].handle
    for refused in (
        lambda: proposing.check(staff["entry"], one),
        lambda: proposing.approve(staff["approve"], one),
        lambda: proposing.reject(desk.hire("made-up other", "query"), one, "x"),
        lambda: proposing.propose(staff["approve"], "party.suspend", {"code": shop.code}, "x"),
    ):
        with pytest.raises(Problem):
            refused()
    proposing.decide_all(staff["entry"], Step.APPROVE, [one])
    proposing.check(staff["check"], one)
    own = proposing.propose(
        staff["security_admin"], "role.grant", {"account": approve, "role": "query"}, "x"
    ).pk
    proposing.check(staff["check"], own)
    with audit.acting(lambda: audit.Actor(approve, "interface", "approve")):
        proposing.decide_all(staff["approve"], Step.APPROVE, [own])
    assert [row[1:] for row in _refused()] == [
        ("change.check", str(one), "three-people"),
        ("change.approve", str(one), "proposal-not-checked"),
        ("change.reject", str(one), "no-right"),
        ("change.propose", "", "no-right"),
        ("change.approve", str(one), "no-right"),
        ("change.approve", str(own), "concerns-oneself"),
    ]
    assert _refused()[-1][0] == approve


def test_a_refused_step_on_a_page_is_one_row_of_its_account() -> None:
    staff = desk.staffed()
    shop = desk.create_party("some-shop", "merchant", "某店", "A shop")
    one = proposing.propose(staff["entry"], "party.suspend", {"code": shop.code}, "x").pk
    browser = Client()
    browser.force_login(staff["check"], backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    made = browser.post("/operator/proposals/decide", {"step": "approve", "number": one})
    assert made.status_code == 403
    assert _refused() == [(staff["check"].handle, "change.approve", str(one), "no-right")]


def test_a_page_decides_about_as_many_at_once_as_the_interface() -> None:
    browser = Client()
    browser.force_login(desk.staffed()["check"], backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    numbers = [str(n) for n in range(1, proposing.MOST + 2)]
    asked = {"step": "check", "number": numbers}
    assert browser.post("/operator/proposals/decide", asked).status_code == 400
    told = browser.post("/operator/proposals/decide", {"step": "check", "number": numbers[:-1]})
    assert told.status_code == 404 and not _refused()
