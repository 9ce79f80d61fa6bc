"""The part of the interface's description that is written by hand: what is served beside ninja.

`POST /v1/events` is an ASGI route of its own (speed), the token endpoint is allauth's. What stands here is a
contract with partners; tests hold it against the running interface.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from abate.platform.events.outcomes import Outcome
from abate.platform.events.reasons import REASONS
from abate.platform.events.withdrawals import CAUSES
from abate.platform.reconciliation.models import Kind, Side, State
from abate.platform.web import openapi_examples, openapi_files, openapi_joining, openapi_sent
from abate.platform.web.openapi_sharing import MARK, described
from abate.platform.web.openapi_webhooks import told_event, webhooks

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
_EVENT = {
    "type": "object",
    "description": "A CloudEvents 1.0 event. `data` is the activity record of the behaviour's methodology.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 128, "description": "the idempotency key"},
        "source": {"type": "string", "description": "the party's code"},
        "type": {
            "type": "string",
            "pattern": "^org\\.abate\\.(behaviour\\.[a-z][a-z0-9-]*|withdrawal)$",
            "description": "`org.abate.withdrawal` takes an event back: its `data` is `event`, the id, and `reason`",
        },
        "subject": {"type": "string", "minLength": 1, "maxLength": 128, "description": "pairwise name"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "corrects": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "description": "extension: the event of the same subject that this one stands in for; it is reversed",
        },
        "correctedfor": {"enum": list(CAUSES), "description": "extension, beside `corrects`: why"},
        "data": {"type": "object"},
    },
}
_RESULT = {
    "type": "object",
    "required": ["id", "outcome", "er_mg", "credits", "entry", "reason"],
    "properties": {
        "id": {"type": ["string", "null"]},
        "outcome": {"enum": [outcome.text for outcome in Outcome]},
        "er_mg": {"type": ["integer", "null"], "description": "mg CO2e"},
        "credits": {"type": "integer"},
        "entry": {"type": ["integer", "null"]},
        "reason": {
            "type": ["string", "null"],
            "description": "`code:field` or `rule:clause`. Codes of refusals: " + ", ".join(REASONS),
        },
        "capped": {"type": "boolean"},
        "undone": {
            "type": "integer",
            "description": "of a correction: the entry that reversed what it corrects",
        },
        "withdrawn_by": {
            "type": "string",
            "description": "beside `exists`: the event that took this one back",
        },
        "source": MARK,
        "stored": {"enum": [*(outcome.text for outcome in Outcome), None], "description": "beside `exists`"},
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "For 24 hours the same call under the same key is answered byte for byte the same, and done once",
    "schema": {"type": "string", "pattern": r'^("[!#-\[\]-~]{1,128}"|[A-Za-z0-9._:/+=-]{1,128})$'},
    "example": '"8e03978e-40d5-43dd-bc93-6994a57f9324"',
}
_REPEATED = {
    "Idempotent-Replayed": {
        "description": "`true` where the answer is a kept one",
        "schema": {"const": "true"},
    }
}
_LIMITS = {
    "RateLimit-Policy": {
        "description": "The tightest limit: `q` requests within `w` seconds (draft-ietf-httpapi-ratelimit-headers)",
        "schema": {"type": "string"},
        "example": '"requests";q=6000;w=60',
    },
    "RateLimit": {
        "description": "What is left of it: `r` requests now, all of it again after `t` seconds",
        "schema": {"type": "string"},
        "example": '"requests";r=5999;t=1',
    },
}
_WAIT = {
    "Retry-After": {
        "description": "Seconds after which it can be had",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "Texts of the answer: Chinese unless English is asked for first",
    "schema": {"enum": ["zh", "en"]},
}
_EVENTS = {
    "post": {
        "operationId": "send_events",
        "summary": "Send one event, or a batch of up to 1,000 events and 5 MB",
        "security": [{"PartnerToken": ["events"]}, {"Signature": []}],
        "parameters": [_KEY, _LANGUAGE],
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {"schema": {"$ref": "#/components/schemas/Event"}},
                "application/cloudevents-batch+json": {
                    "schema": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 1000,
                        "items": {"$ref": "#/components/schemas/Event"},
                    }
                },
            },
        },
        "responses": {
            "200": {
                "description": "One result per event, in the order sent; a bad event never stops the others",
                "headers": _REPEATED | _LIMITS,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["results"],
                            "properties": {
                                "results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}}
                            },
                        }
                    }
                },
            },
            **{
                status: {"description": text, "content": _PROBLEM}
                for status, text in {
                    "400": "Not JSON, an empty batch, or a malformed Idempotency-Key",
                    "401": "No token and no signature, or one that is expired, revoked, replayed, stale or unknown",
                    "403": "The token may not send events, or not from this address",
                    "408": "The body did not arrive in time",
                    "409": "A request with this Idempotency-Key is at work",
                    "413": "More than 1,000 events or 5 MB",
                    "415": "Another content type",
                    "421": "The Host header names another installation",
                    "422": "The Idempotency-Key stands for another request",
                    "429": "The party's or the key's limit is reached: again after Retry-After seconds",
                    "503": "Busy: send the same events again",
                }.items()
            },
        },
    }
}
_TOKEN = {
    "post": {
        "operationId": "get_token",
        "summary": "OAuth2 client credentials: a partner's access token",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type", "client_id", "client_secret"],
                        "properties": {
                            "grant_type": {"const": "client_credentials"},
                            "client_id": {"type": "string"},
                            "client_secret": {"type": "string", "format": "password"},
                            "scope": {"type": "string", "default": "events"},
                        },
                    }
                }
            },
        },
        "responses": {
            "200": {
                "description": "A token",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["access_token", "token_type", "expires_in"],
                            "properties": {
                                "access_token": {"type": "string"},
                                "token_type": {"const": "Bearer"},
                                "expires_in": {"type": "integer"},
                                "scope": {"type": "string"},
                            },
                        }
                    }
                },
            },
            "400": {
                "description": "RFC 6749, 5.2",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "401": {
                "description": "Unknown client, or a key of another area or past its time",
                "content": {"application/json": {"schema": {"type": "object"}}, **_PROBLEM},
            },
            "403": {
                "description": "The party is suspended, or the key bound to other addresses",
                "content": _PROBLEM,
            },
            "429": {"description": "Too many tokens were asked for from this address", "content": _PROBLEM},
        },
    }
}


_COUNTS = ("rows", "matched", "missing_here", "missing_there", "different", "open")
_BREAK = {
    "type": "object",
    "description": "One item that does not agree; `ours` and `theirs` are what each side holds, null where nothing.",
    "properties": {
        "id": {"type": "integer"},
        "day": {"type": "string", "format": "date"},
        "item": {"type": "string"},
        "kind": {"enum": [kind.value for kind in Kind]},
        "state": {"enum": [state.value for state in State]},
        "owner": {"type": "string", "description": "who must act"},
        "age_days": {"type": "integer"},
        "ours": {"type": ["object", "null"]},
        "theirs": {"type": ["object", "null"]},
    },
}
_BREAKS = {"type": "array", "items": {"$ref": "#/components/schemas/Break"}}


def _of_party(
    operation: str, summary: str, properties: dict[str, Any], *, day: bool, keyed: bool = False
) -> dict[str, Any]:
    """An address for a party's token."""
    refusals = {
        "401": "No live token",
        "403": "The token may not do this",
        "429": "The limit is reached: again after Retry-After seconds",
        "422": "Refused whole, by line" if keyed else "The day is none",
    }
    if keyed:
        refusals |= {
            "400": "A malformed Idempotency-Key",
            "409": "This Idempotency-Key is at work",
            "413": "Too large",
            "415": "Another form",
        }
    told = {"type": "object", "properties": properties}
    answers: dict[str, Any] = {
        "200": {"description": summary, "content": {"application/json": {"schema": told}}}
    }
    answers |= {status: {"description": words, "content": _PROBLEM} for status, words in refusals.items()}
    place = {"name": "day", "in": "query", "required": day, "schema": {"type": "string", "format": "date"}}
    side = {"name": "side", "in": "query", "schema": {"enum": [one.value for one in Side]},
            "description": "Left out: codes of an acceptor, else events."}  # fmt: skip
    return {
        "operationId": operation,
        "summary": summary,
        "security": [{"PartnerToken": ["events"]}],
        "parameters": [place, side, _KEY] if keyed else [place],
        "responses": answers,
    }


