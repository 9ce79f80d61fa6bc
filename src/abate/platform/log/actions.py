"""The only writer of numbered leaves, tiles and checkpoints, and of who was shown what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from abate.bookkeeping import checkpoint, merkle
from abate.bookkeeping.anchors import Anchor
from abate.bookkeeping.checkpoint import Checkpoint, NoteError
from abate.bookkeeping.cosignature import Seal
from abate.bookkeeping.leaf import Leaf, encode, leaf_hash
from abate.bookkeeping.merkle import ProofError
from abate.platform.doors import clock, logins
from abate.platform.doors.keyring import Keyring, keyring
from abate.platform.doors.statements import statements
from abate.platform.log import models, national
from abate.platform.log.errors import AccessMalformed, AccessUnknown, LogDamaged
from abate.platform.log.sources import SOURCES

BATCH = 100_000
"""Leaves numbered in one transaction: about 3 MB of hashes in memory, and a bound on what one crash
repeats.
"""

DECISIONS, TRAIL = 0, -1
"""In place of a person: leaves of steps of changes, and of the audit trail. People count from 1."""
MAX_ACCESS = 1_000_000
"""Entries that one access may open: our policy, so that a slip of the hand does not open everything."""
MAX_DAYS = 366
"""Days that one access may last: our policy."""
_SQL = statements(Path(__file__).parent / "sql")


def sequence(limit: int = BATCH) -> int:
    """Number up to `limit` waiting leaves and sign the tree that holds them; returns how many.

    One transaction: leaves leave the queue, get contiguous numbers, enter the tiles, and a checkpoint over
    them is stored, or none of it happens. Entry ids play no part: a leaf that commits late is numbered
    late. Returns 0 where nothing waits or another process is at it. A log without any checkpoint gets that
    of the empty tree. Raises LogDamaged where the stored tree is not the one last signed; then nothing is
    changed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["lock"])
        if not cursor.fetchone()[0]:
            return 0
        # The lock comes first: what is read now, no other sequencer can be about to change, nor who names the log.
        ring = keyring()
        head = _head(cursor, ring)
        for source in SOURCES:
            source.hand_over(cursor, limit)
        if head is not None:
            cursor.execute(_SQL["waiting"])
            if not cursor.fetchone()[0]:
                return 0
        else:
            head = Checkpoint(ring.log_origin, 0, merkle.EMPTY_ROOT)
            _sign(head, ring)
        edge = _edge(cursor, head)
        added = _take(cursor, head.size, limit)
        if added:
            _sign(_grow(cursor, head, edge, added), ring)
        return len(added)


@contextmanager
def naming(origin: str) -> Iterator[None]:
    """Inside, the log may get the name `origin`: nothing is numbered, and no head signed, until it has it.

    The head of an empty tree that a trial signed under another name is forgotten, or every later round would halt at it;
    so it is where a naming before this one was cut off. As the owner: raises SetupError where that takes one.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["lock_out"])
        yield
        cursor.execute(_SQL["other_beginning"], {"origin": origin})
        if cursor.fetchone()[0]:
            logins.require_owner()
            cursor.execute(_SQL["forget_beginning"])


def publish_key(folder: Path) -> None:
    """Write the verifier key to `folder`/log.key, where `abate verify` on this machine finds it."""
    ring = keyring()
    text = f"{checkpoint.key_of(ring.log_origin, ring.log_signing)}\n"
    file = folder / "log.key"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def queue(series: int, number: int, leaf: Leaf) -> None:
    """Put a leaf that is no person's entry into the queue, in the transaction of what it tells of.

    `series` is DECISIONS or TRAIL, `number` the row's own within it.
    """
    data = encode(leaf)
    models.Pending.objects.bulk_create(
        [models.Pending(person_id=series, entry_id=number, leaf=data, hash=leaf_hash(data))]
    )


def give_access(party_id: int, first: int, last: int, reason: str, days: int) -> models.Access:
    """Let a verifier open the entries `first` to `last` for `days` days. Raises AccessMalformed."""
    if not (0 <= first <= last and last - first < MAX_ACCESS and 1 <= days <= MAX_DAYS and reason.strip()):
        raise AccessMalformed
    now = clock.now()
    return models.Access.objects.create(
        party_id=party_id,
        first=first,
        last=last,
        reason=reason.strip()[:500],
        given_at=now,
        until=now + timedelta(days=days),
    )


def end_access(access_id: int) -> None:
    """End an access now; ending it again changes nothing. Raises AccessUnknown."""
    own = models.Access.objects.filter(pk=access_id)
    if not own.filter(ended_at=None).update(ended_at=clock.now()) and not own.exists():
        raise AccessUnknown(str(access_id))


def add_cosignature(size: int, key_id: bytes, seal: Seal) -> None:
    """Keep a witness's verified cosignature on the head of `size`; the first one given stays."""
    models.Cosignature.objects.bulk_create(
        [models.Cosignature(size=size, key_id=key_id, line=seal.line, at=seal.at)], ignore_conflicts=True
    )


