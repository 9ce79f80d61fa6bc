"""One act counts once, whoever tells of it and as whichever behaviour: P-7.2-e on real events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.translation import override
from tests.platform.pipeline.acts import (
    borrowed,
    fridge,
    labelled,
    later,
    payment,
    ticket,
    trip,
    two_partners,
)
from tests.platform.pipeline.test_races import together
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import NOW, World, differences

from abate.cli import reconcile
from abate.platform import together as few
from abate.platform.carbon import acts, basis
from abate.platform.carbon import queries as carbon
from abate.platform.carbon.actions import adopt
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import actions
from abate.platform.ledger import queries as ledger
from abate.platform.web import story

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.2-e")]
every_lane = pytest.mark.usefixtures("lane")
PLACE = "same_act:P-7.2-e:one-place"


@pytest.fixture
def both(transactional_db: None, settings: Any) -> Iterator[tuple[World, World]]:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT = "demo", None
    with clock.frozen(NOW):
        yield two_partners()


def told(results: list[Result]) -> list[tuple[str, str | None]]:
    return [(one.outcome.text, one.reason if one.outcome == Outcome.NOT_COUNTED else None) for one in results]


COUNTED = ("credited", None)


@every_lane
def test_the_trip_that_two_apps_tell_of_counts_once(both: tuple[World, World]) -> None:
    one, other = both
    assert told(one.send(trip(one, "a"))) == [COUNTED]
    before = one.totals()
    event = trip(other, "b", later(5))
    assert told(other.send(event)) == [("not_counted", f"{PLACE}:cycling")]
    # Before it, after it, and another person at the same time: trips of their own.
    assert told(other.send(trip(other, "c", later(-20)), trip(other, "d", later(20)))) == [COUNTED] * 2
    assert told(other.send(trip(other, "e", who=1))) == [COUNTED]
    (again,) = other.send(event)
    assert (again.outcome, again.stored, again.reason) == (
        Outcome.EXISTS,
        Outcome.NOT_COUNTED,
        f"{PLACE}:cycling",
    )
    assert one.totals()[0] != before[0] and differences() == {}


def test_one_partners_own_trips_are_told_apart_by_their_number(both: tuple[World, World]) -> None:
    one, _ = both
    assert told(one.send(trip(one, "a"), trip(one, "b"))) == [COUNTED] * 2
    assert told(one.send(trip(one, "c") | {"data": trip(one, "a")["data"]})) == [
        ("not_counted", f"{PLACE}:cycling")
    ]
    assert differences() == {}


def test_a_trip_during_a_meeting_and_a_bicycle_that_is_electric(both: tuple[World, World]) -> None:
    one, other = both
    assert told(one.send(one.meeting("m"))) == [COUNTED]
    assert told(other.send(trip(other, "t", later(50), behaviour="metro"))) == [
        ("not_counted", f"{PLACE}:online-meeting")
    ]
    assert told(other.send(trip(other, "u", later(60), behaviour="metro"))) == [COUNTED]
    assert told(one.send(trip(one, "v", later(200)))) == [COUNTED]
    # Two behaviours, one partner.
    assert told(one.send(trip(one, "w", later(210), behaviour="electric-two-wheeler"))) == [
        ("not_counted", f"{PLACE}:cycling")
    ]
    # A metro trip and a bicycle that is pushed through it are no pair of the methodologies.
    assert told(other.send(trip(other, "x", later(205), behaviour="metro"))) == [COUNTED]
    assert differences() == {}


def test_a_purchase_is_one_by_its_order_number(both: tuple[World, World]) -> None:
    one, other = both
    assert told(one.send(fridge(one, "a", "4711"))) == [COUNTED]
    refused = ("not_counted", "same_act:P-7.2-e:purchase:efficient-appliance")
    assert told(other.send(labelled(other, "b", "4711", later(3 * 1440)))) == [refused]
    assert told(other.send(labelled(other, "c", "4712"))) == [COUNTED]
    # The same number weeks before is another shop's.
    assert told(other.send(labelled(other, "d", "4711", later(-31 * 1440)))) == [COUNTED]
    # Two things of one order, told by one partner: the second is no repeat.
    assert (
        told(other.send(labelled(other, "e", "9", item="1"), labelled(other, "f", "9", item="2")))
        == [COUNTED] * 2
    )
    assert differences() == {}


@every_lane
def test_in_one_batch_the_first_counts(both: tuple[World, World]) -> None:
    one, _ = both
    found = one.send(
        trip(one, "a"),
        one.meeting("m", start=later(-30)),
        trip(one, "b", later(40), behaviour="electric-two-wheeler"),
        trip(one, "c", later(45)),
    )
    # The meeting lasts until 9:30: not counted beside the trip of 9:00, it is in nobody's way.
    assert told(found) == [
        COUNTED,
        ("not_counted", f"{PLACE}:cycling"),
        COUNTED,
        ("not_counted", f"{PLACE}:electric-two-wheeler"),
    ]
    assert differences() == {}


def test_what_is_taken_back_frees_the_act(both: tuple[World, World]) -> None:
    one, other = both
    one.send(trip(one, "a"))
    other.send(trip(other, "b"))
    one.send(withdrawal(one, "w", "a"))
    assert one.totals()[0] == (0, 0, 0)
    # The same event says the same; under a new id it counts, and bars the first one's repeat.
    assert other.send(trip(other, "b"))[0].stored == Outcome.NOT_COUNTED
    assert told(other.send(trip(other, "b2"))) == [COUNTED]
    assert told(one.send(trip(one, "a2"))) == [("not_counted", f"{PLACE}:cycling")]
    (entry,) = [one for one in ledger.entries(other.people[0].pk) if one.cause == "b2"]
    credits.reverse(other.people[0].pk, entry.id, "dispute")
    assert told(one.send(trip(one, "a3"))) == [COUNTED]
    assert differences() == {}


def test_a_correction_is_no_other_act(both: tuple[World, World]) -> None:
    one, other = both
    one.send(trip(one, "a"))
    moved = trip(one, "b", later(5))
    moved["data"]["trip_id"] = "a"
    (done,) = one.send(correction(moved, "a"))
    assert done.outcome == Outcome.CREDITED and done.undone
    assert told(other.send(trip(other, "c", later(21)))) == [("not_counted", f"{PLACE}:cycling")]
    # The twenty minutes that the wrong one began earlier are free.
    assert told(other.send(trip(other, "d", later(-16)))) == [COUNTED]
    both_at_once = [trip(one, "e", later(300)), correction(trip(one, "f", later(300)), "e")]
    both_at_once[1]["data"]["trip_id"] = "e"
    assert told(one.send(*both_at_once)) == [COUNTED] * 2
    assert differences() == {}


@every_lane
@pytest.mark.parametrize("order", ["payment first", "ticket first", "one batch"])
def test_the_behaviour_that_the_methodologies_name_counts_in_any_order(
    both: tuple[World, World], order: str
) -> None:
    """A payment of which a ticket came: the ticket counts, and the payment does not."""
    one, other = both
    paid, bought = payment(one, "p", later(1)), ticket(other, "t")
    if order == "one batch":
        found = one.send(payment(one, "p", later(1)), ticket(one, "t"))
        assert told(found) == [("not_counted", "same_act:P-7.2-e:payment:online-ticket"), COUNTED]
    elif order == "ticket first":
        assert told(other.send(bought)) == [COUNTED]
        assert told(one.send(paid)) == [("not_counted", "same_act:P-7.2-e:payment:online-ticket")]
    else:
        assert told(one.send(paid)) == [COUNTED] and told(other.send(bought)) == [COUNTED]
        (again,) = one.send(paid)
        assert (again.stored, again.reason) == (
            Outcome.NOT_COUNTED,
            "same_act:P-7.2-e:payment:online-ticket",
        )
        kinds = [entry.kind for entry in ledger.entries(one.people[0].pk)]
        assert sorted(kinds) == [1, 1, 10]
    other.send(ticket(other, "alone", who=1))
    assert one.totals()[0] == one.totals()[1] and differences() == {}
    assert reconcile.report(recompute=True)["even"]


def test_what_gives_way_under_a_cap_gives_its_room_back(both: tuple[World, World]) -> None:
    one, other = both
    credits.add_cap("e-payment", date(2026, 5, 1), 2_000, ("上限", "cap"))
    one.send(payment(one, "p"), payment(one, "q", later(60)))
    other.send(ticket(other, "t"))
    # The second payment was cut to what the first had left; now it counts whole.
    one.send(payment(one, "alone", later(60), who=1))
    other.send(ticket(other, "alone", who=1))
    assert one.totals()[0] == one.totals()[1] and differences() == {}


def test_what_was_retired_stands(both: tuple[World, World]) -> None:
    one, other = both
    (paid,) = one.send(payment(one, "p"))
    actions.retire(one.people[0].pk, paid.er_mg or 0, "retire-1")
    assert told(other.send(ticket(other, "t"))) == [("not_counted", "same_act:P-7.2-e:payment:e-payment")]
    assert differences() == {}


@every_lane
def test_sixteen_tell_of_one_trip_at_once(both: tuple[World, World]) -> None:
    worlds = [both[number % 2] for number in range(16)]

    def send(number: int) -> list[Result]:
        world = worlds[number]
        shared = [
            trip(world, f"n{number}", later(number / 10)),
            world.meeting(f"m{number}", start=later(400)),
        ]
        return world.send(*shared[:: 1 if number % 3 else -1])

    found = [one for results in together(send) for one in results]
    trips = [one for one in found if (one.id or "").startswith("n")]
    # One partner's own trips and meetings differ by their number; of the two partners one counts.
    for kind in (trips, [one for one in found if one not in trips]):
        counted = {int((one.id or "")[1:]) % 2 for one in kind if one.outcome == Outcome.CREDITED}
        assert len(counted) == 1
    assert differences() == {}


def test_the_person_is_told_the_rule_and_nothing_of_the_other_partner(both: tuple[World, World]) -> None:
    one, other = both
    one.send(trip(one, "a"))
    other.send(trip(other, "b", later(5)))
    found = carbon.behaviour(other.people[0].pk, other.sender.party_id, "b")
    assert found is not None and found.outcome == Outcome.NOT_COUNTED
    for language, words in (
        ("zh", "时间有重叠的两条记录只计一次"),
        ("en", "of two records whose times overlap"),
    ):
        with override(language):
            why = story._why(found, None)
        assert words in why and "P-7.2-e" in why
        assert one.sender.code not in why and "“a”" not in why
    # What it would have come to recomputes, like every figure that is kept.
    assert carbon.explain(found) is not None


def test_the_books_say_where_an_act_has_two_ends(
    both: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault: nothing is compared with what is booked."""
    one, other = both
    one.send(trip(one, "a"))
    monkeypatch.setitem(acts.SQL, "met", "false")  # type: ignore[index]
    few._statement.cache_clear()
    assert told(other.send(trip(other, "b"))) == [COUNTED]
    monkeypatch.undo()
    few._statement.cache_clear()
    assert differences() == {"acts": 1}
    assert not reconcile.report()["even"]


