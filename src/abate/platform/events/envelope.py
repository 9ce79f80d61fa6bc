"""From the bytes of CloudEvents to checked envelopes. The record inside stays the text it is.

The fast way decodes an event in one call; only an event that fails it is looked at attribute by attribute,
to say which one is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.events.sources import SourceRow
from abate.platform.events.withdrawals import CAUSES

# Our policy: clocks of partners may be ahead of ours by this much.
FUTURE_TOLERANCE = timedelta(minutes=5)
# No record is older (quantify/record.py); the first year of all has moments that UTC has not.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
PREFIX = "org.abate.behaviour."
WITHDRAWAL = "org.abate.withdrawal"
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_CONTENT_TYPE = re.compile(r"(?i)application/json\s*(;\s*charset=utf-8\s*)?")
_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "data")
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the party, and the behaviours it may send now."""

    party_id: int
    code: str
    behaviours: frozenset[str]
    client_id: str = ""
    hooked: bool = False
    """Whether the party has an address at which it is told of its events."""


class Event(msgspec.Struct, gc=False):
    """An event with a sound envelope. `data` is the record as JSON text; `place` its position."""

    place: int
    id: str
    behaviour: str
    subject: str
    time: datetime
    data: bytes
    corrects: str | None = None
    """The event of the same party and person that this one stands in for, and why."""
    cause: str = ""
    mark: int | None = None
    """The version of the declared source that it comes from (events_source)."""


class Withdrawal(msgspec.Struct, gc=False):
    """A party takes `event` back, for a `cause` of withdrawals.py; `time` is when it was decided."""

    place: int
    id: str
    subject: str
    time: datetime
    event: str
    cause: str


class Refused(msgspec.Struct, gc=False):
    """An event that is not accepted: `code` of reasons.py, `detail` the attribute or field."""

    place: int
    id: str | None
    behaviour: str | None
    code: str
    detail: str

    @property
    def reason(self) -> str:
        return f"{self.code}:{self.detail}" if self.detail else self.code


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    specversion: Literal["1.0"]
    id: _Name
    source: str
    type: str
    subject: _Name
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: msgspec.Raw
    datacontenttype: Literal["application/json"] | msgspec.UnsetType = msgspec.UNSET


