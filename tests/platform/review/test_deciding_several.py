"""Several proposals decided at once: what becomes of one is told, whatever becomes of the next."""

from __future__ import annotations

import pytest
from django.db import connection
from tests.platform.pipeline.test_faults_inside import cut

from abate.demo import desk
from abate.platform.review import proposing, queries
from abate.platform.review.models import Step, User

pytestmark = [
    pytest.mark.platform,
    pytest.mark.django_db(transaction=True),
    pytest.mark.clause("P-8.4-c"),
]


def proposed(user: User, code: str) -> int:
    shop = {"code": code, "kind": "merchant", "title_zh": "某店", "title_en": "A shop", "made_up": True}
    return proposing.propose(user, "party.create", shop, "a new shop").pk


def test_a_database_that_goes_away_between_two_loses_nothing_of_what_was_done() -> None:
    people = desk.staffed()
    first, lost, last = numbers = [proposed(people["entry"], f"shop-{n}") for n in range(3)]
    really = proposing.check

    def check(user: User, number: int) -> None:
        if number == lost:
            with connection.cursor() as cursor:
                cut(cursor)
        really(user, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proposing, "check", check)
        told, _ = proposing.decide_all(people["check"], Step.CHECK, numbers)
    assert [(one.proposal, one.code) for one in told] == [(first, ""), (lost, "database-away"), (last, "")]
    assert [queries.proposal(number).state for number in numbers] == ["checked", "proposed", "checked"]
