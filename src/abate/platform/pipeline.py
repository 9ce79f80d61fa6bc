"""The main path: from a batch of events to booked credits, in one transaction of a few set-based statements.

read and measure (no database) -> stage -> claim ids of authorised people -> caps -> balances in order ->
entries with leaves -> quantities -> the rest judged. Any order, batching and repetition give the same totals.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import Cursor, errors

from abate.platform.carbon import actions as carbon
from abate.platform.carbon import basis, staging
from abate.platform.carbon import queries as quantities
from abate.platform.carbon.measure import Measured, measure
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
    events.SQL["make_new"],
    ledger.SQL["make_eligible"],
    carbon.SQL["make_booked"],
)


def run_batch(arrival: Arrival, read: Sequence[Event | Refused], *, everything: bool = True) -> list[Result]:
    """Book one batch; returns the results by place (without the credited ones unless `everything`).

    When it returns, the batch is committed. Raises Busy, with nothing booked, where the database stays away.
    """
    refused = [one for one in read if isinstance(one, Refused)]
    sound = [one for one in read if isinstance(one, Event)]
    setting = basis.setting()
    measured = measure(sound, setting, arrival.received_at + FUTURE_TOLERANCE)
    keys = basis.keys_of(setting, staging.used(measured))
    for attempt in range(_TRIES):
        try:
            prepare(_TABLES)
            with transaction.atomic():
                results = _book(arrival, measured, keys, refused, everything)
            return sorted(results, key=lambda result: result.place)
        except DatabaseError as fault:
            race = isinstance(fault.__cause__, _RACES)
            if not race or attempt == _TRIES - 1 or connection.in_atomic_block:
                raise (Busy() if race or _is_away(fault) else fault) from fault
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _book(
    arrival: Arrival,
    measured: Sequence[Measured],
    keys: dict[tuple[str, int, str], basis.BasisKey],
    refused: list[Refused],
    everything: bool,
) -> list[Result]:
    party, now, zone = arrival.sender.party_id, clock.now(), settings.ABATE_ZONE
    with workspace() as cursor:
        batch = events.open_batch(cursor, arrival)
        bases = carbon.number_bases(cursor, keys, now)
        events.stage(cursor, staging.lines(measured, bases))
        claimed = events.claim(cursor, party, batch)
        results: list[Result] = []
        if claimed:
            if _capped(measured):
                credits.cut(cursor, zone)
            ledger.post_awards(
                cursor,
                at=now,
                party=(party, arrival.sender.code),
                cause=arrival.body_sha256,
                mg_per_credit=rules.mg_per_credit(clock.day(now)),
            )
            carbon.store(cursor, party, batch, zone)
            results = carbon.results(cursor, everything)
        if claimed < len(measured):
            settled, more = _settle(cursor, party, events.rest(cursor, party))
            results += settled
            refused = refused + more
        events.refuse(cursor, batch, party, now, refused)
    return results + [Result(one.place, one.id, Outcome.REFUSED, one.reason) for one in refused]


def _capped(measured: Iterable[Measured]) -> bool:
    days = [clock.day(one.event.time) for one in measured if one.outcome == Outcome.CREDITED]
    behaviours = {one.event.behaviour for one in measured}
    return bool(days) and rules.any_cap(behaviours, min(days), max(days))


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
