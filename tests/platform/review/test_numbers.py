"""No whole number in a change is too large to be refused by name."""

from __future__ import annotations

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
