"""An event that credited nothing, of a person without an account, taken back and computed again at the same moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, MAY, approve
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_revaluing import even
from tests.platform.revaluing.test_revaluing import world as world

from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.credits import taking
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger.models import Balance
from abate.platform.people import actions as people

pytestmark = [pytest.mark.platform]


def waits() -> bool:
    """Whether, for as long as that can be seen, some backend waits for a row that another holds."""
    pause = threading.Event()
    for _ in range(300):
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_locks where locktype in ('transactionid', 'tuple') and not granted"
            )
            if cursor.fetchone()[0]:
                return True
        pause.wait(0.01)
    return False


def held(where: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Whoever calls it first stops there until told to go on; others pass."""
    reached, go, really = threading.Event(), threading.Event(), getattr(where, name)

    def pause(*arguments: Any, **options: Any) -> Any:
        first = not reached.is_set()
        reached.set()
        assert not first or go.wait(20)
        return really(*arguments, **options)

    monkeypatch.setattr(where, name, pause)
    return reached, go


@pytest.fixture(autouse=True)
def former(settings: Any) -> None:
    settings.ABATE_FORMER_PACKS = []  # put back after the test


def uncredited(world: World, replace: Any) -> str:
    """A ride without a figure, then a figure; returns the digest of what that changes."""
    replace(None, "none")
    settings.ABATE_FORMER_PACKS = [settings.ABATE_OPERATOR_PACK]
    (kept,) = world.send(world.ride("r"))
    assert kept.outcome == Outcome.NEEDS_FIGURE and not Balance.objects.exists()
    replace(BUS, "bus")
    digest = revaluing.propose(MAY).digest
    approve(MAY, digest)
    return digest


@pytest.mark.parametrize("how", ["withdrawn", "corrected"])
def test_taken_back_first_it_is_not_computed_again(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    digest = uncredited(world, replace)
    sent = withdrawal(world, "w", "r") if how == "withdrawn" else correction(world.ride("c", km=1), "r")
    reached, go = held(taking, "_note", monkeypatch)
    taken: list[Any] = []
    booked: list[Any] = []
    back = beside(lambda: world.send(sent), taken)
    assert reached.wait(20)
    again = beside(lambda: revaluing.book(MAY, digest), booked)
    assert waits(), "the revaluation did not mind the withdrawal on its way"
    go.set()
    back.join(20), again.join(20)
    assert taken[0][0].outcome == (Outcome.WITHDRAWN if how == "withdrawn" else Outcome.CREDITED)
    assert booked == ["revaluation-changed"]
    assert world.totals()[0][0] == (0 if how == "withdrawn" else taken[0][0].er_mg)
    even()


def test_computed_again_first_its_award_is_taken_back(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = uncredited(world, replace)
    reached, go = held(revaluing.carbon, "revise", monkeypatch)
    taken: list[Any] = []
    booked: list[Any] = []
    again = beside(lambda: revaluing.book(MAY, digest), booked)
    assert reached.wait(20)
    back = beside(lambda: world.send(withdrawal(world, "w", "r")), taken)
    assert waits(), "the withdrawal did not mind the revaluation on its way"
    go.set()
    back.join(20), again.join(20)
    found = carbon.behaviour(world.people[0].pk, world.sender.party_id, "r")
    assert booked[0].changed == 1 and found is not None and found.withdrawn is not None
    (done,) = taken[0]
    assert done.outcome == Outcome.WITHDRAWN and done.er_mg == -(found.er_mg or 0) < 0
    assert world.totals()[0] == (0, 0, 0)
    even()


def test_without_the_lock_of_the_person_the_books_go_wrong(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: nobody locks the person. A ride that was taken back is credited, and the reconciliation says so."""
    digest = uncredited(world, replace)
    monkeypatch.setattr(people, "keep_still", lambda *_: None)
    reached, go = held(taking, "_note", monkeypatch)
    taken: list[Any] = []
    back = beside(lambda: world.send(withdrawal(world, "w", "r")), taken)
    assert reached.wait(20)
    assert revaluing.book(MAY, digest).changed == 1
    go.set()
    back.join(20)
    assert taken[0][0].outcome == Outcome.WITHDRAWN and world.totals()[0][0] > 0
    with pytest.raises(AssertionError):
        even()
