"""The main path: from a batch of events to booked credits, in one transaction of a few set-based statements.

read and measure (no database) -> stage -> claim ids of authorised people -> quarantine -> caps -> balances in
order -> entries with quantities and leaves -> what credits nothing -> the rest judged. Any order, batching and repetition give
the same totals.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import Cursor, errors

from abate.bookkeeping.kinds import INT64
from abate.platform import giving_way, together
from abate.platform.carbon import actions as carbon
from abate.platform.carbon import acts, basis, staging
from abate.platform.carbon import queries as quantities
from abate.platform.carbon.acts import Compared
from abate.platform.carbon.measure import Measured, measure
from abate.platform.credits import actions as credits
from abate.platform.credits import queries as rules
from abate.platform.credits import taking
from abate.platform.doors import clock
from abate.platform.doors.workspace import prepare, workspace
from abate.platform.events import actions as events
from abate.platform.events import sources
from abate.platform.events.actions import Arrival, Subjects, Unclaimed
from abate.platform.events.envelope import FUTURE_TOLERANCE, Event, Refused, Withdrawal
from abate.platform.events.errors import Busy
from abate.platform.events.notices import tell
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import awards as ledger
from abate.platform.quarantine import actions as quarantine

# A race that PostgreSQL settles by refusing one side: tried again, never shown as a refusal of the event.
RACES = (
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.IntegrityError,
    errors.LockNotAvailable,
)
TRIES = 5
_NOT_NEW = (Outcome.REFUSED, Outcome.CONFLICT, Outcome.EXISTS)
TABLES = (
    events.SQL["make_stage"],
    events.SQL["make_who"],
    events.SQL["make_new"],
    credits.SQL["make_claim"],
)


Read = Event | Withdrawal | Refused
Then = Callable[[Sequence[Result]], None]
"""What is to be written with a batch or not at all: called with its results, last in its transaction."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is read and measured: everything that needs no database is done."""

    arrival: Arrival
    rows: bytes
    sm3_parts: Mapping[int, bytes] | None
    """Where leaves carry SM3: that of each personal part, by place."""
    counts: Mapping[int, int]
    """How many staged events have each outcome."""
    bases: Sequence[basis.BasisKey]
    subjects: Subjects
    behaviours: Collection[str]
    span: tuple[datetime, datetime] | None
    """From the first to the last moment of the events that would be credited."""
    refused: Sequence[Refused]
    takings: Sequence[taking.Taking]
    """What the batch takes back: withdrawals, and the events that its corrections stand in for."""
    read: Sequence[Read]
    """All of the batch as it was read."""
    few: together.Few | None
    """Where it is small and all of it would be credited: what books it in one statement."""
    marks: Sequence[tuple[int, str, int]]
    """Place, id and version of the source of the events that come from a declared one."""
    compared: Compared | None
    """By what its events are seen to be one act with others; None where no rule compares any of them."""
    careful: bool = False
    """Whether each account is held against the most that it can hold, before anything is added to it."""


def run_batch(
    arrival: Arrival, read: Sequence[Read], *, everything: bool = True, then: Then | None = None
) -> list[Result]:
    """Book one batch; returns the results by place (without the credited ones unless `everything`).

    When it returns, the batch is committed. Raises Busy, with nothing booked, where the database stays away, and
    PartySuspended where the sender has left meanwhile.
    """
    return book(ready(arrival, read), everything=everything, then=then)


def ready(arrival: Arrival, read: Sequence[Read]) -> Prepared:
    """Measure a batch and lay it out for the staging table."""
    sound = [one for one in read if isinstance(one, Event)]
    measured = measure(sound, basis.setting(), arrival.received_at + FUTURE_TOLERANCE)
    return laid_out(arrival, measured, read)


def laid_out(arrival: Arrival, measured: Sequence[Measured], read: Sequence[Read] = ()) -> Prepared:
    """The batch of what is measured already; of `read` only refusals and what is taken back count."""
    takings = taking.takings(read)
    used, subjects = staging.used(measured), staging.subjects(measured)
    sums, bases = staging.sums(measured, subjects), basis.keys_of(basis.setting(), used)
    moments = [one.event.time for one in measured if one.outcome == Outcome.CREDITED]
    parts: dict[int, bytes] | None = {} if settings.ABATE_LOG_SM else None
    lines = staging.lines(measured, used, subjects, arrival.sender.code, parts)
    careful = staging.overflows(measured)
    span = (min(moments), max(moments)) if moments else None
    alone = len(moments) == len(measured) == arrival.count and not (takings or parts or careful)
    few = None
    if span and alone and len(moments) <= together.FEW:
        few = together.few(arrival, lines, sums, [key.digest for key in bases], span)
    behaviours = {behaviour for _, behaviour in subjects}
    return Prepared(
        arrival=arrival,
        rows=staging.rows(lines),
        sm3_parts=parts,
        counts=Counter(one.outcome for one in measured),
        bases=bases,
        subjects=staging.arrays(sums),
        behaviours=behaviours,
        marks=[(one.place, one.id, one.mark) for one in read if isinstance(one, Event) and one.mark],
        compared=_compared(behaviours, takings) if span else None,
        span=span,
        refused=[one for one in read if isinstance(one, Refused)],
        takings=takings,
        read=read,
        careful=careful,
        few=few,
    )


