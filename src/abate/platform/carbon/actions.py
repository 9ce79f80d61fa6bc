"""The only writer of quantities and of what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction
from psycopg import Cursor

from abate.platform.carbon import basis
from abate.platform.carbon.basis import BasisKey
from abate.platform.carbon.errors import BasisNotInForce, StateChanged
from abate.platform.carbon.revaluing import Asked, Change, Stored
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.events.actions import Subjects, keep_batches_out
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.review.audit import audited

SQL = statements(Path(__file__).parent / "sql")


def number_bases(cursor: Cursor, keys: Sequence[BasisKey], at: datetime, *, trial: bool = False) -> list[int]:
    """The row of each basis, made where it is new; in order, so that two first users cannot deadlock.

    Raises BasisNotInForce, unless what is done is a `trial` that will be taken back.
    """
    digests = [key.digest for key in keys]
    found, held = _find(cursor, digests)
    if not found and keys:
        cursor.execute(SQL["in_force"])
        (held,) = cursor.fetchone() or (None,)
    if not trial and held is not None and bytes(held) != basis.present()[0]:
        raise BasisNotInForce
    missing = {digest: key for digest, key in zip(digests, keys, strict=True) if digest not in found}
    for digest, key in sorted(missing.items()):
        values = {**asdict(key), "key": digest, "factors_hash": key.factors_hash, "at": at}
        cursor.execute(SQL["add_basis"], values)
    if missing:
        found, _ = _find(cursor, digests)
    return [found[digest] for digest in digests]


def _find(cursor: Cursor, digests: list[bytes]) -> tuple[dict[bytes, int], bytes | None]:
    """The number of each basis that is known, and, where one is, the digest of what is in force."""
    if not digests:
        return {}, None
    cursor.execute(SQL["find_bases"], {"keys": digests})
    rows = cursor.fetchall()
    return {bytes(key): int(number) for key, number, _ in rows}, rows[0][2] if rows else None


@audited("basis.adopt")
def adopt() -> None:
    """Put the files and settings of this process in force, between batches: no entry of a later moment stands on former ones."""
    digest, document = basis.present()
    with transaction.atomic(), connection.cursor() as cursor:
        keep_batches_out()
        cursor.execute(SQL["adopt"], {"digest": digest, "document": document, "at": clock.now()})


def keep(cursor: Cursor, *, party_id: int, batch_id: int, bases: list[int]) -> list[Result]:
    """Keep the claimed events of the batch that credit nothing; returns what became of them. Clause P-7.3.3.3-b."""
    cursor.execute(SQL["keep"], {"party": party_id, "batch": batch_id, "bases": bases})
    return [
        Result(place, event_id, Outcome(outcome), reason, er_mg)
        for place, event_id, outcome, reason, er_mg in cursor.fetchall()
    ]


@audited("revalue.allow", lambda given, _: given["proposal"].hex())
def approve(proposal: bytes, asked: Asked, header: str, reason: tuple[str, str]) -> int:
    """Write down that a proposal is to be booked; returns its number, the same however often. `reason` is (zh, en)."""
    values = {
        "proposal": proposal,
        "behaviour": asked.behaviour,
        "first": asked.first,
        "last": asked.last,
        "header": header,
        "reason_zh": reason[0],
        "reason_en": reason[1],
        "at": clock.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(SQL["approve"], values)
        cursor.execute(SQL["revaluation"], {"proposal": proposal})
        return int(cursor.fetchone()[0])


def must_stand(cursor: Cursor, stored: Sequence[Stored]) -> None:
    """For a partner's quantities whose people are locked. Raises StateChanged where one was taken back since it was read."""
    if not stored:
        return
    awards = [(one.person_id, one.entry_id) for one in stored if one.entry_id]
    values = {"party": stored[0].party_id, "events": [one.event_id for one in stored]}
    values |= {"persons": [person for person, _ in awards], "entries": [entry for _, entry in awards]}
    cursor.execute(SQL["taken_back"], values)
    row = cursor.fetchone()
    if row is None or row[0]:
        raise StateChanged


def revise(cursor: Cursor, revaluation_id: int, batch_id: int, changed: Sequence[Change]) -> None:
    """Note which quantity stands in the place of which. Raises StateChanged where another already does."""
    stored = [change.stored for change in changed]
    cursor.execute(
        SQL["revise"],
        {
            "revaluation": revaluation_id,
            "batch": batch_id,
            "persons": [one.person_id for one in stored],
            "places": [change.now.event.place for change in changed],
            "old_batches": [one.batch_id for one in stored],
            "old_places": [one.place for one in stored],
            "seen_batches": [one.seen_batch_id for one in stored],
            "seen_places": [one.seen_place for one in stored],
        },
    )
    if cursor.rowcount != len(stored):
        raise StateChanged


def name_known(cursor: Cursor, party_id: int, batch_id: int, subjects: Subjects, expected: int) -> None:
    """The people of events that were accepted before. Raises StateChanged where one was erased meanwhile."""
    values = {
        "party": party_id,
        "batch": batch_id,
        "subjects": subjects.names,
        "behaviours": subjects.behaviours,
    }
    values |= {"entries": subjects.entries, "er_mg": subjects.er_mg}
    cursor.execute(SQL["name_known"], values)
    if cursor.rowcount != expected:
        raise StateChanged
