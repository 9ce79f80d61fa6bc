"""What no table can hold, a number or a text, is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors.errors import Problem
from abate.platform.parties import actions as parties
from abate.platform.review import changes, proposing, queries
from abate.platform.review.models import Proposal, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]

DAY = "2026-12-01"
REASON = {"reason_zh": "原因", "reason_en": "a reason"}
TITLE = {"title_zh": "名称", "title_en": "a title"}
# Changes with whole numbers (1), their other arguments as they may be.
NUMBERS = {
    "cap.add": {"max_mg": 1, "from_day": DAY, **REASON},
    "rule.add": {
        "from_day": DAY,
        **TITLE,
        "credits_per_kg": 1,
        "expiry_days": 1,
        "expiry_years": None,
        "claim_days": 1,
    },
    "party.limits": {"code": "some-shop", "requests_per_minute": 1, "events_per_day": 1},
}


@pytest.fixture(scope="module", autouse=True)
def office(module_db: None) -> None:
    """Everybody who takes part in a change, and a shop, for all tests of this module."""
    desk.staffed()
    desk.hire("made-up editor", "content")
    parties.create_party("some-shop", "merchant", "某店", "A shop", made_up=True)


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**40, -(2**63)], ids=str)
@pytest.mark.parametrize(
    ("action", "name"), [(a, n) for a, given in NUMBERS.items() for n in given if given[n] == 1]
)
def test_it_is_refused_to_who_proposes_or_to_who_approves(action: str, name: str, number: int) -> None:
    people = desk.staffed()
    found = ""
    try:
        asked = proposing.propose(people["entry"], action, NUMBERS[action] | {name: number}, "x")
    except Problem as problem:
        found = problem.code
    else:
        proposing.check(people["check"], asked.pk)
        try:
            with transaction.atomic():
                proposing.approve(people["approve"], asked.pk)
        except Problem as problem:
            found = problem.code
        assert queries.proposal(asked.pk).state == ("checked" if found else "approved")
    assert found or number < 2**63, "a number that no column holds was taken"


@pytest.mark.parametrize("text", ["a\x00b", "a\ud83d", "\udc00"], ids=ascii)
@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("party.conditions", {"client_id": "{}", "label": "a", "addresses": []}),
        ("party.conditions", {"client_id": "a", "label": "a", "addresses": ["{}"]}),
        ("cap.add", {"max_mg": 1, "from_day": DAY, **REASON, "reason_zh": "{}"}),
    ],
    ids=("text", "list", "words"),
)
def test_so_is_a_text(action: str, given: dict[str, Any], text: str) -> None:
    people, asked = desk.staffed(), json.loads(json.dumps(given).replace("{}", json.dumps(text)[1:-1]))
    with pytest.raises(Problem) as refused:
        proposing.propose(people["entry"], action, asked, "x")
    assert refused.value.code == "change-malformed"


def decided(people: dict[str, User], action: str, given: dict[str, Any]) -> tuple[str, str]:
    """(who was told that it cannot be, by which name): the proposer, the approver, or nobody."""
    role = "content" if action.startswith("announcement.") else "entry"
    try:
        number = proposing.propose(people[role], action, given, "x").pk
    except Problem as problem:
        return "propose", problem.code
    proposing.check(people["check"], number)
    try:
        with transaction.atomic():
            proposing.approve(people["approve"], number)
    except Problem as problem:
        return "approve", problem.code
    return "", ""


WORDS = dict.fromkeys(("title_zh", "title_en", "text_zh", "text_en"), "x")
MARKED = {"mark": "m", "level": 1, "uses": ["quantify"], "retention_days": 36_600}
GROUND = {"ground_zh": "依据", "ground_en": "a ground"}
DAYS: dict[str, dict[str, Any]] = {
    "rule.add": {"from_day": DAY, **TITLE},
    "cap.add": {"max_mg": 1, "from_day": "2026-12-01", "to_day": "2026-12-31", "period": "month", **REASON},
    "duty.add": {"behaviour": "walking", **dict.fromkeys(("first_day", "last_day", "keep_until"), DAY), **GROUND},
    "source.declare": {"party": "some-shop", "source": "s", **MARKED, "valid_from": DAY, "valid_until": DAY},
    "announcement.set": {"announcement": "a", "audience": "everybody", **WORDS, "from_day": DAY, "to_day": DAY},
    "quarantine.rule": {"rule": "r", "cause": "data_fault", "valid_from": DAY, "valid_until": DAY, **REASON},
    "revalue.book": {"behaviour": "walking", "from_day": DAY, "to_day": DAY, "digest": "0" * 64},
}  # fmt: skip
"""Changes with days."""


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "9999-12-01", ""])
@pytest.mark.parametrize("action", DAYS)
def test_a_day_at_the_end_of_the_calendar_is_taken_or_refused_by_name(action: str, day: str) -> None:
    people, given = desk.staffed(), DAYS[action]
    dated = [name for name in given if given[name] == DAY or name.endswith("_day")]
    for name in dated:
        who, _ = decided(people, action, given | {name: day})
        assert day or who == "propose", name
    decided(people, action, given | dict.fromkeys(dated, day))


def test_a_rule_that_begins_too_late_is_refused_to_who_proposes() -> None:
    people = desk.staffed()
    for day in ("0001-01-01", "2020-01-01"):
        assert decided(people, "rule.add", DAYS["rule.add"] | {"from_day": day}) == (
            "propose",
            "rule-too-late",
        )


def test_a_cap_of_months_ends_with_the_last_month_of_the_calendar() -> None:
    asked = DAYS["cap.add"] | {"to_day": "9999-12-31"}
    assert decided(desk.staffed(), "cap.add", asked) == ("", "")
    assert decided(desk.staffed(), "cap.add", asked | {"to_day": "9999-12-30"}) == (
        "approve",
        "cap-unsound",
    )


def offer(**changed: Any) -> dict[str, Any]:
    words = {
        **TITLE,
        "detail_zh": "细则",
        "detail_en": "detail",
        "price_credits": 1,
        "stock": 1,
        "valid_days": 1,
    }
    hours = {"from_at": "2026-07-01T00:00:00+08:00", "to_at": "2099-07-01T00:00:00+08:00"}
    return {"party": "some-shop", **words, **hours, "made_up": True} | changed


OUTSIDE = {"from_at": "0001-01-01T00:00:00+14:00", "to_at": "9999-12-31T23:59:59-14:00"}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_moment_that_no_zone_can_tell_is_refused_to_who_proposes(name: str) -> None:
    asked = offer(**{name: OUTSIDE[name]})
    assert decided(desk.staffed(), "offer.create", asked) == ("propose", "change-malformed")


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_was_stored_and_cannot_be_read_back_is_refused_to_who_approves(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proposed before moments were looked at: the row is written, and the look at it afterwards fails."""
    known = changes.action("offer.create")
    asked = offer(offer=str(uuid4()))
    monkeypatch.setitem(
        changes._ACTIONS, "offer.create", replace(known, execute=lambda given: _stored(known, given, name))
    )
    assert decided(desk.staffed(), "offer.create", asked) == ("approve", "change-malformed")


