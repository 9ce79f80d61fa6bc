"""Caps of every scope and period: the least room decides, all are raised by what was counted, and reasons are told."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from tests.platform.pipeline.world import World, differences

from abate.platform.carbon import queries as carbon
from abate.platform.credits import actions as credits
from abate.platform.credits import queries
from abate.platform.credits.actions import Per
from abate.platform.credits.errors import CapExists, NotACap
from abate.platform.ledger import erasing
from abate.platform.ledger import queries as ledger
from abate.platform.web import story

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.4")]
MAY = date(2026, 5, 1)
WHY = ("上限", "A cap")
RIDE = 222_915
"""What a ride of 1.5 km comes to."""


def eligible(world: World) -> list[int]:
    return [mg for _, _, mg in world.totals()]


def used() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("select used_mg from credits_used where used_mg > 0 order by used_mg")
        return [mg for (mg,) in cursor.fetchall()]


def test_a_party_has_one_balance_for_all_its_people(world: World, other: World) -> None:
    credits.add_cap("cycling", MAY, 300_000, WHY, per=Per("party", "month"))
    world.send(world.ride("one", 0), world.ride("two", 1))
    assert eligible(world) == [RIDE, 300_000 - RIDE, 0]
    other.send(other.ride("one", 2), other.ride("may", 0, "2026-05-31T23:59:59+08:00"))
    assert eligible(world) == [300_000, 300_000 - RIDE, RIDE]
    world.send(world.ride("june", 2, "2026-06-01T00:00:00+08:00"))
    assert eligible(world)[2] == 2 * RIDE
    assert used() == [RIDE, 300_000, 300_000] and differences() == {}


def test_an_object_has_one_balance_whoever_tells_of_it(world: World, other: World) -> None:
    credits.add_cap("cycling", MAY, 300_000, WHY, per=Per("object", "ever", "trip_id"))
    world.send(world.ride("trip", 0))
    other.send(other.ride("trip", 1, "2026-06-01T00:01:00+08:00"), other.ride("another", 2))
    assert eligible(world) == [RIDE, 300_000 - RIDE, RIDE]
    assert differences() == {}


def test_the_least_room_decides_and_every_cap_is_raised_by_what_was_counted(world: World) -> None:
    credits.add_cap("", MAY, 500_000, ("每月", "By the month"), per=Per("person", "month"))
    credits.add_cap("cycling", MAY, 300_000, ("每日", "By the day"))
    credits.add_cap("cycling", MAY, 100_000, ("每单", "By the trip"), per=Per("object", "ever", "trip_id"))
    sent = world.send(
        world.ride("one"),
        world.ride("two"),
        world.ride("three"),
        world.ride("four"),
        world.ride("five", start="2026-05-21T09:00:00+08:00"),
        world.meeting("six"),
    )
    granted = [carbon.behaviour_of_entry(world.people[0].pk, r.entry).eligible_mg for r in sent]
    assert granted == [100_000, 100_000, 100_000, 0, 100_000, 100_000]
    assert used() == [100_000] * 5 + [300_000, 500_000]
    told = queries.cuts(world.people[0].pk, [r.entry for r in sent])
    assert [told[r.entry].reason_en for r in sent] == [
        "By the trip",
        "By the trip",
        "By the day",
        "By the day",
        "By the trip",
        "By the month",
    ]
    assert differences() == {}


def test_a_person_is_told_which_cap_it_was_and_why(world: World) -> None:
    credits.add_cap(
        "cycling", MAY, 1000, ("试点预算已用完", "the pilot's budget is spent"), per=Per("party", "ever")
    )
    (sent,) = world.send(world.ride("one"))
    found = carbon.behaviour_of_entry(world.people[0].pk, sent.entry)
    (stop,) = story.tell([found])
    assert "试点预算已用完" in stop.why and "累计" in stop.why


def test_a_later_cap_takes_the_place_of_an_earlier_one(world: World) -> None:
    credits.add_cap("cycling", MAY, 1000, WHY)
    credits.add_cap("cycling", date(2026, 5, 21), 5000, WHY, to_day=date(2026, 5, 21))
    with pytest.raises(CapExists):
        credits.add_cap("cycling", MAY, 7000, WHY)
    days = [f"2026-05-{day}T12:00:00+08:00" for day in (20, 21, 22)]
    world.send(*(world.ride(f"r{n}", start=day) for n, day in enumerate(days)))
    assert used() == [1000, 5000] and eligible(world)[0] == 6000 + RIDE
    assert differences() == {}


def test_room_given_back_goes_to_the_same_person_first_and_then_to_whoever_comes(world: World) -> None:
    credits.add_cap("cycling", MAY, 300_000, WHY, per=Per("party", "ever"))
    one, two, three = world.send(world.ride("one", 0), world.ride("two", 1), world.ride("three", 0))
    assert eligible(world) == [RIDE, 300_000 - RIDE, 0]
    credits.reverse(world.people[0].pk, one.entry, "withdrawn")
    assert eligible(world) == [RIDE, 300_000 - RIDE, 0] and differences() == {}
    credits.reverse(world.people[0].pk, three.entry, "withdrawn")
    assert eligible(world) == [0, 300_000 - RIDE, 0]
    world.send(world.ride("four", 2))
    assert eligible(world) == [0, 300_000 - RIDE, RIDE]
    credits.reverse(world.people[1].pk, two.entry, "withdrawn")
    assert used() == [RIDE] and differences() == {}


def test_what_takes_room_needs_room_under_all_its_caps(world: World) -> None:
    credits.add_cap("cycling", MAY, RIDE, WHY)
    credits.add_cap("cycling", MAY, RIDE + 5, WHY, per=Per("object", "ever", "trip_id"))
    world.send(world.ride("trip", 0), world.ride("mine", 1))
    # Of the same trip, told under another id: its trip has 5 mg of room left, whatever becomes of its person's day.
    event = world.ride("again", 1)
    event["data"]["trip_id"] = "trip"
    world.send(event)
    mine = ledger.entries(world.people[1].pk)[-1]
    credits.reverse(world.people[1].pk, mine.id, "withdrawn")
    assert eligible(world) == [RIDE, 5, 0] and differences() == {}


def test_an_erased_person_leaves_the_totals_of_others_as_they_were(world: World) -> None:
    credits.add_cap("cycling", MAY, 300_000, WHY, per=Per("party", "ever"))
    credits.add_cap("cycling", MAY, 250_000, WHY, per=Per("object", "ever", "trip_id"))
    world.send(world.ride("trip", 0))
    before = used()
    erasing.erase(world.people[0])
    assert used() == before and differences() == {}
    event = world.ride("again", 1)
    event["data"]["trip_id"] = "trip"
    world.send(event)
    assert eligible(world)[1] == 250_000 - RIDE and differences() == {}


@pytest.mark.parametrize(
    ("behaviour", "most", "last", "per", "part"),
    [
        ("nothing-known", 1, None, Per(), "behaviour"),
        ("cycling", -1, None, Per(), "max_mg"),
        ("cycling", 1, date(2026, 4, 1), Per(), "to_day"),
        ("cycling", 1, None, Per("household"), "per"),
        ("cycling", 1, None, Per("person", "week"), "per"),
        ("cycling", 1, None, Per("object"), "field"),
        ("cycling", 1, None, Per("object", "day", "meter_id"), "field"),
        ("", 1, None, Per("object", "day", "trip_id"), "field"),
        ("cycling", 1, None, Per("person", "day", "trip_id"), "field"),
        ("cycling", 1, date(2026, 6, 29), Per("person", "month"), "month"),
    ],
)
def test_what_is_no_cap_is_refused_by_its_part(
    world: World, behaviour: str, most: int, last: date | None, per: Per, part: str
) -> None:
    with pytest.raises(NotACap) as refused:
        credits.add_cap(behaviour, MAY, most, WHY, last, per=per)
    assert refused.value.detail.startswith(part) and queries.caps() == []
