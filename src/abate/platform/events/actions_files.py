"""The only writer of files of events and of their rows that were not accepted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from abate.platform.doors import clock, randomness
from abate.platform.doors.statements import statements
from abate.platform.events.models import File
from abate.platform.events.outcomes import Result

SQL = statements(Path(__file__).parent / "sql")
LONGEST_NAME = 128


def open_file(
    *,
    id: UUID | None = None,
    party_id: int,
    name: str,
    sha256: bytes,
    size: int,
    declaration: str,
    rehearsal: bool,
    via: str,
    client_id: str = "",
) -> File:
    """A file that is to be booked; the same one where it was begun before and is not through: it goes on then."""
    same = {"party_id": party_id, "sha256": sha256, "declaration": declaration, "rehearsal": rehearsal}
    begun = File.objects.filter(state=File.OPEN, via=via, **same).order_by("at").first()
    if begun is not None and not rehearsal:
        return begun
    return File.objects.create(
        id=id or randomness.new_uuid(), name=name, size=size, via=via, client_id=client_id, at=clock.now(),
        state=File.OPEN, rows=0, counts={}, **same,
    )  # fmt: skip


@contextmanager
def alone(file_id: UUID) -> Iterator[bool]:
    """Whether this connection is the one that books the file; to the end of the block."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["lock_file"], {"file": file_id})
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(SQL["unlock_file"], {"file": file_id})
            except DatabaseError:
                connection.close()  # the lock goes with it


def advance(file: File, read: int, counts: Counter[str], wrong: Sequence[tuple[int, Result]]) -> None:
    """Note that `read` rows more are through, with the counts of all so far, and the wrong ones among them by line.

    In the transaction that books them; raises RuntimeError where another one did.
    """
    with connection.cursor() as cursor:
        values = {
            "file": file.pk,
            "before": file.rows,
            "rows": file.rows + read,
            "counts": json.dumps(counts),
        }
        cursor.execute(SQL["advance"], values)
        if cursor.rowcount != 1:
            raise RuntimeError("a file is booked by two")
        if wrong:
            columns = {
                "lines": [line for line, _ in wrong],
                "ids": [one.id for _, one in wrong],
                "outcomes": [int(one.outcome) for _, one in wrong],
                "reasons": [one.reason or "" for _, one in wrong],
            }
            cursor.execute(SQL["note_rows"], columns | {"file": file.pk})


def end(file: File, refusal: str | None = None) -> None:
    """The file is through, or the rest of it is not read."""
    state = File.REFUSED if refusal else File.DONE
    with transaction.atomic(), connection.cursor() as cursor:
        values = {"file": file.pk, "state": state, "refusal": refusal, "at": clock.now()}
        cursor.execute(SQL["end_file"], values)
    file.refresh_from_db()


def hold(file: File, refusal: str | None) -> None:
    """Note what an open file waits for, or that it waits no more."""
    File.objects.filter(pk=file.pk, state=File.OPEN).update(refusal=refusal and refusal[:200])
    file.refresh_from_db()


def begin_rehearsal() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SQL["make_rehearsed"])
        cursor.execute(SQL["clear_rehearsed"])


def rehearse(places: Sequence[int], ids: Sequence[str], digests: Sequence[bytes]) -> dict[int, bool]:
    """Of the events of a chunk those whose id an earlier chunk has: whether with the same content."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["rehearse"], {"places": list(places), "ids": list(ids), "digests": list(digests)})
        return dict(cursor.fetchall())