def next_anchor(every: int) -> Anchor | None:
    """The anchor that waits to be kept; where none waits and one is due, the newest head becomes it.

    Due is one where the last is at least `every` seconds old and the log has grown since. What is chosen stands in
    the database before any adapter sees it: a restart neither repeats another one nor skips it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["lock_anchors"])
        last = models.Anchor.objects.order_by("-size").first()
        head = models.Checkpoint.objects.order_by("-size").first()
        due = last is None or (last.kept_at is not None and clock.now() - last.at >= timedelta(seconds=every))
        if due and head is not None and head.size > (last.size if last else 0):
            last = models.Anchor.objects.create(size=head.size, root=head.root, at=clock.now())
        if last is None or last.kept_at is not None:
            return None
        return Anchor(last.size, bytes(last.root), last.at)


def anchor_kept(size: int) -> None:
    """The adapter has reported the anchor of this size as kept."""
    models.Anchor.objects.filter(size=size, kept_at=None).update(kept_at=clock.now())


def note_reading(
    what: str,
    first: int,
    last: int,
    *,
    party_id: int | None = None,
    client_id: str = "",
    access_id: int | None = None,
) -> None:
    """Write down that leaves or openings are shown. A caller shows them only after this was stored."""
    models.Reading.objects.create(
        at=clock.now(),
        party_id=party_id,
        client_id=client_id,
        what=what,
        first=first,
        last=last,
        access_id=access_id,
    )


def _head(cursor: CursorWrapper, ring: Keyring) -> Checkpoint | None:
    """The newest checkpoint, if it is this log's own."""
    cursor.execute(_SQL["head"])
    row = cursor.fetchone()
    if row is None:
        return None
    try:
        head = checkpoint.open_checkpoint(row[2], checkpoint.key_of(ring.log_origin, ring.log_signing))
    except NoteError as fault:
        raise LogDamaged(
            "foreign-checkpoint", f"The newest checkpoint is not signed by this key: {fault}."
        ) from fault
    if (head.size, head.root) != (row[0], bytes(row[1])):
        raise LogDamaged(
            "checkpoint-row", f"Checkpoint {row[0]} is stored beside a note that says otherwise."
        )
    return head


def _edge(cursor: CursorWrapper, head: Checkpoint) -> dict[int, bytes]:
    """The tiles that will grow, after a look whether they still are what was signed."""
    cursor.execute(_SQL["edge"], {"size": head.size})
    edge = {level: bytes(hashes) for level, hashes in cursor.fetchall()}
    try:
        root = merkle.root(merkle.from_tiles(lambda level, number: edge.get(level, b"")), head.size)
    except ProofError as fault:
        raise LogDamaged("tile-short", f"The stored tiles end before size {head.size}: {fault}.") from fault
    if root != head.root:
        raise LogDamaged(
            "root-differs", f"The stored tiles give another root than the checkpoint of size {head.size}."
        )
    return edge


def _take(cursor: CursorWrapper, size: int, limit: int) -> list[bytes]:
    cursor.execute(_SQL["take"], {"size": size, "limit": limit})
    count, hashes, damaged = cursor.fetchone()
    if damaged is not None:
        raise LogDamaged("leaf-changed", f"The waiting leaf of entry {damaged} is not what its hash says.")
    added = merkle.split(bytes(hashes or b""))
    if len(added) != count:
        raise LogDamaged("leaf-changed", "A waiting leaf carries a hash that is not 32 bytes long.")
    return added


def _grow(cursor: CursorWrapper, head: Checkpoint, edge: dict[int, bytes], added: list[bytes]) -> Checkpoint:
    """Write the tiles that change; returns the new tree head."""
    changed = {(level, n): hashes for level, n, hashes in merkle.grow(edge, head.size, added)}
    cursor.execute(
        _SQL["write_tiles"],
        {
            "level": [level for level, _ in changed],
            "n": [n for _, n in changed],
            "hashes": list(changed.values()),
        },
    )
    size = head.size + len(added)
    nodes = merkle.from_tiles(lambda level, n: changed.get((level, n)) or edge.get(level, b""))
    return Checkpoint(head.origin, size, merkle.root(nodes, size))


def _sign(head: Checkpoint, ring: Keyring) -> None:
    note = checkpoint.sign_checkpoint(head, ring.log_signing)
    models.Checkpoint.objects.create(
        size=head.size,
        root=head.root,
        note=note + national.line(checkpoint.read_note(note).text, ring),
        at=clock.now(),
    )


def remember_head(size: int, root: bytes, note: str, at: datetime) -> None:
    """Keep a head that this log signed and, restored to an earlier moment, has forgotten.

    It is larger than the tree that is left, so numbering halts: the same places would get other leaves.
    """
    models.Checkpoint.objects.create(size=size, root=root, note=note, at=at)
