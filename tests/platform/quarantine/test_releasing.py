"""Two people decide about what is kept back: once, and booked as the pipeline would have."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from tests.platform.pipeline.acts import payment, ticket, trip, two_partners
from tests.platform.pipeline.test_races import AT_ONCE, together
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World, make_world
from tests.platform.quarantine.kept_back import (
    came,
    code,
    count,
    decided,
    declared,
    ended,
    numbers,
    proposed,
    reconciled,
    rule,
    staff,
    stands,
)

from abate.demo import desk
from abate.platform import releasing, revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon.revaluing import Asked
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import erasing
from abate.platform.ledger import queries as ledger
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import queries as authorised
from abate.platform.quarantine import queries
from abate.platform.review.errors import NoRight
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-e")]


def test_released_it_is_booked_as_it_would_have_been(world: World) -> None:
    (straight,) = world.send(world.ride("straight", who=1))
    rule(world)
    world.send(world.ride("r"), world.meeting("m"))
    assert world.totals()[0] == (0, 0, 0)
    made = decided(proposed())
    assert set(made.records.values()) == {"booked"} and came() == {"r": "booked", "m": "booked"}
    found = stands(world, "r")
    assert (found.outcome, found.er_mg, found.credits) == (Outcome.CREDITED, straight.er_mg, straight.credits)
    assert world.totals()[0][0] == (found.er_mg or 0) + (stands(world, "m").er_mg or 0)
    assert reconciled() == {} and recomputing.recompute()[1] == 0 and queries.counts() == (0, 0)
    (again,) = world.send(world.ride("r"))
    assert (again.outcome, again.stored, again.entry) == (Outcome.EXISTS, Outcome.CREDITED, found.entry_id)
    # What counts now is its partner's to take back, like any other.
    (gone,) = world.send(withdrawal(world, "w", "r"))
    assert gone.outcome == Outcome.WITHDRAWN and reconciled() == {}


def test_dismissed_it_does_not_count_and_says_why(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    assert set(decided(proposed("dismiss")).records.values()) == {"dismissed"}
    found = stands(world, "r")
    assert (found.outcome, found.reason) == (Outcome.NOT_COUNTED, "quarantine_dismissed:new-partner")
    (again,) = world.send(world.ride("r"))
    assert (again.outcome, again.stored, again.reason) == (Outcome.EXISTS, Outcome.NOT_COUNTED, found.reason)
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {} and recomputing.recompute()[1] == 0


def test_a_revaluation_does_not_bring_back_what_was_dismissed(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    decided(proposed("dismiss"))
    effect = revaluing.propose(Asked("cycling", date(2026, 5, 1), date(2026, 6, 1)))
    assert effect.left_alone == {"quarantine_decided": 1} and effect.changed == 0


def test_nobody_decides_on_their_own_proposal_also_not_under_another_account(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    both = desk.hire("made-up clerk of quarantine", "entry", "check")
    twin = desk.hire("made-up clerk of quarantine", "check")
    assert both.pk != twin.pk
    number = proposed(by=both)
    for same in (both, twin):
        for accepted in (True, False):
            assert code(decided, number, accepted=accepted, by=same) == "held-same-human"
    with connection.cursor() as cursor, pytest.raises(Exception, match="quarantine_proposal_another_human"):
        cursor.execute("update quarantine_proposal set accepted = true, decider_id = user_id, decider_human = human, "
                       "decided_at = at")  # fmt: skip
    assert world.totals()[0] == (0, 0, 0) and queries.counts() == (0, 1)
    decided(number)
    assert world.totals()[0] != (0, 0, 0)


@pytest.mark.clause("P-8.4-c")
def test_who_is_refused_a_decision_leaves_a_row_with_the_code(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    both = desk.hire("made-up clerk of quarantine", "entry", "check")
    query = desk.hire("made-up reader", "query")
    assert code(proposed, by=query) == "no-right"
    number = proposed(by=both)
    assert [code(decided, number, by=one) for one in (both, query)] == ["held-same-human", "no-right"]
    assert code(decided, number + 1) == "held-proposal-unknown"
    told = Audit.objects.filter(act="refused", what__startswith="quarantine.").order_by("id")
    assert [(one.what, one.subject, json.loads(one.detail)["code"]) for one in told] == [
        ("quarantine.propose", "", "no-right"),
        ("quarantine.decide", str(number), "held-same-human"),
        ("quarantine.decide", str(number), "no-right"),
    ]


def test_who_may_not(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    clerk, checker = staff()
    query = desk.hire("made-up reader", "query")
    for user in (checker, query, world.people[0].user):
        with pytest.raises(NoRight):
            proposed(by=user)
    number = proposed(by=clerk)
    for user in (clerk, query, world.people[0].user):
        with pytest.raises(NoRight):
            decided(number, by=user)
    assert code(releasing.propose, clerk, numbers(), "release", " ") == "held-reason-missing"
    assert code(releasing.propose, clerk, numbers(), "let-go", "x") == "held-verdict-unknown"
    assert code(releasing.propose, clerk, [], "release", "x") == "held-too-many"
    assert code(releasing.propose, clerk, numbers(), "release", "x") == "nothing-held"
    assert code(releasing.decide, checker, number, accepted=True, reason="") == "held-reason-missing"
    assert code(decided, number + 1) == "held-proposal-unknown"
    desk.add_member(
        desk.hire("made-up checker of quarantine", "check"),
        Party.objects.get(pk=world.sender.party_id),
        "partner",
    )
    assert code(decided, number) == "held-own-record"
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {}


def test_refused_it_waits_again_and_is_decided_once(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    number = proposed()
    assert decided(number, accepted=False).records == {}
    assert code(decided, number) == "held-decided" and queries.counts() == (1, 0)
    second = proposed("dismiss")
    decided(second)
    for ruling in (number, second):
        assert [(one.event_id, one.proposal) for one in queries.of_proposal(ruling)] == [("r", second)]
    assert came() == {"r": "dismissed"} and reconciled() == {}
    told = Audit.objects.filter(what__startswith="quarantine.").order_by("id").values_list("what", "subject")
    assert [one for one in told if one[0] != "quarantine.rule"] == [
        ("quarantine.propose", str(number)), ("quarantine.decide", str(number)),
        ("quarantine.propose", str(second)), ("quarantine.decide", str(second)),
    ]  # fmt: skip


def test_in_bulk_over_people_behaviours_and_partners(world: World) -> None:
    other = make_world(2)
    rule(world, "all", party=None, cause="data_fault")
    world.send(
        *(world.ride(f"r{n}", n % 3, f"2026-05-{10 + n}T10:30:00+08:00") for n in range(9)),
        world.meeting("m"),
    )
    other.send(other.ride("o"), other.meeting("p", who=1))
    assert len(numbers()) == 12 and queries.counts() == (12, 0)
    first, *rest = numbers()
    decided(proposed("dismiss", first))
    made = decided(proposed("release", *rest))
    assert len(made.records) == 11 and set(made.records.values()) == {"booked"}
    assert count("ledger_entry") == 11 and reconciled() == {}


def test_withdrawn_or_erased_meanwhile_or_no_longer_authorised_is_not_booked_and_says_so(
    world: World,
) -> None:
    rule(world)
    world.send(world.ride("w"), world.ride("e", who=1), world.ride("a", who=2),
               world.ride("r", start="2026-05-21T10:30:00+08:00"))  # fmt: skip
    number = proposed()
    world.send(withdrawal(world, "x", "w"))
    erasing.erase(world.people[1])
    (given,) = [one for one in authorised.authorisations(world.people[2].pk) if one.behaviour == "cycling"]
    people.withdraw(world.people[2], given.id)
    decided(number)
    assert came() == {"w": "withdrawn", "e": "erased", "a": "not_authorised", "r": "booked"}
    assert stands(world, "a", 2).reason == "quarantine_lapsed:new-partner:not_authorised"
    assert world.totals()[2] == (0, 0, 0) and count("ledger_entry") == 1
    assert reconciled() == {} and recomputing.recompute()[1] == 0


def test_what_is_gone_before_is_not_proposed(world: World) -> None:
    rule(world)
    world.send(world.ride("w"), world.ride("e", who=1))
    world.send(withdrawal(world, "x", "w"))
    erasing.erase(world.people[1])
    assert queries.records() == [] and queries.counts() == (0, 0) and len(numbers()) == 2
    for number in numbers():
        assert code(proposed, "release", number) == "nothing-held"


def test_a_source_whose_use_has_ended_is_not_booked(world: World) -> None:
    declared(world, "metro", 5)
    rule(world)
    world.send(world.ride("r") | {"source": f"{world.sender.code}/metro"})
    with clock.frozen(NOW + timedelta(days=6)):
        decided(proposed())
    assert came() == {"r": "ended"} and world.totals()[0] == (0, 0, 0)
    assert stands(world, "r").reason == "quarantine_lapsed:new-partner:ended" and reconciled() == {}


def test_caps_are_those_of_the_act_and_their_room_is_that_of_today(world: World) -> None:
    held = world.send(world.ride("before", start="2026-04-20T10:30:00+08:00"))[0].er_mg or 0
    desk.add_cap("cycling", date(2026, 5, 1), held + 100, ("试验", "trial"))
    rule(world, held_behaviours=["cycling"])
    world.send(world.ride("r"))
    ended(world, held_behaviours=["cycling"])
    (booked,) = world.send(world.ride("later", start="2026-05-20T12:30:00+08:00"))
    assert booked.er_mg == held and not booked.capped
    decided(proposed())
    found = stands(world, "r")
    assert (found.outcome, found.er_mg, found.eligible_mg, found.capped) == (
        Outcome.CREDITED,
        held,
        100,
        True,
    )
    assert world.totals()[0][2] == 2 * held + 100 and reconciled() == {}


@pytest.mark.usefixtures("lane")
def test_a_quarantined_record_stands_for_no_act_until_it_is_released(
    transactional_db: None, settings: Any
) -> None:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT = "demo", None
    with clock.frozen(NOW):
        one, other = two_partners()
        rule(one)
        (held,) = one.send(trip(one, "a"))
        assert held.outcome == Outcome.QUARANTINED
        (counted,) = other.send(trip(other, "b"))
        assert counted.outcome == Outcome.CREDITED
        decided(proposed())
        assert came() == {"a": "not_counted"}
        found = stands(one, "a")
        assert (found.outcome, found.reason) == (Outcome.NOT_COUNTED, "same_act:P-7.2-e:one-place:cycling")
        assert one.totals()[0][0] == counted.er_mg and reconciled() == {}
        # The other way round: released first, it bars the other.
        one.send(trip(one, "c", "2026-05-21T09:00:00+08:00"))
        decided(proposed("release", numbers()[-1]))
        (late,) = other.send(trip(other, "d", "2026-05-21T09:00:00+08:00"))
        assert late.outcome == Outcome.NOT_COUNTED and came()["c"] == "booked" and reconciled() == {}


def test_released_what_counts_by_its_methodology_makes_the_other_give_way(
    transactional_db: None, settings: Any
) -> None:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT = "demo", None
    with clock.frozen(NOW):
        one, _ = two_partners()
        rule(one, held_behaviours=["online-ticket"])
        paid, waits = one.send(payment(one, "p")), one.send(ticket(one, "t"))
        assert (paid[0].outcome, waits[0].outcome) == (Outcome.CREDITED, Outcome.QUARANTINED)
        decided(proposed())
        assert came() == {"t": "booked"} and stands(one, "p").outcome == Outcome.NOT_COUNTED
        assert one.totals()[0][0] == stands(one, "t").er_mg and reconciled() == {}


def test_sixteen_deciders_have_one_effect(world: World) -> None:
    rule(world)
    world.send(*(world.ride(f"r{n}", n % 3, f"2026-05-{10 + n}T10:30:00+08:00") for n in range(6)))
    number, users = proposed(), [desk.hire(f"made-up decider {n}", "approve") for n in range(4)]

    def both(n: int) -> list[Any]:
        with clock.frozen(NOW):
            return [code(decided, number, accepted=bool(n % 8), by=users[n % 4])]

    made = [one for (one,) in together(both)]
    assert sorted(made) == [""] + ["held-decided"] * (AT_ONCE - 1)
    accepted = queries.proposal(number).accepted
    assert count("ledger_entry") == (6 if accepted else 0) and reconciled() == {}


def test_two_proposals_about_one_record_are_one(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    clerk, record = staff()[0], numbers()

    def both(n: int) -> list[Any]:
        with clock.frozen(NOW):
            return [code(releasing.propose, clerk, record, "dismiss" if n % 2 else "release", "together")]

    made = [one for (one,) in together(both)]
    assert sorted(made) == [""] + ["nothing-held"] * (AT_ONCE - 1) and queries.counts() == (0, 1)


def test_a_release_beside_withdrawals_and_erasing_comes_wholly_before_or_after(world: World) -> None:
    rule(world)
    world.send(world.ride("w"), world.ride("e", who=1), world.ride("r", who=2))
    number, checker = proposed(), staff()[1]

    def each(n: int) -> list[Any]:
        with clock.frozen(NOW):
            if n == 0:
                return world.send(withdrawal(world, "x", "w"))
            if n == 1:
                erasing.erase(world.people[1])
                return []
            return [code(decided, number, by=checker)]

    together(each)
    assert (
        came()["r"] == "booked"
        and came()["w"] in ("booked", "withdrawn")
        and came()["e"] in ("booked", "erased")
    )
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {}


@pytest.mark.parametrize("fault", ["after the decision", "after the booking"])
def test_a_decision_that_ends_in_the_middle_was_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    rule(world)
    world.send(world.ride("r"))
    number = proposed()

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as planted:
        if fault == "after the decision":
            planted.setattr(releasing.revaluing, "put_in_place", dies)
        else:
            planted.setattr(releasing.actions, "came", dies)
        with pytest.raises(KeyboardInterrupt):
            decided(number)
    assert world.totals()[0] == (0, 0, 0) and queries.counts() == (0, 1) and reconciled() == {}
    decided(number)
    assert came() == {"r": "booked"} and reconciled() == {}


def test_a_person_may_wait_with_no_account_and_gets_one(world: World) -> None:
    """Nothing of the person was ever booked: the account is made by the release."""
    rule(world)
    world.send(world.ride("r"))
    assert ledger.entries(world.people[0].pk) == []
    decided(proposed())
    assert len(ledger.entries(world.people[0].pk)) == 1
    assert {one.outcome for one in carbon.feed(world.people[0].pk)} == {Outcome.CREDITED}


def test_new_accounts_of_all_parts_are_locked_before_any_is_booked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made part by part, in the order of behaviours and not of people, two decisions could wait for each other."""
    rule(world)
    world.send(world.ride("r", who=2), world.meeting("m", who=0))
    seen: list[int] = []
    lock = releasing.revaluing.lock_together

    def looked(*given: Any) -> None:
        lock(*given)
        seen.append(count("ledger_balance"))

    monkeypatch.setattr(releasing.revaluing, "lock_together", looked)
    assert count("ledger_balance") == 0
    decided(proposed())
    assert seen == [2] and reconciled() == {}


@pytest.mark.parametrize("word", ["not_measurable", "too_large"])
def test_what_cannot_be_booked_today_waits_on_and_the_rest_is_booked(
    world: World, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    rule(world)
    ride, meeting = world.send(world.ride("r"), world.meeting("m", who=1))
    assert (ride.er_mg or 0) < (meeting.er_mg or 0)
    number, again = proposed(), releasing.reading.again
    with monkeypatch.context() as planted:
        if word == "too_large":
            planted.setattr(releasing.revaluing.staging, "MOST", ride.er_mg)
        else:
            planted.setattr(
                releasing.reading, "again", lambda found, by: again(found if by == "cycling" else [], by)
            )
        decided(number)
    assert came() == {"r": "booked", "m": word} and reconciled() == {}
    assert [(one.event_id, one.state) for one in queries.records()] == [("m", "waiting")]
    decided(proposed("release", queries.records()[0].id))
    assert came() == {"r": "booked", "m": "booked"} and reconciled() == {}
