"""The only writer of batches, event ids and refusals. Every step is one statement over the whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import Cursor

from abate.platform.doors.statements import statements
from abate.platform.events.envelope import Refused, Sender

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch as it came in: the digest of its bytes stands as the cause of every award in it."""

    sender: Sender
    via: str
    received_at: datetime
    body_sha256: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A staged event that was not claimed. `same`: its id stands for the same content; None if free."""

    place: int
    event_id: str
    behaviour: str
    outcome: int
    reason: str | None
    authorised: bool
    person_id: int | None
    same: bool | None


def open_batch(cursor: Cursor, arrival: Arrival) -> int:
    """Write the batch; returns its id."""
    cursor.execute(
        SQL["open_batch"],
        {
            "party": arrival.sender.party_id,
            "via": arrival.via,
            "received_at": arrival.received_at,
            "body_sha256": arrival.body_sha256,
            "count": arrival.count,
            "client": arrival.sender.client_id,
        },
    )
    found = cursor.fetchone()
    assert found is not None
    return int(found[0])


def stage(cursor: Cursor, lines: str) -> None:
    """Copy the batch into the staging table; `lines` are in PostgreSQL's text format (carbon/staging.py)."""
    with cursor.copy(SQL["copy_stage"]) as copy:
        copy.write(lines)


def name_people(cursor: Cursor, party_id: int, subjects: str, behaviours: str) -> None:
    """Find who the subjects are and since when their authorisation is live. (P-4.3)

    Both are arrays in PostgreSQL's text form, made before the transaction.
    """
    values = {"party": party_id, "subjects": subjects, "behaviours": behaviours}
    # Not prepared: a plan for any batch cannot know how many subjects this one has.
    cursor.execute(SQL["name_people"], values, prepare=False)


def claim(cursor: Cursor, party_id: int, batch_id: int) -> int:
    """Claim the ids of the events that are new and authorised; returns how many. (P-4.3, P-7.3.3.3-b)"""
    cursor.execute(SQL["claim"], {"party": party_id, "batch": batch_id})
    return cursor.rowcount


def rest(cursor: Cursor, party_id: int) -> list[Unclaimed]:
    """The staged events that were not claimed."""
    cursor.execute(SQL["rest"], {"party": party_id})
    return [Unclaimed(*values) for values in cursor.fetchall()]


def refuse(cursor: Cursor, batch_id: int, party_id: int, at: datetime, refused: Sequence[Refused]) -> None:
    """Record refusals: no subject, no record, no value of a field."""
    if not refused:
        return
    cursor.execute(
        SQL["refuse"],
        {
            "batch": batch_id,
            "party": party_id,
            "at": at,
            "ids": [one.id for one in refused],
            "behaviours": [one.behaviour for one in refused],
            "codes": [one.code for one in refused],
            "details": [one.detail for one in refused],
        },
    )
