"""What three people book by hand: each kind that has no page of its own, by the form's arguments and by the command."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from tests.platform.pipeline.world import NOW, World, differences

from abate.bookkeeping.kinds import Kind
from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.doors.keyring import keyring
from abate.platform.ledger import actions, queries, standing
from abate.platform.people import actions as persons
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person
from abate.platform.review import actions as review
from abate.platform.review import proposing

pytestmark = [pytest.mark.platform]


def booked(kind: str, person: Person, **more: Any) -> None:
    desk.decide("ledger.book", kind=kind, person=person.pseudonym, order=f"d-{kind}", **more)


@pytest.mark.clause("P-4.4", "P-7.5.3-3")
def test_every_kind_is_booked_for_a_decision(expiring_room: World) -> None:
    world, (one, two, _) = expiring_room, expiring_room.people
    world.send(world.meeting("a"))
    actions.adjust(one.pk, 100, "opening")
    start, carbon = standing.standing(one.pk).free, queries.balance(one.pk).carbon_mg
    booked("cancel", one, amount=10)
    booked("transfer", one, amount=20, to=two.pseudonym)
    booked("retire", one, amount=1_000)
    until = (NOW + timedelta(hours=5)).isoformat()
    booked("hold", one, amount=30, until=until)
    (hold,) = standing.standing(one.pk).holds
    assert (hold.credits, hold.expires_at.isoformat()) == (30, until)
    booked("settle", one, hold=hold.id)
    desk.decide("ledger.book", kind="hold", person=one.pseudonym, order="d-2", amount=5, until=until)
    (hold,) = standing.standing(one.pk).holds
    booked("release", one, hold=hold.id)
    now = standing.standing(one.pk)
    assert (now.free, now.held, now.holds) == (start - 10 - 20 - 30, 0, ())
    assert standing.standing(two.pk).free == 20
    assert queries.balance(one.pk).carbon_mg == carbon - 1_000
    made = [Kind(row.kind).name.lower() for row in queries.entries(one.pk)]
    assert {"cancel", "transfer", "retire", "hold", "settle", "release"} <= set(made) and differences() == {}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a kind that is no entry by hand": ({"kind": "award", "amount": 1}, "change-malformed"),
    "to another platform": ({"kind": "exchange_out", "amount": 1}, "change-malformed"),
    "nothing": ({"kind": "cancel"}, "change-malformed"),
    "less than nothing": ({"kind": "cancel", "amount": -5}, "not-an-amount"),
    "more than is asked": ({"kind": "cancel", "amount": 5, "to": "somebody"}, "change-malformed"),
    "to nobody": ({"kind": "transfer", "amount": 5, "to": "nobody"}, "person-unknown"),
    "to oneself": ({"kind": "transfer", "amount": 5, "to": "{}"}, "same-person"),
    "until yesterday": ({"kind": "hold", "amount": 5, "until": "2020-01-01T00:00:00+08:00"}, "hold-time"),
    "until no moment": ({"kind": "hold", "amount": 5, "until": "2027-01-01"}, "change-malformed"),
    "under no order": ({"kind": "cancel", "amount": 1, "order": ""}, "change-malformed"),
    "under blanks": ({"kind": "cancel", "amount": 1, "order": "  "}, "change-malformed"),
    "under two lines": ({"kind": "cancel", "amount": 1, "order": "d\n1"}, "change-malformed"),
    "under a long order": ({"kind": "cancel", "amount": 1, "order": "d" * 129}, "change-malformed"),
    "a hold that is not there": ({"kind": "settle", "hold": 77}, "hold-unknown"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused_to_who_proposes(expiring_room: World, what: str) -> None:
    given, code = WRONG[what]
    person = expiring_room.people[0].pseudonym
    asked = {name: person if value == "{}" else value for name, value in given.items()}
    with pytest.raises(Problem) as refused:
        proposing.propose(
            desk.staffed()["entry"], "ledger.book", {"person": person, "order": "d-1", **asked}, "x"
        )
    assert refused.value.code == code


@pytest.mark.parametrize("order", ["", " ", "a\tb", "d" * 5_000])
def test_an_adjustment_under_no_order_is_refused_by_name(expiring_room: World, order: str) -> None:
    given = {"person": expiring_room.people[0].pseudonym, "credits": 1, "order": order}
    with pytest.raises(Problem) as refused:
        proposing.propose(desk.staffed()["entry"], "ledger.adjust", given, "x")
    assert refused.value.code == "change-malformed" and "ledger.adjust: order" in str(refused.value)


@pytest.mark.clause("P-8.4-c")
def test_an_order_that_stands_for_another_movement_is_taken_and_the_same_again_changes_nothing(
    expiring_room: World,
) -> None:
    one, two, three = expiring_room.people
    actions.adjust(one.pk, 100, "opening")
    until = (NOW + timedelta(hours=1)).isoformat()
    later = (NOW + timedelta(hours=2)).isoformat()
    hold, give = {"kind": "hold", "until": until}, {"kind": "transfer", "amount": 5}
    desk.decide("ledger.book", person=one.pseudonym, order="d", amount=5, **hold)
    desk.decide("ledger.book", person=one.pseudonym, order="t", to=two.pseudonym, **give)
    tried: list[tuple[str, dict[str, Any], str]] = [
        ("ledger.book", hold | {"order": "d", "amount": 50}, "order-taken"),
        ("ledger.book", hold | {"order": "d", "amount": 5}, "nothing-changes"),
        ("ledger.book", hold | {"order": "d", "amount": 5, "until": later}, "order-taken"),
        ("ledger.book", give | {"order": "t", "to": three.pseudonym}, "order-taken"),
        ("ledger.book", give | {"order": "t", "to": two.pseudonym}, "nothing-changes"),
        ("ledger.book", {"kind": "cancel", "order": "t", "amount": 5}, "order-taken"),
        ("ledger.adjust", {"order": "opening", "credits": 99}, "order-taken"),
        ("ledger.adjust", {"order": "opening", "credits": 100}, "nothing-changes"),
    ]
    for action, given, code in tried:
        with pytest.raises(Problem) as refused:
            proposing.propose(desk.staffed()["entry"], action, {"person": one.pseudonym, **given}, "x")
        assert refused.value.code == code, json.dumps(given)


def test_what_is_not_there_any_more_is_refused_at_the_approval_and_nothing_is_booked(
    expiring_room: World,
) -> None:
    person, people = expiring_room.people[0], desk.staffed()
    actions.adjust(person.pk, 10, "opening")
    until = (NOW + timedelta(hours=1)).isoformat()
    booked("hold", person, amount=4, until=until)
    (hold,) = standing.standing(person.pk).holds
    asked = [
        {"kind": "cancel", "amount": 7},
        {"kind": "retire", "amount": 1},
        {"kind": "settle", "hold": hold.id},
    ]
    with clock.frozen(NOW + timedelta(hours=2)):
        actions.cancel(person.pk, 5, "meanwhile")
        before = len(queries.entries(person.pk))
        for n, (given, code) in enumerate(
            zip(asked, ("insufficient-credits", "carbon-retired", "hold-ended"), strict=True)
        ):
            full = {"person": person.pseudonym, "order": f"late-{n}", **given}
            number = proposing.propose(people["entry"], "ledger.book", full, "x").pk
            proposing.check(people["check"], number)
            with pytest.raises(Problem) as refused:
                proposing.approve(people["approve"], number)
            assert refused.value.code == code, json.dumps(given)
        assert len(queries.entries(person.pk)) == before and differences() == {}


@pytest.mark.clause("P-8.4-c")
def test_nobody_decides_about_the_credits_of_their_own_account(expiring_room: World) -> None:
    """Who works here may have an account like anybody; the same identity tells, under whatever account they act."""
    people, number = desk.staffed(), made_up_number(date(1990, 1, 1), 7)
    own = persons.register("某甲", number, ["own@example.org"], "1", made_up=True)
    entry = actions.adjust(own.pk, 5, "opening")
    decider = review.create_user("staff", made_up=True)
    review.enrol_digest(decider, keyring().identity_hmac(number))
    for role in ("check", "approve"):
        review.grant(decider, role)
    order, amount = {"person": own.pseudonym, "order": "d-1"}, {"kind": "transfer", "amount": 1}
    other = expiring_room.people[0].pseudonym
    changes: list[tuple[str, dict[str, Any]]] = [
        ("ledger.adjust", order | {"credits": 1_000_000}),
        ("entry.reverse", {"person": own.pseudonym, "entry": entry.id, "reason": "by mistake"}),
        ("ledger.book", order | amount | {"to": other}),
        ("ledger.book", order | amount | {"person": other, "to": own.pseudonym}),
    ]
    for action, given in changes:
        one = proposing.propose(people["entry"], action, given, "x").pk
        for decide in (proposing.check, proposing.approve):
            with pytest.raises(Problem) as refused:
                decide(decider, one)
            assert refused.value.code == "concerns-oneself"
            if decide is proposing.check:
                proposing.check(people["check"], one)
    theirs = order | {"person": other, "credits": 1}
    proposing.check(decider, proposing.propose(people["entry"], "ledger.adjust", theirs, "x").pk)
