"""The only writer of batches, event ids and refusals. Every step is one statement over the whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor
from psycopg.errors import UniqueViolation

from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.events.envelope import Refused, Sender
from abate.platform.parties.errors import PartySuspended

SQL = statements(Path(__file__).parent / "sql")
PLAIN_FROM = 200
"""From so many events on a batch is first claimed by plain insert; below, the savepoint costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch as it came in: the digest of its bytes stands as the cause of every award in it."""

    sender: Sender
    via: str
    received_at: datetime
    body_sha256: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Subjects:
    """Each subject of a batch with a behaviour, once, as arrays in PostgreSQL's text form, made before the transaction:
    what all credited events of the subject come to, and how many they are (on its first row, 0 on the others).
    """

    names: str
    behaviours: str
    entries: str
    er_mg: str


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


def keep_left_out(cursor: Cursor, party_id: int) -> None:
    """Nothing of a party that left is booked, whenever its token was looked at; the batch is open. Raises PartySuspended."""
    cursor.execute(SQL["has_left"], {"party": party_id})
    found = cursor.fetchone()
    if found is not None:
        raise PartySuspended(found[0])


def keep_batches_out() -> None:
    """Until the transaction ends no batch is on its way; who calls it holds nothing yet that a batch may want."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["keep_batches_out"])


def keep_erasing_out() -> None:
    """Until the transaction ends nobody is erased, as while a batch is on its way, and batches go on."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["keep_erasing_out"])


def stage(cursor: Cursor, rows: bytes) -> None:
    """Copy the batch into the staging table; `rows` are in PostgreSQL's binary format (carbon/staging.py)."""
    with cursor.copy(SQL["copy_stage"]) as copy:
        copy.write(rows)


def clear_stage(cursor: Cursor) -> None:
    """Take everything off the staging table, people too."""
    cursor.execute(SQL["clear_stage"])


def name_people(cursor: Cursor, party_id: int, batch_id: int, asked: Subjects) -> None:
    """Find who the subjects are and since when their authorisation is live. (P-4.3)"""
    values = {
        "party": party_id,
        "batch": batch_id,
        "subjects": asked.names,
        "behaviours": asked.behaviours,
        "entries": asked.entries,
        "er_mg": asked.er_mg,
        "at": clock.now(),
    }
    # Not prepared: a plan for any batch cannot know how many subjects this one has.
    people = SQL["people"].format(of_party="= %(party)s")
    cursor.execute(SQL["name_people"].format(people=people), values, prepare=False)


def claim(cursor: Cursor, party_id: int, batch_id: int, *, hoped: int) -> bool:
    """Claim the ids of the events that are new and authorised; returns whether these were all of `hoped`.

    Where not, the claimed ones are listed for the statements that follow. A large batch is first taken to be all
    new: a plain insert costs half of one that looks for each id before, and the first repeat falls back to that.
    (P-4.3, P-7.3.3.3-b)
    """
    values = {"party": party_id, "batch": batch_id}
    if hoped >= PLAIN_FROM:
        cursor.execute("savepoint claim")
        try:
            cursor.execute(SQL["claim"], values)
            if cursor.rowcount == hoped:
                cursor.execute("release savepoint claim")
                return True
        except UniqueViolation:
            pass
        cursor.execute("rollback to savepoint claim")
    cursor.execute(SQL["claim_new"].format(claim=SQL["claim"]), values)
    return cursor.rowcount == hoped


def rest(cursor: Cursor, party_id: int, *, partly: bool) -> list[Unclaimed]:
    """The staged events that were not claimed: all of them, or (not `partly`) the refused."""
    cursor.execute(SQL["rest"], {"party": party_id, "partly": partly})
    return [Unclaimed(*values) for values in cursor.fetchall()]


def keep_claimed(cursor: Cursor) -> None:
    """Leave only what was claimed on the staging table."""
    cursor.execute(SQL["drop_rest"])


def count_again(cursor: Cursor) -> None:
    """Make the running sums of the staged events and the sums of their people anew."""
    cursor.execute(SQL["count_again"])
    cursor.execute(SQL["sum_again"])


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


def note_withdrawals(
    cursor: CursorWrapper,
    party_id: int,
    batch_id: int,
    at: datetime,
    rows: Sequence[tuple[str, str, int, str, int, int, datetime, bytes]],
) -> None:
    """Note what was taken back: (event, by, kind, cause, person, place, decided at, digest); the ids of withdrawals are
    claimed with it.
    """
    names = ("events", "by", "kinds", "causes", "persons", "places", "decided", "digests")
    columns = (list(column) for column in zip(*rows, strict=True))
    values = dict(zip(names, columns, strict=True)) | {"party": party_id, "batch": batch_id, "at": at}
    cursor.execute(SQL["note_withdrawals"], values)


def withdrawn(cursor: Cursor, party_id: int, ids: Sequence[str]) -> dict[str, str]:
    """Which of these events were taken back, and by which event."""
    cursor.execute(SQL["withdrawn"], {"party": party_id, "events": list(ids)})
    return dict(cursor.fetchall())


def corrected(cursor: Cursor, party_id: int, ids: Sequence[str]) -> dict[str, str]:
    """Which event each of these corrected."""
    cursor.execute(SQL["corrections"], {"party": party_id, "events": list(ids)})
    return dict(cursor.fetchall())


def mark(cursor: CursorWrapper, party_id: int, marks: Sequence[tuple[str, int]]) -> None:
    """Note of accepted events (id, version of the source) where they come from; what is known of an event stays. (P-8.5-d)"""
    ids, found = (list(one) for one in zip(*marks, strict=True))
    values = {"party": party_id, "ids": ids, "sources": found, "day": clock.today()}
    cursor.execute(SQL["mark"], values)
