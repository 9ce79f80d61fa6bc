"""The operator's figures: what came in, what was booked, how long the log's queue is. Counts only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from abate.platform.carbon import queries as carbon
from abate.platform.doors import clock
from abate.platform.events import queries as events
from abate.platform.events.outcomes import Outcome
from abate.platform.log import queries as log


@dataclass(frozen=True, slots=True)
class Figures:
    """Stored events by outcome (refusals among them) and leaves waiting for their number."""

    events: dict[str, int]
    pending: int


_KEPT = timedelta(seconds=15)
_last: tuple[datetime, Figures] | None = None


def figures() -> Figures:
    """Counted at most every 15 seconds: the count reads every row, and whoever watches may ask often."""
    global _last
    now = clock.now()
    if _last is None or not timedelta(0) <= now - _last[0] < _KEPT:
        _last = (now, count())
    return _last[1]


def count() -> Figures:
    """Counted now."""
    stored = carbon.by_outcome()
    counted = {
        outcome.text: stored.get(outcome, (0, 0))[0] for outcome in Outcome if outcome >= Outcome.QUARANTINED
    }
    return Figures({"refused": events.count_refusals(), **counted}, log.waiting())
