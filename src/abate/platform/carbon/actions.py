"""The only writer of quantities and of what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from psycopg import Cursor

from abate.platform.carbon.basis import BasisKey
from abate.platform.doors.statements import statements
from abate.platform.events.outcomes import Outcome, Result

SQL = statements(Path(__file__).parent / "sql")


def number_bases(cursor: Cursor, keys: Sequence[BasisKey], at: datetime) -> list[int]:
    """The row of each basis, made where it is new; in order, so that two first users cannot deadlock."""
    digests = [key.digest for key in keys]
    found = _find(cursor, digests)
    missing = {digest: key for digest, key in zip(digests, keys, strict=True) if digest not in found}
    for digest, key in sorted(missing.items()):
        values = {**asdict(key), "key": digest, "factors_hash": key.factors_hash, "at": at}
        cursor.execute(SQL["add_basis"], values)
    if missing:
        found = _find(cursor, digests)
    return [found[digest] for digest in digests]


def _find(cursor: Cursor, digests: list[bytes]) -> dict[bytes, int]:
    if not digests:
        return {}
    cursor.execute(SQL["find_bases"], {"keys": digests})
    return {bytes(key): int(number) for key, number in cursor.fetchall()}


def keep(cursor: Cursor, *, party_id: int, batch_id: int, bases: list[int]) -> list[Result]:
    """Keep the claimed events of the batch that credit nothing; returns what became of them. Clause P-7.3.3.3-b."""
    cursor.execute(SQL["keep"], {"party": party_id, "batch": batch_id, "bases": bases})
    return [
        Result(place, event_id, Outcome(outcome), reason, er_mg)
        for place, event_id, outcome, reason, er_mg in cursor.fetchall()
    ]
