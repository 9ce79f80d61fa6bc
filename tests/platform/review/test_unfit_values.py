"""What no table can hold, a number or a text, is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from abate.demo import desk
from abate.platform.doors.errors import Problem
from abate.platform.parties import actions as parties
from abate.platform.review import proposing, queries

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


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**40, -(2**63)], ids=str)
@pytest.mark.parametrize(
    ("action", "name"), [(a, n) for a, given in NUMBERS.items() for n in given if given[n] == 1]
)
def test_it_is_refused_to_who_proposes_or_to_who_approves(action: str, name: str, number: int) -> None:
    people = desk.staffed()
    parties.create_party("some-shop", "merchant", "某店", "A shop", made_up=True)
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
