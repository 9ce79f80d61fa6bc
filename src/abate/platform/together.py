"""A few events at a time: one statement and one round trip, shared by callers that wait at the same moment.

It is put together from the statements that book a large batch. Each caller's batch stays a batch of its own, with its own
digest, party and verdict; what does not fit is left to the longer way, alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec
from django.db import DatabaseError

from abate.bookkeeping.kinds import RULES, Kind
from abate.platform.carbon import actions as carbon
from abate.platform.carbon import acts, basis, staging
from abate.platform.credits import queries as rules
from abate.platform.doors import clock
from abate.platform.doors.exchange import exchange
from abate.platform.doors.statements import statements
from abate.platform.events import actions as events
from abate.platform.events.actions import Arrival
from abate.platform.events.outcomes import Result
from abate.platform.ledger import awards as ledger
from abate.platform.quarantine import actions as quarantine

SQL = statements(Path(__file__).parent)
MOST = 64
"""Our policy: so many batches at most share a transaction."""
GATHER = 0.5
"""Our policy: so much of the time that the last transaction took, the next one waits for its callers to come again."""
FEW = 16
"""Our policy: a batch of so many events at most is booked this way."""
_OF_FIT = "where exists (select from fit where fit.id = mark.batch_id)"
PATIENCE = "50ms"
"""Our policy: how long a lock is waited for. Then each caller goes the longer way, and waits for its own locks alone."""


@dataclass(frozen=True, slots=True)
class Few:
    """A batch that may be booked together with others: its JSON, and what is looked up for it."""

    document: str
    party_id: int
    subjects: Sequence[str]
    behaviours: Sequence[str]
    bases: Sequence[bytes]
    span: tuple[datetime, datetime]


def few(
    arrival: Arrival,
    found: Sequence[staging.Line],
    people: Sequence[staging.Sum],
    bases: Sequence[bytes],
    span: tuple[datetime, datetime],
) -> Few:
    """A small batch of credited events alone."""
    document = {
        "party_id": arrival.sender.party_id,
        "via": arrival.via,
        "received_at": arrival.received_at,
        "body_sha256": f"\\x{arrival.body_sha256.hex()}",
        "count": arrival.count,
        "client_id": arrival.sender.client_id,
        "events": staging.objects(found, bases),
        "people": [
            {"who": who, "subject": subject, "behaviour": behaviour, "entries": entries, "er_mg": er_mg}
            for who, (subject, behaviour, entries, er_mg) in enumerate(people, 1)
        ],
    }
    subjects, behaviours = ({one[n] for one in people} for n in (0, 1))
    return Few(
        msgspec.json.encode(document).decode(),
        arrival.sender.party_id,
        [*subjects],
        [*behaviours],
        bases,
        span,
    )


@dataclass(slots=True, eq=False)
class _Caller:
    """One that waits for its batch: told to gather others, to book for all, or that it is done: the results (None: not
    booked) or a fault."""

    batch: Few
    thread: int = field(default_factory=threading.get_ident)
    told: threading.Event = field(default_factory=threading.Event)
    gathers: bool = False
    leads: bool = False
    done: bool = False
    results: list[Result] | None = None
    fault: DatabaseError | None = None


@dataclass(frozen=True, slots=True)
class _Last:
    """The transaction that ended last: who led it, how many callers there were, when it ended and how long it took, in
    seconds."""

    thread: int = 0
    callers: int = 0
    ended: float = 0.0
    took: float = 0.0


_lock = threading.Lock()
_came = threading.Condition(_lock)
_waiting: list[_Caller] = []
_busy = False
"""Somebody gathers or leads: one transaction at once, the next one takes whoever comes meanwhile."""
_last = _Last()


def book(batch: Few, is_away: Callable[[DatabaseError], bool]) -> list[Result] | None:
    """Book it with whoever waits; returns its results, None where it is not booked and needs the longer way.

    When it returns results, they are committed. Raises DatabaseError where the database stays away (`is_away`): then it
    is not known whether it is booked.
    """
    caller = _Caller(batch)
    _queue(caller)
    while not caller.done:
        caller.told.wait()
        caller.told.clear()
        if caller.gathers:
            _gather(caller)
        if caller.leads:
            _lead(caller, is_away)
    if caller.fault is not None:
        raise caller.fault
    return caller.results


def _queue(caller: _Caller) -> None:
    global _busy
    with _lock:
        _waiting.append(caller)
        if len(_waiting) >= _last.callers:
            _came.notify()
        if not _busy:
            _busy = caller.gathers = True
            caller.told.set()


def _gather(caller: _Caller) -> None:
    """Wait a moment for those that were answered just now, for most of them come again at once. Who led last leads again,
    if there: its connection has all at hand.
    """
    with _lock:
        caller.gathers = False
        until = _last.ended + _last.took * GATHER
        while len(_waiting) < min(_last.callers, MOST) and (left := until - time.monotonic()) > 0:
            _came.wait(left)
        leader = next((one for one in _waiting if one.thread == _last.thread), caller)
        leader.leads = True
    leader.told.set()


def _lead(caller: _Caller, is_away: Callable[[DatabaseError], bool]) -> None:
    """Book for all that wait, then hand on to one of those that came meanwhile."""
    with _lock:
        taken = _take(caller)
    begun = time.monotonic()
    try:
        found = _send([one.batch for one in taken])
        for number, one in enumerate(taken, 1):
            one.results = found.get(number)
    except DatabaseError as fault:
        for one in taken:
            one.fault = fault if is_away(fault) else None
    finally:
        _hand_on(caller, taken, begun)


def _take(caller: _Caller) -> list[_Caller]:
    """The caller and others, none with a subject of another: a balance is raised once in a statement."""
    taken, subjects = [caller], {(caller.batch.party_id, one) for one in caller.batch.subjects}
    for one in _waiting:
        own = {(one.batch.party_id, subject) for subject in one.batch.subjects}
        if one is not caller and len(taken) < MOST and subjects.isdisjoint(own):
            taken.append(one)
            subjects |= own
    for one in taken:
        _waiting.remove(one)
    return taken


def _hand_on(caller: _Caller, taken: Sequence[_Caller], begun: float) -> None:
    global _busy, _last
    with _lock:
        now = time.monotonic()
        _last = _Last(caller.thread, len(taken) + len(_waiting), now, now - begun)
        following = next(iter(_waiting), None)
        _busy = following is not None
        if following is not None:
            following.gathers = True
            following.told.set()
    for one in taken:
        one.done = True
        one.told.set()


def _send(batches: Sequence[Few]) -> dict[int, list[Result]]:
    """One transaction; returns the results of those that were booked, by their number."""
    now = clock.now()
    behaviours = {behaviour for one in batches for behaviour in one.behaviours}
    rules_of_acts = basis.acts()
    compared = rules_of_acts.compared(behaviours) if rules_of_acts else ""
    values = {
        "batches": f"[{','.join(one.document for one in batches)}]",
        "parties": staging.array({str(one.party_id) for one in batches}),
        "subjects": staging.array(subject for one in batches for subject in one.subjects),
        "behaviours": staging.array(behaviours),
        "keys": staging.array({f"\\x{key.hex()}" for one in batches for key in one.bases}),
        "first": clock.day(min(one.span[0] for one in batches)).isoformat(),
        "last": clock.day(max(one.span[1] for one in batches)).isoformat(),
        "at": now.isoformat(),
        "in_force": f"\\x{basis.present()[0].hex()}",
        "day": clock.day(now).isoformat(),
        "kind": str(int(Kind.AWARD)),
        "counter": str(int(RULES[Kind.AWARD].counter)),
        "patience": PATIENCE,
    }
    if compared:
        values |= {"acts": compared, "zone": clock.zone().key}
    locks = (SQL["keep_erasing_out"], *((acts.SQL["lock_subjects"],) if compared else ()))
    found: dict[int, list[Result]] = {}
    for row in exchange((*locks, _statement(compared=bool(compared))), values):
        number, place, event, reason, er_mg, credits, entry, capped = (one and one.decode() for one in row)
        told = (int(er_mg), int(credits), int(entry), capped == "t")
        found.setdefault(int(number), []).append(ledger.result_of(int(place), event, reason, *told))
    return found


@lru_cache(maxsize=2)
def _statement(*, compared: bool) -> str:
    """The one statement; where nothing of it is `compared`, without what keeps one act from counting twice."""
    claimed = f", acted as ({acts.claims('carbon_mark', _OF_FIT, again=False)})"
    shared = {name: acts.SQL[name] for name in ("marks", "alike", "met")}
    return SQL["together"].format(
        rule=rules.SQL["rate_over"],
        caps=rules.SQL["caps"],
        quarantine=quarantine.SQL["live"],
        find_bases=carbon.SQL["find_bases"],
        people=events.SQL["people"].format(of_party="= any(%(parties)s::int[])"),
        claim=events.SQL["claim"],
        acting=SQL["acting"].format(**shared) if compared else "",
        no_clash=SQL["no_clash"].format(**shared) if compared else "",
        claimed_acts=claimed if compared else "",
        **ledger.parts("(select credits_per_kg from rate)", "basis"),
        **{name: ledger.SQL[name] for name in ("booked", "note_span", "note_due")},
    )
