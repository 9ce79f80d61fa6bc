"""The only way others read the log: its head, its tiles, the receipt of an entry."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from abate.bookkeeping import checkpoint as notes
from abate.bookkeeping import merkle
from abate.bookkeeping.receipt import MethodName, Opening, Receipt, Terms
from abate.platform.doors.keyring import keyring
from abate.platform.log.models import Checkpoint, Leaf, Pending, Tile


def checkpoint() -> str | None:
    """The newest signed tree head as a note; None before the sequencer ran for the first time."""
    return Checkpoint.objects.order_by("-size").values_list("note", flat=True).first()


def size() -> int:
    """How many leaves the newest checkpoint covers."""
    return Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0


def waiting() -> int:
    """How many leaves have no number yet."""
    return Pending.objects.count()


def public_key() -> str:
    """The log's verifier key string `name+hash+base64`, for `abate verify --key`."""
    ring = keyring()
    return str(notes.key_of(ring.log_origin, ring.log_signing))


def tile(level: int, number: int, width: int = merkle.WIDTH) -> bytes | None:
    """The first `width` hashes of a tile; None where the tree has no such tile yet."""
    found = _hashes(level, number)[: width * merkle.HASH]
    return found if len(found) == width * merkle.HASH else None


def _hashes(level: int, number: int) -> bytes:
    return bytes(Tile.objects.filter(level=level, n=number).values_list("hashes", flat=True).first() or b"")


def leaf_hash(person_id: int, entry_id: int) -> bytes | None:
    """The tree's hash of a numbered entry: the `cause` of an entry that reverses or erases it."""
    found = Leaf.objects.filter(person_id=person_id, entry_id=entry_id).values_list("hash", flat=True).first()
    return None if found is None else bytes(found)


def numbered(person_id: int, entry_ids: Collection[int]) -> set[int]:
    """Which of a person's entries have their number, and so a receipt."""
    rows = Leaf.objects.filter(person_id=person_id, entry_id__in=entry_ids)
    return set(rows.values_list("entry_id", flat=True))


def receipt(
    person_id: int,
    entry_id: int,
    opening: Opening | None = None,
    method: MethodName | None = None,
    terms: Terms | None = None,
) -> dict[str, object] | None:
    """The receipt document of an entry (docs/reference/log-format.md), or None while it is pending.

    `opening` is what only later rooms know: the salt and the personal part; without it (an erased person, a
    stranger's proof) the receipt proves the entry and opens nothing. `method` and `terms` tell the
    verifier what to recompute with; they are claims that the leaf and the opening bind.
    """
    row = Leaf.objects.filter(person_id=person_id, entry_id=entry_id).values_list("idx", "leaf").first()
    if row is None:
        return None
    # A leaf is stored with a checkpoint that covers it, in one transaction: the newest one does, then.
    head = Checkpoint.objects.order_by("-size").values_list("size", "note").first()
    assert head is not None
    index, leaf = row
    proof = merkle.inclusion(merkle.from_tiles(_hashes), index, head[0])
    made = Receipt(keyring().log_origin, index, bytes(leaf), tuple(proof), head[1], opening, method, terms)
    return made.document()


def write_files(folder: Path, *, entries: bool = False) -> int:
    """Write the log as static files: `checkpoint` and `tile/...`, as any web server can hold them; returns
    its size.

    With `entries` also the bundles of leaves. Leaves hold amounts and times of single persons' entries:
    bundles are for those who may see these, never for the public.
    """
    head = Checkpoint.objects.order_by("-size").first()
    if head is None:
        return 0
    for level, number, width in merkle.tiles_of(head.size):
        _write(folder / merkle.tile_path(level, number, width), _hashes(level, number)[: width * merkle.HASH])
        if entries and level == 0:
            _write(folder / merkle.tile_path("entries", number, width), _bundle(number, width))
    # Last, as tlog-tiles asks: whoever sees this checkpoint finds every tile that it needs.
    _write(folder / "checkpoint", head.note.encode())
    return head.size


def _bundle(number: int, width: int) -> bytes:
    first = number * merkle.WIDTH
    rows = Leaf.objects.filter(idx__gte=first, idx__lt=first + width).order_by("idx")
    leaves = [bytes(leaf) for leaf in rows.values_list("leaf", flat=True)]
    return b"".join(len(leaf).to_bytes(2) + leaf for leaf in leaves)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
