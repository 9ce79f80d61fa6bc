"""What the platform answers, typed: the result of one event, the count of a delivery, the refusal of a whole request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

DONE = frozenset(
    {"credited", "exists", "withdrawn", "not_counted", "not_below_baseline", "needs_figure", "quarantined"}
)
"""Outcomes after which an event is not to be sent again."""


class Unreachable(Exception):
    """The platform did not answer, or only with "later", as often as it was tried. Whether it was booked is not known:
    send the same again, after `retry_after` seconds where the platform asked for them.
    """

    def __init__(self, said: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(said)


class Refusal(Exception):
    """The platform refused a whole request: `code`, `status`, and what to do, as its problem document says."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status, self.problem, self.retry_after = status, dict(problem), retry_after
        self.code = str(problem.get("code") or problem.get("error") or "unknown")
        super().__init__(
            f"{self.code} ({status}): {problem.get('title', '')} {problem.get('remedy', '')}".strip()
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError."""
        return json.loads(self.body)

    def refusal(self) -> Refusal:
        """The answer as a refusal, whatever its body is."""
        try:
            problem = self.json()
        except ValueError:
            problem = {}
        return Refusal(self.status, problem if isinstance(problem, dict) else {}, self.retry_after)

    @property
    def retry_after(self) -> float | None:
        """`Retry-After` in seconds, given as such or as a moment (RFC 9110, 10.2.3); None where it says neither."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdigit():
            return float(asked)
        try:
            moment = parsedate_to_datetime(asked)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event. `er_mg` is in mg CO2e, `credits` whole. `reason` is `code:field` or `rule:clause`.

    `stored` is the outcome that an `exists` repeats, `undone` the entry by which a correction undid its event.
    """

    id: str | None
    outcome: str
    er_mg: int | None = None
    credits: int = 0
    entry: int | None = None
    reason: str | None = None
    capped: bool = False
    stored: str | None = None
    undone: int | None = None
    withdrawn_by: str | None = None
    detail: str = ""
    remedy: str = ""
    source: Mapping[str, Any] | None = None
    """Of an event from a declared source of public data: its mark."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Result:
        """From one element of `results`; members that a newer platform adds are passed over. Raises KeyError."""
        known = {name: answer[name] for name in cls.__dataclass_fields__ if name in answer}
        return cls(**{"id": None, "outcome": answer["outcome"]} | known)

    @property
    def done(self) -> bool:
        """Nothing is left to do about the event."""
        return self.outcome in DONE


@dataclass(frozen=True, slots=True)
class Sent:
    """An event of the party's as it stands. `result.outcome` is also `withdrawn` or `corrected`, with what it was before as
    `stored` and why as `cause`; what took another back names it in `takes_back` or `corrects`.

    `time` (of the act; None where none is kept) and `received_at` are moments with their offset.
    """

    result: Result
    behaviour: str | None
    time: datetime | None
    received_at: datetime
    cause: str | None = None
    takes_back: str | None = None
    corrects: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Sent:
        """From one element of `events`. Raises KeyError, ValueError."""
        acted = answer.get("time")
        return cls(
            Result.of(answer),
            answer.get("behaviour"),
            datetime.fromisoformat(acted) if acted else None,
            datetime.fromisoformat(answer["received_at"]),
            **{name: answer.get(name) for name in ("cause", "takes_back", "corrects")},
        )


@dataclass(slots=True)
class Summary:
    """What became of the events that were delivered: how many came to which outcome, and how many were put aside."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    @property
    def events(self) -> int:
        return self.outcomes.total()
