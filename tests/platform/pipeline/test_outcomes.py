"""What becomes of an event, on the real path; whatever is refused changes nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.platform.pipeline.world import NOW, World, differences, state

from abate.platform.carbon import queries as carbon
from abate.platform.doors import clock
from abate.platform.events.models import Refusal
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import queries as ledger
from abate.platform.people import actions as people
from abate.platform.people import queries as authorisations

pytestmark = [pytest.mark.platform]

# (changes of a sound meeting, the reason); one row for each bad input that a record can be.
BAD_MEETINGS = {
    "wrong type": ({"participants": "many"}, "wrong_type:participants"),
    "unknown field": ({"mood": "good"}, "unknown_field:mood"),
    "lodging data": ({"lodging_nights": 1}, "unknown_field:lodging_nights"),
    "too many decimals": ({"duration_min": 60.25}, "too_many_decimals:duration_min"),
    "negative distance": ({"pkm_coach": -1}, "out_of_range:pkm_coach"),
    "10 to the 400": ({"pkm_coach": "1" + "0" * 40}, "out_of_range:pkm_coach"),
    "replacement rate 1.0001": ({"replacement_rate": 1.0001}, "out_of_range:replacement_rate"),
    "provider revenue 0": (
        {"electricity_kwh": None, "cloud_fee": 1, "provider_revenue": 0, "provider_emissions_t": 1},
        "out_of_range:provider_revenue",
    ),
    "a field missing": ({"participants": None}, "missing:participants"),
}


@pytest.mark.clause("P-7.3.3.3-c", "P-4.1")
@pytest.mark.parametrize("lone", [True, False], ids=["alone", "in a batch"])
def test_a_bad_record_is_refused_by_name_and_changes_nothing(world: World, lone: bool) -> None:
    world.send(world.meeting("sound"))
    before = state()
    sent = {
        name: world.meeting(f"bad-{number}", **changes)
        for number, (name, (changes, _)) in enumerate(BAD_MEETINGS.items())
    }
    for one in sent.values():
        one["data"] = {name: value for name, value in one["data"].items() if value is not None}
    results = [world.send(one)[0] for one in sent.values()] if lone else world.send(*sent.values())
    found = {name: (r.outcome.text, r.reason) for name, r in zip(sent, results, strict=True)}
    assert found == {name: ("refused", reason) for name, (_, reason) in BAD_MEETINGS.items()}
    assert state() == before
    noted = list(Refusal.objects.values_list("code", "detail"))
    assert sorted(f"{code}:{detail}" for code, detail in noted) == sorted(r for _, r in BAD_MEETINGS.values())


@pytest.mark.clause("P-7.2-a")
def test_what_does_not_qualify_is_kept_explained_and_credits_nothing(world: World) -> None:
    results = world.send(
        world.meeting("thirty", duration_min=30),
        world.meeting("one", participants=1),
        world.meeting("nothing-saved", pkm_coach=0),
    )
    assert [r.outcome for r in results] == [
        Outcome.NOT_COUNTED,
        Outcome.NOT_COUNTED,
        Outcome.NOT_BELOW_BASELINE,
    ]
    assert all(r.reason and ":M-2." in r.reason for r in results[:2])
    assert results[2].reason == "no_reduction:P-7.2-a"
    assert ledger.entries(world.people[0].pk) == [] and world.totals()[0] == (0, 0, 0)
    for row in carbon.feed(world.people[0].pk):
        assert carbon.explain(row).__class__.__name__ == "Explanation"
    assert differences() == {}


def test_end_before_start_and_a_figure_that_is_missing(world: World, settings: object) -> None:
    backwards = world.ride("backwards")
    backwards["data"]["end"] = "2026-05-20T08:00:00+08:00"
    settings.ABATE_OPERATOR_PACK = None  # type: ignore[attr-defined]
    one, other = world.send(backwards, world.ride("no-figure"))
    assert (one.outcome, one.reason) == (Outcome.REFUSED, "end_before_start:end")
    assert other.outcome == Outcome.NEEDS_FIGURE and (other.reason or "").startswith("no_figure:")


@pytest.mark.clause("P-7.2-d")
def test_before_the_methodology_was_published_it_is_kept_and_credits_nothing(world: World) -> None:
    (result,) = world.send(world.meeting("early", start="2023-05-01T09:00:00+08:00"))
    assert (result.outcome, result.reason) == (Outcome.NOT_COUNTED, "before_publication:P-7.2-d")
    assert world.totals()[0] == (0, 0, 0)
    row = carbon.feed(world.people[0].pk)[0]
    assert row.er_mg is not None and carbon.explain(row)


def test_the_future_and_a_time_that_is_not_the_records(world: World) -> None:
    later = (NOW + timedelta(minutes=6)).isoformat()
    soon = (NOW + timedelta(minutes=4)).isoformat()
    shifted = world.meeting("shifted")
    shifted["time"] = "2026-05-19T23:59:59+08:00"
    unfinished = world.ride("unfinished", start=(NOW - timedelta(minutes=5)).isoformat())
    same_moment = world.meeting("zone", start="2026-05-20T09:00:00+08:00")
    same_moment["time"] = "2026-05-20T01:00:00Z"
    results = world.send(
        world.meeting("future", start=later),
        world.meeting("soon", start=soon),
        shifted,
        unfinished,
        same_moment,
    )
    assert [r.reason for r in results] == ["future:time", None, "time_mismatch:start", "future:end", None]
    assert [r.outcome for r in results][1] == Outcome.CREDITED


@pytest.mark.clause("P-4.3")
def test_no_event_without_an_authorisation_at_the_act_and_one_at_the_booking(world: World) -> None:
    before = state()
    unknown = world.meeting("unknown")
    unknown["subject"] = "nobody"
    early = world.meeting("early", start="2022-12-31T09:00:00+08:00")
    results = world.send(unknown, early)
    assert [r.reason for r in results] == ["not_authorised:subject"] * 2
    person = world.people[0]
    row = next(a for a in authorisations.authorisations(person.pk) if a.behaviour == "online-meeting")
    people.withdraw(person, row.id)
    (result,) = world.send(world.meeting("after-withdrawal"))
    assert result.reason == "not_authorised:subject"
    # Given again: what happened under the first and under the second counts, what happened between does not.
    again = NOW + timedelta(days=1)
    with clock.frozen(again):
        party = world.sender.code
        from abate.platform.parties import queries  # lazy: needs the database of this test

        people.authorise(person, queries.party(party), ["online-meeting"], notice_version="1")
    with clock.frozen(again + timedelta(days=1)):
        old, new = world.meeting("old"), world.meeting("new", start=again.isoformat())
        between = world.meeting("between", start=(again - timedelta(hours=1)).isoformat())
        at_the_end = world.meeting("at-the-end", start=NOW.isoformat())
        results = world.send(old, between, at_the_end, new)
        assert [r.outcome for r in world.send(old, new)] == [Outcome.EXISTS] * 2
    refused = (Outcome.REFUSED, "not_authorised:subject")
    credited = (Outcome.CREDITED, None)
    assert [(r.outcome, r.reason) for r in results] == [credited, refused, refused, credited]
    # The refused ids stayed free: nothing but the two events is there.
    changed = state()
    assert len(changed["events_seen"]) == len(before["events_seen"]) + 2


@pytest.mark.clause("P-7.3.3.3-b")
def test_same_id_same_content_exists_and_other_content_is_a_conflict(world: World) -> None:
    first, again, other = world.send(
        world.meeting("a"), world.meeting("a"), world.meeting("a", duration_min=61)
    )
    assert (first.outcome, again.outcome, other.outcome) == (
        Outcome.CREDITED,
        Outcome.EXISTS,
        Outcome.CONFLICT,
    )
    assert (again.er_mg, again.credits, again.entry) == (first.er_mg, first.credits, first.entry)
    assert again.stored == Outcome.CREDITED and other.reason == "other_content:id"
    before = state()
    spelled = world.meeting("a", duration_min="60.0", start="2026-05-20T01:00:00Z")
    (spelled_again,) = world.send(spelled)
    (elsewhere,) = world.send(world.meeting("a", who=1))
    (otherwise,) = world.send(world.ride("a"))
    assert spelled_again.outcome == Outcome.EXISTS
    assert elsewhere.outcome == otherwise.outcome == Outcome.CONFLICT
    assert state() == before
    row = carbon.behaviour_of_entry(world.people[0].pk, first.entry or 0)
    assert row is not None and row.event_id == "a" and row.received_at == NOW and len(row.body_sha256) == 32


def test_a_refused_event_does_not_use_up_its_id(world: World) -> None:
    (refused,) = world.send(world.meeting("once", participants=-1))
    (mended,) = world.send(world.meeting("once"))
    assert refused.outcome == Outcome.REFUSED and mended.outcome == Outcome.CREDITED


@pytest.mark.clause("P-3.4", "P-7.4", "P-7.5.1")
def test_credits_are_the_whole_grams_of_the_running_total(world: World) -> None:
    results = [world.send(world.ride(f"r{n}", km=0.005))[0] for n in range(3)]
    assert [r.er_mg for r in results] == [743] * 3
    assert [r.credits for r in results] == [0, 1, 1]
    assert world.totals()[0] == (2229, 2, 2229)
    entries = ledger.entries(world.people[0].pk)
    assert [(e.carbon_after, e.credits_after) for e in entries] == [(2229, 2), (1486, 1), (743, 0)]
    assert sum(er for _, er, _ in carbon.week(world.people[0].pk, NOW.date() - timedelta(days=10))) == 2229
    assert differences() == {}
