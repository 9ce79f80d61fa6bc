"""Raw data that no figure needs any more go on their day; what is credited stays whole, and everything still verifies."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from tests.platform.pipeline.world import NOW, World
from tests.platform.quarantine.kept_back import decided, proposed, reconciled, rule, stands

from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon.errors import RecordDropped
from abate.platform.carbon.revaluing import Asked
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.models import Duty
from abate.platform.log import actions as log
from abate.platform.parties import queries as parties
from abate.platform.reconciliation import actions as reconciliation
from abate.platform.review import audit
from abate.platform.web import own_data, receipts

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-c", "P-8.4-b")]
COLUMNS, DAYS = fields.tables()["carbon_kept"].drop or ((), 0)
LATER = NOW + timedelta(days=DAYS, minutes=1)


def whole(world: World) -> dict[str, bool]:
    """Whether the record of each event of the first person is still there."""
    return {one.event_id: one.record is not None for one in carbon.feed(world.people[0].pk)}


def every_outcome(world: World) -> None:
    world.send(
        world.meeting("credited"), world.meeting("short", duration_min=30), world.meeting("nothing-saved", pkm_coach=0)
    )  # fmt: skip


def compared(world: World, credits: int) -> int:
    """How many breaks a file of the day, which still names the figure of `nothing-saved`, leaves open."""
    award = stands(world, "credited")
    rows = (f"credited,credited,{award.er_mg},{award.credits}", "short,not_counted,,0")
    named = f"nothing-saved,{stands(world, 'nothing-saved').outcome.text},0,{credits}"
    lines = ("event,outcome,er_mg,credits", *rows, named)
    party = parties.party(world.sender.code)
    data = "\n".join(lines).encode()
    return reconciliation.compare(party, date(2026, 5, 20), data, "csv", via="file").open


def test_what_credits_nothing_lets_its_record_go_on_its_day(world: World) -> None:
    every_outcome(world)
    with clock.frozen(LATER - timedelta(minutes=2)):
        assert fields.retain()["carbon_kept"] == 0
    assert all(whole(world).values())
    with clock.frozen(LATER):
        assert fields.retain()["carbon_kept"] == 2 and fields.retain()["carbon_kept"] == 0
    assert whole(world) == {"credited": True, "short": False, "nothing-saved": False}
    gone = stands(world, "short")
    assert (gone.outcome, gone.dropped_at, gone.er_mg) == (Outcome.NOT_COUNTED, LATER, None)
    assert gone.reason and ":M-2." in gone.reason, "why it does not count is told on"
    with pytest.raises(RecordDropped):
        carbon.explain(gone)
    with connection.cursor() as cursor:
        cursor.execute("select * from carbon_kept where event_id = 'short'")
        told = dict(zip([one.name for one in cursor.description], cursor.fetchone(), strict=True))
    assert {name for name, value in told.items() if value is None} == set(COLUMNS)


def test_everything_still_verifies_and_an_id_means_what_it_meant(world: World) -> None:
    every_outcome(world)
    (award,) = ledger.entries(world.people[0].pk)
    with clock.frozen(LATER):
        fields.retain()
        assert reconciled() == {} and recomputing.recompute() == (1, 0)
        log.sequence()
        assert receipts.receipt(world.people[0], award) and carbon.explain(stands(world, "credited")).steps
        # The party's file names a figure that is gone here: the rest of it is held against ours as before.
        assert [compared(world, credits) for credits in (0, 7)] == [0, 1]
        (again,) = world.send(world.meeting("short", duration_min=30))
        assert (again.outcome, again.stored, again.er_mg) == (Outcome.EXISTS, Outcome.NOT_COUNTED, None)
        (other,) = world.send(world.meeting("short", duration_min=31))
        assert other.outcome == Outcome.CONFLICT
        asked = Asked("online-meeting", date(2026, 5, 1), date(2026, 5, 31))
        assert revaluing.propose(asked).left_alone == {"dropped": 2}


def test_the_copy_tells_what_was_dropped_and_when(world: World) -> None:
    every_outcome(world)
    person = world.people[0]
    with clock.frozen(LATER):
        fields.retain()
        with audit.acting(lambda: audit.Actor(person.user.handle, "page", "person", person.user_id)):
            copy = own_data.gather(person)["behaviours"]
    told = {row["event_id"]: (row["dropped_at"], bool(row["record"])) for row in copy}  # type: ignore[attr-defined]
    day = LATER.isoformat()
    assert told == {"credited": (None, True), "short": (day, False), "nothing-saved": (day, False)}


def test_what_waits_to_be_decided_keeps_its_record(world: World) -> None:
    rule(world)
    world.send(world.meeting("waits"), world.meeting("decided"))
    with clock.frozen(LATER):
        assert fields.retain()["carbon_kept"] == 0 and whole(world) == {"waits": True, "decided": True}
    made = decided(proposed())
    assert set(made.records.values()) == {"booked"}
    with clock.frozen(LATER):
        # What it was while it waited is no figure of its own any more; the awards in their place are whole.
        assert fields.retain()["carbon_kept"] == 2 and whole(world) == {"waits": True, "decided": True}
        assert reconciled() == {} and recomputing.recompute() == (2, 0)


def test_what_a_duty_keeps_stays_until_its_last_day(world: World) -> None:
    """Of the behaviour and the days that it names, counted or not: a verifier asks for what was left out too."""
    world.send(
        world.meeting("kept", duration_min=30),
        world.meeting("other-day", start="2026-04-20T09:00:00+08:00", duration_min=30),
    )
    until = date(2030, 12, 31)
    Duty.objects.create(behaviour="online-meeting", first_day=date(2026, 5, 1), last_day=date(2026, 5, 31),
                        keep_until=until, ground_zh="试", ground_en="made up")  # fmt: skip
    Duty.objects.create(behaviour="cycling", first_day=date(2026, 1, 1), last_day=date(2026, 12, 31),
                        keep_until=until, ground_zh="试", ground_en="made up")  # fmt: skip
    with clock.frozen(LATER):
        assert fields.retain()["carbon_kept"] == 1 and whole(world) == {"kept": True, "other-day": False}
    with clock.frozen(datetime(2030, 12, 31, 4, tzinfo=UTC)):
        assert fields.retain()["carbon_kept"] == 0
    with clock.frozen(datetime(2031, 1, 1, 4, tzinfo=UTC)):
        assert fields.retain()["carbon_kept"] == 1


def test_the_list_of_fields_says_what_the_statement_empties() -> None:
    """A column that is dropped and not told, or told and not dropped, is seen here."""
    assert set(COLUMNS) == {"record", "be_mg", "pe_mg", "le_mg", "er_mg"} and DAYS == 1095
    assert set(fields._DROPS) == {name for name, one in fields.tables().items() if one.drop}
    assert "record be_mg pe_mg le_mg er_mg: 1095 d" in fields.record()
