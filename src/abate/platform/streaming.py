"""Events from a message broker through the pipeline: a batch is taken, booked in one transaction, then given up.

A stop at any moment loses nothing: what was not given up comes again, and an id is never booked twice. What cannot be read
is refused and kept with its reason like any other event, so that one bad message holds up no good one. (P-7.3.3.3-a)
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event as Flag

import msgspec
from django.db import DatabaseError, InterfaceError, connection

from abate.platform import pipeline
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.doors.broker import LARGEST, Broker, BrokerAway, Message
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Reader, Refused, Sender
from abate.platform.events.errors import Busy
from abate.platform.events.outcomes import Result
from abate.platform.parties import limits
from abate.platform.parties import queries as parties
from abate.platform.parties.errors import LimitReached

MOST = 1_000
"""Events of one message, as over HTTP."""
AT_ONCE = 20_000
"""Events in one transaction, as of a file: messages may hold many each."""
LONGEST_PAUSE = 30.0
CLIENT = "consume"
_log = logging.getLogger("abate.streaming")
_read_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_one = msgspec.json.Decoder(msgspec.Raw).decode
_UNREADABLE = b""


def consume(
    open_broker: Callable[[], Broker],
    code: str,
    *,
    most: int,
    wait: float,
    stopping: Flag,
    until_empty: bool = False,
    told: Callable[[Counter[str]], object] = lambda outcomes: None,
) -> Counter[str]:
    """Book what comes until `stopping` is set (or nothing is there); how many events came to each outcome.

    `most` messages are taken at a time and given up together; `wait`: seconds for the first of them. A broker or database
    that is away is waited for, with nothing given up. Raises PartyUnknown, PartySuspended, DocumentsExpired, SetupError.
    """
    total: Counter[str] = Counter()
    broker: Broker | None = None
    pause = 0.0
    try:
        while not stopping.wait(pause):
            try:
                broker = broker or open_broker()
                messages = broker.take(most, wait)
                if messages:
                    texts = [text for message in messages for text in texts_of(message)]
                    outcomes: Counter[str] = Counter()
                    while texts:
                        booked, found = _book(code, texts, stopping)
                        texts, outcomes = texts[booked:], outcomes + found
                    broker.done(messages)
                    total += outcomes
                    told(outcomes)
                elif until_empty:
                    break
                pause = 0.0
            except BrokerAway as fault:
                pause = _longer(pause)
                _log.warning("the broker is away, trying again in %.1f s: %s", pause, fault)
                _leave(broker)
                broker = None
            except _Stopped:
                break
    finally:
        _leave(broker)
    return total


class _Stopped(Exception):
    """Asked to stop while the database was away."""


def _longer(pause: float) -> float:
    return min(LONGEST_PAUSE, pause * 2 or 0.5)


def _leave(broker: Broker | None) -> None:
    if broker is not None:
        broker.close()


def _at_once(most: int | None) -> int:
    """Events of one transaction: no more than a quota of `most` a day could let through."""
    return AT_ONCE if most is None else min(AT_ONCE, max(1, most // 10))


def _book(code: str, texts: Sequence[bytes], stopping: Flag) -> tuple[int, Counter[str]]:
    """As many of these as one batch takes: their number, and what came of them. Tried until the party's quota and the
    database take it; meanwhile nothing is given up. Raises PartyUnknown, PartySuspended, DocumentsExpired, _Stopped.
    """
    part: Sequence[bytes] = ()
    pause, counted = 0.0, False
    while True:
        try:
            if not counted:
                party = parties.party(code)
                # Anew each time: a quota may become smaller than what already waits for it.
                part = texts[: _at_once(party.events_per_day)]
                limits.take_events(party.pk, party.events_per_day, len(part))
                counted = True
            results = _try(code, part, hashlib.sha256(b"".join(part)).digest())
            return len(part), Counter(one.outcome.text for one in results)
        except (Busy, DatabaseError, InterfaceError) as fault:
            pause = _longer(pause)
            _log.warning("events not booked, trying again in %.1f s: %s", pause, fault.__cause__ or fault)
            connection.close()
        except LimitReached as over:
            # In short steps: a higher quota, or a suspension, holds at once.
            pause = min(float(over.retry_after), LONGEST_PAUSE)
            _log.warning(
                "%s: %s waits for its quota of events, trying again in %.1f s", over.code, code, pause
            )
        if stopping.wait(pause):
            raise _Stopped


def _try(code: str, texts: Sequence[bytes], digest: bytes) -> list[Result]:
    connection.close_if_unusable_or_obsolete()
    # Asked for again with every batch: a suspension, a document's last day or a grant taken away holds from the next one on.
    party = parties.party(code)
    parties.check_standing(code, party.status, party.valid_until)
    behaviours = frozenset(parties.behaviours(party.pk, party))
    sender = Sender(party.pk, party.code, behaviours, CLIENT, parties.is_hooked(party.pk))
    now = clock.now()
    reader = Reader(sender, catalogue().methods, now)
    read = [
        reader.read(place, text) if text else Refused(place, None, None, "malformed", "event")
        for place, text in enumerate(texts)
    ]
    return pipeline.run_batch(Arrival(sender, "stream", now, digest, len(read)), read)


def texts_of(message: Message) -> list[bytes]:
    """The events of one message as JSON texts; one empty text where it cannot be read.

    Structured mode: the body is an event or an array of them. Binary mode: the attributes stand beside the body.
    """
    if not 0 < len(message.body) <= LARGEST:
        return [_UNREADABLE]
    try:
        message.body.decode()
        if "specversion" in message.attributes:
            return [_structured(message)]
        if message.body.lstrip()[:1] == b"[":
            raws = _read_batch(message.body)
            return [bytes(raw) for raw in raws] if 0 < len(raws) <= MOST else [_UNREADABLE]
    except (ValueError, RecursionError):
        return [_UNREADABLE]
    return [message.body]


def _structured(message: Message) -> bytes:
    """The CloudEvent as one JSON text. Raises ValueError where the body is not one whole JSON value."""
    data = bytes(_read_one(message.body))
    rest = {name: value for name, value in message.attributes.items() if name != "data"}
    return json.dumps(rest, ensure_ascii=False).encode()[:-1] + b',"data":' + data + b"}"
