"""A decision and what comes beside it: a sweep, another case about the same record, a batch, other rules, another record."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.platform.anomalies.test_deciding import (
    code,
    decided,
    one_case,
    proposed,
    reconciled,
    reviewers,
    shown,
)
from tests.platform.anomalies.watched import RULES, cases, way, write
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.acts import later, payment, ticket, two_partners
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World
from tests.platform.revaluing.decided import adopt
from tests.platform.revaluing.test_races import held, waits

from abate.platform import judging, pipeline
from abate.platform import together as few
from abate.platform.anomalies import actions, queries
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import sent
from abate.platform.credits import actions as credits
from abate.platform.credits import taking
from abate.platform.credits.actions import Per
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b")]
AT = "2026-05-20T09:00:00+08:00"


def test_records_that_a_sweep_added_since_are_decided_about_by_nobody(world: World) -> None:
    first, _ = reviewers()
    number = one_case(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    seen, before = shown(number), world.totals()
    world.send(payment(world, "p4", later(300)))
    booked = world.totals()
    actions.sweep()
    assert before != booked
    for verdict in ("proposed", "dismissed"):
        (made,) = judging.decide(first, seen, verdict, "the four of them")
        assert code(made) == "case-changed" and made.problem and made.problem.status == 409
    assert queries.case(number).state == "open" and world.totals() == booked
    assert len(decided(first, number, "confirmed").records) == 5 and reconciled() == {}


def shared(world: World) -> tuple[int, int]:
    """Two cases about the record `b`, one alone about `a`."""
    world.send(way(world, "a", AT, 20, 9, by="cycling"), way(world, "b", later(10), 20, 12, by="cycling"))
    actions.sweep()
    by_rule = {one.rule: one.id for one in cases()}
    assert set(by_rule) == {"far", "close"}
    return by_rule["far"], by_rule["close"]


@pytest.mark.parametrize("other", ["overturned", "confirmed"])
def test_two_decisions_about_one_record_come_one_after_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """The one is held still when it has read of the other's case; this waits for it, and sees what it came to."""
    first, second = reviewers()
    far, close = shared(world)
    person, party = world.people[0], world.sender.party_id
    for number in (far, close) if other == "overturned" else (far,):
        decided(first, number, "confirmed")
        actions.appeal(person, number, "right")
    where = (judging.actions, "came") if other == "overturned" else (judging.revaluing, "lock_together")
    if other == "confirmed":
        proposed(close)
    reached, go = held(*where, monkeypatch)
    one: list[Any] = []
    two: list[Any] = []
    before = beside(lambda: decided(second, far, "overturned"), one)
    assert reached.wait(20)
    after = beside(lambda: decided(second if other == "overturned" else first, close, other), two)
    assert waits(), "the second decision did not mind the first on its way"
    go.set()
    before.join(20), after.join(20)
    came = {"overturned": ("another_case", "booked"), "confirmed": ("booked", "taken_back")}[other]
    assert (one[0].records, two[0].records) == ({(party, "b"): came[0]}, {(party, "b"): came[1]})
    stands = carbon.behaviour(person.pk, party, "b")
    assert stands and (stands.outcome == Outcome.CREDITED) == (other == "overturned")
    assert reconciled() == {}


def test_what_its_party_withdrew_before_the_appeal_is_told_gone(world: World) -> None:
    first, second = reviewers()
    number, person = one_case(world), world.people[0]
    decided(first, number, "confirmed")
    world.send(withdrawal(world, "w", "above"))
    actions.appeal(person, number, "right")
    assert decided(second, number, "overturned").records == {(world.sender.party_id, "above"): "gone"}
    assert world.totals()[0] == (0, 0, 0) and reconciled() == {}


