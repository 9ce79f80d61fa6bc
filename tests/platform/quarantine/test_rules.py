"""A rule is set by three people, ends, and says of whom and why."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tests.platform.pipeline.world import NOW, World
from tests.platform.quarantine.kept_back import ended, rule, staff

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.quarantine import queries
from abate.platform.quarantine.models import Rule
from abate.platform.review import proposing
from abate.platform.review.errors import ArgumentsMalformed

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-e")]


def test_no_rule_is_there_until_three_people_set_one(world: World) -> None:
    assert queries.rules() == []
    clerk, checker = staff()
    given = {
        "rule": "probation",
        "party": world.sender.code,
        "cause": "probation",
        "reason_zh": "试用",
        "reason_en": "made up",
    }
    given |= {"valid_from": "2026-06-01", "valid_until": "2026-06-30"}
    proposal = proposing.propose(clerk, "quarantine.rule", given, "made up")
    proposing.check(checker, proposal.pk)
    assert queries.rules() == []
    proposing.approve(desk.hire("made-up approver of quarantine", "approve"), proposal.pk)
    (one,) = queries.rules()
    assert (one.code, one.version, one.party_id, one.behaviours, one.live) == (
        "probation", 1, world.sender.party_id, (), True,
    )  # fmt: skip


def test_a_new_version_ends_the_one_before(world: World) -> None:
    rule(world, held_behaviours=["walking", "cycling", "walking"])
    ended(world)
    (one,) = queries.rules()
    assert (one.version, one.behaviours, one.valid_until, one.live) == (2, (), date(2026, 5, 2), False)
    assert Rule.objects.count() == 2


@pytest.mark.usefixtures("lane")
def test_a_version_set_ahead_leaves_the_one_before_its_days(world: World) -> None:
    rule(world)
    rule(world, valid_from="2026-07-01", valid_until="2026-07-31")
    assert [(one.version, one.live) for one in queries.rules()] == [(2, False), (1, True)]
    for day, outcome, versions in (
        (NOW, Outcome.QUARANTINED, [2, 1]),
        (NOW + timedelta(days=30), Outcome.QUARANTINED, [2]),
        (NOW + timedelta(days=61), Outcome.CREDITED, [2]),
    ):
        with clock.frozen(day):
            (one,) = world.send(world.ride(f"r{day:%m}", start=f"{day:%Y-%m-01}T00:30:00+08:00"))
            assert one.outcome == outcome and [row.version for row in queries.rules()] == versions


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "Not So"},
        {"held_behaviours": ["flying-carpet"]},
        {"cause": "dislike"},
        {"party": None},
        {"older_than_days": 3},
        {"cause": "late"},
        {"cause": "late", "older_than_days": 0},
        {"cause": "mark"},
        {"cause": "mark", "source": "nobody-declared-it"},
        {"source": "metro"},
        {"valid_until": "2026-04-30"},
        {"valid_until": "for ever"},
        {"valid_until": ""},
        {"reason_zh": " "},
        {"reason_en": "x" * 301},
        {"reason_en": "two\nlines"},
    ],
    ids=str,
)
def test_what_a_rule_can_never_be(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentsMalformed):
        rule(world, **wrong)
    assert queries.rules() == []


def test_a_rule_always_ends(world: World) -> None:
    with pytest.raises(ArgumentsMalformed):
        rule(world, valid_until=None)
