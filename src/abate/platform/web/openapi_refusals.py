"""Which refusal each answer of the interface's description is shown with, by its code; the catalogue has all of them."""

from __future__ import annotations

from typing import Any

_BY_KIND: dict[str, dict[str, str]] = {
    "PartnerToken": {
        "400": "idempotency-key-malformed",
        "401": "token-refused",
        "403": "scope-missing",
        "408": "too-slow",
        "409": "idempotency-key-in-flight",
        "421": "wrong-host",
        "429": "limit-reached",
        "503": "busy",
    },
    "ApplicationToken": {"404": "application-unknown"},
    "PersonSession": {
        "401": "sign-in-first",
        "403": "fresh-proof-needed",
        "404": "not-found",
        "422": "request-invalid",
    },
    "PersonActs": {
        "401": "sign-in-first",
        "403": "csrf-token",
        "409": "nothing-to-collect",
        "422": "request-invalid",
    },
    "StaffSession": {"401": "sign-in-first", "403": "no-right", "422": "request-invalid"},
}
"""By the kind of caller, where its operation says nothing else."""
_EVERYWHERE = {"429": "account-limit-reached"}
"""Where neither the operation nor its kind of caller says anything: a limit of whoever is signed in beside it."""
_FIGURES = "/v1/sharing/requests/{request_id}/figures"
_PEOPLE = "/v1/sharing/requests/{request_id}/people"
_APPLICATION = "/v1/applications/{application_id}"
_BY_OPERATION: dict[str, dict[str, str]] = {
    "POST /v1/events": {
        "400": "malformed",
        "413": "too-many-events",
        "415": "unsupported-media-type",
        "422": "idempotency-key-reused",
    },
    "GET /v1/events": {"400": "parameter-unknown", "422": "filter-invalid"},
    "GET /v1/events/{event_id}": {"400": "parameter-unknown", "404": "event-unknown"},
    "POST /v1/files": {
        "400": "file-name",
        "413": "file-too-large",
        "415": "file-kind",
        "422": "file-declaration",
        "429": "files-waiting",
        "507": "file-no-room",
    },
    "GET /v1/files": {"422": "cursor-invalid"},
    "GET /v1/files/{file_id}": {"404": "file-unknown"},
    "GET /v1/files/{file_id}/errors": {"404": "file-unknown", "422": "cursor-invalid"},
    "GET /v1/files/{file_id}/back": {"404": "file-unknown"},
    "POST /v1/reconciliation": {
        "413": "reconciliation-too-large",
        "415": "reconciliation-form",
        "422": "reconciliation-malformed",
    },
    "GET /v1/reconciliation/breaks": {"422": "reconciliation-day-needed"},
    "GET /v1/members/figures": {
        "403": "sharing-outside-grant",
        "409": "sharing-month-open",
        "422": "sharing-request-malformed",
    },
    "POST /v1/sharing/requests": {"422": "sharing-request-malformed"},
    "GET /v1/sharing/requests/{request_id}": {"404": "sharing-request-unknown"},
    f"GET {_FIGURES}": {
        "403": "sharing-not-granted",
        "404": "sharing-request-unknown",
        "409": "sharing-month-open",
        "422": "sharing-request-malformed",
    },
    f"GET {_PEOPLE}": {
        "400": "parameter-unknown",
        "403": "sharing-not-granted",
        "404": "sharing-request-unknown",
        "409": "sharing-other-subject",
        "422": "sharing-cursor",
    },
    "POST /identity/o/api/token": {
        "401": "party-key-other-area",
        "403": "party-suspended",
        "429": "limit-reached",
    },
    "POST /v1/applications": {
        "409": "party-code-taken",
        "422": "application-malformed",
        "429": "limit-reached",
    },
    f"POST {_APPLICATION}/documents/{{kind}}": {"409": "application-closed", "422": "document-refused"},
    f"POST {_APPLICATION}/mend": {
        "409": "application-closed",
        "422": "application-malformed",
        "429": "limit-reached",
    },
    f"POST {_APPLICATION}/submit": {"409": "document-missing", "422": "application-terms"},
    "POST /v1/conformance": {"409": "not-a-sandbox", "422": "conformance-report-refused"},
    "GET /v1/notices": {"422": "cursor-invalid"},
    "POST /v1/notices/{notice_id}/answer": {
        "404": "notice-unknown",
        "409": "notice-closed",
        "422": "notice-malformed",
    },
    "GET /v1/me/statement": {"422": "statement-period"},
    "GET /v1/me/statement.pdf": {"422": "statement-period", "503": "pdf-font-missing"},
    "POST /v1/proposals/new": {"404": "change-unknown", "409": "nothing-changes"},
    "GET /v1/quarantine": {"404": "party-unknown"},
    "POST /v1/quarantine/propose": {"409": "nothing-held"},
    "POST /v1/quarantine/decide": {
        "403": "held-same-human",
        "404": "held-proposal-unknown",
        "409": "held-decided",
    },
    "GET /log/checkpoint": {"404": "no-such-address"},
    "GET /log/tile/{address}": {"404": "no-such-address"},
}


def code(label: str, status: str, operation: dict[str, Any]) -> str | None:
    """The code of the refusal that `status` of an operation is shown with; None where none is named.

    `label` is method and address, as in `GET /v1/me/account`.
    """
    kinds = [kind for one in operation.get("security", []) for kind in one]
    named = (_BY_KIND.get(kind, {}).get(status) for kind in kinds)
    by_kind = next((one for one in named if one), None)
    return _BY_OPERATION.get(label, {}).get(status) or by_kind or _EVERYWHERE.get(status)
