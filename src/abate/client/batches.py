"""Events in requests within the bounds of the interface: at most so many, and at most so many bytes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
MOST_EVENTS, MOST_BYTES = 1_000, 5_000_000
MEDIA = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that go in one request, and the key under which every try of it goes. Another batch of the same events has
    another key: what was refused then may be taken now.
    """

    events: list[Event]
    body: bytes
    key: str = field(default_factory=lambda: f'"{secrets.token_urlsafe(18)}"')


def batches(
    events: Iterable[Event], *, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES
) -> Iterator[Batch]:
    """The events in order, in as few requests as the bounds allow; one that is too large by itself goes alone."""
    held: list[Event] = []
    texts: list[bytes] = []
    size = 2
    for event in events:
        text = encoded(event)
        if held and (len(held) == most_events or size + len(text) + 1 > most_bytes):
            yield _batch(held, texts)
            held, texts, size = [], [], 2
        held.append(event)
        texts.append(text)
        size += len(text) + 1
    if held:
        yield _batch(held, texts)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """The batch as two of half its events each; it has two events at least."""
    middle = len(batch.events) // 2
    first, second = (
        _batch(part, [encoded(e) for e in part]) for part in (batch.events[:middle], batch.events[middle:])
    )
    return first, second


def encoded(value: object) -> bytes:
    """JSON in UTF-8; text that has no UTF-8 (a lone surrogate) goes escaped, for the platform to judge. Raises TypeError."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _batch(events: list[Event], texts: list[bytes]) -> Batch:
    return Batch(events, b"[" + b",".join(texts) + b"]")