@pytest.mark.parametrize("step", ["confirmed", "overturned"])
def test_a_case_of_two_partners_and_behaviours_beside_a_batch(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Held still with its first account, it has the caps of all its records: the batch waits for it, and not it for the batch."""
    monkeypatch.setattr(pipeline, "TRIES", 1)
    monkeypatch.setattr(few, "FEW", 0)
    credits.add_cap("", date(2026, 5, 1), 900_000, ("上限", "A cap"), per=Per("party", "month"))
    first, second = reviewers()
    one, other = two_partners()
    start = "2026-05-10T00:00:00+08:00"
    one.send(way(one, "m", start, 700, by="metro"), way(one, "c", later(700, start), 20, by="cycling"))
    other.send(way(other, "n", later(600, start), 800, by="metro"))
    actions.sweep()
    (case,) = [found for found in cases() if found.rule == "long-day"]
    before, user = one.totals(), first
    if step == "overturned":
        assert set(decided(first, case.id, "confirmed").records.values()) == {"taken_back"}
        assert one.totals()[0] == (0, 0, 0) and reconciled() == {}
        actions.appeal(one.people[0], case.id, "right")
        user = second
    else:
        proposed(case.id)
    reached, go, really = threading.Event(), threading.Event(), taking.lock_balances_of

    def pause(*arguments: Any) -> None:
        really(*arguments)
        if not reached.is_set():
            reached.set()
            assert go.wait(20)

    monkeypatch.setattr(taking, "lock_balances_of", pause)
    made: list[Any] = []
    sent: list[Any] = []
    decision = beside(lambda: decided(user, case.id, step), made)
    assert reached.wait(20)
    batch = beside(lambda: other.send(way(other, "new", AT, 20, by="metro")), sent)
    assert waits(), "the batch did not mind the decision on its way"
    go.set()
    decision.join(20), batch.join(20)
    assert [result.outcome for result in sent[0]] == [Outcome.CREDITED], sent
    came = {"confirmed": "taken_back", "overturned": "booked"}[step]
    assert code(made[0]) == step and list(made[0].records.values()) == [came] * 3
    other.send(withdrawal(other, "w", "new"))
    assert one.totals() == (before if step == "overturned" else [(0, 0, 0), *before[1:]])
    assert reconciled() == {}


def test_the_last_day_for_an_appeal_is_the_one_that_was_told(
    world: World, settings: Any, tmp_path: Path
) -> None:
    number = one_case(world)
    decided(reviewers()[0], number, "confirmed")
    told_ = queries.case(number).until
    settings.ABATE_ANOMALIES = write(tmp_path, RULES.replace("days: 60", "days: 1"))
    adopt()
    assert queries.case(number).until == told_ == clock.day(NOW + timedelta(days=60))
    with clock.frozen(NOW + timedelta(days=60)):
        actions.appeal(world.people[0], number, "in time")


def test_what_was_overturned_gives_way_like_any_other_award(world: World, settings: Any) -> None:
    """Also where an award gave way for the same cause before: the newest is by when it was booked, not by its cause."""
    settings.ABATE_SAME_ACT = None
    adopt()
    first, second = reviewers()
    party, person = world.sender.party_id, world.people[0]
    world.send(payment(world, "early", later(-600)))
    world.send(ticket(world, "before", later(-600)))
    number = one_case(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    decided(first, number, "confirmed", spared={(party, f"p{n}") for n in range(1, 4)})
    actions.appeal(person, number, "right")
    assert decided(second, number, "overturned").records[party, "p0"] == "booked"
    world.send(ticket(world, "t", AT))
    gave_way = "same_act:P-7.2-e:payment:online-ticket"
    (again,) = world.send(payment(world, "p0", later(0)))
    assert (again.stored, again.reason) == (Outcome.NOT_COUNTED, gave_way)
    told_ = sent.event_of_party(party, "p0")
    assert told_ is not None and (told_.outcome, told_.reason) == (Outcome.NOT_COUNTED, gave_way)
    (gone,) = world.send(withdrawal(world, "w", "p0"))
    assert (gone.outcome, gone.entry) == (Outcome.WITHDRAWN, None) and reconciled() == {}