@pytest.mark.parametrize(
    "planted",
    [
        "delete from carbon_act where event_id = 'a'",
        "update carbon_act set starts_at = starts_at - interval '1 day', ends_at = ends_at - interval '1 day'",
        "update carbon_act set own = sha256('another')",
        "update carbon_act set key = sha256('another')",
        "update carbon_act set person_id = -person_id",
        "update carbon_act set rule = 'gone'",
    ],
)
def test_a_claim_that_was_removed_is_missed_before_the_act_counts_twice(
    both: tuple[World, World], planted: str, settings: Any
) -> None:
    """By the owner of the database, behind the program's back: without its claim the same act is credited once more."""
    one, _ = both
    one.send(trip(one, "early"))
    with clock.frozen(NOW + timedelta(minutes=1)):
        adopt()
        one.send(trip(one, "a", later(-300)), fridge(one, "b", "o"))
    with connection.cursor() as cursor:
        cursor.execute("delete from carbon_act where event_id = 'early'")
        assert differences() == {}, "a change of the rules does not look back"
        cursor.execute(planted)
    assert differences()["claims"] >= 1
    assert not reconcile.report()["even"]
    settings.ABATE_ZONE = "Asia/Tokyo"
    assert "claims" not in differences(), "what is not in force is not asked for"


