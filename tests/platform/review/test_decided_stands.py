"""What three people put in force about parties, sources, quarantine, roles and accounts is held against the rows that stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platform.ledger.test_reconcile import found, plant
from tests.platform.pipeline.world import NOW, World, make_world
from tests.platform.quarantine.kept_back import declared, rule

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import actions

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        made = make_world(1)
        code = made.sender.code
        desk.staffed()
        for _ in range(2):
            # A version before stands as it was, beside the newest.
            rule(made, told_zh="查", told_en="looked at"), declared(made, "bills", days=30)
        desk.decide("party.limits", code=code, requests_per_minute=600, events_per_day=5_000)
        desk.decide("party.limits", code=code, requests_per_minute=60, events_per_day=5_000)
        desk.decide("party.behaviours", code=code, add=["bus"], remove=["walking"])
        for name in ("party.suspend", "party.resume", "party.suspend"):
            desk.decide(name, code=code)
        assert found() == {}
        yield made


PLANTED = {
    "update quarantine_rule set valid_until = valid_from where version = 1": 1,
    "update quarantine_rule set told_en = 'something else'": 2,
    "update quarantine_rule set behaviours = '{bus}'": 2,
    "delete from quarantine_rule where version = 2": 1,
    "update events_source set retention_days = 36000": 2,
    "update events_source set uses = uses || '{people}'::text[] where version = 2": 1,
    "delete from events_source": 2,
    "update parties_party set events_per_day = null where events_per_day = 5000": 1,
    "update parties_party set requests_per_minute = 600 where requests_per_minute = 60": 1,
    "update parties_party set status = 'active' where status = 'suspended'": 1,
}


@pytest.mark.parametrize("statement", PLANTED)
def test_what_is_planted_is_named(world: World, statement: str) -> None:
    plant(statement)
    assert found() == {"decided": PLANTED[statement]}


def test_a_behaviour_that_nobody_decided_is_named(world: World) -> None:
    parties.add_behaviours(Party.objects.get(code=world.sender.code), ["walking"])
    assert found() == {"decided": 1}


def test_a_role_that_nobody_decided_is_named(world: World) -> None:
    clerk = desk.hire("made-up clerk", "query")
    assert found() == {}
    actions.grant(clerk, "finance")
    assert found() == {"decided": 1}
    actions.withdraw(clerk, "finance")
    desk.decide("role.withdraw", account=clerk.handle, role="query")
    assert found() == {}
    actions.grant(clerk, "query")
    assert found() == {"decided": 1}
    actions.withdraw(clerk, "query")
    # Decided again, it is in order, and so is one that ends without a decision.
    desk.decide("role.grant", account=clerk.handle, role="query")
    assert found() == {}
    actions.withdraw(clerk, "query")
    assert found() == {}


def test_a_closed_account_that_is_open_again_is_named(world: World) -> None:
    clerk = desk.hire("made-up clerk", "query")
    desk.decide("staff.close", account=clerk.handle)
    assert found() == {}
    plant(f"update review_user set is_active = true where id = {clerk.pk}")
    assert found() == {"decided": 1}


def test_what_ends_without_a_decision_is_in_order(world: World) -> None:
    """A party whose papers are past their date is suspended by the day; what it might send may be taken away."""
    party = Party.objects.get(code=world.sender.code)
    desk.decide("party.resume", code=party.code)
    parties.suspend(party), parties.remove_behaviours(party, ["bus"])
    assert found() == {}


def test_an_opening_that_is_no_text_any_more_is_named(world: World) -> None:
    plant("update review_opening set document = 'no JSON'")
    assert found() == {"decisions": 1}
