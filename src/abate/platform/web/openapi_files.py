"""The part of the interface's description that tells of files of events (upload.py, files.py)."""

from __future__ import annotations

from typing import Any

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
_OWN = {
    "401": "No live token",
    "403": "The token may not send events",
    "404": "The party has no such file, or nothing of it is given back",
    "429": "The limit is reached: again after Retry-After seconds",
}
FILE = {
    "type": "object",
    "description": "A file of events. `counts` are of its rows so far, by outcome; `refusal` says why the rest was not read, "
    "or, while it is open, what it waits for.",
    "required": ["id", "address", "name", "state", "rows", "counts", "dry_run"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "address": {"type": "string"},
        "name": {"type": "string"},
        "sha256": {"type": "string"},
        "size": {"type": "integer"},
        "dry_run": {"type": "boolean"},
        "at": {"type": "string", "format": "date-time"},
        "state": {"enum": ["open", "done", "refused"]},
        "rows": {"type": "integer"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "refusal": {"type": ["object", "null"]},
        "ended_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
_FILE = {"application/json": {"schema": {"$ref": "#/components/schemas/File"}}}
_ID = {"name": "file_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
_BEFORE = {
    "name": "before",
    "in": "query",
    "description": "`next_before` of the page before",
    "schema": {"type": "string", "format": "uuid"},
}
_AFTER = {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0}}


def _operation(
    operation: str, summary: str, content: dict[str, Any], refusals: dict[str, str], status: str = "200"
) -> dict[str, Any]:
    answers: dict[str, Any] = {status: {"description": summary, "content": content}}
    answers |= {code: {"description": text, "content": _PROBLEM} for code, text in refusals.items()}
    security = [{"PartnerToken": ["events"]}, {"Signature": []}]
    return {"operationId": operation, "summary": summary, "security": security, "responses": answers}


def _query(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


_SEND = _operation(
    "send_file",
    "Taken; booked by and by, its rows like events one by one",
    _FILE,
    {
        "400": "The name is a path or none, or the query has another parameter",
        "401": "No live token",
        "403": "The token may not send events",
        "408": "The body came to a standstill for 30 seconds",
        "413": "Larger than 256 MiB",
        "415": "Another kind of file",
        "421": "The Host header names another installation",
        "422": "The declaration cannot be used; the detail names the part",
        "429": "Five of the party's files are waiting already",
        "503": "Busy: send the same file again",
        "507": "No room at present",
    },
    "202",
)
_SEND["parameters"] = [
    _query(
        "name",
        "1 to 128 printable characters without a path; its end says the kind: "
        ".csv, .xlsx, .parquet, .jsonl, .ndjson",
        {"type": "string", "minLength": 1, "maxLength": 128},
        required=True,
    ),
    _query("declaration", "JSON: charset, zone, sheet, columns, units, constants", {"type": "string"}),
    _query("dry_run", "1: judge every row and book nothing", {"enum": ["0", "1"], "default": "0"}),
]
_SEND["requestBody"] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_LIST = {
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": {"$ref": "#/components/schemas/File"}},
        "next_before": {"type": ["string", "null"], "format": "uuid"},
    },
}
_CURSOR = {"422": "`before` or `after` is none that was given for this list"}
_ROWS = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "integer"},
                    "id": {"type": ["string", "null"]},
                    "outcome": {"enum": ["refused", "conflict"]},
                    "reason": {"type": "string"},
                    "detail": {"type": "string"},
                    "remedy": {"type": "string"},
                },
            },
        },
        "next_after": {"type": ["integer", "null"]},
    },
}
_SIGNED = {code: text for code, text in _OWN.items() if code != "404"}
PATHS: dict[str, Any] = {
    "/v1/files": {
        "post": _SEND,
        "get": _operation(
            "files",
            "The party's files, the newest first, a hundred a page",
            {"application/json": {"schema": _LIST}},
            _SIGNED | _CURSOR,
        )
        | {"parameters": [_BEFORE]},
    },
    "/v1/files/{file_id}": {
        "get": _operation("file", "How far a file is", _FILE, _OWN) | {"parameters": [_ID]}
    },
    "/v1/files/{file_id}/errors": {
        "get": _operation(
            "file_errors",
            "Its rows that were not accepted, in the order of lines",
            {"application/json": {"schema": _ROWS}},
            _OWN | _CURSOR,
        )
        | {"parameters": [_ID, _AFTER]}
    },
    "/v1/files/{file_id}/back": {
        "get": _operation(
            "file_back",
            "The file with the column abate_error, once it is through and has errors",
            {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            _OWN,
        )
        | {"parameters": [_ID]}
    },
}
