"""What others may know of reconciliation: files compared, breaks with their age, owner and state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import connection

from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.reconciliation.errors import BreakUnknown
from abate.platform.reconciliation.models import File, Step

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class BreakRow:
    """One break in its present state. `ours` and `theirs` are what each side holds; None where it holds nothing."""

    id: int
    party_id: int
    side: str
    day: date
    label: str
    opened_at: datetime
    at: datetime
    state: str
    kind: str
    ours: dict | None
    theirs: dict | None
    owner: str
    resolution: str | None
    note: str
    by: str

    @property
    def age_days(self) -> int:
        """Days since it was first seen, counted to its end where it is closed."""
        until = clock.now() if self.open else self.at
        return (clock.day(until) - clock.day(self.opened_at)).days

    @property
    def open(self) -> bool:
        return self.state in {"open", "assigned"}


def breaks(
    party_id: int | None = None,
    day: date | None = None,
    *,
    closed: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[BreakRow]:
    """Open breaks (and closed ones too), the oldest first; `after` goes on behind the last one shown."""
    return _breaks(party_id, day, closed=closed, after=after, limit=limit)


def one(break_id: int) -> BreakRow:
    """One break. Raises BreakUnknown."""
    found = _breaks(id_=break_id, closed=True, limit=1)
    if not found:
        raise BreakUnknown(str(break_id))
    return found[0]


def _breaks(
    party_id: int | None = None,
    day: date | None = None,
    id_: int | None = None,
    *,
    closed: bool,
    after: int = 0,
    limit: int,
) -> list[BreakRow]:
    values = {"party": party_id, "day": day, "id": id_, "closed": closed, "after": after, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(SQL["breaks"], values)
        rows = cursor.fetchall()
    return [BreakRow(*row[:9], *(side and json.loads(side) for side in row[9:11]), *row[11:]) for row in rows]


def open_breaks(party_id: int | None = None, day: date | None = None) -> tuple[int, int]:
    """(how many are open, the age of the oldest in days)."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["open_count"], {"party": party_id, "day": day})
        count, oldest = cursor.fetchone()
    return count, (clock.today() - clock.day(oldest)).days if oldest else 0


def history(break_id: int) -> list[Step]:
    """Every state of a break, the first first."""
    return list(Step.objects.filter(break_id=break_id).order_by("id"))


def files(limit: int = 50) -> list[File]:
    """Files that were compared, the newest first."""
    return list(File.objects.order_by("-id")[:limit])
