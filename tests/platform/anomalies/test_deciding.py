"""A decision and what follows from it in the books: once, by somebody else than before, and even with everything around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from tests.platform.anomalies.watched import cases, told, way
from tests.platform.pipeline.acts import later, payment
from tests.platform.pipeline.test_races import AT_ONCE, together
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World, differences

from abate.demo import desk
from abate.platform import judging, revaluing
from abate.platform.anomalies import actions, queries
from abate.platform.anomalies.errors import AppealTooLate, CaseDecided, CaseUnknown
from abate.platform.anomalies.queries import CAME, Filter
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon.revaluing import Asked
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.joining import quality
from abate.platform.ledger import actions as books
from abate.platform.ledger import erasing
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.models import Entry
from abate.platform.parties.models import Member
from abate.platform.people.models import Identity, Person
from abate.platform.people.models_family import Guardianship
from abate.platform.review.errors import NoRight
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b")]
AT = "2026-05-20T09:00:00+08:00"


def reviewers(count: int = 2) -> list[User]:
    return [desk.hire(f"made-up reviewer {n}", "entry") for n in range(count)]


def reconciled() -> dict[str, int]:
    """What `abate reconcile` finds, the cases among it."""
    return differences() | {name: n for name, n in queries.differences().items() if n}


def one_case(world: World, *events: dict[str, Any]) -> int:
    world.send(*(events or [way(world, "above", AT, 60, 26)]))
    actions.sweep()
    (one,) = cases()
    return one.id


def shown(*numbers: int) -> dict[int, str]:
    """The cases as they are looked at now."""
    listed = {one.id: one.listed for one in queries.cases(Filter(states=()))}
    return {number: listed.get(number, "") for number in numbers}


def proposed(number: int, **more: Any) -> judging.Verdict:
    """Somebody else's proposal to confirm."""
    proposer = desk.hire("made-up proposer", "entry")
    (made,) = judging.decide(proposer, shown(number), "proposed", "made up", **more)
    return made


def decided(user: User, number: int, verdict: str, **more: Any) -> judging.Verdict:
    """A decision; a case that is open and to be confirmed is proposed by somebody else before."""
    if verdict == "confirmed" and number in {one.id for one in cases("open")}:
        before = proposed(number, **more)
        if before.problem:
            return before
    (made,) = judging.decide(user, shown(number), verdict, "made up", **more)
    return made


def code(made: judging.Verdict) -> str:
    return made.problem.code if made.problem else made.state


def test_confirmed_is_reversed_and_names_the_case_and_overturned_is_booked_again(world: World) -> None:
    first, second = reviewers()
    number, (person, *_) = one_case(world), world.people
    before = world.totals()
    assert [one.disputed for one in quality.of_month(NOW.date())] == [0]
    made = decided(first, number, "confirmed")
    assert [(one.accepted, one.disputed) for one in quality.of_month(NOW.date())] == [(1, 1)]
    assert made.records == {(world.sender.party_id, "above"): "taken_back"} and "taken_back" in CAME
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {}
    reverse = ledger.entries(person.pk)[0]
    assert f"case {number} of anomalies was confirmed: too fast" in reverse.cause
    stands = carbon.behaviour(person.pk, world.sender.party_id, "above")
    assert stands is not None and (stands.outcome, stands.reason) == (
        Outcome.NOT_COUNTED,
        f"anomaly:P-7.3.3.3-b:fast:{number}",
    )
    assert carbon.explain(stands).steps and recomputing.recompute()[1] == 0
    # The partner's repeat is told the same, and its withdrawal finds nothing to undo.
    (again,) = world.send(way(world, "above", AT, 60, 26))
    assert (again.outcome, again.stored, again.reason) == (Outcome.EXISTS, Outcome.NOT_COUNTED, stands.reason)
    actions.appeal(person, number, "我骑的是电动摩托车")
    assert queries.words(queries.case(number)) == "我骑的是电动摩托车"
    # A second sweep of everything opens nothing about what was decided.
    assert actions.sweep(again=True).opened == 0
    assert decided(second, number, "overturned").records == {(world.sender.party_id, "above"): "booked"}
    assert world.totals() == before and reconciled() == {}
    assert [(one.accepted, one.disputed) for one in quality.of_month(NOW.date())] == [(1, 0)]
    actions.sweep(again=True)
    assert cases() == [] and [one.state for one in queries.cases(Filter(states=()))] == ["overturned"]
    # What counts again is the partner's to take back, like any other.
    (gone,) = world.send(withdrawal(world, "w", "above"))
    assert gone.outcome == Outcome.WITHDRAWN and world.totals()[0] == (0, 0, 0) and reconciled() == {}


