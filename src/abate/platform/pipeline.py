"""The main path: from a batch of events to booked credits, in one transaction of a few set-based statements.

read and measure (no database) -> stage -> claim ids of authorised people -> caps -> balances in order ->
entries with leaves -> quantities -> the rest judged. Any order, batching and repetition give the same totals.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import Cursor, errors

from abate.platform.carbon import actions as carbon
from abate.platform.carbon import basis, staging
from abate.platform.carbon import queries as quantities
from abate.platform.carbon.measure import measure
from abate.platform.credits import actions as credits
from abate.platform.credits import queries as rules
from abate.platform.doors import clock
from abate.platform.doors.workspace import prepare, workspace
from abate.platform.events import actions as events
from abate.platform.events.actions import Arrival, Unclaimed
from abate.platform.events.envelope import FUTURE_TOLERANCE, Event, Refused
from abate.platform.events.errors import Busy
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import actions as ledger

# A race that PostgreSQL settles by refusing one side: tried again, never shown as a refusal of the event.
_RACES = (
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.IntegrityError,
    errors.LockNotAvailable,
)
_TRIES = 5
_TABLES = (
    events.SQL["make_stage"],
    events.SQL["make_who"],
    events.SQL["make_new"],
    ledger.SQL["make_eligible"],
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is read and measured: everything that needs no database is done."""

    arrival: Arrival
    lines: str
    count: int
    bases: Sequence[basis.BasisKey]
    subjects: tuple[str, str]
    """Each subject with a behaviour, once, as two arrays; the lines say which by number."""
    behaviours: Collection[str]
    span: tuple[datetime, datetime] | None
    """From the first to the last moment of the events that would be credited."""
    refused: Sequence[Refused]


def run_batch(arrival: Arrival, read: Sequence[Event | Refused], *, everything: bool = True) -> list[Result]:
    """Book one batch; returns the results by place (without the credited ones unless `everything`).

    When it returns, the batch is committed. Raises Busy, with nothing booked, where the database stays away.
    """
    return book(ready(arrival, read), everything=everything)


def ready(arrival: Arrival, read: Sequence[Event | Refused]) -> Prepared:
    """Measure a batch and lay it out for the staging table."""
    setting = basis.setting()
    sound = [one for one in read if isinstance(one, Event)]
    measured = measure(sound, setting, arrival.received_at + FUTURE_TOLERANCE)
    used, subjects = staging.used(measured), staging.subjects(measured)
    numbers = ({key: n for n, key in enumerate(keys, 1)} for keys in (used, subjects))
    moments = [one.event.time for one in measured if one.outcome == Outcome.CREDITED]
    return Prepared(
        arrival=arrival,
        lines="".join(staging.lines(measured, *numbers, arrival.sender.code)),
        count=len(measured),
        bases=basis.keys_of(setting, used),
        subjects=staging.arrays(subjects),
        behaviours={behaviour for _, behaviour in subjects},
        span=(min(moments), max(moments)) if moments else None,
        refused=[one for one in read if isinstance(one, Refused)],
    )


def book(batch: Prepared, *, everything: bool = True) -> list[Result]:
    """Book a prepared batch, again where it lost a race."""
    for attempt in range(_TRIES):
        try:
            prepare(_TABLES)
            with transaction.atomic():
                results = _book(batch, everything)
            return sorted(results, key=lambda result: result.place)
        except DatabaseError as fault:
            race = isinstance(fault.__cause__, _RACES)
            if not race or attempt == _TRIES - 1 or connection.in_atomic_block:
                raise (Busy() if race or _is_away(fault) else fault) from fault
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _book(batch: Prepared, everything: bool) -> list[Result]:
    sender, now, zone = batch.arrival.sender, clock.now(), settings.ABATE_ZONE
    results: list[Result] = []
    refused = list(batch.refused)
    with workspace() as cursor:
        batch_id = events.open_batch(cursor, batch.arrival)
        bases = carbon.number_bases(cursor, batch.bases, now)
        events.stage(cursor, batch.lines)
        events.name_people(cursor, sender.party_id, *batch.subjects)
        claimed = events.claim(cursor, sender.party_id, batch_id)
        if claimed and batch.span and rules.any_cap(batch.behaviours, *map(clock.day, batch.span)):
            credits.cut(cursor, zone)
        if claimed:
            awards = ledger.awards(
                at=now,
                party_id=sender.party_id,
                cause=batch.arrival.body_sha256,
                bases=bases,
                mg_per_credit=rules.mg_per_credit(clock.day(now)),
            )
            own = {"party_id": sender.party_id, "batch_id": batch_id, "bases": bases, "zone": zone}
            results = carbon.store(cursor, awards, everything=everything, **own)
        if claimed < batch.count:
            settled, more = _settle(cursor, sender.party_id, events.rest(cursor, sender.party_id))
            results += settled
            refused += more
        events.refuse(cursor, batch_id, sender.party_id, now, refused)
    return results + [Result(one.place, one.id, Outcome.REFUSED, one.reason) for one in refused]


def _settle(cursor: Cursor, party: int, rest: Iterable[Unclaimed]) -> tuple[list[Result], list[Refused]]:
    """Results of the events that were not claimed, in the order of precedence: refused, conflict, exists."""
    results: list[Result] = []
    refused: list[Refused] = []
    repeated: list[Unclaimed] = []
    for one in rest:
        if not one.authorised or (one.same is None and one.outcome != Outcome.REFUSED):
            refused.append(Refused(one.place, one.event_id, one.behaviour, "not_authorised", "subject"))
        elif one.outcome == Outcome.REFUSED:
            code, _, detail = (one.reason or "malformed").partition(":")
            refused.append(Refused(one.place, one.event_id, one.behaviour, code, detail[:80]))
        elif one.same:
            repeated.append(one)
        else:
            results.append(Result(one.place, one.event_id, Outcome.CONFLICT, "other_content:id"))
    return results + quantities.stored(cursor, party, repeated), refused


def _is_away(fault: DatabaseError) -> bool:
    return isinstance(fault.__cause__, psycopg.OperationalError | psycopg.InterfaceError)
