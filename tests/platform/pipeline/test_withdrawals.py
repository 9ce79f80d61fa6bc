"""A partner takes back or corrects what it sent: reversed once, by name, and never by an edit."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.utils.translation import override
from tests.platform.pipeline.test_races import together
from tests.platform.pipeline.world import NOW, World, differences, make_world, state

from abate.bookkeeping.kinds import Kind
from abate.cli import reconcile
from abate.platform.carbon import queries as carbon
from abate.platform.credits import actions as credits
from abate.platform.credits import taking
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import actions, closing, erasing, queries, standing
from abate.platform.web import story

pytestmark = [pytest.mark.platform]


def withdrawal(
    world: World, id: str, of: str, who: int = 0, cause: str = "returned", **changes: object
) -> dict:
    made = world.event(id, "walking", who, "2026-05-28T09:00:00+08:00", {"event": of, "reason": cause})
    return made | {"type": "org.abate.withdrawal"} | changes


def correction(event: dict, of: str, cause: str = "wrong_figure") -> dict:
    return event | {"corrects": of, "correctedfor": cause}


def reasons(results: list) -> list[str | None]:
    return [one.reason for one in results]


def test_a_withdrawal_reverses_the_award_and_is_answered_again_the_same(world: World) -> None:
    (got,) = world.send(world.meeting("m"))
    (done,) = world.send(withdrawal(world, "w", "m"))
    assert (done.outcome, done.er_mg, done.credits) == (Outcome.WITHDRAWN, -(got.er_mg or 0), -got.credits)
    assert world.totals()[0] == (0, 0, 0)
    entry = queries.entry(world.people[0].pk, done.entry or 0)
    assert entry is not None and entry.kind == Kind.REVERSE and entry.cause.endswith(" withdrawn:returned:w")
    before = state()
    (again,), (event,) = world.send(withdrawal(world, "w", "m")), world.send(world.meeting("m"))
    assert (again.outcome, again.stored, again.entry) == (Outcome.EXISTS, Outcome.WITHDRAWN, done.entry)
    assert (event.outcome, event.stored, event.withdrawn_by) == (Outcome.EXISTS, Outcome.CREDITED, "w")
    assert reasons(world.send(withdrawal(world, "w", "m", cause="fraud"))) == ["other_content:id"]
    assert state() == before and differences() == {}


def test_a_correction_reverses_and_books_anew_in_one_batch(world: World) -> None:
    world.send(world.ride("r", km=9))
    right = correction(world.ride("r2", km="1.5"), "r")
    (done,) = world.send(right)
    assert done.outcome == Outcome.CREDITED and done.undone and world.totals()[0][0] == done.er_mg
    before = state()
    (again,) = world.send(right)
    assert again.outcome == Outcome.EXISTS and again.entry == done.entry
    assert reasons(world.send(correction(world.ride("r2", km="1.5"), "other"))) == ["other_content:corrects"]
    assert state() == before
    # The correction was wrong too: it is corrected itself.
    (third,) = world.send(correction(world.ride("r3", km=2), "r2"))
    assert world.totals()[0][0] == third.er_mg and differences() == {}


def test_every_refusal_is_named_and_changes_nothing(world: World) -> None:
    other = make_world(1)
    other.send(other.meeting("theirs"))
    world.send(world.meeting("a"), world.meeting("b"), world.meeting("c", who=1), world.meeting("late"))
    world.send(withdrawal(world, "w", "a"))
    credits.reverse(
        world.people[0].pk, carbon.behaviour(world.people[0].pk, world.sender.party_id, "b").entry_id, "x"
    )  # type: ignore[union-attr, arg-type]
    gone = world.people[2]
    world.send(world.meeting("gone", who=2))
    erasing.erase(gone)
    before = state()
    asked = {
        "event_unknown:event": withdrawal(world, "1", "never"),
        "event_unknown:event ": withdrawal(world, "2", "theirs"),
        "withdrawn_already:event": withdrawal(world, "3", "a"),
        "not_withdrawable:event": withdrawal(world, "4", "w"),
        "other_person:event": withdrawal(world, "5", "c"),
        "reversed_already:event": withdrawal(world, "6", "b"),
        "person_erased:event": withdrawal(world, "7", "gone", who=2),
        "unknown_cause:reason": withdrawal(world, "9", "late", cause="mood"),
        "malformed:event": withdrawal(world, "10", "10"),
        "malformed:data": withdrawal(world, "11", "late", data={"event": "late"}),
        "wrong_source:source": withdrawal(world, "12", "late", source=other.sender.code),
        "event_unknown:corrects": correction(world.meeting("13"), "never"),
        "withdrawn_already:corrects": correction(world.meeting("14"), "a"),
        "unknown_cause:correctedfor": correction(world.meeting("15"), "late", "mood"),
    }
    results = world.send(*asked.values())
    assert reasons(results) == [name.strip() for name in asked]
    assert {one.outcome for one in results} == {Outcome.REFUSED} and state() == before
    actions.retire(world.people[0].pk, 1, "retired")
    left = world.totals()
    assert reasons(world.send(withdrawal(world, "8", "late"))) == ["carbon_retired:event"]
    assert world.totals() == left
    # A refused id stays free, and a bad one never stops the others.
    late = correction(world.meeting("13"), "never"), world.meeting("new", who=1)
    assert [one.outcome for one in world.send(*late)] == [Outcome.REFUSED, Outcome.CREDITED]
    assert world.send(world.meeting("13"))[0].outcome == Outcome.CREDITED and differences() == {}


@pytest.mark.clause("P-7.4")
def test_a_cap_gives_its_room_back_and_a_shortage_becomes_a_debt(world: World) -> None:
    credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("每日上限", "A day's cap"))
    person = world.people[0].pk
    first, second = world.send(world.ride("one", km=2), world.ride("two", km=2))
    assert (first.credits, second.credits) == (297, 3)
    with transaction.atomic(), connection.cursor() as cursor:
        actions.post_redeem(cursor, person, 290, "spent")
    (done,) = world.send(withdrawal(world, "w", "one"))
    # The other ride takes the room that is free again: only what the day loses goes.
    assert done.credits == -3 and world.totals()[0][1] == 7
    assert world.send(withdrawal(world, "v", "two"))[0].credits == -297
    assert world.totals()[0][:2] == (0, -290) and standing.standing(person).owed == 290
    assert differences() == {}


def test_many_in_one_batch_are_judged_in_order(world: World) -> None:
    """Events, corrections, withdrawals of the same batch, twice the same: one effect each."""
    day = [world.ride(f"r{n}", n % 3, km=1 + n) for n in range(12)]
    world.send(*day)
    asked = [withdrawal(world, f"w{n}", f"r{n}", n % 3) for n in range(6)]
    asked += [correction(world.ride(f"c{n}", n % 3, km="0.5"), f"r{n}") for n in range(6, 9)]
    asked += [
        world.meeting("m"),
        withdrawal(world, "wm", "m"),
        withdrawal(world, "wm", "m"),
        withdrawal(world, "x", "m"),
    ]
    found = [one.outcome.text for one in world.send(*asked)]
    assert found == ["withdrawn"] * 6 + ["credited"] * 4 + ["withdrawn", "exists", "refused"]
    half = sum(
        carbon.behaviour(p.pk, world.sender.party_id, f"c{n}").er_mg
        for n, p in zip((6, 7, 8), world.people, strict=True)
    )  # type: ignore[union-attr, misc]
    kept = sum(
        carbon.behaviour(p.pk, world.sender.party_id, f"r{n}").er_mg
        for n, p in zip((9, 10, 11), world.people, strict=True)
    )  # type: ignore[union-attr, misc]
    assert sum(total[0] for total in world.totals()) == half + kept and differences() == {}
    assert {one.outcome for one in world.send(*asked)} == {Outcome.EXISTS, Outcome.REFUSED}


def test_a_closed_day_takes_it_to_the_next_with_both_dates(world: World) -> None:
    world.send(world.meeting("m"))
    with clock.frozen(NOW + timedelta(days=1)):
        closing.close_day(clock.day(NOW))
        (done,) = world.send(withdrawal(world, "w", "m"))
    entry = queries.entry(world.people[0].pk, done.entry or 0)
    assert entry is not None and entry.day == clock.day(NOW) + timedelta(days=1)
    told = carbon.behaviour(world.people[0].pk, world.sender.party_id, "m")
    assert told is not None and told.withdrawn is not None and told.withdrawn.decided_at.day == 28


def test_an_event_that_credited_nothing_is_taken_back_without_an_entry(world: World) -> None:
    world.send(world.meeting("none", pkm_coach=0))
    (done,) = world.send(withdrawal(world, "w", "none"))
    assert (done.outcome, done.entry, done.credits) == (Outcome.WITHDRAWN, None, 0) and differences() == {}


def test_the_person_is_told_what_happened_and_why_in_both_languages(world: World) -> None:
    world.send(world.meeting("m"), world.meeting("n"))
    world.send(withdrawal(world, "w", "m"), correction(world.meeting("n2", participants=3), "n"))
    person = world.people[0].pk
    for language, words in (("zh-hans", ("退货", "数据有误")), ("en", ("returned", "a figure was wrong"))):
        with override(language):
            stops = {stop.event_id: stop for stop in story.tell(carbon.feed(person))}
            assert words[0] in stops["m"].why and words[1] in stops["n"].why and not stops["m"].credited
            causes = " ".join(line.cause for line in story.lines(queries.entries(person)))
            assert words[0] in causes and words[1] in causes


def test_sums_speak_of_what_stands(world: World) -> None:
    meeting, ride = world.send(world.meeting("m"), world.ride("r"))
    world.send(withdrawal(world, "w", "m"))
    days = carbon.week(world.people[0].pk, date(2026, 5, 20))
    assert days[-1] == (date(2026, 5, 20), ride.er_mg, ride.credits)
    assert carbon.by_outcome() == {Outcome.CREDITED: (1, ride.er_mg), Outcome.WITHDRAWN: (1, 0)}
    assert world.totals()[0][0] == ride.er_mg and meeting.er_mg


@pytest.mark.usefixtures("lane")
def test_sixteen_at_once_take_back_once(world: World) -> None:
    world.send(world.meeting("m"), *(world.ride(f"r{n}", km=2) for n in range(4)))
    found = [one[0] for one in together(lambda n: world.send(withdrawal(world, "w", "m")))]
    assert sorted(one.outcome for one in found) == [Outcome.EXISTS] * 15 + [Outcome.WITHDRAWN]
    found = [one[0] for one in together(lambda n: world.send(correction(world.ride(f"c{n}", km=1), "r0")))]
    assert sorted(one.outcome for one in found) == [Outcome.REFUSED] * 15 + [Outcome.CREDITED]
    mixed = [withdrawal(world, f"x{n}", f"r{n}") for n in (1, 2, 3)]
    together(lambda n: world.send(*(mixed if n % 2 else mixed[::-1]), world.ride(f"new{n}", n % 3)))
    assert differences() == {}


def test_a_fault_in_the_middle_leaves_nothing_and_the_same_batch_goes_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(world.meeting("m"), world.ride("r"))
    before, sent = state(), (withdrawal(world, "w", "m"), correction(world.ride("c", km=1), "r"))

    def fail(*_: object) -> None:
        raise RuntimeError("cut")

    with monkeypatch.context() as patch:
        patch.setattr(taking, "_note", fail)
        with pytest.raises(RuntimeError, match="cut"):
            world.send(*sent)
    assert state() == before
    assert [one.outcome for one in world.send(*sent)] == [Outcome.WITHDRAWN, Outcome.CREDITED]


@pytest.mark.parametrize(
    "fault",
    [
        "update events_withdrawal set cause = 'fraud'",
        "delete from events_withdrawal",
        "update events_withdrawal set by_id = 'other'",
        "update events_withdrawal set decided_at = decided_at + interval '1 s'",
    ],
)
def test_a_planted_fault_is_found(world: World, fault: str) -> None:
    world.send(world.meeting("m"))
    world.send(withdrawal(world, "w", "m"))
    assert reconcile.report()["even"]
    with connection.cursor() as cursor:
        cursor.execute(fault)
    assert reconcile.report()["differences"]["withdrawn"]
