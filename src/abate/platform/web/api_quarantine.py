"""`/v1/quarantine`: what is kept back, proposals and decisions over the interface, by the same doors as the pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Schema

from abate.platform import releasing
from abate.platform.parties import queries as parties
from abate.platform.quarantine import queries
from abate.platform.quarantine.models import Record
from abate.platform.quarantine.queries import Filter
from abate.platform.review import rights
from abate.platform.web.api import ProblemDocument
from abate.platform.web.api_proposals import StaffSession, api

__all__ = ["api"]
_REFUSALS = dict.fromkeys((401, 403, 422), ProblemDocument)
_UNKNOWN, _STATE = {404: ProblemDocument}, {409: ProblemDocument}
_WORDS = ("reason", "told")
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class ReleaseAsked(Schema):
    """Records by their numbers, in one proposal, and why."""

    verdict: Literal["release", "dismiss"]
    records: list[Number] = Field(min_length=1, max_length=5_000)
    reason: str = Field(max_length=1000)


class ReleaseDecision(Schema):
    """Whether a proposal is accepted, and then carried out, or refused; and why."""

    proposal: Number
    accepted: bool
    reason: str = Field(max_length=1000)


def told(row: Any, codes: dict[int, str]) -> dict[str, Any]:
    """A record or a rule as the interface and the command line tell it: its party by its code, and nobody's number."""
    found = asdict(row)
    found.pop("person_id", None)
    party = found.pop("party_id")
    # `told`: a rule's words for people, where it has any.
    words = {
        name: found[name] and dict(zip(("zh", "en"), found[name], strict=True))
        for name in _WORDS
        if name in found
    }
    return found | words | {"party": codes.get(party) if party else None}


@api.get(
    "/quarantine",
    auth=StaffSession(),
    response={200: list[dict], **_REFUSALS, **_UNKNOWN},
    summary="Records in quarantine",
)
def quarantined(
    request: HttpRequest,
    all: Annotated[bool, Query(description="also what is decided or gone")] = False,
    rule: Annotated[str, Query(max_length=40)] = "",
    party: Annotated[str, Query(max_length=100, description="code of a party")] = "",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> list[dict[str, Any]]:
    codes = parties.codes()
    sender = parties.party(party).pk if party else None
    which = Filter(Record.WORDS if all else ("waiting",), there=not all, rule=rule, party_id=sender)
    rows = [told(row, codes) for row in queries.records(which, before)]
    shown: list[dict[str, Any]] = rights.shown(request.auth, "quarantine", {"rows": rows})["rows"] or []  # type: ignore[attr-defined]
    return shown


@api.get(
    "/quarantine/proposals",
    auth=StaffSession(),
    response={200: list[dict], **_REFUSALS},
    summary="Proposals about records in quarantine",
)
def quarantine_proposals(
    request: HttpRequest, all: Annotated[bool, Query(description="also what is decided")] = False
) -> list[dict[str, Any]]:
    rows = [asdict(row) for row in queries.proposals(open_only=not all)]
    shown: list[dict[str, Any]] = (
        rights.shown(request.auth, "quarantine", {"proposals": rows})["proposals"] or []  # type: ignore[attr-defined]
    )
    return shown


@api.post(
    "/quarantine/propose",
    auth=StaffSession(),
    response={200: dict, **_REFUSALS, **_STATE},
    summary="Propose to release or dismiss records",
)
def quarantine_propose(request: HttpRequest, asked: ReleaseAsked) -> dict[str, Any]:
    made = releasing.propose(request.auth, asked.records, asked.verdict, asked.reason)  # type: ignore[attr-defined]
    return asdict(queries.proposal(made))


@api.post(
    "/quarantine/decide",
    auth=StaffSession(),
    response={200: dict, **_REFUSALS, **_UNKNOWN, **_STATE},
    summary="Accept or refuse a proposal of somebody else's",
)
def quarantine_decide(request: HttpRequest, decision: ReleaseDecision) -> dict[str, Any]:
    made = releasing.decide(
        request.auth,  # type: ignore[attr-defined]
        decision.proposal,
        accepted=decision.accepted,
        reason=decision.reason,
    )
    return {
        "proposal": made.number,
        "accepted": made.accepted,
        "records": {str(one): came for one, came in made.records.items()},
    }
