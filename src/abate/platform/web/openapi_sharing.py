"""The part of the interface's description that tells of data sharing."""

from __future__ import annotations

from typing import Any

from abate.platform.events.sources import PURPOSES
from abate.platform.sharing.actions import CONTACT
from abate.platform.sharing.models import DETAILS, FIELDS, FIGURES
from abate.platform.sharing.people import MOST

_MONTH = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
_STATES = ["asked", "granted", "refused", "revoked", "over"]
_TEXT = {"type": "string", "minLength": 1, "maxLength": 1000}
_ID = {"name": "request_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
_ASKED = {
    "purpose": _TEXT | {"description": "What the data is for"},
    "kind": {"enum": list(PURPOSES), "description": "Of which kind the purpose is: statistics, if left out"},
    "ground": _TEXT | {"description": "The legal ground"},
    "about": {
        "enum": list(FIELDS),
        "description": "`aggregate`, if left out: figures of groups. `people`: single people, each of whom is asked and told of "
        "only if they agree",
    },
    "contact": {
        "type": "string",
        "maxLength": CONTACT,
        "description": "Needed with `people`, who see it, and only then: how they reach you",
    },
    "behaviours": {"type": "array", "items": {"type": "string"}, "description": "All, where it is left out"},
    "fields": {
        "type": "array",
        "items": {"enum": [*FIGURES, *(name for name in DETAILS if name not in FIGURES)]},
        "minItems": 1,
        "uniqueItems": True,
        "description": f"What is asked, and no other is given. Of each group: {', '.join(FIGURES)}. Of each person, beside your "
        f"own name for them: {', '.join(DETAILS)}",
    },
    "from_month": _MONTH,
    "to_month": _MONTH,
    "until": {"type": "string", "format": "date", "description": "The last day of the grant"},
}
_REQUEST = {
    "type": "object",
    "properties": {
        **_ASKED,
        "id": {"type": "string", "format": "uuid"},
        "state": {"enum": _STATES},
        "asked_at": {"type": "string", "format": "date-time"},
        "decided_at": {"type": ["string", "null"], "format": "date-time"},
        "reason": {"type": "string"},
        "answers": {"type": "integer", "description": "How often data was given"},
    },
}
_NUMBERS = ("behaviours", *FIGURES)
_LEFT_OUT = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Sources, as PARTY/SOURCE, that do not permit this use, or of some data not any more: it is in no figure",
}
_NOT_SHARED = {
    "type": "object",
    "description": "Groups that are not given, and the sources that do not permit to share them so",
    "properties": {"groups": {"type": "integer"}, "sources": {"type": "array", "items": {"type": "string"}}},
}
MARK = {
    "type": "object",
    "description": "The mark of a declared source of public data, as it goes with the data",
    "properties": {
        "source": {"type": "string", "description": "PARTY/SOURCE"},
        "version": {"type": "integer"},
        "mark": {"type": "string"},
        "level": {"type": "integer", "minimum": 1, "maximum": 4},
        "uses": {"type": "array", "items": {"type": "string"}},
        "shared_with": {"type": "array", "items": {"type": "string"}},
        "retention_days": {"type": "integer"},
        "valid_from": {"type": "string", "format": "date"},
        "valid_until": {"type": "string", "format": "date"},
        "use_until": {
            "type": "string",
            "format": "date",
            "description": "Of one event: the last day of its use",
        },
    },
}
_FIGURES = {
    "type": "object",
    "properties": {
        "months": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "month": _MONTH,
                    "withheld": {"type": "boolean", "description": "Too few people for any figure"},
                    "least_people": {"type": "integer"},
                    "largest_percent": {"type": "integer"},
                    "left_out": _LEFT_OUT,
                    "not_shared": _NOT_SHARED,
                    "tree_size": {"type": "integer"},
                    "groups": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "behaviour": {
                                    "type": "string",
                                    "description": "`other`: several that are too small to be shown",
                                },
                                **{name: {"type": "integer"} for name in _NUMBERS},
                                "sources": {"type": "array", "items": MARK},
                            },
                        },
                    },
                },
            },
        }
    },
}
_PEOPLE = {
    "type": "object",
    "required": ["as_of", "people", "next_cursor"],
    "properties": {
        "as_of": {
            "type": "string",
            "format": "date-time",
            "description": "The books as they stand then; what is taken back later counts in the later month",
        },
        "tree_size": {"type": "integer"},
        "left_out": _LEFT_OUT
        | {
            "description": "Sources, as PARTY/SOURCE, that do not permit this use to you: their data is in no amount"
        },
        "people": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["subject", "rows"],
                "properties": {
                    "subject": {
                        "type": "string",
                        "description": "Your own name for the person, as in events",
                    },
                    "rows": {
                        "type": "array",
                        "description": "One for each month and behaviour, where these were asked for; no other field than "
                        "was granted",
                        "items": {
                            "type": "object",
                            "properties": {
                                "month": _MONTH,
                                "behaviour": {"type": "string"},
                                **{name: {"type": "integer"} for name in DETAILS[2:]},
                                "sources": {"type": "array", "items": MARK},
                            },
                        },
                    },
                },
            },
        },
        "next_cursor": {
            "type": ["string", "null"],
            "description": "Goes on after these people; null at the end. A page asks anew who agrees, so whoever withdrew is in "
            "none that comes later",
        },
    },
}
_MEMBERS = {
    "type": "object",
    "properties": {
        "months": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "month": _MONTH,
                    "made_at": {"type": "string", "format": "date-time"},
                    "withheld": {
                        "type": "boolean",
                        "description": "Too few members, or one makes most of it: no sums",
                    },
                    "least_people": {"type": "integer"},
                    "largest_percent": {"type": "integer"},
                    "left_out": _LEFT_OUT,
                    **{name: {"type": "integer"} for name in _NUMBERS[1:]},
                },
            },
        }
    },
}