def _compared(behaviours: Collection[str], takings: Sequence[taking.Taking]) -> Compared | None:
    rules = basis.acts()
    found = rules.compared(behaviours) if rules else ""
    mended = [(one.place, one.target) for one in takings if one.kind == taking.CORRECTED]
    places, targets = zip(*mended, strict=True) if mended else ((), ())
    return Compared(found, places, targets) if found else None


def book(batch: Prepared, *, everything: bool = True, then: Then | None = None) -> list[Result]:
    """Book a prepared batch; as run_batch."""
    while True:
        try:
            return _try(batch, everything, then)
        except (taking.NotTaken, _TooMuch) as found:
            # A correction stands or falls with what it corrects, and what no account can hold is refused: the batch again,
            # without them. Each round has fewer.
            batch = ready(batch.arrival, [found.refused.get(one.place, one) for one in batch.read])


def _try(batch: Prepared, everything: bool, then: Then | None) -> list[Result]:
    """Book it, again where it lost a race. Raises NotTaken, _TooMuch, with nothing booked."""
    hooked = batch.arrival.sender.hooked
    # What is to be written with the batch goes the longer way, which has a place for it.
    alone = then is not None or hooked or bool(batch.marks) or connection.in_atomic_block
    for attempt in range(TRIES):
        try:
            prepare(TABLES)
            if batch.few and attempt == 0 and not alone:
                booked = together.book(batch.few, _is_away)
                if booked is not None:
                    return sorted(booked, key=lambda result: result.place)
            with transaction.atomic():
                made = _book(batch, everything or hooked)
                results = sorted(made, key=lambda result: result.place)
                if batch.marks:
                    _mark(batch, results)
                    _tell_marks(batch.arrival.sender.party_id, results)
                if hooked:
                    tell(batch.arrival.sender, results, clock.now())
                if then is not None:
                    then(results)
            return results
        except DatabaseError as fault:
            if isinstance(fault.__cause__, errors.NumericValueOutOfRange) and not batch.careful:
                batch = replace(batch, careful=True)
                continue
            race = isinstance(fault.__cause__, RACES)
            if not race or attempt == TRIES - 1 or connection.in_atomic_block:
                raise (Busy() if race or _is_away(fault) else fault) from fault
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _book(batch: Prepared, everything: bool) -> list[Result]:
    sender, now, counts = batch.arrival.sender, clock.now(), batch.counts
    hoped = sum(counts.values()) - counts.get(Outcome.REFUSED, 0)
    results: list[Result] = []
    rest: list[Unclaimed] = []
    refused = list(batch.refused)
    with workspace(few=sum(counts.values()) <= together.FEW) as cursor:
        batch_id = events.open_batch(cursor, batch.arrival)
        events.keep_left_out(cursor, sender.party_id)
        bases = carbon.number_bases(cursor, batch.bases, now)
        events.stage(cursor, batch.rows)
        events.name_people(cursor, sender.party_id, batch_id, batch.subjects)
        whole = events.claim(cursor, sender.party_id, batch_id, hoped=hoped)
        if not whole or counts.get(Outcome.REFUSED):
            rest = events.rest(cursor, sender.party_id, partly=not whole)
        if not whole:
            events.keep_claimed(cursor)
        held = quarantine.hold(cursor, batch_id, batch.arrival, batch.marks)
        if batch.takings:
            taking.lock(sender.party_id, batch.takings, own=batch.compared is not None)
        elif batch.compared:
            acts.lock(cursor)
        if batch.careful:
            _refuse_too_much(cursor)
        results += enter(cursor, batch, batch_id, bases, whole=whole, everything=everything, held=held)
        settled, more = _settle(cursor, sender.party_id, rest)
        refused += more
        if batch.takings:
            taken, more = _take_back(cursor, batch, batch_id, rest, results, settled)
            results += taken
            refused += more
        events.refuse(cursor, batch_id, sender.party_id, now, refused)
    refusals = [Result(one.place, one.id, Outcome.REFUSED, one.reason) for one in refused]
    return results + settled + refusals


def _mark(batch: Prepared, results: Sequence[Result]) -> None:
    """With the events that this batch brought, their sources: not with what was refused, or there before."""
    outside = {one.place for one in results if one.outcome in _NOT_NEW}
    marks = [(event_id, source) for place, event_id, source in batch.marks if place not in outside]
    if marks:
        with connection.cursor() as cursor:
            events.mark(cursor, batch.arrival.sender.party_id, marks)


def _tell_marks(party_id: int, results: Iterable[Result]) -> None:
    """The mark with every answer about an event that has one: that under which it came first."""
    told = [one for one in results if one.id and one.outcome not in (Outcome.REFUSED, Outcome.CONFLICT)]
    marks = sources.marks((party_id, one.id or "") for one in told)
    # An event may stand in a batch more than once.
    for one in told:
        one.source = marks.get((party_id, one.id or ""))