_RECONCILIATION = {
    "/v1/reconciliation": {
        "post": _of_party(
            "reconcile",
            "Hold the party's file for a day against the books",
            {name: {"type": "integer"} for name in _COUNTS} | {"breaks": _BREAKS},
            day=True,
            keyed=True,
        )
        | {
            "requestBody": {
                "required": True,
                "content": {
                    kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/x-ndjson")
                },
            }
        }
    },
    "/v1/reconciliation/breaks": {
        "get": _of_party(
            "breaks",
            "The party's open breaks, the oldest first",
            {"breaks": _BREAKS, "next_after": {"type": ["integer", "null"]}},
            day=False,
        )
    },
}


def _read(operation: str, summary: str, media: str, *, absent: str = "") -> dict[str, Any]:
    """An address anybody may read: no token, one kind of answer."""
    schema: dict[str, Any] = {"type": "object"} if media == "application/json" else {"type": "string"}
    answers = {"200": {"description": summary, "content": {media: {"schema": schema}}}}
    if absent:
        answers["404"] = {"description": absent, "content": _PROBLEM}
    return {"operationId": operation, "summary": summary, "security": [], "responses": answers}


_READY = _read("readyz", "Requests can be served: database there, schema up to date", "application/json")
_READY["responses"]["503"] = {"description": "Not ready, and why", "content": {"application/json": {}}}
_TILE = _read(
    "log_tile", "A tile of the log (C2SP tlog-tiles)", "application/octet-stream", absent="No such tile"
)
_TILE["parameters"] = [
    {
        "name": "address",
        "in": "path",
        "required": True,
        "description": "`<L>/<N>` or `<L>/<N>.p/<W>`; the slashes stand as they are",
        "schema": {"type": "string", "pattern": r"^[0-9]+(/x[0-9]{3})*/[0-9]{3}(\.p/[0-9]+)?$"},
        "example": "0/000",
    }
]
_PUBLIC = {
    "/livez": {"get": _read("livez", "The process answers", "text/plain")},
    "/readyz": {"get": _READY},
    "/metrics": {"get": _read("metrics", "Figures for Prometheus, text format 0.0.4", "text/plain")},
    "/log/checkpoint": {
        "get": _read(
            "log_checkpoint", "The newest signed checkpoint", "text/plain", absent="None is signed yet"
        )
    },
    "/log/tile/{address}": {"get": _TILE},
    "/log/key": {"get": _read("log_key", "The log's verifier key; take it from elsewhere too", "text/plain")},
}


