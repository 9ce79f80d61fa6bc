"""A case is confirmed by two people, the one who proposes it and another; dismissing takes one."""

from __future__ import annotations

import json
from importlib import import_module

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from tests.platform.anomalies.test_deciding import (
    AT,
    code,
    decided,
    one_case,
    proposed,
    reconciled,
    reviewers,
    shown,
)
from tests.platform.anomalies.watched import cases, way
from tests.platform.pipeline.acts import later, payment
from tests.platform.pipeline.world import World

from abate.demo import desk
from abate.platform import judging
from abate.platform.anomalies import actions, queries
from abate.platform.anomalies.models import Case, Step
from abate.platform.review.errors import NoRight
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b", "P-8.4-c")]


def test_one_alone_takes_nothing_back_under_whatever_account(world: World) -> None:
    first, second = reviewers()
    twin = desk.hire("made-up reviewer 0", "entry")
    number, before = one_case(world), world.totals()
    (alone,) = judging.decide(first, shown(number), "confirmed", "x")
    assert code(alone) == "case-decided" and alone.problem and alone.problem.detail == "open"
    assert code(decided(first, number, "proposed")) == "proposed" and world.totals() == before
    assert code(decided(second, number, "proposed")) == "case-decided"
    for same in (first, twin):
        for verdict in ("confirmed", "dismissed"):
            assert code(decided(same, number, verdict)) == "another-reviewer"
    assert queries.case(number).state == "proposed" and world.totals() == before and reconciled() == {}
    assert code(decided(second, number, "confirmed")) == "confirmed" and world.totals()[0] == (0, 0, 0)
    # Neither of the two judges the appeal.
    actions.appeal(world.people[0], number, "wrong")
    for same in (first, twin, second):
        assert code(decided(same, number, "overturned")) == "another-reviewer"
    assert code(decided(reviewers(3)[2], number, "overturned")) == "overturned"
    assert world.totals() == before and reconciled() == {}


def test_who_is_refused_a_decision_leaves_a_row_with_the_code(world: World) -> None:
    first, second = reviewers()
    number = one_case(world)
    assert code(decided(first, number, "proposed")) == "proposed"
    assert code(decided(first, number, "confirmed")) == "another-reviewer"
    with pytest.raises(NoRight):
        decided(desk.hire("made-up reader", "query"), number, "confirmed")
    # What is wrong with the request and not with who asks is no row.
    assert code(decided(second, number, "proposed")) == "case-decided"
    told = Audit.objects.filter(act="refused", what__startswith="anomalies.").order_by("id")
    assert [(one.what, one.subject, json.loads(one.detail)["code"]) for one in told] == [
        ("anomalies.decide", str(number), "another-reviewer"),
        ("anomalies.decide", "", "no-right"),
    ]


def test_dismissing_takes_one_also_of_what_was_proposed(world: World) -> None:
    first, _ = reviewers()
    number, before = one_case(world), world.totals()
    proposed(number)
    assert code(decided(first, number, "dismissed")) == "dismissed"
    assert world.totals() == before and reconciled() == {} and cases("open", "proposed") == []


def test_what_is_confirmed_is_what_was_proposed(world: World) -> None:
    """The records that the proposal spares, and no others, whatever the second says; as they are shown by the digest."""
    first, _ = reviewers()
    party = world.sender.party_id
    number = one_case(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    seen = shown(number)
    proposed(number, spared={(party, "p1")})
    assert shown(number) != seen
    (old,) = judging.decide(first, seen, "confirmed", "x")
    assert code(old) == "case-changed"
    (made,) = judging.decide(first, shown(number), "confirmed", "x", spared={(party, "p2")})
    assert {event: came for (_, event), came in made.records.items()} == {
        "p0": "taken_back", "p1": "spared", "p2": "taken_back", "p3": "taken_back",
    }  # fmt: skip
    assert reconciled() == {}


def test_of_a_dismissed_case_no_record_stands_apart(world: World) -> None:
    """What the proposal would have spared is as sound as the others."""
    first, _ = reviewers()
    number = one_case(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    proposed(number, spared={(world.sender.party_id, "p1")})
    made = decided(first, number, "dismissed")
    assert code(made) == "dismissed" and made.records == {}
    row = queries.case(number)
    assert {one.came for one in queries.records(row, opened=False)} == {""} and row.spared == 0


def test_a_proposed_step_keeps_the_tables_of_before_away(world: World) -> None:
    """Going back refuses by a sentence, and says by what way one goes back."""
    back = import_module("abate.platform.anomalies.migrations.0002_proposed").DROP
    proposed(one_case(world))
    with (
        pytest.raises(ProgrammingError, match="a case was proposed to be confirmed; go back by a copy"),
        connection.cursor() as cursor,
    ):
        cursor.execute(back)


def test_what_comes_while_a_case_is_proposed_is_a_part_of_its_own(world: World) -> None:
    first, _ = reviewers()
    number = one_case(world, *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    proposed(number)
    assert queries.counts()["note"] == 1
    world.send(
        *(payment(world, f"q{n}", later(300 + 60 * n)) for n in range(4)), way(world, "slow", AT, 60, 5)
    )
    actions.sweep()
    (new,) = cases("open")
    assert new.part == 2 and queries.case(number).records == 4 and queries.counts()["note"] == 2
    assert len(decided(first, number, "confirmed").records) == 4 and reconciled() == {}


def test_the_table_holds_that_a_confirmation_was_proposed_by_another(world: World) -> None:
    first, second = reviewers()
    number = one_case(world)
    case = Case.objects.get(pk=number)
    until = queries.appeal_until(case.opened_at)

    def step(user: object, stage: int, state: int, after: int | None) -> None:
        with transaction.atomic():
            Step.objects.create(
                case=case, stage=stage, state=state, user=user, human=bytes(user.staff.human_id), reason="x",  # type: ignore[attr-defined]
                until=until if state == Case.CONFIRMED else None, after=after, at=case.opened_at,
            )  # fmt: skip
            with connection.cursor() as cursor:
                cursor.execute("set constraints all immediate")

    for after in (None, 0):
        with pytest.raises(IntegrityError):
            step(first, 1, Case.CONFIRMED, after)
    step(first, 0, Case.PROPOSED, None)
    with pytest.raises(IntegrityError):
        step(first, 1, Case.CONFIRMED, 0)
    with pytest.raises(IntegrityError):
        step(second, 1, Case.CONFIRMED, None)
    step(second, 1, Case.CONFIRMED, 0)
