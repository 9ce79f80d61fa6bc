"""Credits on their way to a person who is just being erased: booked wholly before and named by it, or refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.pipeline.world import World, differences

from abate.bookkeeping.kinds import Kind
from abate.platform.doors.errors import Problem
from abate.platform.ledger import actions, erasing, posting, queries

pytestmark = [pytest.mark.platform]

GIVING: dict[str, Callable[[int, int], object]] = {
    "transfer": lambda payer, receiver: actions.transfer(payer, receiver, 4, "gift"),
    "adjust": lambda _, receiver: actions.adjust(receiver, 4, "gift"),
    "exchange_in": lambda _, receiver: actions.exchange_in(receiver, 4, "gift"),
}


def beside(work: Callable[[], object], found: list[Any]) -> threading.Thread:
    def run() -> None:
        try:
            found.append(work())
        except Problem as problem:
            found.append(problem.code)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture(params=[True, False], ids=["with an account", "without one"])
def receiver(request: pytest.FixtureRequest, expiring_room: World) -> Any:
    payer, person = expiring_room.people[:2]
    actions.adjust(payer.pk, 10, "opening")
    if request.param:
        actions.adjust(person.pk, 1, "opening")
    return person


@pytest.mark.parametrize("how", GIVING)
def test_who_gives_first_is_erased_with_the_rest(
    expiring_room: World, receiver: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gift has seen a living person and is not booked yet; erasing waits, and then names its entry too."""
    before, payer = queries.balance(receiver.pk), expiring_room.people[0].pk
    reached, go = threading.Event(), threading.Event()
    really, given, erased = posting.post, [], []

    def pause(*arguments: Any) -> Any:
        reached.set()
        assert go.wait(20)
        return really(*arguments)

    monkeypatch.setattr(posting, "post", pause)
    giving = beside(lambda: GIVING[how](payer, receiver.pk), given)
    assert reached.wait(20)
    leaving = beside(lambda: erasing.erase(receiver), erased)
    waits_for_the_lock()
    go.set()
    giving.join(20), leaving.join(20)
    after = queries.balance(receiver.pk)
    assert after.credits == before.credits + 4 and not isinstance(given[0], str)
    rows = queries.entries(receiver.pk)
    own = [row for row in rows if row.kind != Kind.ERASED]
    assert erased == [len(own)] and {row.cause for row in rows if row not in own} == {str(r.id) for r in own}
    assert differences() == {}


@pytest.mark.parametrize("how", GIVING)
def test_who_erases_first_has_the_gift_refused(
    expiring_room: World, receiver: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is being erased, uncommitted; the gift waits for the verdict and leaves everything as it was."""
    before, payer = queries.balance(receiver.pk), expiring_room.people[0].pk
    reached, go = threading.Event(), threading.Event()
    really, given, erased = erasing.people.destroy, [], []

    def pause(person: Any) -> None:
        reached.set()
        assert go.wait(20)
        really(person)

    monkeypatch.setattr(erasing.people, "destroy", pause)
    leaving = beside(lambda: erasing.erase(receiver), erased)
    assert reached.wait(20)
    giving = beside(lambda: GIVING[how](payer, receiver.pk), given)
    waits_for_the_lock()
    go.set()
    leaving.join(20), giving.join(20)
    assert given == ["account-erased"] and len(erased) == 1
    assert queries.balance(receiver.pk) == before and queries.balance(payer).credits == 10
    assert differences() == {}


def test_a_gift_booked_before_erasing_is_answered_again_after(expiring_room: World) -> None:
    payer, receiver = expiring_room.people[:2]
    actions.adjust(payer.pk, 10, "opening")
    out = actions.transfer(payer.pk, receiver.pk, 4, "gift")
    erasing.erase(receiver)
    assert actions.transfer(payer.pk, receiver.pk, 4, "gift") == out
    assert differences() == {}
