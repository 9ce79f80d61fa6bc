"""The audit trail told in the log: one leaf a day (kind 20) for the rows that came since the last, written by the close.

A seal is the SHA-256 over a nonce and the digests of its rows in order. A row that is changed, added to a seal or taken
away later no longer gives the digest that the leaf holds: `differences` says so. Rows carry the number of their seal, so
that one that commits late is in the next and in none twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import Leaf, encode, leaf_hash, time_text
from abate.platform.doors import clock, randomness
from abate.platform.doors.statements import statements
from abate.platform.log import actions as log
from abate.platform.review import audit
from abate.platform.review.changes import canonical
from abate.platform.review.models import AuditSeal

SQL = statements(Path(__file__).parent / "sql")
COLUMNS = ("id", "at", "account", "role", "via", "act", "what", "subject", "detail")


def seal() -> int:
    """Seal the rows that have no seal and queue the leaf, in one transaction; returns how many rows it tells of."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["lock_seals"])
        cursor.execute(SQL["next_seal"])
        (number,) = cursor.fetchone()
        cursor.execute(SQL["seal_rows"], {"seal": number})
        rows = cursor.fetchall()
        if not rows:
            return 0
        nonce, now = randomness.token_bytes(16), clock.now()
        digest = digest_of(nonce, rows)
        values = {"seal": number, "rows": len(rows), "nonce": nonce, "digest": digest, "at": now}
        cursor.execute(SQL["add_seal"], values)
        log.queue(log.TRAIL, number, _leaf(digest, values["at"]))
    return len(rows)


def _leaf(digest: bytes, at: Any) -> Leaf:
    return Leaf(Kind.AUDITED, 0, 0, at, cause=digest)


def row_text(row: Sequence[Any]) -> str:
    """One row as it is digested: canonical JSON of COLUMNS, the moment in UTC with six decimals."""
    told = dict(zip(COLUMNS, row, strict=True))
    return canonical(told | {"at": time_text(told["at"])})


def digest_of(nonce: bytes, rows: Sequence[Sequence[Any]]) -> bytes:
    """SHA-256 over the nonce and the SHA-256 of each row's text, by id."""
    made = hashlib.sha256(nonce)
    for row in sorted(rows):
        made.update(hashlib.sha256(row_text(row).encode()).digest())
    return made.digest()


def differences() -> list[str]:
    """What is wrong with the trail, one line each: seals whose rows or whose leaf are not what they were."""
    found = []
    with connection.cursor() as cursor:
        for one in AuditSeal.objects.order_by("id").iterator():
            cursor.execute(SQL["leaf_of_seal"], {"series": log.TRAIL, "seal": one.pk})
            kept = {bytes(row[0]) for row in cursor.fetchall()}
            if kept != {leaf_hash(encode(_leaf(bytes(one.digest), one.at)))}:
                found.append(f"seal {one.pk}: the log does not hold its leaf")
            if one.pruned_at is not None:
                continue
            cursor.execute(SQL["rows_of_seal"], {"seal": one.pk})
            rows = cursor.fetchall()
            if len(rows) != one.rows or digest_of(bytes(one.nonce), rows) != bytes(one.digest):
                found.append(
                    f"seal {one.pk}: not the {one.rows} rows that were sealed ({len(rows)} are there)"
                )
        cursor.execute(SQL["without_seal"], {"series": log.TRAIL})
        found += [f"seal {number}: the log tells of it, and it is gone" for (number,) in cursor.fetchall()]
        cursor.execute(SQL["orphans"])
        found += [f"row {number}: marked with a seal that is not there" for (number,) in cursor.fetchall()]
    return found


def prune(before: datetime) -> int:
    """Remove the rows of every seal made before this moment, by the owner of the database; returns how many. Digests stay.

    How long rows are kept is said in config/fields.toml: three years are our policy, six months the least by law
    (Cybersecurity Law, 21).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["prune"], {"now": clock.now(), "before": before, "series": log.TRAIL})
        gone = cursor.rowcount
        if gone:
            audit.note("audit.prune", rows=gone, before=before.isoformat())
    return gone
