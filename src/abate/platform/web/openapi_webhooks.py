"""The part of the interface's description about messages to a party's own server (Standard Webhooks)."""

from __future__ import annotations

from typing import Any

_KINDS = {
    "event.credited": "An event was booked",
    "event.refused": "An event was refused; its id stays free",
    "event.quarantined": "An event is kept and waits for a decision",
    "event.not_counted": "An event is not counted: another of the same act is, a case was confirmed, or its quarantine ended so",
    "event.corrected": "An event was booked in place of another, which is reversed",
    "event.withdrawn": "An event was taken back and its entry reversed",
}
_NOTICES = {
    "notice.opened": "The operator asks something about the party's data",
    "notice.reopened": "The answer did not settle it",
    "notice.closed": "The answer settled it",
}
_NOTICE = {
    "type": "object",
    "required": ["notice", "subject", "answer_by"],
    "properties": {
        "notice": {"type": "integer"},
        "subject": {"type": "string"},
        "answer_by": {"type": "string", "format": "date"},
    },
}


def told_event(result: dict[str, Any]) -> dict[str, Any]:
    """The schema of what a message tells of one event (`Told` among the components); `result` is that of its result."""
    told = (*result["required"], "undone", "source")
    return {**result, "properties": {name: result["properties"][name] for name in told}}


def webhooks() -> dict[str, Any]:
    """Every kind of message, by its name."""
    data = {"$ref": "#/components/schemas/Told"}
    return {kind: _told(kind, summary, data) for kind, summary in _KINDS.items()} | {
        kind: _told(kind, summary, _NOTICE) for kind, summary in _NOTICES.items()
    }


def _told(kind: str, summary: str, data: dict[str, Any]) -> dict[str, Any]:
    """One message of the outbox, as a webhook's receiver gets it; `data` is the schema of what it tells."""
    body = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }
    headers = [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ]
    return {
        "post": {
            "operationId": kind.replace(".", "_"),
            "summary": summary,
            "security": [],
            "parameters": headers,
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"2XX": {"description": "Taken; anything else is tried again later, 410 ends it"}},
        }
    }
