"""`/v1/proposals`: the changes that need three people over the interface, by the same doors as the pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Schema
from ninja.utils import check_csrf

from abate.platform.review import changes, proposing, queries, rights
from abate.platform.review.queries import ProposalRow
from abate.platform.web import access
from abate.platform.web.api import PersonSession, ProblemDocument
from abate.platform.web.api_collect import TokenMissing
from abate.platform.web.api_groups import api

__all__ = ["api"]
_REFUSALS = dict.fromkeys((401, 403, 422), ProblemDocument)
_OF_A_CHANGE = _REFUSALS | dict.fromkeys((404, 409), ProblemDocument)


class StaffSession(PersonSession):
    """The session of somebody of the staff; what changes something needs the page's token too."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        user = request.user if access.is_staff(request) else None
        if user and request.method == "POST" and check_csrf(request):
            raise TokenMissing
        return user


class Asked(Schema):
    """A change by its name, its arguments, and why."""

    action: str = Field(max_length=60)
    arguments: dict[str, Any] = Field(default_factory=dict)
    why: str = Field(max_length=1000)


class Decision(Schema):
    """One step on one proposal or many; a rejection needs its reason."""

    step: Literal["check", "approve", "reject"]
    numbers: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field(min_length=1, max_length=proposing.MOST)
    reason: str = Field("", max_length=1000)


def _row(row: ProposalRow) -> dict[str, Any]:
    return asdict(row)


@api.get(
    "/proposals", auth=StaffSession(), response={200: list[dict], **_REFUSALS}, summary="Proposed changes"
)
def proposals(
    request: HttpRequest,
    all: Annotated[bool, Query(description="also what is over")] = False,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> list[dict[str, Any]]:
    seen = rights.changes_seen(request.auth, changes.actions())  # type: ignore[attr-defined]
    return [_row(row) for row in queries.proposals(ended=all, before=before, of=seen)]


@api.post(
    "/proposals/new", auth=StaffSession(), response={200: dict, **_OF_A_CHANGE}, summary="Propose a change"
)
def propose(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    made = proposing.propose(request.auth, asked.action, asked.arguments, asked.why)
    return _row(queries.proposal(made.pk))


@api.post(
    "/proposals/decide",
    auth=StaffSession(),
    response={200: dict, **_REFUSALS},
    summary="Check, approve or reject proposals, each by itself",
)
def decide(request: HttpRequest, decision: Decision) -> dict[str, Any]:
    found, shown = proposing.decide_all(request.auth, decision.step, decision.numbers, decision.reason)
    return {
        "done": [one.proposal for one in found if not one.code],
        "refused": {str(one.proposal): one.code for one in found if one.code},
        "shown_once": {str(number): what for number, what in shown.items() if what},
    }
