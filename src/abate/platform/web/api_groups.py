"""A person's household and organisations, as the interface tells them."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Schema

from abate.platform.people import groups as room
from abate.platform.web.api import PersonSession, ProblemDocument
from abate.platform.web.api_collect import api

__all__ = ["api"]


class Membership(Schema):
    """One membership; live while `left_at` is null. `kind` is household or organisation, `party` the organisation's code.

    `members` counts a household's people now; 0 of an organisation and of what was left.
    """

    id: int
    kind: str
    party: str
    joined_at: datetime
    left_at: datetime | None
    members: int


@api.get(
    "/me/groups",
    auth=PersonSession(),
    response={200: list[Membership], 401: ProblemDocument},
    summary="The household and the organisations that you are or were in",
)
def groups(request: HttpRequest) -> list[Membership]:
    return [
        Membership(
            id=row.id,
            kind=row.kind,
            party=row.party,
            joined_at=row.joined_at,
            left_at=row.left_at,
            members=row.members,
        )
        for row in room.of(request.auth.pk)
    ]
