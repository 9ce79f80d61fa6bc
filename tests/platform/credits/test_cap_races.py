"""Sixteen at once on caps: exact to the milligram, whoever is first; and the naive way is seen to fail."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from tests.platform.ledger.test_races import tally, together
from tests.platform.pipeline.world import World, differences, make_world

from abate.platform import pipeline
from abate.platform.credits import actions as credits
from abate.platform.credits import queries, room
from abate.platform.credits.actions import Per
from abate.platform.credits.errors import CapTooLate, RuleTooLate
from abate.platform.doors import clock
from abate.platform.ledger import closing, expiring

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.4")]
MAY = date(2026, 5, 1)
WHY = ("上限", "A cap")
MONTH, TRIP = 5_000_000, 400_000


def lay() -> None:
    credits.add_cap("cycling", MAY, MONTH, WHY, per=Per("party", "month"))
    credits.add_cap("cycling", MAY, TRIP, WHY, per=Per("object", "ever", "trip_id"))
    credits.add_cap("cycling", MAY, 2_000_500, WHY)


def rides(world: World, number: int) -> list[dict]:
    """Of three people on four trips, in an order of the writer's own."""
    found = []
    for n in range(6):
        event = world.ride(f"{world.sender.code}-{number}-{n}", (number + n) % 3)
        event["data"]["trip_id"] = f"trip-{(n * 5 + number) % 24}"
        found.append(event)
    return found[:: 1 if number % 2 else -1]


def test_sixteen_writers_of_two_partners_fill_every_cap_exactly(world: World, other: World) -> None:
    lay()

    def work(number: int) -> object:
        sender = (world, other)[number % 2]
        return len(sender.send(*rides(sender, number)))

    assert together(work) == [6] * 16
    # 96 rides of 222,915 mg: four on each of 24 trips of 400,000 mg at most; 5 kg a partner.
    assert sum(mg for _, _, mg in world.totals()) <= min(2 * MONTH, 24 * TRIP, 3 * 2_000_500)
    assert differences() == {}


def test_sixteen_on_one_party_fill_it_to_the_milligram(world: World) -> None:
    credits.add_cap("", MAY, 1_000_500, WHY, per=Per("party", "ever"))
    together(lambda number: world.send(world.ride(f"r{number}", number % 3), world.meeting(f"m{number}", 1)))
    assert sum(mg for _, _, mg in world.totals()) == 1_000_500
    assert differences() == {}


def test_reversals_beside_batches_keep_every_balance(world: World, other: World) -> None:
    lay()
    sent = [(n % 3, world.send(world.ride(f"before-{n}", n % 3))[0]) for n in range(8)]

    def work(number: int) -> object:
        if number % 2:
            who, result = sent[number // 2]
            return credits.reverse(world.people[who].pk, result.entry, "withdrawn")
        sender = (world, other)[number // 2 % 2]
        return sender.send(*rides(sender, number))

    assert tally(together(work)) == {"done": 16}
    assert differences() == {}


@pytest.mark.parametrize("naive", [True, False])
def test_room_read_without_a_lock_is_seen(world: World, monkeypatch: pytest.MonkeyPatch, naive: bool) -> None:
    """Planted: all read the room, then raise the balance. The constraint refuses what is too much; the lock, nobody."""
    # Of different people: those of one wait for each other before they ask for room (docs/decisions/0030-one-act.md).
    many = make_world(16)
    credits.add_cap("cycling", MAY, 1_000_500, WHY, per=Per("party", "ever"))
    many.send(many.ride("first"))
    monkeypatch.setattr(pipeline, "TRIES", 1)
    if naive:
        text, old = credits.SQL["lock_used"], "do update set used_mg = used.used_mg\n"
        assert old in text
        unlocked = "(select * from held union all select cap_id, start, holder, object, max_mg - used_mg from credits_used)"
        text = text.replace(old, "do nothing\n").replace("from held\n", f"from {unlocked} held\n")
        monkeypatch.setitem(credits.SQL, "lock_used", text)
        read, spread = threading.Barrier(16, timeout=60), room.spread

        def wait(cursor: Any) -> None:
            read.wait()
            spread(cursor)

        monkeypatch.setattr(room, "spread", wait)
    found = tally(together(lambda number: many.send(many.ride(f"r{number}", number))))
    assert found == ({"done": 3, "busy": 13} if naive else {"done": 16})
    assert differences() == {}


def test_the_same_cap_laid_sixteen_times_is_laid_once(world: World) -> None:
    found = tally(together(lambda n: credits.add_cap("cycling", MAY, 1000 + n, WHY)))
    assert found == {"done": 1, "cap-exists": 15} and len(queries.caps()) == 1


def test_a_cap_laid_beside_batches_is_over_all_of_them_or_refused(world: World) -> None:
    def work(number: int) -> object:
        if number == 7:
            return credits.add_cap("cycling", MAY, 300_000, WHY)
        return world.send(world.ride(f"r{number}", 0))

    found = tally(together(work))
    laid = found == {"done": 16}
    assert laid or found == {"done": 15, "cap-too-late": 1}
    assert world.totals()[0][2] == (300_000 if laid else 15 * 222_915)
    assert differences() == {}
    with pytest.raises(CapTooLate):
        credits.add_cap("", MAY, 1, WHY)


def test_a_rule_is_not_laid_over_a_day_that_is_booked(world: World) -> None:
    """Today being closed, what comes is booked on tomorrow: a rule from tomorrow would change what it brought."""
    today = clock.today()
    with clock.frozen(clock.now() + timedelta(days=1)):
        world.send(world.meeting("a"))
    with pytest.raises(RuleTooLate):
        credits.add_rule(today + timedelta(days=1), ("规则", "Rule"), expiry_days=3)
    credits.add_rule(today + timedelta(days=2), ("规则", "Rule"), expiry_days=3)
    with clock.frozen(clock.now() + timedelta(days=2)):
        expiring.cut_all()
        closing.close_day(clock.today() - timedelta(days=1))
        with pytest.raises(RuleTooLate):
            credits.add_rule(clock.today(), ("规则", "Rule"), expiry_days=4)
    assert differences() == {}