_WORDS = {"400": "A query parameter that is not defined", "401": "No live token",
          "403": "Not granted", "404": "No such request",
          "409": "A month is not closed, or the request is about something else", "422": "A field is not right",
          "429": "The limit is reached: again after Retry-After seconds"}  # fmt: skip
_PAGE = [
    {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 200},
     "description": "`next_cursor` of the page before, as it was given"},
    {"name": "limit", "in": "query", "required": False, "description": "how many people",
     "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}},
]  # fmt: skip


def described(problem: dict[str, Any]) -> dict[str, Any]:
    """The paths; `problem` is the content of every refusal."""

    def operation(
        name: str, summary: str, status: str, schema: dict[str, Any], *refused: str, scope: str = "sharing"
    ) -> dict[str, Any]:
        given = {status: {"description": summary, "content": {"application/json": {"schema": schema}}}}
        return {
            "operationId": name,
            "summary": summary,
            "security": [{"PartnerToken": [scope]}, {"Signature": []}],
            "responses": given
            | {code: {"description": _WORDS[code], "content": problem} for code in (*refused, "429")},
        }

    month = [{"name": name, "in": "query", "required": False, "schema": _MONTH} for name in ("from", "to")]
    asking = operation(
        "sharing_ask",
        "Ask for figures of groups of people, or for data of people who agree",
        "201",
        _REQUEST,
        "401",
        "422",
    ) | {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": _ASKED,
                        "required": sorted(set(_ASKED) - {"about", "behaviours", "contact", "kind"}),
                        "additionalProperties": False,
                    },
                }
            },
        }
    }
    state = operation("sharing_request", "What became of a request", "200", _REQUEST, "401", "404")
    figures = operation(
        "sharing_figures",
        "Figures of closed months, as granted; every answer is written down",
        "200",
        _FIGURES,
        *("401", "403", "404", "409", "422"),
    )
    people = operation(
        "sharing_people",
        "Data of the people who agreed, as granted; every answer is written down and seen by them",
        "200",
        _PEOPLE,
        *("400", "401", "403", "404", "409", "422"),
    )
    members = operation(
        "members_figures",
        "Sums of an organisation's members over closed months; every answer is written down",
        "200",
        _MEMBERS,
        *("401", "403", "409", "422"),
        scope="events",
    )
    return {
        "/v1/members/figures": {"get": members | {"parameters": [month[0] | {"required": True}, month[1]]}},
        "/v1/sharing/requests": {"post": asking},
        "/v1/sharing/requests/{request_id}": {"get": state | {"parameters": [_ID]}},
        "/v1/sharing/requests/{request_id}/figures": {"get": figures | {"parameters": [_ID, *month]}},
        "/v1/sharing/requests/{request_id}/people": {"get": people | {"parameters": [_ID, *_PAGE]}},
    }
