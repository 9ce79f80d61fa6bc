"""Who computes again or takes back, and who books, want the same rows in one order: they wait, and never in a circle."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, MAY, approve
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_races import held, waits
from tests.platform.revaluing.test_revaluing import even
from tests.platform.revaluing.test_revaluing import world as world

from abate.platform import pipeline, revaluing, together
from abate.platform.credits import actions as credits
from abate.platform.credits.actions import Per
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import actions, posting
from abate.platform.ledger.models import Balance

pytestmark = [pytest.mark.platform]


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second try, which would hide a circle; and no lane that gives up by itself."""
    monkeypatch.setattr(pipeline, "TRIES", 1)
    monkeypatch.setattr(together, "FEW", 0)


@pytest.mark.parametrize("meeting", ["a shared cap", "a new basis"])
def test_a_batch_beside_a_revaluation(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch, meeting: str
) -> None:
    """The revaluation is held still when it has its accounts; the batch has what it needs before them, where it can."""
    if meeting == "a shared cap":
        credits.add_cap("cycling", date(2026, 5, 1), 900_000, ("上限", "A cap"), per=Per("party", "month"))
    world.send(*[world.ride(f"r{n}", n % 2, km=2) for n in range(6)])
    replace(BUS)
    if meeting == "a shared cap":
        world.send(world.ride("its basis is known", 2, km=2))
    digest = revaluing.propose(MAY).digest
    approve(MAY, digest)
    reached, go = held(revaluing, "_reverse", monkeypatch)
    booked: list[Any] = []
    sent: list[Any] = []
    again = beside(lambda: revaluing.book(MAY, digest), booked)
    assert reached.wait(20)
    batch = beside(lambda: world.send(world.ride("beside", 0, km=2)), sent)
    assert waits(), "the batch did not mind the revaluation on its way"
    go.set()
    again.join(20), batch.join(20)
    assert getattr(booked[0], "changed", booked[0]) == 6
    assert sent[0][0].outcome == Outcome.CREDITED, sent
    even()


def test_a_first_award_beside_a_batch_that_takes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes from one account and opens another, which stands before it; who opens the same one comes second."""
    world.send(world.ride("r", 1, km=2))
    assert not Balance.objects.filter(person_id=world.people[0].pk).exists()
    reached, go = held(pipeline, "enter", monkeypatch)
    taken: list[Any] = []
    sent: list[Any] = []
    back = beside(lambda: world.send(world.ride("first", 0, km=2), withdrawal(world, "w", "r", 1)), taken)
    assert reached.wait(20)
    batch = beside(lambda: world.send(world.ride("one", 0, km=2), world.ride("other", 1, km=2)), sent)
    assert waits(), "the batch did not mind the other on its way"
    go.set()
    back.join(20), batch.join(20)
    assert [one.outcome for one in taken[0]] == [Outcome.CREDITED, Outcome.WITHDRAWN], taken
    assert [one.outcome for one in sent[0]] == [Outcome.CREDITED] * 2, sent
    even()


def test_a_first_transfer_beside_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver's account is opened, and stands after the payer's."""
    payer, receiver = (person.pk for person in world.people[:2])
    actions.adjust(payer, 9, "opening")
    reached, go = held(posting, "ready", monkeypatch)
    moved: list[Any] = []
    sent: list[Any] = []
    gift = beside(lambda: actions.transfer(payer, receiver, 4, "gift"), moved)
    assert reached.wait(20)
    batch = beside(lambda: world.send(world.ride("one", 0, km=2), world.ride("other", 1, km=2)), sent)
    assert waits(), "the batch did not mind the transfer on its way"
    go.set()
    gift.join(20), batch.join(20)
    assert moved[0].credits == -4, moved
    assert [one.outcome for one in sent[0]] == [Outcome.CREDITED] * 2, sent
    even()
