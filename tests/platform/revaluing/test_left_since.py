"""Somebody leaves between the decision and the booking: it is booked for the others, and told for whom it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.world import NOW, World, differences, make_world, state
from tests.platform.revaluing.decided import BUS, MAY, approve
from tests.platform.revaluing.decided import replace as replace

from abate.platform import revaluing
from abate.platform.carbon import actions, recomputing
from abate.platform.carbon.errors import StateChanged
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import erasing
from abate.platform.ledger import queries as ledger
from abate.platform.people import freezing
from abate.platform.people.models import Person
from abate.platform.revaluing import LeftOut
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.2-a")]


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world()


def freeze(person: Person) -> None:
    freezing.freeze(person, clock.today() + timedelta(days=30), [("义务", "a duty")])


def told() -> list[str]:
    return list(Audit.objects.filter(what="revalue.left-out").values_list("subject", flat=True))


def even() -> None:
    assert differences() == {}
    assert recomputing.recompute()[1] == 0


@pytest.mark.parametrize(("leave", "why"), [(erasing.erase, "erased"), (freeze, "frozen")])
def test_it_is_booked_for_the_others(
    world: World, replace: Any, leave: Callable[[Person], object], why: str
) -> None:
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7), world.ride("c", km=2))
    replace(BUS)
    shown = revaluing.propose(MAY)
    approve(MAY, shown.digest)
    gone, before = world.people[0], world.totals()
    gone.refresh_from_db()
    leave(gone)
    done = revaluing.book(MAY, shown.digest)
    left = {gone.pseudonym: LeftOut(why, 2, before[0][0])}
    assert (shown.changed, done.changed, done.erased, done.left_out) == (3, 1, 2, left)
    assert world.totals()[0] == before[0] and world.totals()[1][0] < before[1][0]
    assert [subject.split()[1] for subject in told()] == [gone.pseudonym]
    even()
    # Once more: one effect, told in the answer, and in the trail once.
    after = state()
    again = revaluing.book(MAY, shown.digest)
    assert (again.changed, again.booked_before, again.left_out, state()) == (0, 1, left, after)
    assert len(told()) == 1


def test_who_leaves_after_it_was_booked_for_them_does_not_stand_in_the_way(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was cut off between two chunks, and the same call completes it."""
    monkeypatch.setattr("abate.platform.carbon.revaluing.CHUNK", 1)
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    replace(BUS)
    shown = revaluing.propose(MAY)
    approve(MAY, shown.digest)
    really = revaluing.put_in_place

    def once(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(revaluing, "put_in_place", cut_off)
        return really(*given, **named)

    def cut_off(*given: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(revaluing, "put_in_place", once)
    with pytest.raises(KeyboardInterrupt):
        revaluing.book(MAY, shown.digest)
    monkeypatch.setattr(revaluing, "put_in_place", really)
    booked = [row.pk for row in world.people if len(ledger.entries(row.pk)) > 1]
    (first,) = [row for row in world.people if row.pk in booked]
    first.refresh_from_db()
    erasing.erase(first)
    done = revaluing.book(MAY, shown.digest)
    assert (done.booked_before, done.changed, done.erased) == (1, 1, 0)
    even()


def test_where_all_left_nothing_is_booked(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3))
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    approve(MAY, digest)
    world.people[0].refresh_from_db()
    erasing.erase(world.people[0])
    before = state()
    done = revaluing.book(MAY, digest)
    assert (done.changed, done.erased, state()) == (0, 1, before)


def test_another_change_since_is_still_refused(world: World, replace: Any) -> None:
    _, other = world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    approve(MAY, digest)
    world.people[0].refresh_from_db()
    erasing.erase(world.people[0])
    credits.reverse(world.people[1].pk, other.entry or 0, "withdrawn")
    before = state()
    with pytest.raises(StateChanged):
        revaluing.book(MAY, digest)
    assert state() == before and told() == []


def test_nobody_is_erased_while_it_is_decided(
    world: World, replace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was, after their quantities were read, stood in what was decided and had gone before it: nobody could book it."""
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    replace(BUS)
    shown = revaluing.propose(MAY)
    erased: list[Any] = []
    real = actions.approve

    def allow(*given: Any) -> object:
        erased.append(beside(lambda: erasing.erase(world.people[0]), []))
        waits_for_the_lock()
        return real(*given)

    monkeypatch.setattr(actions, "approve", allow)
    approve(MAY, shown.digest)
    monkeypatch.undo()
    for one in erased:
        one.join(20)
    done = revaluing.book(MAY, shown.digest)
    assert len(erased) == 1 and (done.changed, done.erased) == (1, 1) and len(done.left_out) == 1
    even()
