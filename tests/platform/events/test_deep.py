"""An event nested deeper than JSON can be read is one wrong event, whichever way it came: it holds up no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.platform.events.test_hostile_files import read
from tests.platform.events.test_names_twice import EVENT, SOUND, answers

from abate.platform.doors.broker import Message
from abate.platform.events.envelope import WITHDRAWAL
from abate.platform.streaming import texts_of
from abate.platform.web import intake

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b")]
# How deep is too deep depends on what called: both sides of the border, step by step, and far beyond.
DEPTHS = (*range(850, 1010), 5_000, 100_000)
MEMBERS = {
    "data": EVENT,
    "extension": EVENT | {"data": {}},
    "withdrawal": EVENT | {"type": WITHDRAWAL},
}


def nested(name: str, depth: int, shape: str) -> bytes:
    inner = "[" * depth + "]" * depth if shape == "list" else '{"a":' * depth + "1" + "}" * depth
    member = "tracestate" if name == "extension" else "data"
    return f'{json.dumps(MEMBERS[name])[:-1]}, "{member}": {inner}}}'.encode()


@pytest.mark.parametrize("shape", ["list", "object"])
@pytest.mark.parametrize("name", MEMBERS)
def test_it_is_refused_and_the_next_one_read(tmp_path: Path, name: str, shape: str) -> None:
    path = tmp_path / "events.jsonl"
    for depth in DEPTHS:
        wrong = nested(name, depth, shape)
        for texts in ((wrong, SOUND.encode()), (*texts_of(Message(wrong, {}, None)), SOUND.encode())):
            said = answers(*texts)
            assert said[-1] == "e1" and (said[0] == "e1" or said[0].startswith("malformed:")), (depth, said)
    path.write_bytes(b"\n".join([nested(name, 2_000, shape), SOUND.encode(), b""]))
    assert read(path) == ["malformed:event", "e1"]


def test_in_a_call_the_whole_body_or_the_event_is_refused() -> None:
    for depth in DEPTHS:
        batch = b"[" + nested("data", depth, "list") + b"," + SOUND.encode() + b"]"
        try:
            events = intake._events("application/json", batch)
        except intake.Malformed:
            continue
        assert answers(*map(bytes, events))[1] == "e1"