def test_dismissed_stands_and_is_decided_once(world: World) -> None:
    first, second = reviewers()
    number, before = one_case(world), world.totals()
    assert decided(first, number, "dismissed").records == {}
    assert world.totals() == before and reconciled() == {}
    for user, verdict in ((second, "confirmed"), (second, "upheld"), (first, "dismissed")):
        assert code(decided(user, number, verdict)) == "case-decided"
    with pytest.raises(CaseDecided):
        actions.appeal(world.people[0], number, "why")


def test_nobody_decides_over_their_own_decision_also_not_under_another_account(world: World) -> None:
    first, _ = reviewers()
    twin = desk.hire("made-up reviewer 0", "entry")
    number, (person, stranger) = one_case(world), world.people
    decided(first, number, "confirmed")
    with pytest.raises(CaseUnknown):
        actions.appeal(stranger, number, "not mine")
    actions.appeal(person, number, "wrong")
    with pytest.raises(CaseDecided):
        actions.appeal(person, number, "wrong again")
    assert twin.pk != first.pk
    for same in (first, twin):
        for verdict in ("upheld", "overturned"):
            assert code(decided(same, number, verdict)) == "another-reviewer"
    assert queries.case(number).state == "appealed" and world.totals()[0] == (0, 0, 0)
    assert code(decided(reviewers()[1], number, "upheld")) == "upheld"
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {}


def test_who_may_not_decide(world: World) -> None:
    number = one_case(world)
    with pytest.raises(NoRight):
        judging.decide(desk.hire("made-up clerk", "query"), shown(number), "confirmed", "x")
    with pytest.raises(NoRight):
        judging.decide(world.people[0].user, shown(number), "confirmed", "x")
    (one,) = judging.decide(reviewers()[0], shown(number), "confirmed", "  ")
    assert code(one) == "case-reason-missing"
    (two,) = judging.decide(reviewers()[0], shown(number + 1), "confirmed", "x")
    assert code(two) == "case-unknown" and world.totals()[0] != (0, 0, 0)


def test_an_appeal_has_its_time(world: World) -> None:
    first, _ = reviewers()
    number, person = one_case(world), world.people[0]
    decided(first, number, "confirmed")
    last = queries.case(number).until
    assert last == clock.day(NOW + timedelta(days=60))
    with clock.frozen(NOW + timedelta(days=61)), pytest.raises(AppealTooLate):
        actions.appeal(person, number, "late")
    with clock.frozen(NOW + timedelta(days=60)):
        actions.appeal(person, number, "in time")