def complete(made: dict[str, Any]) -> dict[str, Any]:
    """Ninja's description plus the paths above. The media type of every refusal is RFC 9457's."""
    for path in made["paths"].values():
        for operation in path.values():
            for status, response in operation.get("responses", {}).items():
                if int(status) >= 400:
                    response["content"] = _PROBLEM
    parts = made.setdefault("components", {})
    parts.setdefault("schemas", {}).update({"Event": _EVENT, "Result": _RESULT, "Break": _BREAK})
    parts.setdefault("securitySchemes", {})["PartnerToken"] = {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": f"{settings.ABATE_ORIGIN}/identity/o/api/token",
                "scopes": {
                    "events": "send events and read one's own",
                    "sharing": "ask for figures of groups, or for data of people who agree",
                },
            }
        },
    }
    parts["securitySchemes"]["Signature"] = {
        "type": "http",
        "scheme": "signature",
        "description": "RFC 9421 over @method, @target-uri, content-digest (RFC 9530) and idempotency-key, with created, "
        "keyid, nonce and tag (the origin); docs/howto/partner.md",
    }
    parts["securitySchemes"]["ApplicationToken"] = openapi_joining.TOKEN
    made["webhooks"] = webhooks()
    parts["schemas"]["Told"] = told_event(_RESULT)
    parts["schemas"]["Application"] = openapi_joining.APPLICATION
    parts["schemas"]["File"] = openapi_files.FILE
    parts["schemas"]["Sent"] = openapi_sent.sent_event(_RESULT)
    for told in (openapi_sent.LIST, openapi_sent.PATHS["/v1/events/{event_id}"]["get"]):
        told["responses"]["200"]["headers"] = _LIMITS
    ours = {
        "/v1/events": _EVENTS | {"get": openapi_sent.LIST},
        **openapi_sent.PATHS,
        **openapi_files.PATHS,
        **_RECONCILIATION,
        **described(_PROBLEM),
    }
    ours |= {"/identity/o/api/token": _TOKEN, **openapi_joining.paths(_PROBLEM)}
    made["paths"] = {**ours, **made["paths"], **_PUBLIC}
    _say_how_long(made["paths"])
    openapi_examples.add_to(made)
    return made


def _say_how_long(paths: dict[str, Any]) -> None:
    """Every address has a limit by the minute: a key's, a network address's, or of the account that is signed in (gate.py)."""
    said = "The account that is signed in asked for too much: again after Retry-After seconds"
    for operation in (one for methods in paths.values() for one in methods.values()):
        answer = operation["responses"].setdefault("429", {"description": said, "content": _PROBLEM})
        answer["headers"] = answer.get("headers", {}) | _WAIT