def test_without_rules_nothing_is_compared(both: tuple[World, World], settings: Any) -> None:
    settings.ABATE_SAME_ACT = "none"
    one, other = both
    one.send(trip(one, "a"))
    assert told(other.send(trip(other, "b"))) == [COUNTED]
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from carbon_act")
        assert cursor.fetchone() == (0,)
    assert basis.present()[1] != "" and differences() == {}


def test_loans_and_readings_of_one_number(both: tuple[World, World]) -> None:
    one, other = both
    assert told(one.send(borrowed(one, "a", "L7"))) == [COUNTED]
    assert told(other.send(borrowed(other, "b", "L7", later(60 * 24)))) == [
        ("not_counted", "same_act:P-7.2-e:rental:book-borrowing")
    ]
    assert told(other.send(borrowed(other, "c", "L8"))) == [COUNTED]


def _spans(event: dict) -> tuple[str, float, float]:
    data = event["data"]
    begun = datetime.fromisoformat(
        data.get("start") or data["paid_at" if "paid_at" in data else "ordered_at"]
    )
    minutes = {"cycling": 20, "electric-two-wheeler": 20, "metro": 20, "online-meeting": 60}
    name = event["type"].rpartition(".")[2]
    return name, begun.timestamp(), begun.timestamp() + 60 * minutes.get(name, 2)


