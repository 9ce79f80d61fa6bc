"""The part of the interface's description that tells of joining and of the sandbox's signature under a conformance run."""

from __future__ import annotations

from typing import Any

from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, NoticeStep
from abate.platform.parties.models import Party

_LINE = {"type": "string", "minLength": 1, "maxLength": 120}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_ASKED = {
    "code": {
        "type": "string",
        "pattern": "^[a-z][a-z0-9-]{1,39}$",
        "description": "Names the party, for ever",
    },
    "kind": {"enum": Party.Kind.values},
    "title_zh": _LINE,
    "title_en": _LINE,
    "registration": {
        "type": "string",
        "description": "Unified social credit code, 18 signs with a check sign",
    },
    "contact_name": _LINE,
    "contact": {
        "type": "string",
        "maxLength": 254,
        "description": "E-mail or mobile; a sign-in link goes there",
    },
    "grants": {"type": "array", "items": {"enum": Party.Grant.values}},
    "behaviours": _TEXTS | {"description": "What it will send; with the grant `data` only"},
}
_CONTACT = ("contact_name", "contact")
APPLICATION = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "token": {"type": "string", "description": "Shown once, by the answer that made it"},
        **{name: _ASKED[name] for name in _ASKED if name not in _CONTACT},
        "state": {"enum": Application.State.values},
        "note": {"type": "string", "description": "What is to be mended, or why it was refused"},
        "documents": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "clause": {"type": "string", "description": "Of T/CECA-G 0203"},
                    "dated": {"type": "boolean", "description": "It runs out: `valid_until` is needed"},
                    "state": {"enum": ["missing", "expired", "new", "faulty", "in_order", "approved"]},
                    "sha256": {"type": "string"},
                    "valid_until": {"type": ["string", "null"], "format": "date"},
                    "note": {"type": "string"},
                },
            },
        },
    },
}
_DOCUMENT = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "sha256": {"type": "string"}},
}
_SIGNED = {
    "type": "object",
    "properties": {
        "statement": {"type": "string"},
        "signature": {"type": "string", "description": "Ed25519, base64"},
    },
}
_RUN = {
    "run": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
    "lines": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "passed": {"type": "boolean"}},
        },
    },
}
_NOTICE = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "subject": {"type": "string"},
        "text": {"type": "string"},
        "answer_by": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "state": {"enum": ["open", "answered", "closed"]},
        "late": {"type": "boolean", "description": "Open past the day to answer by"},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"enum": list(NoticeStep.KINDS)},
                    "text": {"type": "string"},
                    "at": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}
_ANSWER = {"text": {"type": "string", "minLength": 1, "maxLength": 2000}}
_NOTICE_ID = {
    "name": "notice_id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
_OPEN = {
    "name": "open",
    "in": "query",
    "required": False,
    "schema": {"enum": ["1"]},
    "description": "Without those that are closed",
}
_BEFORE = {
    "name": "before",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1},
    "description": "`next_before` of the page before",
}
_WORDS = {
    "401": "No live token",
    "403": "The token lacks the scope, or the party is not in standing",
    "404": "No such application or notice, or not the caller's own",
    "409": "The code is taken, or the state does not allow it; a notice that is closed",
    "422": "A field, a document or the report is not as it must be",
    "429": "Too many; the seconds to wait are in Retry-After",
}
_ID = {
    "name": "application_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}


def _operation(
    problem: dict[str, Any], name: str, summary: str, status: str, schema: dict[str, Any], *refused: str
) -> dict[str, Any]:
    given = {status: {"description": summary, "content": {"application/json": {"schema": schema}}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": given | {code: {"description": _WORDS[code], "content": problem} for code in refused},
    }


def _body(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": sorted(set(properties) - set(optional)),
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _upload() -> dict[str, Any]:
    """A document's bytes as the body, and what is said of it in the address."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    named = [
        {"name": "kind", "in": "path", "required": True, "schema": {"enum": sorted(kinds().documents)}},
        {"name": "name", "in": "query", "required": True, "schema": {"type": "string", "maxLength": 128}},
        {
            "name": "valid_until",
            "in": "query",
            "required": False,
            "schema": {"type": "string", "format": "date"},
        },
    ]
    media = ("application/pdf", "image/png", "image/jpeg")
    return {
        "requestBody": {"required": True, "content": dict.fromkeys(media, binary)},
        "parameters": [_ID, *named],
    }


def paths(problem: dict[str, Any]) -> dict[str, Any]:
    """The paths; `problem` is the content of every refusal."""
    own = {"security": [{"ApplicationToken": []}]}
    told = {"$ref": "#/components/schemas/Application"}
    apply = _operation(problem, "application_make", "Apply to take part", "201", told, "409", "422", "429")
    state = _operation(
        problem, "application_state", "An application and what is asked for", "200", told, "404"
    )
    document = _operation(
        problem, "application_document", "Bring a document", "201", _DOCUMENT, "404", "409", "422"
    )
    submit = _operation(problem, "application_submit", "Hand in", "200", told, "404", "409", "422")
    mend = _operation(
        problem, "application_mend", "Say anew what a returned application says", "200", told,
        "404", "409", "422", "429",
    )  # fmt: skip
    attest = _operation(
        problem, "conformance", "In the sandbox: sign a run that it saw pass", "200", _SIGNED,
        "401", "403", "409", "422", "429",
    )  # fmt: skip
    many = {
        "type": "object",
        "properties": {
            "notices": {"type": "array", "items": _NOTICE},
            "next_before": {"type": ["integer", "null"]},
        },
    }
    listed = _operation(
        problem, "notices", "Notices about the party's data", "200", many, "401", "403", "422", "429"
    )
    answer = _operation(
        problem, "notice_answer", "Answer a notice", "200", _NOTICE, "401", "403", "404", "409", "422", "429"
    )  # fmt: skip
    key = {"security": [{"PartnerToken": ["events"]}, {"Signature": []}]}
    terms = _body({"terms": {"type": "string"}})
    organisation = {name: _ASKED[name] for name in _ASKED if name not in _CONTACT}
    one = "/v1/applications/{application_id}"
    return {
        "/v1/applications": {"post": apply | {"security": []} | _body(_ASKED, "grants", "behaviours")},
        one: {"get": state | own | {"parameters": [_ID]}},
        f"{one}/documents/{{kind}}": {"post": document | own | _upload()},
        f"{one}/submit": {"post": submit | own | terms | {"parameters": [_ID]}},
        f"{one}/mend": {
            "post": mend | own | _body(organisation, "grants", "behaviours") | {"parameters": [_ID]}
        },
        "/v1/conformance": {"post": attest | key | _body(_RUN)},
        "/v1/notices": {"get": listed | key | {"parameters": [_OPEN, _BEFORE]}},
        "/v1/notices/{notice_id}/answer": {
            "post": answer | key | _body(_ANSWER) | {"parameters": [_NOTICE_ID]}
        },
    }


TOKEN = {"type": "http", "scheme": "bearer", "description": "The token that making the application gave"}
