"""From events to quantities, before any database work: a lone event exactly with its tree, many as columns.

Both ways give the same canonical record and the same milligrams; which one runs is only a matter of cost.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import duckdb
import msgspec
import pyarrow as pa

from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.events.envelope import Event
from abate.platform.events.outcomes import Outcome
from abate.quantify import columns, one
from abate.quantify.factors import Setting
from abate.quantify.outcome import Outcome as Engine
from abate.quantify.record import canonical, read_record

HISTORY = "history:P-7.2-d"
BEFORE_PUBLICATION = "before_publication:P-7.2-d"
UNDER_ONE = "under_one_milligram:P-7.2-a"
OUTCOMES = {
    Engine.REFUSED: Outcome.REFUSED,
    Engine.NEEDS_FIGURE: Outcome.NEEDS_FIGURE,
    Engine.NOT_COUNTED: Outcome.NOT_COUNTED,
    Engine.NOT_BELOW_BASELINE: Outcome.NOT_BELOW_BASELINE,
    Engine.COUNTED: Outcome.CREDITED,
}
_engines = threading.local()


class Measured(msgspec.Struct, gc=False):
    """What an event comes to before it is booked. Amounts in mg CO2e; its id will stand for `digest`."""

    event: Event
    outcome: int
    reason: str | None
    amounts: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    version: int | None = None
    factors: str = ""
    record: str | None = None
    digest: bytes | None = None


def measure(events: Sequence[Event], setting: Setting, latest: datetime | None) -> list[Measured]:
    """The measure of each event, in any order. `latest` is the last moment that is not in the future; None for events that
    were taken in: whether they lie ahead, or on the day that they say, was asked when they came, and a clock that was put
    back, or another zone, does not ask again.
    """
    groups: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        groups[event.behaviour].append(event)
    found: list[Measured] = []
    for behaviour, group in groups.items():
        times = _times(behaviour)
        raw = [_alone(group[0], setting)] if len(group) == 1 else _as_columns(behaviour, group, setting)
        found += [_finish(one_measured, times, latest) for one_measured in raw]
    return found


def _alone(event: Event, setting: Setting) -> Measured:
    try:
        record = json.loads(
            event.data, parse_constant=_no_constant, parse_int=_whole, object_pairs_hook=_once
        )
    except (ValueError, RecursionError):
        return Measured(event, Outcome.REFUSED, "malformed:record")
    quantity, _ = one.quantify_one(record, event.behaviour, catalogue(), setting)
    text = None
    if quantity.outcome is not Engine.REFUSED:
        versions = catalogue().methods[event.behaviour]
        method = next(m for m in versions if m.version == quantity.method_version)
        accepted = read_record(method, record, setting.zone)
        assert not isinstance(accepted, tuple)
        text = canonical(method, accepted).decode()
    return Measured(
        event,
        OUTCOMES[quantity.outcome],
        quantity.reason,
        (quantity.be_mg, quantity.pe_mg, quantity.le_mg, quantity.er_mg),
        quantity.method_version,
        quantity.factors,
        text,
    )


def _once(members: list[tuple[str, object]]) -> dict[str, object] | None:
    """An object whose every name stands once, else nothing: of two values neither is the one that was meant."""
    found = dict(members)
    return found if len(found) == len(members) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _whole(text: str) -> int | float:
    # Longer than any field's range; Python itself refuses to read thousands of digits.
    return int(text) if len(text) <= 100 else float(text)


def _as_columns(behaviour: str, events: list[Event], setting: Setting) -> list[Measured]:
    table = pa.table(
        {
            "ord": pa.array(range(len(events)), pa.int32()),
            "data": pa.array([event.data for event in events], pa.binary()).cast(pa.string()),
        }
    )
    found = columns.quantify_events(_engine(), table, behaviour, catalogue(), setting)
    names = ("ord", "outcome", "reason", "be_mg", "pe_mg", "le_mg", "er_mg", "method_version", "factors")
    lists = [found.column(name).to_pylist() for name in (*names, "canonical")]
    return [
        Measured(events[place], OUTCOMES[outcome], reason, (be, pe, le, er), version, factors or "", record)
        for place, outcome, reason, be, pe, le, er, version, factors, record in zip(*lists, strict=True)
    ]


def _engine() -> duckdb.DuckDBPyConnection:
    """One in-memory engine per thread: connections of DuckDB are not to be shared."""
    if not hasattr(_engines, "connection"):
        _engines.connection = duckdb.connect()
        _engines.connection.execute("set threads = 1")
    found: duckdb.DuckDBPyConnection = _engines.connection
    return found


class _Times(msgspec.Struct):
    """Where the canonical text of a behaviour's record holds its moments. A quote inside a text is escaped
    there, so what is matched can only be a member of the record."""

    dated_by: str
    dated: re.Pattern[str]
    is_date: bool
    ends: list[tuple[str, re.Pattern[str]]]


@lru_cache(maxsize=256)
def _times(behaviour: str) -> _Times:
    activity = catalogue().newest(behaviour).activity
    return _Times(
        activity.dated_by,
        _member(activity.dated_by),
        activity.field(activity.dated_by).kind == "date",
        [(end, _member(end)) for _, end in activity.intervals],
    )


def _member(name: str) -> re.Pattern[str]:
    return re.compile(rf'(?<=[{{,])"{re.escape(name)}":"([^"]+)"')


def _finish(found: Measured, times: _Times, latest: datetime | None) -> Measured:
    """Hold the record's moments against the event's, settle what credits nothing, and take the digest."""
    event, record = found.event, found.record
    if found.outcome == Outcome.REFUSED or record is None:
        found.outcome, found.record = Outcome.REFUSED, None
        found.reason = _shown(found.reason)
        return found
    wrong = _wrong_time(event, record, times, latest)
    if wrong:
        # With its digest: what was taken in when it came is answered as the same event, whatever clock or zone says now.
        same = digest(event.behaviour, event.subject, event.time, record)
        return Measured(event, Outcome.REFUSED, wrong, digest=same)
    found.outcome, found.reason = settled(found.outcome, found.reason, found.amounts[3])
    found.digest = digest(event.behaviour, event.subject, event.time, record)
    return found


def settled(outcome: int, reason: str | None, er_mg: int | None) -> tuple[int, str | None]:
    """(outcome, reason) of a record that the engine accepted, as they are stored: what credits nothing says why."""
    if outcome in (Outcome.CREDITED, Outcome.NOT_BELOW_BASELINE):
        if reason == HISTORY:
            return Outcome.NOT_COUNTED, BEFORE_PUBLICATION
        if outcome == Outcome.CREDITED and (er_mg is None or er_mg <= 0):
            return Outcome.NOT_BELOW_BASELINE, UNDER_ONE
    return outcome, reason


def _shown(reason: str | None) -> str | None:
    """A reason that can be stored and shown: a field's name in it is the partner's own text."""
    if reason is None or reason.isprintable():
        return reason
    return f"{reason.partition(':')[0]}:(name)"


def _wrong_time(event: Event, record: str, times: _Times, latest: datetime | None) -> str | None:
    dated = times.dated.search(record)
    if dated is None:
        return f"time_mismatch:{times.dated_by}"
    if times.is_date:
        # A date is the platform's day: the event's time must fall on it, in the zone of the day on which it came.
        if latest is not None and date.fromisoformat(dated[1]) != clock.day(event.time):
            return f"time_mismatch:{times.dated_by}"
    elif datetime.fromisoformat(dated[1]) != event.time:
        return f"time_mismatch:{times.dated_by}"
    for name, pattern in times.ends:
        end = pattern.search(record)
        if end and latest is not None and _begins(end[1]) > latest:
            return f"future:{name}"
    return None


def _begins(text: str) -> datetime:
    """The moment a text stands for; a date begins at its midnight in the platform's zone."""
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), clock.zone())
    return datetime.fromisoformat(text)


def digest(behaviour: str, subject: str, time: datetime, record: str) -> bytes:
    """What an event id stands for. Line breaks separate: none of the first three can hold one."""
    moment = (time - _EPOCH) // _MICROSECOND
    return hashlib.sha256(f"{behaviour}\n{subject}\n{moment}\n{record}".encode()).digest()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
