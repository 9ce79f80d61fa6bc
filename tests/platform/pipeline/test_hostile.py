"""A partner that means harm: what it writes into an event is text, and never a row, an order or another's event."""

from __future__ import annotations

import json

import pytest
from tests.platform.pipeline.world import World, differences, state

from abate.platform.carbon import staging
from abate.platform.events.outcomes import Outcome

# A whole line of the staging table: an event of 1,000 tonnes that nobody measured.
_MOMENT = "2026-05-20T01:00:00Z"
_FORGED = f"7\t1\t1\t8\t{_MOMENT}\t9\t0\t0\t999999999999\tforged\t{_MOMENT}\t\\\\x00\t{{}}\tx"


@pytest.mark.parametrize("others", [0, 1])
def test_a_field_name_cannot_become_a_row_of_the_batch(world: World, others: int) -> None:
    # A sound event beside it, so that there is a basis for a forged row to point at.
    sent = [world.ride("forger"), *(world.ride(f"by-{n}") for n in range(others)), world.ride("sound", who=1)]
    sent[0]["data"][f"q\n{_FORGED}"] = 1
    results = world.send(*sent)
    assert [one.id for one in results] == [one["id"] for one in sent]
    assert (results[0].outcome, results[0].reason) == (Outcome.REFUSED, "unknown_field:(name)")
    assert not any("forged" in row for row in state()["events_seen"])
    assert differences() == {}


@pytest.mark.parametrize(
    "sign", ["\t", "\n", "\r", "\x00", "\x1b", "\u2028", "\u202e", "\\", "\\N", "'", '"']
)
@pytest.mark.parametrize("others", [0, 1])
def test_any_sign_in_a_field_name_refuses_that_event_alone(world: World, sign: str, others: int) -> None:
    sent = [world.ride("odd"), *(world.ride(f"by-{n}", who=1) for n in range(others))]
    sent[0]["data"][f"a{sign}b"] = 1
    results = world.send(*sent)
    assert [one.outcome for one in results] == [Outcome.REFUSED, *[Outcome.CREDITED] * others]
    assert results[0].reason in (f"unknown_field:a{sign}b", "unknown_field:(name)")


def test_no_text_ends_its_column_of_the_staging_table() -> None:
    assert staging._text("a\tb\r\n\xff\xff") == b"\x00\x00\x00\x09" + "a\tb\r\n\xff\xff".encode()


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('"distance_km": 1.5, "distance_km": 2', "malformed:record"),
        ('"distance_km": 1.5, "distance\\u005fkm": 2', "malformed:record"),
        (f'"distance_km": {"9" * 5000}', "wrong_type:distance_km"),
    ],
)
def test_alone_and_in_a_batch_a_record_is_read_the_same(
    world: World, others: int, written: str, reason: str
) -> None:
    text = json.dumps(world.ride("odd")).replace('"distance_km": 1.5', written)
    texts = [text, *(json.dumps(world.ride(f"by-{n}", who=1)) for n in range(others))]
    results = world.send_texts(*texts)
    assert [one.outcome for one in results] == [Outcome.REFUSED, *[Outcome.CREDITED] * others]
    assert results[0].reason == reason


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"]
)
def test_a_moment_before_all_records_refuses_that_event_alone(world: World, time: str) -> None:
    results = world.send(world.ride("odd") | {"time": time}, world.ride("sound", who=1))
    assert [one.outcome for one in results] == [Outcome.REFUSED, Outcome.CREDITED]
    assert results[0].reason == "out_of_range:time"
