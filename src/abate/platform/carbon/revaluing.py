"""What stored quantities come to under the present setting: which would change, and the digest of all that would.

Nothing is written here. A quantity that stands is measured again from its stored record as a new event would be
(measure.py); one whose outcome or amounts differ is a change. Clauses P-7.2-a, P-7.2-d.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter

from django.db import connection

from abate.platform.carbon import basis
from abate.platform.carbon.measure import Measured, digest, measure
from abate.platform.carbon.queries import SQL
from abate.platform.doors import clock
from abate.platform.events.envelope import Event
from abate.platform.events.outcomes import Outcome

CHUNK = 5_000
"""Quantities measured, and changes booked, together: our policy. A person's are never in two chunks."""
Figures = tuple[int, int | None, int | None, int | None, int | None]
"""Outcome, and be, pe, le and er in mg CO2e."""
Replaced = tuple[int, str, int, int]
"""Party, event id, and the batch and place of the quantity that a later one stands for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The behaviour, and the days of the act from `first` to `last`."""

    behaviour: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Stored:
    """A quantity that stands. `seen_*` is where the registry of event ids has its event; `booked` the award's day,
    `day` that of the act as it was counted.
    """

    party_id: int
    party: str
    person_id: int
    subject: str
    event_id: str
    occurred_at: datetime
    batch_id: int
    place: int
    seen_batch_id: int
    seen_place: int
    outcome: int
    be_mg: int | None
    pe_mg: int | None
    le_mg: int | None
    er_mg: int | None
    eligible_mg: int
    credits_per_kg: int
    entry_id: int | None
    booked: date | None
    version: int
    factors: str
    record: str | None
    left_alone: str | None
    behaviour: str
    day: date

    @property
    def figures(self) -> Figures:
        return self.outcome, self.be_mg, self.pe_mg, self.le_mg, self.er_mg


@dataclass(frozen=True, slots=True)
class Change:
    """A quantity that stands, and what it comes to today."""

    stored: Stored
    now: Measured

    @property
    def before_mg(self) -> int:
        """What the event was credited with, in mg."""
        return _credited(self.stored.figures)

    @property
    def gain_mg(self) -> int:
        """By how much the credited amount changes; what credits nothing counts as nothing."""
        return _credited((self.now.outcome, *self.now.amounts)) - self.before_mg

    @property
    def line(self) -> bytes:
        figures: Figures = (int(self.now.outcome), *self.now.amounts)
        one = self.stored
        replaced = (one.party_id, one.event_id, one.batch_id, one.place)
        return _line(replaced, one.figures, figures, self.now.version, self.now.factors)


@dataclass(slots=True)
class Reading:
    """What was read: how many, how many of them are left alone and why, on which factors, the days of old awards."""

    events: int = 0
    left: Counter[str] = field(default_factory=Counter)
    factors_before: set[str] = field(default_factory=set)
    factors_after: set[str] = field(default_factory=set)
    booked: set[date] = field(default_factory=set)


def _credited(figures: Figures) -> int:
    return (figures[4] or 0) if figures[0] == Outcome.CREDITED else 0


