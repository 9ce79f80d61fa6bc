"""What others may know of the intake: refusals, which carry nobody's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from abate.platform.events.models import Refusal
from abate.platform.parties import queries as parties


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """An event that was not accepted. `code` is one of reasons.py, `detail` the field or attribute."""

    party_code: str | None
    event_id: str | None
    at: datetime
    behaviour: str | None
    code: str
    detail: str


def newest_refusals(limit: int = 20, party_id: int | None = None) -> list[RefusalRow]:
    """Newest first, whoever sent them, or of one party."""
    codes = parties.codes()
    rows = Refusal.objects.all() if party_id is None else Refusal.objects.filter(party_id=party_id)
    return [
        RefusalRow(codes.get(row.party_id), row.event_id, row.at, row.behaviour, row.code, row.detail)
        for row in rows.order_by("-pk")[:limit]
    ]


def count_refusals() -> int:
    return Refusal.objects.count()
