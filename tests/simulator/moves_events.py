"""What partners do, and people with their authorisations: rides in any order, late, twice, changed, raced."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

from django.db import connection
from tests.platform.pipeline.world import World
from tests.simulator.caps import Cap
from tests.simulator.city import BACK, BEHAVIOURS, PEOPLE, City, Wrong, per, same
from tests.simulator.model import Model, Ride, Taking, copied
from tests.simulator.taking import Item, answer

from abate.platform import pipeline
from abate.platform.carbon.basis import catalogue
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Reader
from abate.platform.events.outcomes import Result
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import queries as registry
from abate.platform.people.models import Person

NEW = ("credited", "needs_figure", "not_counted", "withdrawn")
"""Outcomes of what is there for the first time."""


def event(city: City, one: Item) -> dict:
    """An event as its partner sends it."""
    world = city.partners[one.partner]
    if isinstance(one, Taking):
        at = one.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        made = world.event(one.id, "", one.who, at, {"event": one.target, "reason": one.cause})
        return made | {"type": "org.abate.withdrawal"}
    start = one.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    end = (one.at + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    km = f"{one.hundreds // 10}.{one.hundreds % 10}"
    data = {"trip_id": one.trip or one.id, "start": start, "end": end, "distance_km": km}
    made = world.event(one.id, one.behaviour, one.who, start, data)
    return made | ({"corrects": one.corrects, "correctedfor": "wrong_figure"} if one.corrects else {})


def send(city: City, items: Sequence[Item]) -> list[Result]:
    return city.partners[items[0].partner].send(*(event(city, one) for one in items))


def new_ride(city: City, dice: Random) -> Ride:
    """Up to 30 days old, one in three within seconds of midnight at UTC+8."""
    back = timedelta(seconds=dice.randint(3 * 3600, int(BACK.total_seconds())))
    at = (city.now - back).replace(microsecond=0)
    if dice.random() < 0.35:
        at = at.replace(hour=15, minute=59, second=58) + timedelta(seconds=dice.randint(0, 4))
        at = at if at < city.now - timedelta(hours=3) else at - timedelta(days=1)
    hundreds = dice.choice((1, 2, 3, 7, 10, 19, 33))
    if city.model.booked and dice.random() < 0.4:
        # A day of which something is told already: its cap is shared, and what was undone there left room.
        beside = city.model.booked[dice.choice(list(city.model.booked))].ride
        at = beside.at + timedelta(seconds=dice.randint(0, 60))
        trip = dice.choice(("", beside.trip or beside.id))
        return Ride(dice.randrange(2), city.order(), beside.who, beside.behaviour, at, hundreds, trip)
    return Ride(
        dice.randrange(2),
        city.order(),
        dice.randrange(PEOPLE),
        dice.choice(BEHAVIOURS),
        at.astimezone(UTC),
        hundreds,
    )


def some_rides(city: City, dice: Random) -> list[Ride]:
    """One partner's batch: new ones, repeats of old ones, and old ids that tell another story."""
    partner, rides = dice.randrange(2), []
    told = [booked.ride for (who, _), booked in city.model.booked.items() if who == partner]
    for _ in range(dice.choice((1, 1, 2, 5, 9))):
        fate = dice.random()
        if told and fate < 0.3:
            rides.append(dice.choice(told))
        elif told and fate < 0.4:
            changed = copy.copy(dice.choice(told))
            changed.hundreds += 1
            rides.append(changed)
        else:
            ride = new_ride(city, dice)
            ride.partner = partner
            rides.append(ride)
            if fate > 0.9:
                rides.append(ride)
    return rides


def check_results(city: City, items: Sequence[Item], results: list[Result]) -> None:
    """Every answer is the model's; of a batch that was asked again, what the first asking booked exists."""
    same("number of results", len(results), len(items))
    before = {*city.model.booked, *city.model.taken}
    after, told = answer(city.model, items, city.now)
    for one, result, expected in zip(items, results, told, strict=True):
        found = (result.outcome.text, result.er_mg or 0, result.credits)
        if found[0] == "exists" and expected[0] in NEW and (one.partner, one.id) not in before:
            found = (expected[0], *found[1:])
        same(f"result of {one}", found, expected)
        if expected[0] == "credited":
            after.booked[one.partner, one.id].entry = result.entry or 0
    city.model = after