def test_records_that_are_spared_stay(world: World) -> None:
    first, second = reviewers()
    party = world.sender.party_id
    number = one_case(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    every = {(party, f"p{n}") for n in range(4)}
    assert code(decided(first, number, "confirmed", spared=every)) == "case-decided"
    made = decided(first, number, "confirmed", spared={(party, "p1")})
    assert sorted(made.records.values()) == ["spared", "taken_back", "taken_back", "taken_back"]
    assert {name for (_, name), came in made.records.items() if came == "spared"} == {"p1"}
    assert world.totals()[0] != (0, 0, 0) and reconciled() == {}
    # What comes into the same month now is below the limit again, and above it later: a part of its own.
    world.send(payment(world, "q0", later(300)), payment(world, "q1", later(360)))
    actions.sweep()
    assert cases() == []
    world.send(payment(world, "q2", later(420)))
    actions.sweep()
    (one,) = cases()
    assert one.part == 2
    assert [row.event_id for row in queries.records(one, opened=False)] == ["q0", "q1", "q2"]
    assert code(decided(second, one.id, "confirmed")) == "confirmed" and reconciled() == {}


def test_one_record_under_two_cases_comes_back_with_the_last(world: World) -> None:
    first, second = reviewers()
    world.send(way(world, "a", AT, 20, 12, by="cycling"), way(world, "b", later(10), 20, 12, by="cycling"))
    actions.sweep()
    by_rule = {(one.rule, one.group.split(":")[1]): one.id for one in cases()}
    assert set(by_rule) == {("far", "a"), ("far", "b"), ("close", "b")}
    far, close = by_rule["far", "b"], by_rule["close", "b"]
    party, person = world.sender.party_id, world.people[0]
    assert decided(first, far, "confirmed").records == {(party, "b"): "taken_back"}
    assert decided(first, close, "confirmed").records == {(party, "b"): "gone"}
    for number, came in ((far, "another_case"), (close, "booked")):
        actions.appeal(person, number, "both are right")
        assert decided(second, number, "overturned").records == {(party, "b"): came}
        assert reconciled() == {}
    assert {one.outcome for one in carbon.feed(person.pk)} == {Outcome.CREDITED}


def test_what_was_withdrawn_meanwhile_is_gone_and_what_the_books_compute_again_is_left(world: World) -> None:
    first, _ = reviewers()
    number = one_case(world)
    world.send(withdrawal(world, "w", "above"))
    assert decided(first, number, "confirmed").records == {(world.sender.party_id, "above"): "gone"}
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {}
    world.send(way(world, "fast-2", later(600), 60, 27))
    actions.sweep()
    decided(first, cases()[0].id, "confirmed")
    effect = revaluing.propose(
        Asked("electric-two-wheeler", clock.day(NOW).replace(month=5, day=1), clock.day(NOW))
    )
    assert effect.left_alone == {"taken_back": 1, "anomaly": 1} and effect.changed == 0


def test_sixteen_reviewers_of_the_same_cases_have_one_effect_each(world: World) -> None:
    users = reviewers(4)
    world.send(*(way(world, f"f{n}", later(90 * n), 60, 26, n % 2) for n in range(6)))
    actions.sweep()
    numbers = [one.id for one in cases()]
    assert len(numbers) == 6
    for number in numbers:
        proposed(number)

    def both(n: int) -> list[Any]:
        order = numbers if n % 2 else numbers[::-1]
        return judging.decide(
            users[n % 4], shown(*order), "dismissed" if n % 8 == 7 else "confirmed", "together"
        )

    with clock.frozen(NOW):
        made = [verdict for found in together(both) for verdict in found]  # type: ignore[arg-type]
    done = [verdict for verdict in made if verdict.problem is None]
    assert sorted(verdict.case for verdict in done) == sorted(numbers)
    assert {code(verdict) for verdict in made if verdict.problem} == {"case-decided"}
    assert len(made) == AT_ONCE * 6
    states = {one.id: one.state for one in queries.cases(Filter(states=()))}
    assert states == {verdict.case: verdict.state for verdict in done}
    kept = sum(state == "dismissed" for state in states.values())
    awards = [
        one for person in world.people for one in carbon.feed(person.pk) if one.outcome == Outcome.CREDITED
    ]
    assert len(awards) == kept and reconciled() == {}


@pytest.mark.parametrize("fault", ["after the step", "after the reversal"])
def test_a_decision_that_ends_in_the_middle_was_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    first, _ = reviewers()
    number, before = one_case(world), world.totals()
    proposed(number)
    rows = told()

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as planted:
        if fault == "after the step":
            planted.setattr(judging.giving_way, "undo", dies)
        else:
            planted.setattr(judging.actions, "came", dies)
        with pytest.raises(KeyboardInterrupt):
            decided(first, number, "confirmed")
    assert (world.totals(), told()) == (before, rows) and reconciled() == {}
    assert code(decided(first, number, "confirmed")) == "confirmed" and world.totals()[0] == (0, 0, 0)


def test_a_case_that_the_books_do_not_follow_is_found(world: World) -> None:
    """The reconciliation sees a confirmed case whose award stands, and a quantity that no case explains."""
    first, _ = reviewers()
    number = one_case(world)
    decided(first, number, "confirmed")
    with connection.cursor() as cursor:
        cursor.execute("update anomalies_case set state = 1")
        assert reconciled() == {"anomalies": 1}
        cursor.execute("update anomalies_case set state = 2, person_id = person_id + 1")
        assert reconciled() == {"anomalies": 1}


def test_retired_milligrams_stay(world: World) -> None:
    first, _ = reviewers()
    number, person = one_case(world), world.people[0]
    held = ledger.balance(person.pk).carbon_mg
    books.retire(person.pk, held, "retired")
    assert decided(first, number, "confirmed").records == {(world.sender.party_id, "above"): "retired"}
    assert reconciled() == {}


def test_a_decision_while_its_person_is_erased_comes_wholly_before_or_after(world: World) -> None:
    users = reviewers(2)
    number, person = one_case(world), world.people[0]
    proposed(number)

    def both(n: int) -> list[Any]:
        if n == 0:
            erasing.erase(person)
            return []
        return judging.decide(users[n % 2], shown(number), "confirmed", "together")

    made = [verdict for found in together(both) for verdict in found]  # type: ignore[arg-type]
    (done,) = [verdict for verdict in made if verdict.problem is None]
    assert set(done.records.values()) <= {"taken_back", "erased"}
    assert {code(verdict) for verdict in made if verdict.problem} == {"case-decided"}
    assert reconciled() == {} and queries.words(queries.case(number)) == ""


def test_who_was_erased_before_is_told_of_and_left(world: World) -> None:
    first, _ = reviewers()
    number, person = one_case(world), world.people[0]
    erasing.erase(person)
    assert decided(first, number, "confirmed").records == {(world.sender.party_id, "above"): "erased"}
    assert reconciled() == {}


def test_overturned_after_its_person_was_erased_books_nothing_again(world: World) -> None:
    first, second = reviewers()
    number, person = one_case(world), world.people[0]
    assert decided(first, number, "confirmed").records == {(world.sender.party_id, "above"): "taken_back"}
    actions.appeal(person, number, "I cycled")
    erasing.erase(person)
    entries = Entry.objects.count()
    assert queries.words(queries.case(number)) == ""
    assert decided(second, number, "overturned").records == {(world.sender.party_id, "above"): "erased"}
    case = queries.case(number)
    assert case.state == "overturned" and [one.came for one in queries.records(case)] == ["erased"]
    assert world.totals()[0] == (0, 0, 0) and Entry.objects.count() == entries and reconciled() == {}


def as_reviewer(person: Person) -> User:
    """The person as one of the staff: under one identity, and an account of its own."""
    account = str(uuid4())
    holder = bytes(Identity.objects.get(person=person).identity_hmac).hex()
    desk.decide("staff.enrol", holder=holder, account=account, made_up=True)
    desk.decide("role.grant", account=account, role="entry")
    return User.objects.get(handle=account)


def test_nobody_judges_a_case_that_they_have_a_part_in(world: World) -> None:
    one, other = world.people
    own, same = as_reviewer(one), as_reviewer(other)
    world.send(
        way(world, "a", AT, 20, 5), way(world, "b", AT, 20, 5, who=1), way(world, "c", later(60), 60, 26)
    )
    actions.sweep()
    alike = {found.person_id: found.id for found in cases() if found.rule == "alike"}
    (fast,) = [found.id for found in cases() if found.rule == "fast"]
    assert set(alike) == {one.pk, other.pk}
    for user in (own, same):
        for number in alike.values():
            for verdict in ("proposed", "dismissed", "confirmed"):
                assert code(decided(user, number, verdict)) == "own-case"
    assert code(decided(own, fast, "confirmed")) == "own-case"
    # Also not about an appeal of it. What they have no part in they decide like anybody.
    first, second = reviewers()
    decided(first, alike[one.pk], "confirmed")
    actions.appeal(one, alike[one.pk], "I was not there")
    for user in (own, same):
        assert code(decided(user, alike[one.pk], "upheld")) == "own-case"
    assert code(decided(same, fast, "dismissed")) == "dismissed"

    seated = Member.objects.create(user=second, party_id=world.sender.party_id, role="partner", since=NOW)
    assert code(decided(second, alike[one.pk], "upheld")) == "own-case"
    twin = desk.hire("made-up reviewer 1", "entry")
    assert code(decided(twin, alike[one.pk], "upheld")) == "own-case"
    seated.delete()
    assert code(decided(second, alike[one.pk], "upheld")) == "upheld" and reconciled() == {}


@pytest.mark.parametrize("judge", [0, 1])
def test_a_guardian_and_a_ward_judge_no_case_of_the_other(world: World, judge: int) -> None:
    """`one_case` is of the first: the second judges it as guardian or as ward."""
    number, reviewer = one_case(world), as_reviewer(world.people[1])
    child, guardian = world.people if judge else world.people[::-1]
    Guardianship.objects.create(
        child=child,
        guardian=guardian,
        relation="parent",
        name_enc=b"",
        given_at=NOW,
        until=NOW + timedelta(days=999),
    )
    assert code(decided(reviewer, number, "dismissed")) == "own-case"
