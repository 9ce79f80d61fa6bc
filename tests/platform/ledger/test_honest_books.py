"""What an honest installation goes through is no difference: clocks that go back, months closed out of order, an upgrade."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from tests.platform.ledger.test_reconcile import found, plant
from tests.platform.pipeline.world import NOW, World, make_world

from abate.demo import desk
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import actions, closing, expiring
from abate.platform.log import actions as log
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import actions as review
from abate.platform.review import audit, changes, reconciling
from abate.platform.review.audit import Actor
from abate.platform.review.models import Proposal, User

pytestmark = [pytest.mark.platform]
DAY = timedelta(days=1)
BACK = timedelta(hours=25)


@pytest.fixture
def world(db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW - 30 * DAY):
        credits.add_rule(clock.day(NOW), ("五天有效", "Good for five days"), expiry_days=5)
    with clock.frozen(NOW):
        yield make_world(1)


def shop_with_tea(stock: int) -> tuple[User, Any]:
    """A till, and an offer that three people decided."""
    shop = desk.create_party("a-shop", Party.Kind.MERCHANT, "某店", "A shop")
    till = review.create_user("till", made_up=True)
    parties.add_member(till, shop, "acceptor")
    tea = desk.create_offer(
        party_id=shop.pk,
        title=("茶券", "Tea voucher"),
        detail=("一杯", "One cup"),
        price_credits=1,
        stock=stock,
        valid_days=30,
        from_at=NOW - 5 * DAY,
        to_at=NOW + 30 * DAY,
        made_up=True,
    )
    return till, tea


def test_a_code_burnt_and_given_back_by_a_clock_that_went_back(world: World) -> None:
    """The moments of one request are held together, those of two are not: here every later one is before the first."""
    one = world.people[0]
    actions.adjust(one.pk, 10, "gift")
    till, tea = shop_with_tea(4)
    burnt, back, _ = (incentives.redeem(one, tea, uuid4()) for _ in range(3))
    with clock.frozen(NOW - BACK), audit.acting(lambda: Actor(till.handle, "page", "", till.pk)):
        incentives.burn(till, burnt.text)
        incentives.reverse(one.pk, back.entry_id, "not wanted")
        incentives.redeem(one, tea, uuid4())
        assert found() == {}
    desk.decide("offer.end", offer=str(tea))
    assert found() == {}
    plant("update incentives_offer set active = true")
    assert found() == {"stock": 1}


def test_a_close_beside_a_head_that_a_clock_of_later_signed(world: World) -> None:
    world.send(world.meeting("m"))
    with clock.frozen(NOW + 3 * DAY):
        log.sequence()
        closing.close_day(clock.day(NOW))
    with clock.frozen(NOW + 3 * DAY - BACK):
        closing.close_day(clock.day(NOW) + DAY)
        assert found() == {}


def test_months_may_be_closed_in_any_order(world: World) -> None:
    world.send(world.meeting("m"))
    june = clock.day(NOW).replace(day=1)
    with clock.frozen(NOW + 70 * DAY):
        log.sequence()
        closing.close_day(clock.today() - DAY)
        closing.close_month(closing.last_of_month(june) + DAY)
        actions.adjust(world.people[0].pk, 1, "a leaf more")
        log.sequence()
        closing.close_month(june)
        assert found() == {}


def test_an_award_that_comes_back_to_be_taken_back_has_its_party(world: World) -> None:
    one = world.people[0].pk
    (got,) = world.send(world.meeting("m"))
    with clock.frozen(NOW + 6 * DAY):
        expiring.cut_all(), expiring.expire_due()
        credits.reverse(one, got.entry or 0, "withdrawn")
        assert found() == {}
        plant("update ledger_entry set cause_party = null where kind = 21")
        assert found() == {"party": 1}


def test_what_an_earlier_version_decided_is_asked_as_far_as_it_told(world: World) -> None:
    first = date(2026, 5, 1).isoformat()
    desk.add_cap("walking", date(2026, 5, 1), 5_000, ("每日上限", "A day's cap"))
    made = Proposal.objects.get(action="cap.add")
    assert reconciling._stands(made)
    after = json.loads(made.after)
    del after["cap"]["scope"]
    made.after = changes.canonical(after | {"of an earlier version": 1})
    assert reconciling._stands(made)
    made.after = changes.canonical({"cap": after["cap"] | {"max_mg": 5_001}})
    assert not reconciling._stands(made)
    # Of arguments that this version does not know, or cannot read, nothing can be asked.
    made.arguments = changes.canonical({"from_day": first, "max_mg": 5_000})
    assert reconciling._stands(made)
    offer = dict.fromkeys(changes.action("offer.create").fields, "") | {"to_at": "9999-12-31T00:00:00+08:00"}
    assert reconciling._stands(
        Proposal(action="offer.create", arguments=changes.canonical(offer), after="{}")
    )


@pytest.mark.parametrize(
    "fault", [KeyError("rule"), ValueError("no date"), TypeError("none"), ValidationError("no uuid")]
)
def test_what_a_change_cannot_make_of_an_older_effect_ends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    desk.add_cap("walking", date(2026, 5, 1), 5_000, ("每日上限", "A day's cap"))
    made = Proposal.objects.get(action="cap.add")

    def stands(*_: object) -> bool:
        raise fault

    known = changes.actions()
    monkeypatch.setattr(
        changes, "actions", lambda: known | {"cap.add": replace(known["cap.add"], stands=stands)}
    )
    assert reconciling._stands(made)


def test_texts_that_are_no_json_any_more_are_named(world: World) -> None:
    shop_with_tea(1)
    plant("update review_proposal set arguments = 'no JSON' where action = 'offer.create'")
    assert found() == {"decisions": 1}