def deliver(city: City, dice: Random) -> None:
    rides = some_rides(city, dice)
    found = city.attempt("a batch", "", lambda: send(city, rides))
    check_results(city, rides, found.value)  # type: ignore[arg-type]


def deliver_at_once(city: City, dice: Random) -> None:
    """Both partners at the same moment with rides of the same person and day: the cap's window is shared."""
    first = new_ride(city, dice)
    rides = [
        [Ride(n, city.order(), first.who, "cycling", first.at, dice.randint(5, 20)) for _ in range(3)]
        for n in range(2)
    ]
    before = copied(city.model)
    with clock.frozen(city.now), ThreadPoolExecutor(2) as pool:
        running = [pool.submit(closing(lambda batch=batch: send(city, batch))) for batch in rides]
        results = [one.result() for one in running]
    _either_order(city, before, list(zip(rides, results, strict=True)))


def _either_order(city: City, before: Model, done: list[tuple[list[Ride], list[Result]]]) -> None:
    """The answers must be those of one of the two orders."""
    try:
        for rides, results in done:
            check_results(city, rides, results)
    except Wrong:
        city.model = before
        for rides, results in reversed(done):
            check_results(city, rides, results)


def closing(do: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        try:
            return do()
        finally:
            connection.close()

    return run


def rule_between(city: City, dice: Random) -> None:
    """A batch is measured; then a cap comes, or an authorisation ends, or both; then it is booked: under what is so now."""
    rides = some_rides(city, dice)
    world = city.partners[rides[0].partner]
    with clock.frozen(city.now):
        prepared = _prepared(world, [event(city, ride) for ride in rides])
    if dice.random() < 0.6:
        withdraw(city, dice)
    if dice.random() < 0.6:
        cap(city, dice)
    found = city.attempt("a batch measured before", "", lambda: pipeline.book(prepared))
    check_results(city, rides, found.value)  # type: ignore[arg-type]


def _prepared(world: World, events: list[dict]) -> pipeline.Prepared:
    raws = [json.dumps(one).encode() for one in events]
    now = clock.now()
    reader = Reader(world.sender, catalogue().methods, now)
    arrival = Arrival(world.sender, "http", now, hashlib.sha256(b"".join(raws)).digest(), len(raws))
    return pipeline.ready(arrival, [reader.read(place, raw) for place, raw in enumerate(raws)])


def withdraw(city: City, dice: Random) -> None:
    who, partner = dice.randrange(PEOPLE), dice.randrange(2)
    person = city.partners[0].people[who]
    live = [row for row in registry.authorisations(person.pk) if row.live]
    ours = [row.id for row in live if row.party_code == city.partners[partner].sender.code]

    def do() -> None:
        for authorisation in ours:
            people.withdraw(person, authorisation)

    city.attempt("withdrawing", "", do)
    for row in city.model.given[who, partner]:
        if row[1] is None:
            row[1] = max(city.now, _start(row))


def _start(row: list[datetime | None]) -> datetime:
    assert row[0] is not None
    return row[0]


def authorise(city: City, dice: Random) -> None:
    who, partner = dice.randrange(PEOPLE), dice.randrange(2)
    world = city.partners[partner]
    expected = "person-erased" if who in city.model.erased else ""
    found = city.attempt(
        "authorising",
        expected,
        lambda: people.authorise(
            Person.objects.get(pk=city.person(who)),
            Party.objects.get(pk=world.sender.party_id),
            BEHAVIOURS,
            notice_version="1",
        ),
    )
    rows = city.model.given[who, partner]
    if not found.code and all(until is not None for _, until in rows):
        rows.append([city.now, None])


def cap(city: City, dice: Random) -> None:
    """A cap from some day on, which is refused where something of that day has been counted."""
    behaviour, today = dice.choice(BEHAVIOURS), clock.day(city.now)
    scope, period = (
        dice.choice(("person", "person", "party", "object")),
        dice.choice(("day", "day", "month", "ever")),
    )
    start = today + timedelta(days=dice.choice((-20, -3, 0, 1, 2)))
    if period == "month":
        start = (start.replace(day=1) + timedelta(days=31)).replace(day=1)
    laid = Cap(scope, period, behaviour, start, dice.randint(20, 500) * 1000)
    city.attempt(
        "a new cap",
        city.model.lay(laid),
        lambda: credits.add_cap(behaviour, start, laid.most, ("上限", "cap"), per=per(laid)),
        safe=False,
    )
