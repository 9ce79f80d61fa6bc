"""A replaced figure: the effect shown is what is booked, the books stay even, and each event has one present quantity."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction
from tests.platform.pipeline.world import NOW, World, differences, make_world, state
from tests.platform.revaluing.decided import BUS, COACH, MAY, WHY, adopt, approve, book
from tests.platform.revaluing.decided import replace as replace

from abate.bookkeeping import checkpoint
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.verify import verify_receipt
from abate.platform import revaluing
from abate.platform.carbon import basis, recomputing
from abate.platform.carbon import models as carbon_models
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.basis import catalogue
from abate.platform.carbon.errors import StateChanged
from abate.platform.carbon.queries import Behaviour
from abate.platform.carbon.revaluing import Asked
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import actions as ledger_actions
from abate.platform.ledger import closing, erasing, standing
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.log import queries
from abate.platform.web import receipts
from abate.quantify import one

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world()


def spend(person: int, credits_: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        ledger_actions.post_redeem(cursor, person, credits_, "spent")


def even() -> None:
    assert differences() == {}
    assert recomputing.recompute()[1] == 0


@pytest.mark.clause("P-7.2-a")
@pytest.mark.parametrize("factor", [BUS, COACH, None])
def test_the_effect_is_what_one_by_one_recomputation_gives(
    world: World, replace: Any, factor: str | None
) -> None:
    """Random rides; milligrams of each from the other engine, credits from the rule, before anything is booked."""
    dice = Random(20260601)
    rides = [
        world.ride(f"r{n}", dice.randrange(3), f"2026-05-{dice.randint(1, 31):02}T09:00:00+08:00", km)
        for n, km in enumerate(dice.choices([0.8, 1.5, 3, 4.2, 12], k=40))
    ]
    for part in (rides[:1], rides[1:9], rides[9:]):
        world.send(*part, world.meeting(f"m{len(part)}", dice.randrange(3)))
    before, old = world.totals(), {ride["id"]: _event(world, ride) for ride in rides}
    replace(factor)
    quantities = [
        one.quantify_one(ride["data"], "cycling", catalogue(), basis.setting())[0] for ride in rides
    ]
    new = [quantity.er_mg or 0 for quantity in quantities]
    shown = revaluing.propose(MAY)
    assert (world.totals(), shown.changed) == (before, len(rides))
    even()
    done = book(MAY, shown.digest)
    assert done == shown
    even()
    expected = [list(one) for one in before]
    for ride, mg in zip(rides, new, strict=True):
        who, was = world.subjects.index(ride["subject"]), old[ride["id"]]
        expected[who][0] += mg - was.er_mg
        expected[who][2] += mg - was.er_mg
        now = _event(world, ride)
        assert (now.er_mg or 0, now.corrected) == (mg, WHY)
        assert (now.entry_id is None) == (mg == 0)
    assert world.totals() == [(mg, e // 1000, e) for mg, _, e in expected]
    assert shown.mg_after - shown.mg_before == sum(new) - sum(one.er_mg for one in old.values())
    assert shown.credits_after - shown.credits_before == sum(
        now[1] - was[1] for now, was in zip(world.totals(), before, strict=True)
    )
    assert shown.down == 40 and bool(shown.outcomes) == (factor is None)


def _event(world: World, sent: dict) -> Behaviour:
    person = world.people[world.subjects.index(sent["subject"])]
    found = carbon.behaviour(person.pk, world.sender.party_id, sent["id"])
    assert found is not None
    return found


def test_booking_again_books_nothing(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    book(MAY, digest)
    before = state()
    again = book(MAY, digest)
    assert (again.changed, again.booked_before, state()) == (0, 2, before)
    assert revaluing.propose(MAY).changed == 0


@pytest.mark.parametrize("since", ["event", "reversal", "revaluation", "erasure", "setting"])
def test_a_state_that_changed_since_is_refused(world: World, replace: Any, since: str) -> None:
    first, _ = world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    person = world.people[0]
    match since:
        case "event":
            world.send(world.ride("c", km=3))
        case "reversal":
            credits.reverse(person.pk, first.entry or 0, "withdrawn")
        case "erasure":
            person.refresh_from_db()
            erasing.erase(person)
        case "setting":
            replace(COACH, "city-3")
        case "revaluation":
            part = Asked("cycling", date(2026, 5, 20), date(2026, 5, 20))
            book(part, revaluing.propose(part).digest)
    before = state()
    with pytest.raises(StateChanged):
        book(MAY, digest)
    assert state() == before
    assert differences() == {}


def test_what_was_spent_becomes_a_debt_that_earnings_settle_first(world: World, replace: Any) -> None:
    person = world.people[0].pk
    world.send(*[world.ride(f"r{n}", km=4) for n in range(5)])
    got = ledger.balance(person).credits
    spend(person, got)
    replace(BUS)
    shown = revaluing.propose(MAY)
    assert shown.debtors == 1 and shown.owed == shown.credits_before - shown.credits_after > 0
    book(MAY, shown.digest)
    now = standing.standing(person)
    assert (now.free, now.owed) == (0, shown.owed)
    assert ledger.balance(person).credits == -shown.owed
    even()
    world.send(*[world.ride(f"later {n}", km=4) for n in range(60)])
    now = standing.standing(person)
    assert now.owed == 0 and now.free == ledger.balance(person).credits
    even()


def test_a_cap_is_cut_again(world: World, replace: Any) -> None:
    credits.add_cap("cycling", date(2026, 5, 1), 600, ("每日上限", "a day's cap"))
    world.send(*[world.ride(f"r{n}", n % 2, km=2) for n in range(6)])
    assert [mg for _, _, mg in world.totals()][:2] == [600, 600]
    replace(BUS)
    shown = revaluing.propose(MAY)
    done = book(MAY, shown.digest)
    assert done == shown and done.changed == 6
    assert [eligible for _, _, eligible in world.totals()][:2] == [
        min(600, mg) for mg, _, _ in world.totals()[:2]
    ]
    even()


def test_closed_days_stay_as_they_are(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3))
    with clock.frozen(NOW + timedelta(days=3)):
        closing.close_day(clock.today() - timedelta(days=1))
        kept = closing.rows("day", clock.day(NOW))
        replace(BUS)
        shown = revaluing.propose(MAY)
        assert shown.closed_days == 1
        book(MAY, shown.digest)
        reverse, award = sorted(ledger.entries(world.people[0].pk, limit=2), key=lambda row: row.id)
        assert (reverse.kind, award.kind) == (Kind.REVERSE, Kind.AWARD)
        assert reverse.day == award.day == clock.today()
        found = carbon.behaviour_of_entry(award.person_id, award.id)
        assert found is not None and found.day == date(2026, 5, 20)
        assert closing.rows("day", clock.day(NOW)) == kept
        assert "基准因子已更换 / the baseline figure was replaced" in reverse.cause
        even()


def test_an_erased_person_is_left_alone_and_counted(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    world.people[0].refresh_from_db()
    erasing.erase(world.people[0])
    before = world.totals()[0]
    replace(BUS)
    shown = revaluing.propose(MAY)
    assert (shown.changed, shown.left_alone) == (1, {"erased": 1})
    book(MAY, shown.digest)
    assert world.totals()[0] == before
    even()


def test_retired_milligrams_are_not_taken_back(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    held = world.totals()[0][0]
    ledger_actions.retire(world.people[0].pk, held, "gone")
    replace(BUS)
    shown = revaluing.propose(MAY)
    assert (shown.changed, shown.retired) == (1, 1)
    book(MAY, shown.digest)
    assert world.totals()[0][0] == 0
    even()


def test_there_and_back_again(world: World, replace: Any, settings: Any) -> None:
    """Credited, waiting for a figure, credited: one quantity stands each time, and all of them recompute."""
    ride = world.ride("a", km=3)
    world.send(ride)
    before = _event(world, ride)
    for pack in (None, "demo"):
        if pack:
            settings.ABATE_FORMER_PACKS = [settings.ABATE_OPERATOR_PACK]
            settings.ABATE_OPERATOR_PACK = pack
            adopt()
        else:
            replace(None)
        shown = revaluing.propose(MAY)
        book(MAY, shown.digest)
        (again,) = world.send(ride)
        found = _event(world, ride)
        assert (again.outcome, again.stored, again.er_mg) == (Outcome.EXISTS, found.outcome, found.er_mg)
        assert len(carbon.feed(world.people[0].pk)) == 1
        assert sum(count for count, _ in carbon.by_outcome().values()) == 1
        even()
    assert found.er_mg == before.er_mg and found.entry_id != before.entry_id
    assert carbon.week(world.people[0].pk, date(2026, 5, 20))[-1][1] == before.er_mg


def test_a_figure_that_comes_into_force_again_is_booked_again(world: World, replace: Any) -> None:
    """The same figures in the place of the same figures, twice: another change, though nothing else tells them apart."""
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7))
    digests, totals = [], []
    for name in ("city-2", "city-3", "city-2", "city-3", "city-2"):
        replace(BUS if name == "city-2" else COACH, name)
        digests.append(revaluing.propose(MAY).digest)
        assert book(MAY, digests[-1]).changed == 2
        totals.append(world.totals())
    assert len(set(digests)) == 5 and totals[0] == totals[2] == totals[4] and totals[1] == totals[3]
    assert differences() == {}


@pytest.mark.clause("P-8.5-e")
def test_receipts_of_old_and_new_verify(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3))
    log.sequence()
    replace(BUS)
    book(MAY, revaluing.propose(MAY).digest)
    log.sequence()
    key = checkpoint.read_key(queries.public_key())
    person = world.people[0]
    person.refresh_from_db()
    rows = ledger.entries(person.pk)
    assert [row.kind for row in rows] == [Kind.AWARD, Kind.REVERSE, Kind.AWARD]
    for row in rows:
        verdict = verify_receipt(json.dumps(receipts.receipt(person, row)), key, lambda *_: "recomputed")
        assert verdict.ok, verdict.first_failure


# Another process on the same database: it ends, by SIGKILL, within its second chunk and before that one's commit.
DYING = """
import datetime, json, os, signal, sys
import django
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict.update(json.loads(sys.argv[1]))
settings.ABATE_OPERATOR_PACK = sys.argv[2]
from abate.platform import pipeline, revaluing
from abate.platform.carbon import revaluing as reading
from abate.platform.doors import clock
reading.CHUNK, enter, booked = 1, pipeline.enter, []
def dying(*args, **options):
    made = enter(*args, **options)
    booked.append(made)
    if len(booked) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return made