def _line(replaced: Replaced, old: Figures, new: Figures, version: int | None, factors: str | None) -> bytes:
    """The digest of one change.

    It names the very quantity that is replaced: a figure that comes into force again, and again replaces the same one,
    is another change than the first time.
    """
    text = json.dumps([*replaced, old, new, version, factors or ""], separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def proposal(header: str, lines: Sequence[bytes]) -> bytes:
    """The digest of a proposal: what was shown of it, and every change, in an order that is the changes' own."""
    made = hashlib.sha256(header.encode())
    for line in sorted(lines):
        made.update(line)
    return made.digest()


def header(asked: Asked, read: Reading) -> str:
    """What was looked at, under what setting, and what is left alone."""
    setting = basis.setting()
    return json.dumps(
        {
            "behaviour": asked.behaviour,
            "from": asked.first.isoformat(),
            "to": asked.last.isoformat(),
            "events": read.events,
            "left_alone": dict(sorted(read.left.items())),
            "region": setting.region,
            "floor": setting.floor,
            "pack": setting.pack.hash if setting.pack else None,
            "factors_before": sorted(read.factors_before),
            "factors_after": sorted(read.factors_after),
        },
        sort_keys=True,
    )


def changes(
    asked: Asked, read: Reading, today: date | None = None, left_since: Collection[str] = ()
) -> Iterator[list[Change]]:
    """The changes of one partner's people, a chunk at a time; counts go to `read`. Read in one snapshot, streaming.

    `today`: the day on which it is asked whether a source may still be used, where that is not the present one.
    `left_since`: pseudonyms of people erased since the decision, whose quantities are read as it saw them. Nothing can be
    booked for them any more.
    """
    values = {"behaviour": asked.behaviour, "first": asked.first, "last": asked.last}
    values |= {"today": today or clock.today(), "left_since": list(left_since)}
    with connection.chunked_cursor() as cursor:
        with _any_plan():
            cursor.execute(f"{SQL['standing']}\n{SQL['standing_between']}", values)
        rows = (Stored(*row) for row in iter(cursor.fetchone, None))
        waiting: list[Stored] = []
        for _, person in groupby(rows, key=attrgetter("party_id", "person_id")):
            theirs = list(person)
            if waiting and (waiting[0].party_id != theirs[0].party_id or len(waiting) + len(theirs) > CHUNK):
                if found := _compare(asked.behaviour, waiting, read):
                    yield found
                waiting = []
            waiting += theirs
        if found := _compare(asked.behaviour, waiting, read):
            yield found


def of_events(events: Sequence[tuple[int, int, str]], today: date | None = None) -> list[Stored]:
    """The quantities of these events (person, party, event id) as they stand, by party, person and arrival. `today` as in
    `changes`; without it, whether a source may still be used is not asked.
    """
    persons, parties, names = (list(one) for one in zip(*events, strict=True)) if events else ([], [], [])
    values = {
        "persons": persons,
        "parties": parties,
        "events": names,
        "today": today,
        "left_since": [],
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{SQL['standing']}\n{SQL['standing_of']}", values)
        return [Stored(*row) for row in cursor.fetchall()]


def again(stored: Sequence[Stored], behaviour: str) -> tuple[list[Change], int]:
    """What these quantities of one partner and behaviour come to as events of today, by place; and how many the version of
    today reads otherwise, or not at all: an id may only ever mean one record, so they are left out.
    """
    events = [
        Event(place, one.event_id, behaviour, one.subject, one.occurred_at, one.record.encode())
        for place, one in enumerate(stored)
        if one.record is not None
    ]
    found, other = [], 0
    for now in measure(events, basis.setting(), latest=None) if events else []:
        one = stored[now.event.place]
        same_event = None not in (now.record, one.record) and now.digest == digest(
            behaviour, one.subject, one.occurred_at, one.record or ""
        )
        if now.outcome == Outcome.REFUSED or not same_event:
            other += 1
        else:
            found.append(Change(one, now))
    return sorted(found, key=lambda change: change.now.event.place), other


@contextmanager
def _any_plan() -> Iterator[None]:
    """A connection that books batches reads no table through (doors/workspace.py); this one statement shall."""
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('enable_seqscan')")
        (before,) = cursor.fetchone()
        cursor.execute("select set_config('enable_seqscan', 'on', false)")
        yield
        cursor.execute("select set_config('enable_seqscan', %s, false)", [before])


def _compare(behaviour: str, stored: Sequence[Stored], read: Reading) -> list[Change]:
    read.events += len(stored)
    read.left.update(one.left_alone for one in stored if one.left_alone)
    today, other = again([one for one in stored if not one.left_alone], behaviour)
    if other:
        read.left["other_record"] += other
    found = [
        change for change in today if (int(change.now.outcome), *change.now.amounts) != change.stored.figures
    ]
    for change in found:
        read.factors_before.update(filter(None, change.stored.factors.split(";")))
        read.factors_after.update(filter(None, change.now.factors.split(";")))
        if change.stored.booked:
            read.booked.add(change.stored.booked)
    return found


def entry_cause(reason: tuple[str, str], number: int) -> str:
    """What the reversal of an old award says of why, beside the award's leaf: (Chinese, English), and which revaluation."""
    return f"{reason[0]} / {reason[1]} (revalue {number})"


def read_entry_cause(text: str) -> tuple[str, str] | None:
    """The (Chinese, English) reason of an entry_cause; None for another text, or one that parts in two ways."""
    found = re.fullmatch(r"(.+) \(revalue \d+\)", text, re.DOTALL)
    halves = found[1].split(" / ") if found else []
    return (halves[0], halves[1]) if len(halves) == 2 else None


def done(revaluation_id: int) -> tuple[list[bytes], int]:
    """The lines of what a revaluation booked already, and how many they are."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["done"], {"revaluation": revaluation_id})
        lines = [_line(row[:4], row[4:9], row[9:14], *row[14:]) for row in cursor.fetchall()]
    return lines, len(lines)


def approved(digest_: bytes) -> tuple[int, str, str, str, datetime] | None:
    """Number, header, reason (Chinese, English) and moment of the decision of a revaluation that may be booked; None
    where nobody decided so.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["revaluation"], {"proposal": digest_})
        return cursor.fetchone()  # type: ignore[no-any-return]