class _Taken(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    event: _Name
    reason: str


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What is said of bytes that are no JSON of this shape, or nested deeper than it can be read."""
_decode_taken = msgspec.json.Decoder(_Taken).decode
_decode = msgspec.json.Decoder(_Envelope).decode
_decode_loosely = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_time = msgspec.json.Decoder(Annotated[datetime, msgspec.Meta(tz=True)]).decode


class Reader:
    """Reads the events of one batch for one sender. `catalogue`: the behaviours that have a methodology."""

    def __init__(self, sender: Sender, catalogue: Iterable[str], now: datetime) -> None:
        self._sender = sender
        self._types = {PREFIX + name: name for name in sender.behaviours if name in catalogue}
        self._known = {PREFIX + name: name for name in catalogue}
        self.begin(now)

    def begin(self, now: datetime) -> None:
        """A batch that begins at `now`: what is judged by the moment is looked up anew."""
        self._now, self._latest = now, now + FUTURE_TOLERANCE
        self._sources: Mapping[str, SourceRow] | None = None

    def read(self, place: int, raw: bytes | msgspec.Raw) -> Event | Withdrawal | Refused:
        """One event from its JSON text."""
        try:
            found = _decode(raw)
        except _UNREADABLE:
            return self._read_loosely(place, raw)
        text, data = bytes(raw), bytes(found.data)
        # Every member but `data` is a text here: without escapes, names and texts have so many quotes, and one more name more.
        quotes = 26 if found.datacontenttype is msgspec.UNSET else 30
        if b"\\" in text or text.count(b'"') - data.count(b'"') != quotes:
            name = _twice(text)
            if name is not None:
                shown = found.id if name != "id" and found.id.isprintable() else None
                return Refused(place, shown, self._known.get(found.type), "name_twice", _attribute(name))
        return self.check(place, found.id, found.source, found.type, found.subject, found.time, data)

    def check(
        self, place: int, id: str, source: str, type: str, subject: str, time: datetime, data: bytes
    ) -> Event | Withdrawal | Refused:
        """One event from its attributes, of the right types; `id` and `subject` of the right length."""
        behaviour = self._types.get(type)
        timely = EARLIEST <= time <= self._latest
        mark = None
        if source != self._sender.code:
            # What was taken can be taken back, whatever became of its source.
            found = self._of_source(source, taken=type == WITHDRAWAL)
            if isinstance(found, tuple):
                return Refused(place, id if id.isprintable() else None, self._known.get(type), *found)
            mark = found
        if type == WITHDRAWAL and timely:
            return _withdrawal(place, id, subject, time, data)
        if behaviour is None or not timely or data[:1] != b"{":
            return self._refuse(place, id, type, time, data)
        if not (id.isprintable() and subject.isprintable()):
            wrong = "subject" if id.isprintable() else "id"
            return Refused(place, id if wrong == "subject" else None, behaviour, "malformed", wrong)
        return Event(place, id, behaviour, subject, time, data, mark=mark)

    def _of_source(self, source: str, *, taken: bool) -> int | tuple[str, str]:
        """The version in force of `PARTY/SOURCE`, or why nothing of it is taken now. The party's are looked up once a batch."""
        party, slash, code = source.partition("/")
        if party != self._sender.code or not slash:
            return "wrong_source", "source"
        if self._sources is None:
            self._sources = sources.by_name(self._sender.party_id)
        found = self._sources.get(code)
        if found is None:
            return "unknown_source", "source"
        return (None if taken else found.refusal(clock.day(self._now))) or found.id

    def _refuse(self, place: int, id: str, type: str, time: datetime, data: bytes) -> Refused:
        shown, behaviour = id if id.isprintable() else None, self._known.get(type)
        if behaviour is None and type != WITHDRAWAL:
            return Refused(place, shown, None, "unknown_behaviour", "type")
        if behaviour is not None and type not in self._types:
            return Refused(place, shown, behaviour, "behaviour_not_granted", behaviour)
        if data[:1] != b"{":
            return Refused(place, shown, behaviour, "malformed", "data")
        return Refused(place, shown, behaviour, "out_of_range" if time < EARLIEST else "future", "time")

    def _read_loosely(self, place: int, raw: bytes | msgspec.Raw) -> Event | Withdrawal | Refused:
        """Name the attribute that is wrong, or accept an event with extension attributes."""
        try:
            members = _decode_loosely(raw)
        except _UNREADABLE:
            return Refused(place, None, None, "malformed", "event")
        texts = {name: _text(members.get(name)) for name in _ATTRIBUTES[:5]}
        shown = texts["id"] if is_name(texts["id"]) else None
        behaviour = self._known.get(texts["type"] or "")
        name = _twice(bytes(raw))
        if name is not None:
            shown = None if name == "id" else shown
            return Refused(place, shown, behaviour, "name_twice", _attribute(name))
        wrong = self._first_wrong(members, texts)
        if wrong:
            return Refused(place, shown, behaviour, *wrong)
        assert all(text is not None for text in texts.values())
        found = self.check(
            place,
            texts["id"] or "",
            texts["source"] or "",
            texts["type"] or "",
            texts["subject"] or "",
            _decode_time(members["time"]),
            bytes(members["data"]),
        )
        return _correction(found, members) if isinstance(found, Event) and "corrects" in members else found

    def _first_wrong(
        self, members: dict[str, msgspec.Raw], texts: dict[str, str | None]
    ) -> tuple[str, str] | None:
        if texts["specversion"] != "1.0":
            return "malformed", "specversion"
        for name in ("id", "subject"):
            if not is_name(texts[name]):
                return "malformed", name
        for name in ("source", "type"):
            if texts[name] is None:
                return "malformed", name
        try:
            _decode_time(members.get("time", b"null"))
        except _UNREADABLE:
            return "malformed", "time"
        if bytes(members.get("data", b""))[:1] != b"{":
            return "malformed", "data"
        for name, value in members.items():
            if name in _ATTRIBUTES:
                continue
            if name == "datacontenttype":
                if not _CONTENT_TYPE.fullmatch(_text(value) or ""):
                    return "malformed", name
            elif name == "data_base64" or not _EXTENSION.fullmatch(name):
                return "unknown_attribute", _attribute(name)
            elif bytes(value)[:1] in (b"{", b"["):
                return "malformed", name
        return None


def _withdrawal(place: int, id: str, subject: str, time: datetime, data: bytes) -> Withdrawal | Refused:
    if not (id.isprintable() and subject.isprintable()):
        wrong = "subject" if id.isprintable() else "id"
        return Refused(place, id if wrong == "subject" else None, None, "malformed", wrong)
    try:
        taken = _decode_taken(data)
    except _UNREADABLE:
        return Refused(place, id, None, "malformed", "data")
    if _twice(data) is not None:
        return Refused(place, id, None, "name_twice", "data")
    if not taken.event.isprintable() or taken.event == id:
        return Refused(place, id, None, "malformed", "event")
    if taken.reason not in CAUSES:
        return Refused(place, id, None, "unknown_cause", "reason")
    return Withdrawal(place, id, subject, time, taken.event, taken.reason)


def _correction(found: Event, members: dict[str, msgspec.Raw]) -> Event | Refused:
    """An event of the ordinary type with the extensions `corrects` and `correctedfor`."""
    corrects, cause = _text(members["corrects"]), _text(members.get("correctedfor"))
    if not is_name(corrects) or corrects == found.id:
        return Refused(found.place, found.id, found.behaviour, "malformed", "corrects")
    if cause not in CAUSES:
        return Refused(found.place, found.id, found.behaviour, "unknown_cause", "correctedfor")
    found.corrects, found.cause = corrects, cause
    return found


def _twice(text: bytes) -> str | None:
    """The first name that stands twice among the members of this JSON object, not of those in it: of two values neither is the
    one that was meant, and readers differ in which they take (RFC 8259 section 4, RFC 7493 section 2.3)."""
    try:
        # The object itself is read last, and what is said of it is the answer.
        found: str | None = json.loads(
            text.decode(), object_pairs_hook=_repeated, parse_int=str, parse_float=str
        )
    except (ValueError, RecursionError):
        return None
    return found


def _repeated(members: list[tuple[str, object]]) -> str | None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            return name
        seen.add(name)
    return None


def _attribute(name: str) -> str:
    """A name as it may be told again."""
    return name if name.isprintable() and len(name) <= 40 else "(name)"


def _text(raw: msgspec.Raw | None) -> str | None:
    if raw is None:
        return None
    try:
        return _decode_text(raw)
    except _UNREADABLE:
        return None


def is_name(text: str | None) -> bool:
    """Whether this can be an event's id or a subject: 1 to 128 printable characters, so that every table can hold it."""
    return text is not None and 1 <= len(text) <= 128 and text.isprintable()
