"""The log as static files, which any web server or bucket can hold: written once, added to ever after.

Every file appears whole: it is written beside its place and moved there. The checkpoint comes last and only after
everything else is on disk. So a run that was cut off is made good by the next one, which starts from the checkpoint
that is there and writes all that lies beyond it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from abate.bookkeeping import checkpoint as notes
from abate.bookkeeping import merkle
from abate.bookkeeping.checkpoint import NoteError
from abate.bookkeeping.merkle import ProofError
from abate.platform.doors.keyring import keyring
from abate.platform.log import actions, queries
from abate.platform.log.errors import NoHead, OtherHistory, TileUnlike
from abate.platform.log.models import Checkpoint


def write_files(folder: Path, *, entries: bool = False, whole: bool = False) -> int:
    """Write `checkpoint` and `tile/...` of the newest signed head; returns its size.

    With `entries` also the bundles of leaves, which are not for the public. What is there already is left alone
    unless `whole`. Raises OtherHistory where the folder holds another log, or another past of this one, and NoHead;
    then nothing was written. Raises TileUnlike where a tile that is due is not the one that was signed: no checkpoint
    is written then, and of tiles what is as it was.
    """
    head = Checkpoint.objects.order_by("-size").first()
    if head is None:
        raise NoHead
    nodes = queries.nodes()
    done = _done(folder, nodes, head.size)
    start = 0 if whole or (entries and not (folder / "tile/entries").is_dir()) else done
    if entries:
        actions.note_reading("leaves", start, max(start, head.size - 1))
    _see_edge(nodes, head.size, bytes(head.root))
    for level, number, width, hashes in _signed(head.size, start):
        _write(folder / merkle.tile_path(level, number, width), hashes)
        if entries and level == 0:
            # As found: where leaves are gone from the database the verifier names the gap.
            leaves = queries.bundle_as_found(number, width)
            _write(folder / merkle.tile_path("entries", number, width), leaves)
    # tlog-tiles: whoever sees this checkpoint finds every tile that it needs, a power cut or not.
    os.sync()
    _write(folder / "checkpoint", (queries.checkpoint_of(head.size) or "").encode())
    os.sync()
    return head.size


def _see_edge(nodes: merkle.Nodes, size: int, root: bytes) -> None:
    """The right edge of the stored tree gives the signed root. Raises TileUnlike."""
    try:
        if merkle.root(nodes, size) != root:
            raise TileUnlike(f"{size}")
    except ProofError as fault:
        raise TileUnlike(str(fault)) from fault


def _signed(size: int, start: int) -> Iterator[tuple[int, int, int, bytes]]:
    """(level, number, width, hashes) of what lies beyond `start`, from the top down: each full tile is the one that the tile
    above it says, what is not full is at the edge. Raises TileUnlike.
    """
    held: tuple[tuple[int, int], bytes] = (0, 0), b""
    for level, number, width in sorted(merkle.tiles_of(size), key=lambda tile: (-tile[0], tile[1])):
        if number < start // merkle.WIDTH ** (level + 1):
            continue
        path, hashes = merkle.tile_path(level, number, width), queries.tile(level, number, width)
        if hashes is None:
            raise TileUnlike(path)
        if width == merkle.WIDTH:
            above, place = divmod(number, merkle.WIDTH)
            if held[0] != (level + 1, above):
                reach = size // merkle.WIDTH ** (level + 1) - above * merkle.WIDTH
                held = (level + 1, above), queries.tile(level + 1, above, min(merkle.WIDTH, reach)) or b""
            if held[1][place * merkle.HASH :][: merkle.HASH] != merkle.root_of(merkle.split(hashes)):
                raise TileUnlike(path)
        yield level, number, width, hashes


def _done(folder: Path, nodes: merkle.Nodes, size: int) -> int:
    """The size of the log that the folder holds already, once it is known to be the beginning of this one."""
    try:
        note = (folder / "checkpoint").read_bytes()
    except FileNotFoundError:
        return 0
    ring = keyring()
    try:
        held = notes.open_checkpoint(note, notes.key_of(ring.log_origin, ring.log_signing))
        if held.size and (held.size > size or merkle.root(nodes, held.size) != held.root):
            raise OtherHistory(f"{held.size} entries there, {size} here")
    except (NoteError, ProofError) as fault:
        raise OtherHistory(str(fault)) from fault
    return held.size


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
