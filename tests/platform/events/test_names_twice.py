"""An event whose JSON says a name twice is refused by that name, whichever way it came; none is taken by its last value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.platform.events.test_hostile_files import AT, RECORD, SENDER, read

from abate.platform.carbon.basis import catalogue
from abate.platform.doors.broker import Message
from abate.platform.events.envelope import WITHDRAWAL, Event, Reader, Refused
from abate.platform.streaming import texts_of
from abate.platform.web import intake

pytestmark = [pytest.mark.platform]
AFTER = datetime(2026, 6, 1, tzinfo=UTC)
EVENT = {
    "specversion": "1.0", "id": "e1", "source": "city", "type": "org.abate.behaviour.cycling", "subject": "s", "time": AT,
}  # fmt: skip
SOUND = json.dumps(EVENT | {"data": RECORD})
AGAIN = {
    "id": ('"id": "e2"', "name_twice:id"),
    "spaced": ('"subject" : "other"', "name_twice:subject"),
    "escaped": ('"\\u0069d": "e2"', "name_twice:id"),
    "the same": ('"specversion": "1.0"', "name_twice:specversion"),
    "record": ('"data": {}', "name_twice:data"),
    "a type of content": (
        '"datacontenttype": "application/json", "datacontenttype": "application/json"',
        "name_twice:datacontenttype",
    ),
    "an extension": ('"tracestate": "a", "tracestate": "b"', "name_twice:tracestate"),
    "a wrong value": ('"time": 1', "name_twice:time"),
}


def answers(*texts: bytes) -> list[str]:
    reader = Reader(SENDER, catalogue().methods, AFTER)
    found = [reader.read(place, text) for place, text in enumerate(texts)]
    return [one.reason if isinstance(one, Refused) else one.id for one in found]


@pytest.mark.parametrize("name", AGAIN)
def test_no_name_stands_twice(tmp_path: Path, name: str) -> None:
    again, reason = AGAIN[name]
    wrong = f"{SOUND[:-1]}, {again}}}"
    assert answers(*intake._events("application/json", wrong.encode())) == [reason]
    batch = f"[{wrong}, {SOUND}]".encode()
    assert answers(*map(bytes, intake._events("application/json", batch))) == [reason, "e1"]
    assert answers(*texts_of(Message(batch, {}, None))) == [reason, "e1"]
    path = tmp_path / "events.jsonl"
    path.write_text(f"{wrong}\n{SOUND}\n")
    assert read(path) == [reason, "e1"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"datacontenttype": "application/json"},
        {"subject": 'a " \\ id'},
        {"subject": "datacontenttype"},
        {"data": RECORD | {"id": 'x"'}},
        {"data": RECORD | {"deep": {"id": 1}}},
        {"traceparent": "00"},
    ],
)
def test_what_stands_once_is_read(more: dict[str, object]) -> None:
    for escaped in (True, False):
        text = json.dumps(EVENT | {"data": RECORD} | more, ensure_ascii=escaped).encode()
        assert answers(text) == ["e1"]


def test_what_is_taken_back_is_named_once() -> None:
    data = '{"event": "a", "reason": "returned", "event": "b"}'
    text = json.dumps(EVENT | {"type": WITHDRAWAL})[:-1] + f', "data": {data}}}'
    assert answers(text.encode()) == ["name_twice:data"]


def test_what_is_read_is_what_was_sent() -> None:
    reader = Reader(SENDER, catalogue().methods, AFTER)
    found = reader.read(0, SOUND.encode())
    assert isinstance(found, Event)
    assert json.loads(found.data) == RECORD
