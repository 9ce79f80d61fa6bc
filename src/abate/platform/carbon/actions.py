"""The only writer of quantities and of what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from psycopg import Cursor

from abate.platform.carbon.basis import BasisKey
from abate.platform.doors.statements import statements
from abate.platform.events.outcomes import Outcome, Result

SQL = statements(Path(__file__).parent / "sql")
Used = tuple[str, int, str]


def number_bases(cursor: Cursor, keys: Mapping[Used, BasisKey], at: datetime) -> dict[Used, int]:
    """The row of each basis, made where it is new; in order, so that two first users cannot deadlock."""
    by_digest = {key.digest: key for key in keys.values()}
    found = _find(cursor, by_digest)
    missing = sorted(by_digest.keys() - found.keys())
    for digest in missing:
        key = by_digest[digest]
        cursor.execute(
            SQL["add_basis"],
            {
                "key": digest,
                "behaviour": key.behaviour,
                "version": key.version,
                "method_hash": key.method_hash,
                "factors": key.factors,
                "factors_hash": key.factors_hash,
                "region": key.region,
                "grade_floor": key.grade_floor,
                "pack": key.pack,
                "pack_hash": key.pack_hash,
                "at": at,
            },
        )
    if missing:
        found = _find(cursor, by_digest)
    return {name: found[key.digest] for name, key in keys.items()}


def _find(cursor: Cursor, by_digest: Mapping[bytes, BasisKey]) -> dict[bytes, int]:
    if not by_digest:
        return {}
    cursor.execute(SQL["find_bases"], {"keys": list(by_digest)})
    return {bytes(key): int(number) for key, number in cursor.fetchall()}


def store(cursor: Cursor, party_id: int, batch_id: int, zone: str) -> int:
    """Write a quantity for each claimed event of the batch; returns how many. (P-7.2-a, P-7.3.3.3-b)"""
    cursor.execute(SQL["store"], {"party": party_id, "batch": batch_id, "zone": zone})
    return cursor.rowcount


def results(cursor: Cursor, everything: bool) -> list[Result]:
    """What became of the claimed events; only of those that were not credited unless `everything`."""
    cursor.execute(SQL["results"], {"all": everything})
    return [
        Result(place, event_id, Outcome(outcome), reason, er_mg, credits, entry, capped)
        for place, event_id, outcome, reason, er_mg, credits, entry, capped in cursor.fetchall()
    ]
