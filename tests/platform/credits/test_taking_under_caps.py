"""Events that a partner takes back under caps: a batch of them does what one after the other does."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from tests.platform.pipeline.test_races import together
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import World, differences

from abate.platform.carbon import queries as carbon
from abate.platform.credits import actions as credits
from abate.platform.credits import room
from abate.platform.credits.actions import Per
from abate.platform.events.outcomes import Outcome

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.4")]
MAY = date(2026, 5, 1)
WHY = ("上限", "A cap")


def lay_caps() -> None:
    """Of a person's day, of the partner's month, of a trip: each is full of what `rides` sends."""
    credits.add_cap("cycling", MAY, 700_000, WHY)
    credits.add_cap("cycling", MAY, 1_500_000, WHY, per=Per("party", "month"))
    credits.add_cap("cycling", MAY, 400_000, WHY, per=Per("object", "ever", "trip_id"))


def name(world: World, number: int) -> str:
    """Of an event and its trip: a trip of one partner is none of the other's."""
    return f"{world.sender.code}-{number}"


def rides(world: World) -> list[dict]:
    return [world.ride(name(world, n), n % 3, km=1 + n % 4) for n in range(12)]


def balances(world: World) -> tuple[list, list]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select cap.scope, used.used_mg from credits_used used join credits_cap cap on cap.id = used.cap_id"
            " join credits_cap_life life on life.id = cap.id where used.holder <> 0 and"
            " (cap.scope = 'person' and used.holder = any(%s) or cap.scope = 'party' and used.holder = %s)"
            " order by cap.scope, used.holder",
            [[person.pk for person in world.people], world.sender.party_id],
        )
        return world.totals(), cursor.fetchall()


def test_a_batch_frees_what_one_after_the_other_frees(world: World, twin: World) -> None:
    """Awards that go together hand no room to each other."""
    lay_caps()
    gone = (0, 3, 6, 1, 10)
    world.send(*rides(world))
    twin.send(*rides(twin))
    assert balances(world) == balances(twin)
    results = world.send(*(withdrawal(world, f"w{n}", name(world, n), n % 3) for n in gone))
    assert {one.outcome for one in results} == {Outcome.WITHDRAWN}
    for n in gone:
        found = carbon.behaviour(twin.people[n % 3].pk, twin.sender.party_id, name(twin, n))
        assert found is not None and found.entry_id is not None
        credits.reverse(twin.people[n % 3].pk, found.entry_id, "the same")
    assert balances(world) == balances(twin) and differences() == {}


def test_an_award_on_its_way_out_takes_no_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: without the list of what goes beside it, room goes to an award that goes too, and the books say so."""
    credits.add_cap("cycling", MAY, 300_000, WHY)
    world.send(*(world.ride(f"r{n}", km=2) for n in range(3)))
    asked = [withdrawal(world, f"w{n}", f"r{n}") for n in (1, 0)]
    with monkeypatch.context() as patch:
        true = room.claims_of
        patch.setattr(room, "claims_of", lambda cursor, person, entry, gone=(): true(cursor, person, entry))
        world.send(*asked)
        assert differences()


def test_a_correction_uses_the_room_that_is_there_before_what_it_corrects_gives_its_own(world: World) -> None:
    credits.add_cap("cycling", MAY, 300_000, WHY)
    world.send(world.ride("r", km=2))
    (done,) = world.send(correction(world.ride("c", km=2), "r"))
    # It is booked as it comes and fills up when the other's room is free.
    assert done.outcome == Outcome.CREDITED and done.undone and world.totals()[0][2] == 297_220
    assert differences() == {}


@pytest.mark.slow
def test_sixteen_batches_take_back_and_book_under_the_same_caps(world: World) -> None:
    lay_caps()
    world.send(*rides(world))

    def one(number: int) -> None:
        back = [withdrawal(world, f"w{number}", name(world, number % 12), number % 12 % 3)]
        fresh = [world.ride(f"n{number}-{m}", m % 3, km=2) for m in range(3)]
        fixed = [correction(world.ride(f"c{number}", 0, km="0.5"), f"n{number}-0")]
        world.send(*(back + fresh + fixed if number % 2 else fresh + fixed + back))

    together(one)
    assert differences() == {}
