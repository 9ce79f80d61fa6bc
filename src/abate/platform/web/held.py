"""A record in quarantine in words, to the person it is about: why, since when, what comes next; never what its reviewers say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from abate.platform.carbon.queries import Behaviour
from abate.platform.quarantine import queries
from abate.platform.quarantine.queries import CAME, OwnRow
from abate.platform.web.wording import Pair, pick

_NEXT: dict[str, Pair] = {
    "waiting": (
        "由一位工作人员提出、另一位决定：计入，或不计入。在此之前既不计入，也不会作废。",
        "One of the operator's staff proposes and another decides: it counts, or it does not. Until then it is neither counted "
        "nor lost.",
    ),
    "proposed": (
        "一位工作人员已提出处理意见，等待另一位决定。在此之前既不计入，也不会作废。",
        "One of the operator's staff has proposed what becomes of it, and another decides. Until then it is neither counted "
        "nor lost.",
    ),
}


@dataclass(frozen=True, slots=True)
class Held:
    """Why a record is kept back (or was), since when, and what comes next or came; `ended`: None while it waits."""

    why: str
    since: datetime
    then: str
    ended: datetime | None

    @property
    def waits(self) -> bool:
        return self.ended is None


def reasons(found: Iterable[Behaviour]) -> dict[tuple[int, int, str], str]:
    """(person, party, event) -> why it is kept back, of those that a rule keeps or kept back."""
    asked: dict[int, list[tuple[int, str]]] = {}
    for one in found:
        asked.setdefault(one.person_id, []).append((one.party_id, one.event_id))
    return {
        (person, row.party_id, row.event_id): pick(row.reason)
        for person, events in asked.items()
        for row in queries.of_person(person, events)
    }


def of_record(found: Behaviour) -> Held | None:
    """That a rule keeps or kept this record back; None where none did."""
    rows = queries.of_person(found.person_id, [(found.party_id, found.event_id)])
    return _told(rows[0]) if rows else None


def _told(row: OwnRow) -> Held:
    decided = row.state == "decided"
    then = pick(CAME[row.came]) if decided else pick(_NEXT[row.state])
    return Held(pick(row.reason), row.held_at, then, row.decided_at if decided else None)
