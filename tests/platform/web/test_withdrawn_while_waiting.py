"""A withdrawal holds for what waits already: in the spool, in the rest of a file, with a broker. Refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.platform.events.test_bulk_files import flat, made, write
from tests.platform.events.test_intake import token
from tests.platform.pipeline.world import World, differences
from tests.platform.streams import brokers
from tests.platform.streams.test_streams import SOME, consume, consume_none, each, texts
from tests.platform.streams.test_streams import world as streamed
from tests.platform.web.test_files import get, send, world

from abate.platform import loading, spool
from abate.platform.events.models import File, Refusal
from abate.platform.ledger import erasing
from abate.platform.parties import queries as parties
from abate.platform.people import actions as people
from abate.platform.people import queries

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.4-b")]
__all__ = ["each", "streamed", "world"]
FIRST, SECOND = 0, 1
"""Who withdraws, and who does not: rides of even numbers are the first's."""


def one_behaviour(world: World) -> None:
    (given,) = [
        row
        for row in queries.authorisations(world.people[FIRST].pk)
        if row.behaviour == "cycling" and row.live
    ]
    people.withdraw(world.people[FIRST], given.id)


def the_whole_binding(world: World) -> None:
    assert people.withdraw_all(world.people[FIRST], parties.party(world.sender.code)) > 0


def the_account(world: World) -> None:
    erasing.erase(world.people[FIRST])


WAYS = pytest.mark.parametrize(
    "withdraw", [one_behaviour, the_whole_binding, the_account], ids=lambda way: way.__name__
)
Way = Callable[[World], None]


def refused() -> dict[str, str]:
    """Event id -> why it was refused."""
    return {row.event_id: f"{row.code}:{row.detail}" for row in Refusal.objects.all()}


def not_authorised(*numbers: int) -> dict[str, str]:
    return {f"r{number}": "not_authorised:subject" for number in numbers}


def nothing_of_the_first(world: World) -> bool:
    carbon, credits, eligible = world.totals()[FIRST]
    return (carbon, credits, eligible) == (0, 0, 0) and differences() == {}


@WAYS
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_of_a_file_in_the_spool(world: World, tmp_path: Path, kind: str, withdraw: Way) -> None:
    bearer, path = token(world), made(world, tmp_path / f"rides.{kind}", number=6, wrong=())
    address = send(path.read_bytes(), bearer, path.name).headers["location"]
    withdraw(world)
    spool.Loader().round()
    found = get(address, bearer).json()
    assert (found["state"], found["counts"]) == ("done", {"credited": 3, "refused": 3})
    told = get(f"{address}/errors", bearer).json()["errors"]
    assert {row["id"]: row["reason"] for row in told} == not_authorised(0, 2, 4) == refused()
    assert nothing_of_the_first(world) and world.totals()[SECOND][0] > 0


@WAYS
def test_of_the_rest_of_a_file_that_is_being_loaded(world: World, tmp_path: Path, withdraw: Way) -> None:
    """What was booked before stays booked; from the next chunk on nothing more is, and a second run of it neither."""
    bearer, path = token(world), write(flat(world, 9, ()), tmp_path / "rides.csv")
    address = send(path.read_bytes(), bearer).headers["location"]
    file, party = File.objects.get(), parties.party(world.sender.code)

    def told(rows: int) -> None:
        if rows == 3:
            before.append(world.totals()[FIRST])
            withdraw(world)

    before: list[Any] = []
    assert loading.load(file, spool.place(file), party, size=3, told=told)
    assert get(address, bearer).json()["counts"] == {"credited": 6, "refused": 3}
    assert refused() == not_authorised(4, 6, 8)
    assert before[0][0] > 0 and differences() == {}
    assert withdraw is the_account or world.totals()[FIRST] == before[0]


@SOME
@WAYS
def test_of_a_message_that_a_broker_holds(streamed: World, each: Any, withdraw: Way) -> None:
    """Published before, taken after; also one event of several in a message."""
    ride = streamed.ride
    each.publish(texts(ride("r0"), ride("r1", SECOND), [ride("r2"), ride("r3", SECOND)]))
    withdraw(streamed)
    assert consume(streamed, each) == {"credited": 2, "refused": 2}
    assert refused() == not_authorised(0, 2)
    assert nothing_of_the_first(streamed) and streamed.totals()[SECOND][0] > 0
    assert consume(streamed, each, wait=1.0) == {}, "it was given up"


@WAYS
def test_of_messages_behind_those_that_are_being_booked(
    streamed: World, tmp_path: Path, withdraw: Way
) -> None:
    with brokers.nats_server(tmp_path) as server:
        consume_none(server)
        server.publish(texts(*(streamed.ride(f"r{n}") for n in range(4))))
        stopping, met = Event(), list[int]()

        def told(outcomes: Any) -> None:
            if not met:
                withdraw(streamed)
            met.append(outcomes.total())

        found = consume(streamed, server, most=1, stopping=stopping, told=told)
    assert found == {"credited": 1, "refused": 3} and refused() == not_authorised(1, 2, 3)
    assert differences() == {}
