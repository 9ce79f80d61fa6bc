"""How good a party's data were in a month, from the stored rows alone. (P-6.2)

Of one party and calendar month (of the platform's zone), by when something arrived:

- received = kept + refused; kept are the events that were accepted, whatever their outcome;
- late: kept events that arrived more than 72 hours after the act;
- rejected: refused events (an event refused twice was sent wrongly twice);
- corrected: events that the party took back or replaced, for any cause but the next two;
- disputed: events that it took back because a dispute was decided or they were found untrue, and those that a case of
  anomalies took back, while that stands.

Each share is of what was received. score = 100 - 100 x (late/4 + rejected/2 + corrected/2 + disputed), not below 0, rounded
down: our policy, in WEIGHTS. A month in which nothing arrived has no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from django.db import connection

from abate.platform.doors import clock
from abate.platform.joining.queries import SQL

LATE = timedelta(hours=72)
WEIGHTS = {
    "late": Fraction(1, 4),
    "rejected": Fraction(1, 2),
    "corrected": Fraction(1, 2),
    "disputed": Fraction(1),
}


@dataclass(frozen=True, slots=True)
class Quality:
    """One party's month, counted."""

    party: str
    month: date
    accepted: int
    late: int
    rejected: int
    corrected: int
    disputed: int

    @property
    def received(self) -> int:
        return self.accepted + self.rejected

    def per_mille(self, name: str) -> int:
        """The share of `late`, `rejected`, `corrected` or `disputed` in a thousand, rounded up; never above 1000."""
        if not self.received:
            return 0
        return min(1000, -(-1000 * int(getattr(self, name)) // self.received))

    @property
    def score(self) -> int | None:
        if not self.received:
            return None
        lost = sum(weight * int(getattr(self, name)) for name, weight in WEIGHTS.items()) / self.received
        return max(0, int((100 - 100 * lost) // 1))


def of_month(month: date, party_id: int | None = None) -> list[Quality]:
    """Every party of which something arrived or was taken back in the month, by code; or one party."""
    first = month.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    values = {"from": _start(first), "until": _start(following), "late": LATE, "party": party_id}
    with connection.cursor() as cursor:
        cursor.execute(SQL["quality"], values)
        return [Quality(row[0], first, *row[1:]) for row in cursor.fetchall()]


def months(party_id: int, count: int = 6) -> list[Quality]:
    """The last `count` months of one party in which something arrived, the newest first."""
    first, found = clock.today().replace(day=1), []
    for _ in range(count):
        found += of_month(first, party_id)
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=clock.zone())
