"""The outside verifier of a whole log, as static files: checkpoint, tiles, and the leaves where they are at
hand.
"""

from __future__ import annotations

from collections.abc import Callable

from abate.bookkeeping import checkpoint, kinds, leaf, merkle
from abate.bookkeeping.checkpoint import Checkpoint, Key
from abate.bookkeeping.kinds import EntryError
from abate.bookkeeping.leaf import LeafError
from abate.bookkeeping.verify import NO_KEY, Unable, Unlike, Verdict

Fetch = Callable[[str], bytes | None]
"""Path below the log's prefix -> the file's bytes, None where there is none."""


def verify_log(fetch: Fetch, key: Key | None) -> Verdict:
    """Check a whole log as static files: checkpoint, every tile, and the bundles of leaves where they are
    at hand.

    Checks, in order: signature, tiles, root, entries. The first wrong row is named.
    """
    verdict = Verdict()
    heads: list[Checkpoint] = []
    if not verdict.look("signature", lambda: _see_signature(fetch, key, heads)):
        verdict.skip("no signed tree head to compare with", "tiles", "root", "entries")
        return verdict
    walk = _Walk(fetch, heads[0])
    verdict.look("tiles", walk.see_tiles)
    verdict.look("root", walk.see_root)
    verdict.look("entries", walk.see_entries)
    return verdict


def _see_signature(fetch: Fetch, key: Key | None, heads: list[Checkpoint]) -> str:
    note = fetch("checkpoint")
    if note is None:
        raise Unlike("there is no file `checkpoint`")
    if key is None:
        raise Unlike(NO_KEY)
    heads.append(checkpoint.open_checkpoint(note, key))
    return f"{heads[0].origin}, {heads[0].size} entries, signed by {key.name}+{key.key_id.hex()}"


class _Walk:
    """One pass over a log's files, one tile in memory at a time."""

    def __init__(self, fetch: Fetch, head: Checkpoint) -> None:
        self.fetch, self.head = fetch, head

    def file(self, level: int | str, number: int, width: int) -> bytes:
        path = merkle.tile_path(level, number, width)
        # A partial tile may have given way to the full one.
        data = self.fetch(path) or self.fetch(merkle.tile_path(level, number))
        if data is None:
            raise Unlike(f"{path} is missing")
        return data

    def tile(self, level: int, number: int, width: int) -> bytes:
        data = self.file(level, number, width)
        if len(data) < width * merkle.HASH or len(data) % merkle.HASH:
            path = merkle.tile_path(level, number, width)
            raise Unlike(f"{path} holds {len(data)} bytes where {width * merkle.HASH} are due")
        return data[: width * merkle.HASH]

    def see_tiles(self) -> str:
        """Every tile is there, and every upper hash is the hash of the tile below it."""
        below: list[bytes] = []
        above: list[bytes] = []
        level, count = 0, 0
        for tile_level, number, width in merkle.tiles_of(self.head.size):
            if tile_level != level:
                level, below, above = tile_level, above, []
            hashes = merkle.split(self.tile(level, number, width))
            for place, one in enumerate(hashes if level else ()):
                under = number * merkle.WIDTH + place
                if below[under] != one:
                    upper, lower = merkle.tile_path(level, number, width), merkle.tile_path(level - 1, under)
                    span = _span(level, under)
                    raise Unlike(f"{lower} does not hash to place {place} of {upper}: see entries {span}")
            if width == merkle.WIDTH:
                above.append(merkle.root_of(hashes))
            count += 1
        return f"{count} tiles, each the hashes of those below"

    def see_root(self) -> str:
        widths = {(level, number): width for level, number, width in _right_edge(self.head.size)}

        def tile(level: int, number: int) -> bytes:
            return self.tile(level, number, widths[level, number])

        if merkle.root(merkle.from_tiles(tile), self.head.size) != self.head.root:
            raise Unlike(f"the tiles give another root than the checkpoint of {self.head.size} entries")
        return f"the tiles give the signed root of {self.head.size} entries"

    def see_entries(self) -> str:
        """Every leaf hashes to its place in the tree and is an entry its kind admits; sums per asset."""
        if (
            self.head.size
            and self.fetch(merkle.tile_path("entries", 0, min(self.head.size, merkle.WIDTH))) is None
        ):
            raise Unable("bundles of leaves are not at hand (they are not public)")
        carbon = credits = 0
        for level, number, width in merkle.tiles_of(self.head.size):
            if level:
                break
            hashes = merkle.split(self.tile(0, number, width))
            for place, data in enumerate(_bundle(self.file("entries", number, width), number, width)):
                index = number * merkle.WIDTH + place
                if leaf.leaf_hash(data) != hashes[place]:
                    raise Unlike(f"entry {index}: its leaf is not the one in the tree")
                try:
                    public = leaf.decode(data)
                    kinds.check(public.kind, public.carbon_mg, public.credits)
                except (LeafError, EntryError) as fault:
                    raise Unlike(f"entry {index}: {fault}") from None
                carbon, credits = carbon + public.carbon_mg, credits + public.credits
        return f"{self.head.size} leaves; all persons together hold {carbon} mg CO2e and {credits} credits"


def _right_edge(size: int) -> list[tuple[int, int, int]]:
    """The last tile of each level, (level, number, width): all that the root is computed from."""
    edge, level = [], 0
    while size:
        number = (size - 1) // merkle.WIDTH
        edge.append((level, number, size - number * merkle.WIDTH))
        size, level = size // merkle.WIDTH, level + 1
    return edge


def _span(level: int, under: int) -> str:
    reach = merkle.WIDTH**level
    return f"{under * reach} to {(under + 1) * reach - 1}"


def _bundle(data: bytes, number: int, width: int) -> list[bytes]:
    """The leaves of an entry bundle: each after its length as two bytes."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data) and len(leaves) < width:
        end = at + 2 + int.from_bytes(data[at : at + 2])
        leaves.append(data[at + 2 : end])
        if end > len(data):
            break
        at = end
    else:
        if len(leaves) == width:
            return leaves
    raise Unlike(f"{merkle.tile_path('entries', number, width)} is cut short after {len(leaves)} leaves")