def _stored(known: changes.Action, given: changes.Json, name: str) -> changes.Json:
    known.execute(given)
    with connection.cursor() as cursor:
        cursor.execute(
            f"update incentives_offer set {name} = '{'infinity' if name == 'to_at' else '-infinity'}'"
        )
    return {}


@pytest.mark.parametrize(
    "asked",
    [
        {"arguments": {"\ud800": 1}},
        {"arguments": {"code": "a\ud800"}},
        {"arguments": {"code": ["\ud800"]}},
        {"action": "\ud800"},
        {"why": "a\ud800"},
        {"action": "party.conditions", "arguments": {"client_id": "a", "label": "a", "addresses": "deep"}},
    ],
    ids=ascii,
)
def test_and_over_http_by_an_answer_that_can_be_written(asked: dict[str, Any]) -> None:
    browser = Client()
    browser.force_login(desk.staffed()["entry"], backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    body = json.dumps({"action": "party.suspend", "arguments": {"code": "some-shop"}, "why": "x"} | asked)
    deep, before = "[" * 600 + "]" * 600, Proposal.objects.count()
    answer = browser.post("/v1/proposals/new", body.replace('"deep"', deep), content_type="application/json")
    assert 400 <= answer.status_code < 500 and answer.json()["code"], answer.content
    assert Proposal.objects.count() == before
