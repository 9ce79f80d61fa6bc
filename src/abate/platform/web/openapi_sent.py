"""The part of the interface's description that tells of a partner reading its own events (sent.py)."""

from __future__ import annotations

from typing import Any

from abate.platform.carbon.sent import MOST, STATES
from abate.platform.events.outcomes import Outcome
from abate.platform.events.withdrawals import CAUSES
from abate.platform.web import sent

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
_REFUSALS = {
    "400": "A query parameter that is not defined",
    "401": "No live token",
    "403": "The token may not read events",
    "404": "The party has sent no such event",
    "422": "A filter or the cursor is not as described",
    "429": "The party's or the key's limit is reached: again after Retry-After seconds",
}


def sent_event(result: dict[str, Any]) -> dict[str, Any]:
    """The schema of one event: the members of a result, and what else is told when it is asked for."""
    moment = {"type": ["string", "null"], "format": "date-time"}
    return {
        "type": "object",
        "description": "An event of the party's as it stands; whose it is, is not told.",
        "required": [*result["required"], "behaviour", "time", "received_at"],
        "properties": result["properties"]
        | {
            "outcome": {"enum": list(STATES)},
            "stored": {"enum": [one.text for one in Outcome], "description": "before it was taken back"},
            "withdrawn_by": {"type": "string", "description": "the event that took this one back"},
            "cause": {"enum": list(CAUSES), "description": "why it was taken back"},
            "takes_back": {"type": "string", "description": "of a withdrawal: the event that it takes back"},
            "corrects": {"type": "string", "description": "of a correction: the event that it stands in for"},
            "detail": {"type": "string"},
            "remedy": {"type": "string"},
            "behaviour": {"type": ["string", "null"]},
            "time": moment | {"description": "of the act"},
            "received_at": {"type": "string", "format": "date-time"},
        },
    }


def _operation(
    operation: str,
    summary: str,
    schema: dict[str, Any],
    but: str,
    parameters: list[Any],
) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {
            "description": summary,
            "content": {"application/json": {"schema": schema}},
        }
    }
    answers |= {
        status: {"description": words, "content": _PROBLEM}
        for status, words in _REFUSALS.items()
        if status != but
    }
    return {
        "operationId": operation,
        "summary": summary,
        "security": [{"PartnerToken": ["events"]}, {"Signature": []}],
        "parameters": parameters,
        "responses": answers,
    }


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


_MOMENT = "a day in the platform's zone counts whole; a moment is RFC 3339 with its offset"
_ID = {
    "name": "event_id",
    "in": "path",
    "required": True,
    "description": "percent-encoded, slashes too",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "example": "meeting-1",
}


def _list() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["events", "next_cursor"],
        "properties": {
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/Sent"}},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "goes on with the same filters; null at the end. A page may be short, under a filter even "
                "empty, and still go on",
            },
        },
    }
    parameters = [
        _query("from", f"received from then on: {_MOMENT}", {"type": "string"}),
        _query("to", f"received until then: {_MOMENT} and is excluded", {"type": "string"}),
        _query("behaviour", "of this behaviour only", {"type": "string"}),
        _query("outcome", "what stands of it", {"enum": list(STATES)}),
        _query(
            "subject", "of this pairwise name; a refusal keeps none", {"type": "string", "maxLength": 128}
        ),
        _query("cursor", "`next_cursor` of the page before, as it was given", {"type": "string"}),
        _query(
            "limit", "how many", {"type": "integer", "minimum": 1, "maximum": MOST, "default": sent.LIMIT}
        ),
    ]
    return _operation(
        "sent_events", "The party's own events, the newest arrival first", schema, "404", parameters
    )


LIST = _list()
PATHS: dict[str, Any] = {
    "/v1/events/{event_id}": {
        "get": _operation(
            "sent_event",
            "One event of the party's own: as accepted, else as last refused",
            {"$ref": "#/components/schemas/Sent"},
            "422",
            [_ID],
        )
    }
}