class _TooMuch(Exception):
    """Events by which an account would hold more milligrams than it can: the batch is booked again with these refused."""

    def __init__(self, refused: dict[int, Refused]) -> None:
        super().__init__(f"{len(refused)} events")
        self.refused = refused


def _refuse_too_much(cursor: Cursor) -> None:
    """Hold what was claimed against its accounts, in the order of places. Raises _TooMuch."""
    refused: dict[int, Refused] = {}
    held: dict[int, tuple[int, int]] = {}
    for place, event_id, behaviour, person, er_mg, rate, *before in ledger.staged(cursor):
        carbon, earned = held.get(person, before)
        after = (carbon + er_mg, earned + er_mg * rate)
        if after[0] > staging.MOST or after[1] not in INT64:
            refused[place] = Refused(place, event_id, behaviour, "total_too_large", "er_mg")
        else:
            held[person] = after
    if refused:
        raise _TooMuch(refused)


def enter(
    cursor: Cursor,
    batch: Prepared,
    batch_id: int,
    bases: Sequence[int],
    *,
    whole: bool,
    everything: bool,
    displace: bool = True,
    held: int = 0,
) -> list[Result]:
    """Book the staged events whose people are named: what is credited with its entries, the rest kept.

    `whole`: they are all that the sums of the people were made of. The people are locked where the batch is `compared`; what
    is booked of the same acts gives way where the methodologies say so, if `displace`. `held`: how many are in quarantine.
    """
    results: list[Result] = []
    party_id, now, lost = batch.arrival.sender.party_id, clock.now(), held
    if batch.span:
        if batch.compared:
            lost += giving_way.one_act(cursor, batch.compared, party_id, displace=displace)
        capped = rules.any_cap(batch.behaviours, *map(clock.day, batch.span))
        if capped:
            credits.cut(cursor, party_id, batch_id)
        if capped or lost or not whole:
            events.count_again(cursor)
        terms = ledger.Terms(
            at=now,
            party_id=party_id,
            batch_id=batch_id,
            bases=bases,
            credits_per_kg=rules.rate_over(*map(clock.day, batch.span)),
        )
        results += ledger.book(cursor, terms, everything=everything, sm3_parts=batch.sm3_parts)
    if lost or any(batch.counts.get(outcome) for outcome in Outcome.without_credits()):
        results += carbon.keep(cursor, party_id=party_id, batch_id=batch_id, bases=bases)
    return results


def _take_back(
    cursor: Cursor,
    batch: Prepared,
    batch_id: int,
    rest: Sequence[Unclaimed],
    booked: Sequence[Result],
    settled: Sequence[Result],
) -> tuple[list[Result], list[Refused]]:
    """Last, so that what this batch booked can be taken back too. A correction takes back once: with its own id."""
    party = batch.arrival.sender.party_id
    unclaimed = {one.place for one in rest}
    due = [one for one in batch.takings if one.kind == taking.WITHDRAWN or one.place not in unclaimed]
    taken, refused, undone = taking.take(party, batch_id, due)
    for result in booked:
        result.undone = undone.get(result.place)
    asked = {one.place: one.target for one in batch.takings if one.place in unclaimed}
    before = events.corrected(cursor, party, [one.event_id for one in rest if one.place in asked])
    for result in settled:
        if result.place in asked and result.id and before.get(result.id) != asked[result.place]:
            result.outcome, result.reason, result.stored = Outcome.CONFLICT, "other_content:corrects", None
            result.er_mg, result.credits, result.entry = None, 0, None
    return taken, refused


def _settle(cursor: Cursor, party: int, rest: Iterable[Unclaimed]) -> tuple[list[Result], list[Refused]]:
    """Results of the events that were not claimed, in the order of precedence: refused, conflict, exists.

    Refused is only what was not taken in before: a date that fitted its moment in the zone of then, or an end that was no longer
    ahead by the clock of then, is not asked again.
    """
    results: list[Result] = []
    refused: list[Refused] = []
    repeated: list[Unclaimed] = []
    for one in rest:
        if not one.authorised or (one.same is None and one.outcome != Outcome.REFUSED):
            refused.append(Refused(one.place, one.event_id, one.behaviour, "not_authorised", "subject"))
        elif one.outcome == Outcome.REFUSED and not one.same:
            code, _, detail = (one.reason or "malformed").partition(":")
            refused.append(Refused(one.place, one.event_id, one.behaviour, code, detail[:80]))
        elif one.same:
            repeated.append(one)
        else:
            results.append(Result(one.place, one.event_id, Outcome.CONFLICT, "other_content:id"))
    if repeated:
        stored = ledger.stored(cursor, party, repeated) + quantities.stored(cursor, party, repeated)
        gone = events.withdrawn(cursor, party, [one.event_id for one in repeated])
        for result in stored:
            result.withdrawn_by = gone.get(result.id or "")
        results += stored
    return results, refused


def _is_away(fault: DatabaseError) -> bool:
    cause = fault.__cause__
    return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError) and not isinstance(
        cause, RACES
    )