PAIRS = {
    frozenset(pair)
    for pair in (
        ("online-meeting", "cycling"),
        ("online-meeting", "metro"),
        ("online-meeting", "electric-two-wheeler"),
        ("cycling", "electric-two-wheeler"),
        ("e-payment", "online-ticket"),
    )
}


def _same(a: dict, b: dict) -> bool:
    """Said over again, without a word of the product's: the times share a moment, and the pair is one that is named."""
    (name_a, from_a, to_a), (name_b, from_b, to_b) = _spans(a), _spans(b)
    if not (from_a < to_b and from_b < to_a):
        return False
    return a["source"] != b["source"] if name_a == name_b else frozenset((name_a, name_b)) in PAIRS


@every_lane
@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_any_split_count_each_act_once(both: tuple[World, World], seed: int) -> None:
    """What counts in the end: no two of one act, and of what does not count each has one that does in its place."""
    dice = random.Random(seed)
    events: list[tuple[World, dict]] = []
    for number in range(60):
        world = dice.choice(both)
        at = later(dice.randrange(0, 400))
        kind = dice.choice(("cycling", "electric-two-wheeler", "metro", "meeting", "payment", "ticket"))
        who = dice.randrange(2)
        made = {
            "meeting": lambda w, i, a, p: w.meeting(i, p, a),
            "payment": lambda w, i, a, p: payment(w, i, a, p),
            "ticket": lambda w, i, a, p: ticket(w, i, a, p),
        }.get(kind, lambda w, i, a, p, kind=kind: trip(w, i, a, p, kind))
        events.append((world, made(world, f"e{number}", at, who)))
    queue = list(events)
    dice.shuffle(queue)
    while queue:
        world = queue[0][0]
        size = dice.choice((1, 1, 2, 5, 20))
        batch = [event for sender, event in queue if sender is world][:size]
        queue = [(sender, event) for sender, event in queue if not any(event is one for one in batch)]
        world.send(*batch)
    standing: dict[int, list[dict]] = {0: [], 1: []}
    barred: dict[int, list[dict]] = {0: [], 1: []}
    for world, event in events:
        who = world.subjects.index(event["subject"])
        found = carbon.behaviour(world.people[who].pk, world.sender.party_id, event["id"])
        assert found is not None
        (standing if found.outcome == Outcome.CREDITED else barred)[who].append(event)
    for who in (0, 1):
        counted = standing[who]
        assert not [(a["id"], b["id"]) for n, a in enumerate(counted) for b in counted[:n] if _same(a, b)]
        # What a payment barred before it gave way itself is free again, and counts when it is sent anew.
        others = [e for e in barred[who] if "paid_at" not in e["data"]]
        assert not [e["id"] for e in others if not any(_same(e, one) for one in counted)]
    assert barred[0] or barred[1]
    assert differences() == {}
