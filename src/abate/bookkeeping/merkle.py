"""The log's tree: RFC 6962 hashing, proofs made from tiles, proofs checked without any tree.

A tree of n leaves is never held as a whole. A `Nodes` function answers for complete subtrees only:
nodes(level, index) is the hash of the 2**level leaves from index * 2**level on; `from_tiles` makes one from
C2SP tlog-tiles, each tile holding up to 256 hashes of every eighth level. Everything else is arithmetic on
(index, size).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

HASH = 32
WIDTH = 256
"""Hashes in a full tile."""
HEIGHT = 8
"""Tree levels that one tile spans."""
EMPTY_ROOT = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]
Tiles = Callable[[int, int], bytes]
"""(tile level, tile number) -> its hashes in one piece, at least as many as the tree's size asks for."""


class ProofError(ValueError):
    """A proof that does not prove what it should, or a question no tree can answer. `code` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree over these leaf hashes; also the hash over one tile's hashes."""
    if not hashes:
        return EMPTY_ROOT
    row, sha256 = list(hashes), hashlib.sha256
    while len(row) > 1:
        # A last one without a partner goes up as it is: the same tree as RFC 6962's split at a power of two.
        odd = [row.pop()] if len(row) % 2 else []
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return row[0]


def root(nodes: Nodes, size: int) -> bytes:
    """The root of the tree of `size` leaves."""
    return _range_hash(nodes, 0, size) if size else EMPTY_ROOT


def inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """RFC 6962, 2.1.1: the path from leaf `index` up to the root of the tree of `size`."""
    if not 0 <= index < size:
        raise ProofError("index-outside", f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(_range_hash(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """RFC 6962, 2.1.2: the proof that the tree of `new` leaves begins with the tree of `old`."""
    if not 0 < old <= new:
        raise ProofError("sizes", f"no consistency proof leads from size {old} to size {new}")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(_range_hash(nodes, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(_range_hash(nodes, start, end))
    return path[::-1]


def _split(length: int) -> int:
    """The largest power of two below `length` (> 1)."""
    return 1 << (length - 1).bit_length() - 1


def _range_hash(nodes: Nodes, start: int, end: int) -> bytes:
    """The hash over leaves [start, end), where `start` is where RFC 6962's splitting puts it."""
    length = end - start
    if length & (length - 1) == 0:
        level = length.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(length)
    return node_hash(_range_hash(nodes, start, middle), _range_hash(nodes, middle, end))


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """RFC 9162, 2.1.3.2: `leaf` (its hash) is number `index` under the root `expected`. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError("index-outside", f"leaf {index} is not in a tree of {size}")
    _check_hashes([leaf, expected, *proof])
    place, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("proof-too-long", f"a proof for leaf {index} of {size} has fewer hashes")
        if place & 1 or place == last:
            value = node_hash(sibling, value)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("proof-too-short", f"a proof for leaf {index} of {size} has more hashes")
    if value != expected:
        raise ProofError(
            "root-differs", f"the proof for leaf {index} leads to another root than the signed one"
        )


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162, 2.1.4.2: the tree of `new` only added to the tree of `old`. Raises ProofError."""
    if not 0 < old <= new:
        raise ProofError("sizes", f"no consistency proof leads from size {old} to size {new}")
    _check_hashes([old_root, new_root, *proof])
    if old == new:
        if proof or old_root != new_root:
            raise ProofError("root-differs", f"two different roots are shown for size {old}")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofError("proof-too-short", f"a proof from {old} to {new} has more hashes")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("proof-too-long", f"a proof from {old} to {new} has fewer hashes")
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("proof-too-short", f"a proof from {old} to {new} has more hashes")
    if before != old_root or after != new_root:
        raise ProofError("root-differs", f"the tree of {new} is not the tree of {old} with leaves added")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH for one in hashes):
        raise ProofError("hash-length", f"every hash of a proof has {HASH} bytes")


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, number, width) of every tile of a tree of `size`, level by level."""
    level = 0
    while size:
        for number in range(-(-size // WIDTH)):
            yield level, number, min(WIDTH, size - number * WIDTH)
        size, level = size // WIDTH, level + 1


def from_tiles(tiles: Tiles) -> Nodes:
    """Nodes read from tiles; each tile is fetched once."""
    seen: dict[tuple[int, int], bytes] = {}

    def nodes(level: int, index: int) -> bytes:
        tile_level, below = divmod(level, HEIGHT)
        number, place = divmod(index << below, WIDTH)
        if (tile_level, number) not in seen:
            seen[tile_level, number] = tiles(tile_level, number)
        part = split(seen[tile_level, number][place * HASH : (place + (1 << below)) * HASH])
        if len(part) != 1 << below:
            raise ProofError("tile-too-short", f"tile {tile_path(tile_level, number)} does not reach so far")
        return root_of(part)

    return nodes


def grow(edge: Mapping[int, bytes], size: int, added: Sequence[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """The tiles (level, number, hashes) that change when `added` leaf hashes follow a tree of `size`.

    `edge` holds, by level, the partial tile at the right edge of the old tree (nothing where that tile is
    empty).
    """
    level, hashes = 0, list(added)
    while hashes:
        first, width = divmod(size, WIDTH)
        held = edge.get(level, b"")[: width * HASH]
        if len(held) != width * HASH:
            raise ProofError("tile-too-short", f"tile {tile_path(level, first)} does not hold {width} hashes")
        row = split(held) + hashes
        blocks = [row[at : at + WIDTH] for at in range(0, len(row), WIDTH)]
        for number, block in enumerate(blocks, first):
            yield level, number, b"".join(block)
        hashes = [root_of(block) for block in blocks if len(block) == WIDTH]
        size, level = size // WIDTH, level + 1


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """The address of a tile below the log's prefix: `tile/0/x001/x234/067`, `tile/1/002.p/17`.

    `level` is `entries` for a bundle of leaves.
    """
    digits = str(number)
    *above, last = re.findall("...", digits.zfill(-(-len(digits) // 3) * 3))
    name = "".join(f"x{group}/" for group in above) + last
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


_PATH = re.compile(r"([0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def read_tile_path(path: str) -> tuple[int, int, int] | None:
    """(level, number, width) of `<L>/<N>[.p/<W>]`, or None where C2SP tlog-tiles knows no such address."""
    match = _PATH.fullmatch(path)
    if match is None or match[2].startswith("x000/"):
        return None
    width = int(match[3]) if match[3] else WIDTH
    number = int(match[2].replace("x", "").replace("/", ""))
    return (int(match[1]), number, width) if match[3] is None or width < WIDTH else None


def read_bundle_path(path: str) -> tuple[int, int] | None:
    """(number, width) of `entries/<N>[.p/<W>]`, the bundle of leaves of a tile; None for anything else."""
    if not path.startswith("entries/"):
        return None
    place = read_tile_path("0/" + path.removeprefix("entries/"))
    return place and place[1:]
