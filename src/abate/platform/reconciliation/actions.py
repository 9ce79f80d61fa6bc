"""The only writer of reconciliation: a file compared in one transaction, and steps on breaks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from psycopg import Cursor

from abate.platform.doors import clock, scanner
from abate.platform.doors.workspace import workspace
from abate.platform.events.outcomes import Outcome
from abate.platform.parties.models import Party
from abate.platform.reconciliation import queries, reading
from abate.platform.reconciliation.errors import (
    BreakClosed,
    BreakUnknown,
    DayNotOver,
    NothingHeld,
    RowsTwice,
    SideRefused,
    StepMalformed,
)
from abate.platform.reconciliation.models import Break, File, Resolution, Side, State, Step
from abate.platform.reconciliation.queries import SQL, BreakRow
from abate.platform.reconciliation.reading import NOT_KEPT

_NAMES = ["", *(outcome.text for outcome in sorted(Outcome))]
"""Names of outcomes by their number."""
_LONGEST = 500
OPERATOR = "operator"
"""Who acts first on what the party does not have or has otherwise; what is not here the party sends again."""
_EVENTS_FIRST = frozenset({Party.Kind.FINANCIAL, Party.Kind.PUBLIC_SERVICE})
"""Acceptors that held events alone at first: with the grant, a file of theirs that names no side is one of events."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a file came to, and how many breaks of its party and day are open now."""

    file: File
    open: int


def sides_of(party: Party) -> list[Side]:
    """What a party may be reconciled on, first what it is where nobody says: codes of an acceptor, events by the grant."""
    codes = [Side.CODES] if party.kind in Party.ACCEPTORS else []
    events = [Side.EVENTS] if Party.Grant.DATA in party.grants else []
    return [*events, *codes] if party.kind in _EVENTS_FIRST else [*codes, *events]


def side_of(party: Party, asked: str = "") -> Side:
    """The side that was `asked` for, or the party's first. Raises NothingHeld, or SideRefused for another one."""
    own = sides_of(party)
    if not own:
        raise NothingHeld(party.code)
    if asked and asked not in own:
        raise SideRefused(f"{asked[:20]}: {', '.join(own)}")
    return Side(asked) if asked else own[0]


def compare(
    party: Party,
    day: date,
    data: bytes,
    form: str,
    *,
    via: str,
    client_id: str = "",
    side: str = "",
) -> Result:
    """Hold a party's file for a day against what is booked. One transaction: the file counts whole or not at all.

    `form` is `csv` or `jsonl`; `side` events or codes, left out the party's first. Breaks that are new are opened, those
    that a later file no longer shows are cleared. Raises DayNotOver, NothingHeld, SideRefused, and what the scanner,
    reading.read and RowsTwice refuse; then nothing was changed.
    """
    if day >= clock.today():
        raise DayNotOver(day.isoformat())
    chosen = side_of(party, side)
    scanner.require_clean(data)
    items = reading.read(data, form, chosen, party.code, day)
    digest, now = hashlib.sha256(data).digest(), clock.now()
    values = {
        "party": party.pk,
        "side": chosen.value,
        "day": day,
        "at": now,
        "code": party.code,
        "operator": OPERATOR,
    }
    with transaction.atomic(), workspace() as cursor:
        cursor.execute(SQL["one_at_a_time"], values)
        cursor.execute(SQL["plan"])
        cursor.execute(SQL["fresh"])
        cursor.execute(SQL["stage"])
        cursor.execute(SQL["met"])
        with cursor.copy(SQL["copy"]) as copy:
            for one in items:
                copy.write_row((one.line, one.item, one.label, one.outcome, one.er_mg, one.credits))
        _refuse_twice(cursor)
        cursor.execute("analyze pg_temp.reconciliation_stage")
        if chosen is Side.EVENTS:
            values |= {"names": _NAMES, "not_kept": sorted(NOT_KEPT)}
            cursor.execute(SQL["meet_events"], values)
        else:
            start = datetime.combine(day, time(), clock.zone())
            cursor.execute(SQL["meet_codes"], values | {"from": start, "until": start + timedelta(days=1)})
        rows, matched, missing_here, missing_there, different = cursor.fetchone()
        cursor.execute("analyze pg_temp.reconciliation_met")
        file = File.objects.create(
            party_id=party.pk, side=chosen, day=day, sha256=digest, via=via, client_id=client_id, at=now, rows=rows,
            matched=matched, missing_here=missing_here, missing_there=missing_there, different=different,
        )  # fmt: skip
        cursor.execute(SQL["note_breaks"], values)
        cursor.execute(SQL["open"], values | {"file": file.pk})
        cursor.execute(SQL["clear"], values | {"file": file.pk})
    return Result(file, queries.open_breaks(party.pk, day)[0])


def _refuse_twice(cursor: Cursor) -> None:
    cursor.execute(SQL["twice"])
    found = [
        f"{label} on lines {first} to {last}, {count} times"
        for label, first, last, count in cursor.fetchall()
    ]
    if found:
        raise RowsTwice(reading.named(found))


def assign(break_id: int, owner: str, by: str) -> BreakRow:
    """Say who must act on an open break. Raises BreakUnknown, BreakClosed, StepMalformed."""
    owner = _words(owner)
    return _step(break_id, State.ASSIGNED, by, owner=owner)


def resolve(break_id: int, resolution: str, note: str, by: str) -> BreakRow:
    """Close an open break by a decision. Raises BreakUnknown, BreakClosed, StepMalformed."""
    if resolution not in Resolution.values:
        raise StepMalformed(resolution[:40])
    return _step(break_id, State.RESOLVED, by, resolution=resolution, note=_words(note))


def _words(text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= _LONGEST:
        raise StepMalformed
    return text


def _step(
    break_id: int, state: State, by: str, *, owner: str = "", resolution: str | None = None, note: str = ""
) -> BreakRow:
    found = Break.objects.filter(pk=break_id).first()
    if found is None:
        raise BreakUnknown(str(break_id))
    with transaction.atomic(), workspace() as cursor:
        # In turn with other steps, and with a file that looks at the same breaks.
        cursor.execute(SQL["one_at_a_time"], {"party": found.party_id, "side": found.side})
        now = queries.one(break_id)
        if not now.open:
            raise BreakClosed(f"{break_id}: {now.state}")
        Step.objects.create(
            break_id=break_id, at=clock.now(), state=state, kind=now.kind, ours=now.ours, theirs=now.theirs,
            owner=owner or now.owner, resolution=resolution, note=note, by=by,
        )  # fmt: skip
        return queries.one(break_id)
