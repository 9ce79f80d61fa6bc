"""The log as static files, which any web server or bucket can hold: written once, added to ever after.

Every file appears whole: it is written beside its place and moved there. The checkpoint comes last and only after
everything else is on disk. So a run that was cut off is made good by the next one, which starts from the checkpoint
that is there and writes all that lies beyond it again.
"""

from __future__ import annotations

import os
from pathlib import Path

from abate.bookkeeping import checkpoint as notes
from abate.bookkeeping import merkle
from abate.bookkeeping.checkpoint import NoteError
from abate.bookkeeping.merkle import ProofError
from abate.platform.doors.keyring import keyring
from abate.platform.log import actions, queries
from abate.platform.log.errors import NoHead, OtherHistory
from abate.platform.log.models import Checkpoint


def write_files(folder: Path, *, entries: bool = False, whole: bool = False) -> int:
    """Write `checkpoint` and `tile/...` of the newest signed head; returns its size.

    With `entries` also the bundles of leaves, which are not for the public. What is there already is left alone
    unless `whole`. Raises OtherHistory where the folder holds another log, or another past of this one, and NoHead;
    then nothing was written.
    """
    head = Checkpoint.objects.order_by("-size").first()
    if head is None:
        raise NoHead
    nodes = queries.nodes()
    done = _done(folder, nodes, head.size)
    start = 0 if whole or (entries and not (folder / "tile/entries").is_dir()) else done
    if entries:
        actions.note_reading("leaves", start, max(start, head.size - 1))
    for level, number, width in merkle.tiles_of(head.size):
        if number < start // merkle.WIDTH ** (level + 1):
            continue
        hashes = queries.tile(level, number, width)
        if hashes is None:
            raise ProofError("tile-too-short", f"the database lacks {merkle.tile_path(level, number, width)}")
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