pipeline.enter = dying
asked = reading.Asked("cycling", datetime.date(2026, 5, 1), datetime.date(2026, 5, 31))
with clock.frozen(datetime.datetime.fromisoformat(sys.argv[4])):
    revaluing.book(asked, sys.argv[3])
"""


def test_killed_in_the_middle_it_is_completed_by_the_same_call(
    world: World, replace: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 1)
    world.send(*[world.ride(f"r{n}", n % 3, km=3 + n % 4) for n in range(9)])
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    there = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    command = [sys.executable, "-c", DYING, json.dumps(there)]
    command += [settings.ABATE_OPERATOR_PACK, digest, NOW.isoformat()]
    approve(MAY, digest)
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert carbon_models.Revision.objects.count() == 3
    even()
    # Events go on coming in meanwhile; what was approved stays what it was.
    world.send(world.ride("meanwhile", km=3))
    done = book(MAY, digest)
    assert (done.booked_before, done.changed) == (3, 6)
    assert carbon_models.Revision.objects.count() == 9
    assert carbon_models.Revaluation.objects.count() == 1
    even()
    assert revaluing.propose(MAY).changed == 0


PLANTS = {
    "a revision that names another place": "update carbon_revision set place = place + 7",
    "a revision that is gone": "delete from carbon_revision",
    "an old award that stands": "delete from ledger_reversal",
    "a proposal that was swapped": "update carbon_revaluation set proposal = sha256('other')",
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_turns_a_check_red(world: World, replace: Any, plant: str) -> None:
    world.send(world.ride("a", km=3), world.ride("b", km=7))
    replace(BUS)
    book(MAY, revaluing.propose(MAY).digest)
    even()
    with connection.cursor() as cursor:
        cursor.execute(PLANTS[plant])
        assert cursor.rowcount > 0
    assert differences() != {}
