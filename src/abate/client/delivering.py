"""A delivery that can be broken off: what was refused is put aside with its reason, and how far it came is written down."""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from abate.client.batches import Batch, Event, encoded, halves
from abate.client.results import Refusal, Result, Summary

try:
    import fcntl
except ImportError:  # Windows, where two deliveries into one file are not kept apart
    fcntl = None  # type: ignore[assignment]
OF_CONTENT = frozenset({400, 413, 422})
"""Refusals of what is in the request; any other is of the sender, and would meet the next request as well."""
Judged = tuple[Event, Result | Refusal]


class OtherEvents(Exception):
    """The progress file is of other events: the last one that it says was delivered is not where it was."""


class InUse(Exception):
    """Another delivery writes into this dead-letter file: each would write over what the other put aside."""


@dataclass(slots=True)
class DeadLetter:
    """An event that did not count, and why: the problem document, or for an event of a batch its result."""

    event: Event
    problem: dict[str, Any]


def dead_letters(path: Path) -> Iterator[DeadLetter]:
    """The lines of a dead-letter file. Raises ValueError where a line is none."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            told = json.loads(line)
            if not isinstance(told, dict) or not isinstance(told.get("event"), dict):
                raise ValueError(f"{path}:{number} is no dead letter")
            yield DeadLetter(told["event"], told.get("problem") or {})


def judged(batch: Batch, post: Callable[[Batch], list[Result]]) -> list[Judged]:
    """Each event of the batch with its result. A request that is refused for what is in it is halved until the event is
    found that it is refused for, so that one bad event stops no other. Raises Refusal (of the sender), Unreachable.
    """
    try:
        return list(zip(batch.events, post(batch), strict=True))
    except Refusal as refusal:
        if refusal.status not in OF_CONTENT:
            raise
        if len(batch.events) == 1:
            return [(batch.events[0], refusal)]
    return [one for half in halves(batch) for one in judged(half, post)]


def deliver(
    made: Callable[[Iterable[Event]], Iterator[Batch]],
    post: Callable[[Batch], list[Result]],
    events: Iterable[Event],
    dead: Path,
    progress: Path | None,
) -> Summary:
    """See Client.deliver."""
    summary, stream = Summary(), iter(events)
    with alone(dead) as out:
        if progress is not None and progress.exists():
            summary = _gone_on(json.loads(progress.read_text("utf-8")), stream)
        for batch in made(stream):
            for event, result in judged(batch, post):
                outcome = result.outcome if isinstance(result, Result) else "request_refused"
                summary.outcomes[outcome] += 1
                if isinstance(result, Refusal) or not result.done:
                    summary.refused += 1
                    out.write(encoded({"event": event, "problem": _problem(result)}) + b"\n")
            out.flush()
            os.fsync(out.fileno())
            if progress is not None:
                _note(progress, summary, batch.events[-1])
    return summary


def _problem(result: Result | Refusal) -> dict[str, Any]:
    """The problem document of a request; of one event the same members, from its result."""
    if isinstance(result, Refusal):
        return {"status": result.status, "code": result.code} | result.problem
    code, _, field = (result.reason or result.outcome).partition(":")
    told = {"code": code, "field": field, "detail": result.detail, "remedy": result.remedy}
    return {"outcome": result.outcome} | {name: text for name, text in told.items() if text}


@contextmanager
def alone(dead: Path) -> Iterator[BinaryIO]:
    """The file for this delivery alone, at its end and of whole lines. Raises InUse."""
    with open(os.open(dead, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as out:
        try:
            if fcntl is not None:
                fcntl.flock(out.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{dead} is in use by another delivery") from None
        # Who resends puts a new file in its place: what was opened before that is no more the one that is kept.
        if not os.path.samestat(os.fstat(out.fileno()), dead.stat()):
            raise InUse(f"{dead} was in use by another delivery")
        _whole_lines(out)
        yield out


def _whole_lines(out: BinaryIO) -> None:
    """Stand at the end of the file, without the line that a crash broke off: its event is sent again."""
    end = out.seek(0, os.SEEK_END)
    while end:
        out.seek(end - 1)
        if out.read(1) == b"\n":
            break
        end -= 1
    out.truncate(end)
    out.seek(end)


def _gone_on(noted: dict[str, Any], stream: Iterator[Event]) -> Summary:
    """Pass over what was delivered. Raises OtherEvents."""
    summary = Summary(Counter(noted["outcomes"]), int(noted["refused"]))
    (last,) = deque(islice(stream, summary.events), maxlen=1) or ({},)
    if last.get("id") != noted["last"]:
        raise OtherEvents(f"event {summary.events} is not {noted['last']!r}")
    return summary


def _note(progress: Path, summary: Summary, last: Event) -> None:
    """How far it came, whole or not at all: after a crash the file says this or what it said before."""
    told = {
        "outcomes": dict(summary.outcomes),
        "refused": summary.refused,
        "last": last.get("id"),
    }
    fresh = progress.with_name(progress.name + ".new")
    with fresh.open("wb") as out:
        out.write(encoded(told))
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(progress)
