"""An event that a live rule names is kept and credits nothing; every other goes its way as if there were no rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import NOW, World, differences, make_world, state
from tests.platform.quarantine.kept_back import count, declared, ended, numbers, reconciled, rule, stands

from abate.platform import revaluing as books
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon.revaluing import Asked
from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.events.outcomes import Outcome
from abate.platform.quarantine import queries

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-e")]


@pytest.mark.usefixtures("lane")
def test_what_a_rule_names_is_kept_with_its_quantity_and_books_nothing(world: World) -> None:
    rule(world, held_behaviours=["cycling"])
    ride, meeting = world.send(world.ride("r"), world.meeting("m"))
    assert (ride.outcome, ride.reason, ride.credits, ride.entry) == (
        Outcome.QUARANTINED, "quarantine:new-partner", 0, None,
    )  # fmt: skip
    assert ride.er_mg and meeting.outcome == Outcome.CREDITED
    assert world.totals()[0][0] == meeting.er_mg and count("ledger_entry") == 1
    found = stands(world, "r")
    assert (found.outcome, found.er_mg, found.entry_id) == (Outcome.QUARANTINED, ride.er_mg, None)
    assert carbon.explain(found).steps and recomputing.recompute() == (2, 0)
    (row,) = queries.records()
    assert (row.event_id, row.behaviour, row.rule, row.state) == ("r", "cycling", "new-partner", "waiting")
    assert reconciled() == {}


@pytest.mark.usefixtures("lane")
def test_sent_again_it_is_answered_with_what_is_stored_and_changes_nothing(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    before = state(), count("quarantine_record")
    (again,) = world.send(world.ride("r"))
    assert (again.outcome, again.stored, again.reason) == (
        Outcome.EXISTS, Outcome.QUARANTINED, "quarantine:new-partner",
    )  # fmt: skip
    (other,) = world.send(world.ride("r", km=2))
    assert other.outcome == Outcome.CONFLICT
    assert (state(), count("quarantine_record")) == before
    # It stays what it is when its rule has ended.
    ended(world)
    (later,) = world.send(world.ride("r"))
    assert later.stored == Outcome.QUARANTINED and world.totals()[0] == (0, 0, 0)
    (new,) = world.send(world.ride("r2", start="2026-05-21T10:30:00+08:00"))
    assert new.outcome == Outcome.CREDITED


@pytest.mark.usefixtures("lane")
def test_without_a_live_rule_of_the_party_nothing_is_kept_back(world: World) -> None:
    other = make_world(1)
    rule(other)
    ended(world, "over")
    rule(world, "to-come", valid_from="2026-06-02")
    assert [one.outcome for one in world.send(world.ride("r"))] == [Outcome.CREDITED]
    assert [one.outcome for one in other.send(other.ride("r"))] == [Outcome.QUARANTINED]
    with clock.frozen(NOW + timedelta(days=1)):
        assert [one.outcome for one in world.send(world.ride("r2"))] == [Outcome.QUARANTINED]
    assert reconciled() == {}


def test_precedence_refused_and_unauthorised_come_first_all_else_after(world: World) -> None:
    rule(world)
    stranger = world.ride("s") | {"subject": "nobody"}
    found = world.send(world.ride("bad", km=-1), stranger, world.ride("short", km="0.001"), world.ride("r"))
    assert [one.outcome for one in found] == [
        Outcome.REFUSED, Outcome.REFUSED, Outcome.QUARANTINED, Outcome.QUARANTINED,
    ]  # fmt: skip
    assert len(numbers()) == 2 and reconciled() == {}


def test_a_rule_for_every_party_of_acts_sent_late(world: World) -> None:
    rule(world, "late", party=None, cause="late", older_than_days=12)
    late, soon = world.send(
        world.ride("late", start="2026-05-19T10:30:00+08:00"),
        world.ride("soon", start="2026-05-20T10:30:00+08:00"),
    )
    assert (late.outcome, soon.outcome) == (Outcome.QUARANTINED, Outcome.CREDITED)
    assert reconciled() == {}


def test_a_rule_of_a_mark_names_what_comes_from_that_source_alone(world: World) -> None:
    for source in ("metro", "other"):
        declared(world, source, 30)
    rule(world, "metro", cause="mark", source="metro")
    assert {one.code for one in sources.newest(world.sender.party_id)} == {"metro", "other"}
    marked = [world.ride(name) | {"source": f"{world.sender.code}/{name}"} for name in ("metro", "other")]
    found = world.send(*marked, world.ride("plain", start="2026-05-21T10:30:00+08:00"))
    assert [one.outcome for one in found] == [Outcome.QUARANTINED, Outcome.CREDITED, Outcome.CREDITED]


def test_of_several_rules_the_first_by_its_code_is_named_and_one_record_is_kept(world: World) -> None:
    rule(world, "b")
    rule(world, "a", cause="data_fault", party=None)
    (one,) = world.send(world.ride("r"))
    assert one.reason == "quarantine:a" and count("quarantine_record") == 1


def test_its_party_takes_a_quarantined_event_back_and_corrects_another_one(world: World) -> None:
    world.send(world.ride("old", km=9))
    rule(world)
    world.send(world.ride("r", start="2026-05-21T10:30:00+08:00"))
    (gone,) = world.send(withdrawal(world, "w", "r"))
    assert gone.outcome == Outcome.WITHDRAWN and queries.records() == []
    # What is wrong by its own party's word goes at once; what stands in for it waits.
    (right,) = world.send(correction(world.ride("new", km=3), "old"))
    assert right.outcome == Outcome.QUARANTINED and right.undone and world.totals()[0] == (0, 0, 0)
    assert [one.event_id for one in queries.records()] == ["new"] and reconciled() == {}


def test_a_revaluation_leaves_it_and_one_that_was_withdrawn_is_told_as_that(world: World) -> None:
    rule(world)
    world.send(world.ride("r"), world.ride("gone", start="2026-05-21T10:30:00+08:00"))
    world.send(withdrawal(world, "w", "gone"))
    may = clock.day(NOW).replace(month=5, day=1)
    effect = books.propose(Asked("cycling", may, clock.day(NOW)))
    assert effect.left_alone == {"quarantined": 1, "taken_back": 1} and effect.changed == 0


def test_a_quarantined_record_with_an_entry_is_found(world: World) -> None:
    rule(world)
    world.send(world.ride("r"))
    with connection.cursor() as cursor:
        cursor.execute("update quarantine_record set state = 3")
        assert queries.differences() == {"quarantine": 1}
        cursor.execute("update quarantine_record set state = 1, person_id = person_id + 1")
        assert queries.differences() == {"quarantine": 1}
    assert differences() == {}
