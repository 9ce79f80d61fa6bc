"""What others may know of sharing: requests with their state, and the answers that were given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.db.models import Count, Max, Q

from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.sharing.errors import RequestUnknown
from abate.platform.sharing.models import PEOPLE, Decision, Read, Request

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request with what became of it. `state`: asked, granted, refused, revoked, or over (past its last day)."""

    id: UUID
    party_id: int
    purpose: str
    kind: str
    ground: str
    about: str
    contact: str
    behaviours: tuple[str, ...]
    fields: tuple[str, ...]
    from_month: date
    to_month: date
    until: date
    at: datetime
    state: str
    decided_at: datetime | None
    reason: str
    reads: int
    last_read_at: datetime | None


def request(request_id: UUID, party_id: int | None = None) -> RequestRow:
    """The request of this id, of this party where one is named. Raises RequestUnknown."""
    found = Request.objects.filter(id=request_id)
    if party_id is not None:
        found = found.filter(party_id=party_id)
    rows = _rows(found)
    if not rows:
        raise RequestUnknown(str(request_id))
    return rows[0]


def requests(party_id: int | None = None, limit: int = 100) -> list[RequestRow]:
    """The newest first, at most `limit`."""
    found = Request.objects.order_by("-at", "id")
    if party_id is not None:
        found = found.filter(party_id=party_id)
    return _rows(found[:limit])


def about_people(party_ids: Iterable[int], ids: Iterable[UUID]) -> list[RequestRow]:
    """The requests about single people of these parties that were ever granted, and those of these ids; the newest first."""
    granted = Decision.objects.filter(state=Decision.GRANTED).values("request_id")
    found = Request.objects.filter(about=PEOPLE, id__in=granted).filter(
        Q(party_id__in=list(party_ids)) | Q(id__in=list(ids))
    )
    return _rows(found.order_by("-at", "id"))


def reads(request_id: UUID, limit: int = 100) -> list[Read]:
    """The answers given on a request, the newest first."""
    return list(Read.objects.filter(request_id=request_id).order_by("-id")[:limit])


def _rows(found: Iterable[Request]) -> list[RequestRow]:
    asked = list(found)
    ids = [one.id for one in asked]
    # The end of a request comes after its answer.
    newest = {one.request_id: one for one in Decision.objects.filter(request_id__in=ids).order_by("-first")}
    told = {
        row["request_id"]: row
        for row in Read.objects.filter(request_id__in=ids)
        .values("request_id")
        .annotate(n=Count("id"), last=Max("at"))
    }
    return [_row(one, newest.get(one.id), told.get(one.id, {})) for one in asked]


def _row(one: Request, decided: Decision | None, told: dict) -> RequestRow:
    state = decided.state if decided else "asked"
    if state == Decision.GRANTED and one.until < clock.today():
        state = "over"
    return RequestRow(
        id=one.id,
        party_id=one.party_id,
        purpose=one.purpose,
        kind=one.kind,
        ground=one.ground,
        about=one.about,
        contact=one.contact,
        behaviours=tuple(one.behaviours),
        fields=tuple(one.fields),
        from_month=one.from_month,
        to_month=one.to_month,
        until=one.until,
        at=one.at,
        state=state,
        decided_at=decided.at if decided else None,
        reason=decided.reason if decided else "",
        reads=told.get("n", 0),
        last_read_at=told.get("last"),
    )
