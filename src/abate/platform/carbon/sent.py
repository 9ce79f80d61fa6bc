"""What a party may know of the events it sent: what became of each, and nothing of whose it is.

A list goes from the newest arrival back, by key: the party's batches by moment, their events by batch. What one call
looks at is bounded, but for a subject: there it is all of that one person's at the party (docs/decisions/0044).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from abate.platform.doors.statements import statements
from abate.platform.events.outcomes import Outcome
from abate.platform.people import queries as people

SQL = statements(Path(__file__).parent / "sql")
CORRECTED = "corrected"
_CORRECTED = 10
STATES = {
    **{one.text: int(one) for one in Outcome if one not in (Outcome.EXISTS, Outcome.CONFLICT)},
    CORRECTED: _CORRECTED,
}
"""What can stand of an event that left a row: the name by which it is asked for and its number in sent.sql."""
EXAMINED = 2_000
"""Our policy: so many events, or batches for refusals among them, at most are looked at for one page of a filter; the page
may then be short and still go on."""
MOST = 1_000
"""Our policy: the longest page."""

Place = tuple[datetime, int, int, int]
"""Where a page ended: (moment of arrival, batch, kind, number) as in sent.sql."""
_REFUSED, _ACCEPTED = 0, 1
_NEWEST: Place = (datetime(9999, 12, 30, tzinfo=UTC), 2**63 - 1, _ACCEPTED + 1, 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events. `first` and `until` (excluded) are moments of arrival. A refusal names no subject: asked by `subject`
    there are none. `state` is of STATES.
    """

    first: datetime | None = None
    until: datetime | None = None
    behaviour: str | None = None
    state: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as its party may see it. `er_mg` in mg CO2e; `reason` as in the answer to its sending.

    `outcome` is what stands: WITHDRAWN where it was taken back or `corrected`, with `stored` what it was before. Of what
    took another back `takes_back` or `corrects` is that other's id. `entry_id` is its award.
    """

    received_at: datetime
    event_id: str | None
    behaviour: str | None
    occurred_at: datetime | None
    outcome: Outcome
    corrected: bool
    stored: Outcome | None
    reason: str | None
    er_mg: int | None
    credits: int
    capped: bool
    entry_id: int | None
    withdrawn_by: str | None
    cause: str | None
    takes_back: str | None
    corrects: str | None

    @property
    def state(self) -> str:
        return CORRECTED if self.corrected else self.outcome.text


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first. `after` goes on; None at the end. A page may be short, and under a filter empty, and go on."""

    events: list[Sent]
    after: Place | None


@dataclass(slots=True)
class _Found:
    """Rows of `arrived`, and where what was looked at ends: None where that is the end of everything."""

    rows: list[tuple[datetime, int, int, int, str | None]] = field(default_factory=list)
    end: Place | None = None


def event_of_party(party_id: int, event_id: str) -> Sent | None:
    """One event of the party's own by its id: as accepted, else as last refused; None where neither is."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["named"], {"party": party_id, "event": event_id})
        found = cursor.fetchall()
    told = _told(party_id, Asked(), found, 1)
    return told[0][1] if told else None


def page(party_id: int, asked: Asked, after: Place | None = None, limit: int = 100) -> Page:
    """The party's own events that match, behind `after`."""
    start = after or _NEWEST
    filtered = asked.behaviour is not None or asked.state is not None
    most = max(EXAMINED, limit + 1) if filtered else limit + 1
    found = (
        _of_subject(party_id, asked, start, most)
        if asked.subject is not None
        else _of_batches(party_id, asked, start, most)
    )
    told = _told(party_id, asked, found.rows, limit + 1)
    if len(told) > limit:
        return Page([one for _, one in told[:limit]], told[limit - 1][0])
    return Page([one for _, one in told], found.end)


def _of_batches(party_id: int, asked: Asked, start: Place, most: int) -> _Found:
    refused = asked.state == Outcome.REFUSED.text
    values = _span(party_id, asked, start, most) | {"refused": refused}
    kinds = [_REFUSED, _ACCEPTED] if asked.state is None else [int(not refused)]
    with connection.cursor() as cursor:
        cursor.execute(SQL["batches"], values)
        batches = cursor.fetchall()
        within = [(id_, at) for id_, at, before in batches[:most] if before < most]
        if not within:
            return _Found()
        ids, ats = (list(column) for column in zip(*within, strict=True))
        cursor.execute(SQL["arrived"], values | {"ids": ids, "ats": ats, "kinds": kinds})
        rows = cursor.fetchall()
    if len(rows) == most:
        return _Found(rows, rows[-1][:4])
    return _Found(rows, (ats[-1], ids[-1], 0, 0) if len(batches) > len(within) else None)


def _of_subject(party_id: int, asked: Asked, start: Place, most: int) -> _Found:
    person = people.by_subject(party_id, asked.subject or "")
    if person is None:
        return _Found()
    with connection.cursor() as cursor:
        cursor.execute(SQL["of_subject"], _span(party_id, asked, start, most) | {"person": person.pk})
        rows = cursor.fetchall()
    return _Found(rows, rows[-1][:4] if len(rows) == most else None)


def _span(party_id: int, asked: Asked, start: Place, most: int) -> dict[str, Any]:
    at, batch, kind, number = start
    place = {"at": at, "batch": batch, "kind": kind, "n": number}
    return {"party": party_id, "first": asked.first, "until": asked.until, "most": most, **place}


def _told(
    party_id: int, asked: Asked, rows: list[tuple[datetime, int, int, int, str | None]], limit: int
) -> list[tuple[Place, Sent]]:
    if not rows:
        return []
    names = ("ats", "batches", "kinds", "ns", "events")
    columns = (list(column) for column in zip(*rows, strict=True))
    values: dict[str, Any] = dict(zip(names, columns, strict=True))
    stands = STATES[asked.state] if asked.state else None
    values |= {"party": party_id, "behaviour": asked.behaviour, "stands": stands, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(SQL["told"], values)
        return [(row[:4], _sent(row)) for row in cursor.fetchall()]


def _sent(row: tuple[Any, ...]) -> Sent:
    at, _, _, _, event_id, behaviour, occurred_at, stands, stored, *rest = row
    corrected = stands == _CORRECTED
    outcome = Outcome.WITHDRAWN if corrected else Outcome(stands)
    before = None if stored is None else Outcome(stored)
    return Sent(at, event_id, behaviour, occurred_at, outcome, corrected, before, *rest)
