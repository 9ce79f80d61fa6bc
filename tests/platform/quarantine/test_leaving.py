"""A party with records that nobody decided about does not leave unnoticed."""

from __future__ import annotations

import json

import pytest
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import World
from tests.platform.quarantine.kept_back import decided, proposed, rule

from abate.demo import desk
from abate.platform.joining.errors import NotSettled
from abate.platform.joining.models import Settlement
from abate.platform.ledger import erasing
from abate.platform.quarantine import queries

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-d", "P-6.1-e")]


def test_what_waits_or_is_proposed_keeps_a_party_and_what_is_gone_or_decided_does_not(world: World) -> None:
    rule(world)
    world.send(world.ride("w"), world.ride("e", who=1), world.ride("r", start="2026-05-21T10:30:00+08:00"),
               world.ride("p", start="2026-05-22T10:30:00+08:00"))  # fmt: skip
    world.send(withdrawal(world, "x", "w"))
    erasing.erase(world.people[1])
    waiting, other = (one.id for one in queries.records())
    made = proposed("dismiss", other)
    with pytest.raises(NotSettled, match="quarantined: 2"):
        desk.decide("party.leave", code=world.sender.code)
    decided(made)
    with pytest.raises(NotSettled, match="quarantined: 1"):
        desk.decide("party.leave", code=world.sender.code)
    decided(proposed("dismiss", waiting))
    desk.decide("party.leave", code=world.sender.code)
    assert json.loads(Settlement.objects.get().body)["open"]["quarantined"] == 0


def test_despite_them_it_leaves_and_its_settlement_says_how_many(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    desk.decide("party.leave", code=world.sender.code, despite=True)
    assert json.loads(Settlement.objects.get().body)["open"]["quarantined"] == 1
