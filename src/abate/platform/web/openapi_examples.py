"""Examples of the interface's description, in Chinese and English: calls that can be sent, and refusals as they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from abate.client import samples
from abate.platform.doors.errors import Problem
from abate.platform.events import errors as events
from abate.platform.events.outcomes import Outcome
from abate.platform.events.reasons import REASONS
from abate.platform.parties import errors as parties
from abate.platform.web import refusals

LANGUAGES = {"zh": 0, "en": 1}
_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
_TITLES = {"event": ("一次线上会议", "An online meeting"), "batch": ("一批两个事件", "A batch of two events")}
# What each status of `POST /v1/events` is shown with; the catalogue has all of them.
_REFUSALS: dict[str, type[Problem]] = {
    "400": events.Malformed,
    "401": events.TokenRefused,
    "403": events.ScopeMissing,
    "408": events.TooSlow,
    "409": parties.KeyInFlight,
    "413": events.TooManyEvents,
    "415": events.UnsupportedMediaType,
    "421": events.WrongHost,
    "422": parties.KeyReused,
    "429": parties.LimitReached,
    "503": events.Busy,
}


def _both(name: str, value: Any) -> dict[str, Any]:
    return {lang: {"summary": _TITLES[name][place], "value": value} for lang, place in LANGUAGES.items()}


def _result(name: str, outcome: Outcome, reason: str | None, language: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": name,
        "outcome": outcome.text,
        "er_mg": None,
        "credits": 0,
        "entry": None,
        "reason": reason,
    }
    if outcome == Outcome.CREDITED:
        return told | {"er_mg": 2_741_000, "credits": 2_741, "entry": 81, "capped": False}
    known = REASONS[(reason or "").partition(":")[0]]
    return told | {"detail": known.text(language), "remedy": known.remedy_text(language)}


def add_to(operation: dict[str, Any]) -> None:
    """Write the examples into the operation that sends events."""
    one = samples.meeting("city-bikes", "qw5z3n7k2m4p6r8t", "meeting-1", _AT)
    content = operation["requestBody"]["content"]
    content["application/cloudevents+json"]["examples"] = _both("event", one)
    content["application/cloudevents-batch+json"]["examples"] = _both(
        "batch", [one, one | {"id": "meeting-2"}]
    )
    answers = operation["responses"]
    answers["200"]["content"]["application/json"]["examples"] = {
        language: {
            "value": {
                "results": [
                    _result("meeting-1", Outcome.CREDITED, None, language),
                    _result("meeting-2", Outcome.REFUSED, "not_authorised:subject", language),
                ]
            }
        }
        for language in LANGUAGES
    }
    for status, kind in _REFUSALS.items():
        told = {language: {"value": refusals.document(kind(), language)} for language in LANGUAGES}
        media = answers[status]["content"]["application/problem+json"]
        answers[status]["content"] = {"application/problem+json": media | {"examples": told}}
