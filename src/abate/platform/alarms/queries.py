"""What others may know of alarms: those that are open, and those that were."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from abate.platform.alarms.models import Alarm


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm; `words` are (name, what, remedy) in `zh` and `en`. `ended_at` is None while it is open."""

    id: int
    rule: str
    role: str
    party: str
    state: str
    words: dict[str, tuple[str, str, str]]
    began_at: datetime
    ended_at: datetime | None


def read_words(text: str) -> dict[str, tuple[str, str, str]]:
    return {language: (name, what, remedy) for language, (name, what, remedy) in json.loads(text).items()}


def alarms(roles: Collection[str] | None = None, *, ended: bool = False, limit: int = 200) -> list[AlarmRow]:
    """Alarms of these roles (or all): the open ones, faults first and then the oldest, or those that ended, the newest first."""
    rows = Alarm.objects.filter(ended_at__isnull=not ended)
    if roles is not None:
        rows = rows.filter(role__in=roles)
    found = rows.order_by("-ended_at", "-id") if ended else rows.order_by("state", "began_at", "id")
    return [
        AlarmRow(
            row.pk,
            row.rule,
            row.role,
            row.party,
            row.state,
            read_words(row.words),
            row.began_at,
            row.ended_at,
        )
        for row in found[:limit]
    ]


def count(roles: Collection[str] | None = None) -> int:
    """How many alarms of these roles (or all) are open."""
    rows = Alarm.objects.filter(ended_at=None)
    return (rows if roles is None else rows.filter(role__in=roles)).count()
