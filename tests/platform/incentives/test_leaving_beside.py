"""An acceptor that leaves beside somebody who redeems, burns or gives back there: one after the other, never in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.ledger.test_erasing_races import beside

from abate.platform.events import actions as events
from abate.platform.incentives import actions, queries, reconciling
from abate.platform.joining import decided
from abate.platform.ledger import queries as ledger
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db(transaction=True), pytest.mark.clause("P-6.3")]


def held_still(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, *, after: bool
) -> tuple[threading.Event, threading.Event]:
    """The first call of `where.name` waits, before it or after it, until the second event: the first tells that it is there."""
    really, reached, go = getattr(where, name), threading.Event(), threading.Event()

    def pause(*given: Any, **named: Any) -> Any:
        made = really(*given, **named) if after else None
        if not reached.is_set():
            reached.set()
            assert go.wait(20)
        return made if after else really(*given, **named)

    monkeypatch.setattr(where, name, pause)
    return reached, go


def leave(party: Party) -> object:
    return decided.leave(party, despite=True, how="a test")


def even() -> bool:
    return all(sums.even for sums in ledger.sums().values()) and not any(reconciling.differences().values())


WHAT: dict[str, tuple[str, str, Callable[[Any, Any, Any, str], object]]] = {
    "redeems": (
        "offer-ended",
        "advisory",
        lambda person, _, offer, __: actions.redeem(person, offer, uuid4()),
    ),
    "gives back": (
        "code-cancelled",
        "transactionid",
        lambda _, user, __, code: actions.give_back(user, code, "sold out"),
    ),
}


@pytest.mark.parametrize("what", WHAT)
def test_who_comes_while_it_leaves_waits_and_is_told(
    make_person, make_acceptor, make_offer, monkeypatch, what
) -> None:
    """The offers are closed, nothing is given back yet; who came next held an account that the leaving wanted."""
    first, person, (party, user) = make_person(30), make_person(30), make_acceptor("shop")
    offer, told, did = make_offer(party), [], []
    actions.redeem(first, offer, uuid4())
    code = actions.redeem(person, offer, uuid4()).text
    reached, go = held_still(monkeypatch, actions, "close_offers", after=True)
    leaving = beside(lambda: leave(party), did)
    assert reached.wait(20)
    refusal, lock, act = WHAT[what]
    other = beside(lambda: act(person, user, offer, code), told)
    waits_for_the_lock(lock)
    go.set()
    leaving.join(20), other.join(20)
    assert len(did) == 1 and not isinstance(did[0], str) and told == [refusal]
    assert [ledger.balance(one.pk).credits for one in (first, person)] == [30, 30]
    assert [row.state for row in queries.my_codes(person)] == ["cancelled"] and even()


def test_who_redeems_while_the_offers_are_closed_has_the_credits_again(
    make_person, make_acceptor, make_offer, monkeypatch
) -> None:
    """The piece is taken, the code not made yet: the leaving has seen no code of that person, and waits at the offer."""
    first, person, (party, _) = make_person(30), make_person(30), make_acceptor("shop")
    offer, did, told = make_offer(party), [], []
    actions.redeem(first, offer, uuid4())
    reached, go = held_still(monkeypatch, actions.randomness, "token_code", after=True)
    other = beside(lambda: actions.redeem(person, offer, uuid4()), told)
    assert reached.wait(20)
    leaving = beside(lambda: leave(party), did)
    waits_for_the_lock()
    go.set()
    other.join(20), leaving.join(20)
    assert len(did) == 1 and not isinstance(did[0], str) and not isinstance(told[0], str)
    assert [row.state for row in queries.my_codes(person)] == ["cancelled"]
    assert [ledger.balance(one.pk).credits for one in (first, person)] == [30, 30] and even()


def test_who_redeems_after_it_looked_keeps_it_from_nothing(
    make_person, make_acceptor, make_offer, monkeypatch
) -> None:
    """In a busy shop somebody new did at every look, and each made it look once more."""
    first, person, (party, _) = make_person(30), make_person(30), make_acceptor("shop")
    offer, did, told, looks = make_offer(party), [], [], []
    actions.redeem(first, offer, uuid4())
    real = actions.posting.ready
    monkeypatch.setattr(
        actions.posting, "ready", lambda cursor, ids: (looks.append(sorted(ids)), real(cursor, ids))[1]
    )
    reached, go = held_still(monkeypatch, actions, "_open_of", after=True)
    leaving = beside(lambda: leave(party), did)
    assert reached.wait(20)
    other = beside(lambda: actions.redeem(person, offer, uuid4()), told)
    waits_for_the_lock()
    go.set()
    leaving.join(20), other.join(20)
    assert len(did) == 1 and not isinstance(did[0], str) and told == ["offer-ended"]
    assert looks[0] == [first.pk] and [person.pk, first.pk] not in looks
    assert [ledger.balance(one.pk).credits for one in (first, person)] == [30, 30] and even()


def test_who_comes_while_it_waits_does_not_pass_it_by(
    make_person, make_acceptor, make_offer, monkeypatch
) -> None:
    """In a busy shop somebody always redeems: were the next let in too, it would wait for ever, and batches with it."""
    first, person, (party, _) = make_person(30), make_person(30), make_acceptor("shop")
    offer, did, told, next_told = make_offer(party), [], [], []
    reached, go = held_still(monkeypatch, actions.randomness, "token_code", after=True)
    redeeming = beside(lambda: actions.redeem(first, offer, uuid4()), told)
    assert reached.wait(20)
    leaving = beside(lambda: leave(party), did)
    waits_for_the_lock()
    batches_go_on = beside(events.keep_batches_out, [])
    batches_go_on.join(20)
    assert not batches_go_on.is_alive()
    other = beside(lambda: actions.redeem(person, offer, uuid4()), next_told)
    waits_for_the_lock(backends=2)
    go.set()
    redeeming.join(20), leaving.join(20), other.join(20)
    assert not isinstance(told[0], str) and not isinstance(did[0], str) and next_told == ["offer-ended"]
    assert [ledger.balance(one.pk).credits for one in (first, person)] == [30, 30] and even()


def test_of_two_tills_that_give_one_code_back_the_second_is_told_that_it_was(
    make_person, make_acceptor, make_offer, monkeypatch
) -> None:
    """Both saw it open. Who presses twice at one till is told the same; nothing is given back twice."""
    person, (party, user) = make_person(30), make_acceptor("shop")
    beside_user = review.create_user("till", made_up=True)
    parties.add_member(beside_user, party, "acceptor")
    code, did, told = actions.redeem(person, make_offer(party), uuid4()).text, [], []
    reached, go = held_still(monkeypatch, actions, "reverse", after=False)
    one = beside(lambda: actions.give_back(user, code, "sold out"), did)
    assert reached.wait(20)
    beside(lambda: actions.give_back(beside_user, code, "sold out"), told).join(20)
    go.set()
    one.join(20)
    assert not isinstance(told[0], str) and did == ["code-cancelled"]
    again: list[object] = []
    beside(lambda: actions.give_back(user, code, "sold out"), again).join(20)
    assert again == ["code-cancelled"] and ledger.balance(person.pk).credits == 30 and even()


def test_a_code_that_is_burnt_meanwhile_was_used(make_person, make_acceptor, make_offer, monkeypatch) -> None:
    """Burning takes the code alone, after the leaving saw it open: it waits for no account, so it comes first."""
    person, (party, user) = make_person(30), make_acceptor("shop")
    code, did, told = actions.redeem(person, make_offer(party), uuid4()), [], []
    reached, go = held_still(monkeypatch, actions, "close_offers", after=True)
    leaving = beside(lambda: leave(party), did)
    assert reached.wait(20)
    beside(lambda: actions.burn(user, code.text), told).join(20)
    go.set()
    leaving.join(20)
    assert len(did) == 1 and not isinstance(did[0], str) and not isinstance(told[0], str)
    assert [row.state for row in queries.my_codes(person)] == ["burnt"]
    assert ledger.balance(person.pk).credits == 20 and even()
