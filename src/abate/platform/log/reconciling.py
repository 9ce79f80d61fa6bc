"""Whether leaves, tiles and signed heads are one tree: every receipt that is asked for is read from them."""

from __future__ import annotations

from pathlib import Path

from django.db import connection

from abate.bookkeeping import checkpoint, merkle
from abate.bookkeeping.checkpoint import NoteError
from abate.bookkeeping.merkle import HASH, WIDTH, ProofError
from abate.platform.doors.keyring import keyring
from abate.platform.doors.statements import statements
from abate.platform.log import actions, queries
from abate.platform.log.models import Tile

SQL = statements(Path(__file__).parent / "sql")
_FULL = WIDTH * HASH
_TILES = 200
"""Tiles read at a time: under 2 MB."""


def differences() -> dict[str, int]:
    """How many rows break each rule of the log: `queue` leaves that wait, `numbered` leaves, `tree` tiles, `heads` signed heads.

    Of heads the newest of each day is held against the tree, with its signature; of all others that row and note agree. A log
    that was set back has a head beyond its tree.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["differ_queue"], {"last_series": actions.TRAIL})
        (queue,) = cursor.fetchone()
        cursor.execute(SQL["differ_numbered"])
        (numbered,) = cursor.fetchone()
        cursor.execute(SQL["leaves"])
        (size,) = cursor.fetchone()
        cursor.execute(SQL["notes_unlike_rows"], {"origin": keyring().log_origin})
        (unlike,) = cursor.fetchone()
        cursor.execute(SQL["heads_of_days"])
        heads = cursor.fetchall()
    newest = max((head[0] for head in heads), default=0)
    wrong = sum(not _stands(*head) for head in heads)
    return {
        "queue": queue,
        "numbered": numbered,
        "tree": _tiles_unlike(size),
        "heads": max(unlike, wrong, newest != size),
    }


def _stands(size: int, root: bytes, note: str) -> bool:
    """Whether a head is signed by this log's key and is that of the stored tree."""
    ring = keyring()
    try:
        head = checkpoint.open_checkpoint(note, checkpoint.key_of(ring.log_origin, ring.log_signing))
        return (head.size, head.root) == (size, bytes(root)) and merkle.root(
            queries.nodes(), size
        ) == head.root
    except (NoteError, ProofError):
        return False


def _tiles_unlike(size: int) -> int:
    """Tiles of a tree of `size` that are missing, too much, or not made of those below them."""
    wrong, level = 0, 0
    due: bytes | None = None
    while size:
        above, place = bytearray(), 0
        rows = Tile.objects.filter(level=level).order_by("n").values_list("n", "hashes")
        for place, (number, held) in enumerate(rows.iterator(chunk_size=_TILES), 1):
            hashes = bytes(held)
            fits = number == place - 1 and len(hashes) == min(WIDTH, size - number * WIDTH) * HASH
            # What a tile of leaves holds is looked at beside the leaves.
            wrong += not (fits and (due is None or due[number * _FULL : (number + 1) * _FULL] == hashes))
            above += merkle.root_of(merkle.split(hashes)) if len(hashes) == _FULL else b""
        wrong += abs(-(-size // WIDTH) - place)
        level, size, due = level + 1, size // WIDTH, bytes(above)
    return wrong + Tile.objects.filter(level__gte=level).count()
