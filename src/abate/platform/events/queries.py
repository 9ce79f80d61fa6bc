"""What others may know of the intake: refusals, which carry nobody's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from abate.platform.events.models import Batch, Refusal
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


def newest_refusals(limit: int = 20) -> list[RefusalRow]:
    """Newest first, whoever sent them."""
    codes = parties.codes()
    return [
        RefusalRow(codes.get(row.party_id), row.event_id, row.at, row.behaviour, row.code, row.detail)
        for row in Refusal.objects.order_by("-pk")[:limit]
    ]


def count_refusals() -> int:
    return Refusal.objects.count()


def began_at() -> datetime | None:
    """When the first batch came in; None before it."""
    return Batch.objects.order_by("pk").values_list("received_at", flat=True).first()
