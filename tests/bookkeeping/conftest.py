"""A small log made by hand: leaves, tree, signed checkpoint, receipts. No database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from abate.bookkeeping import checkpoint, leaf, merkle
from abate.bookkeeping.checkpoint import Checkpoint
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import Leaf
from abate.bookkeeping.receipt import MethodName, Opening, Receipt, Terms

SEED = bytes(range(32))
COMMIT_KEY = bytes(range(100, 132))
START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


@dataclass
class SmallLog:
    """Entries 0, 1, 2 ... of one person: awards, every tenth a redemption."""

    origin: str = "abate.test/log"
    seed: bytes = SEED
    leaves: list[bytes] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)

    @property
    def key(self) -> checkpoint.Key:
        return checkpoint.key_of(self.origin, self.seed)

    def add(self, count: int) -> SmallLog:
        for entry in range(len(self.leaves), len(self.leaves) + count):
            at = START + timedelta(seconds=entry)
            salt = leaf.salt(COMMIT_KEY, entry)
            if entry % 10 == 9:
                personal = leaf.personal_redeem("p-1", f"order-{entry}", 5)
                made = Leaf(Kind.REDEEM, 0, -5, at, cause=leaf.text_hash(f"order-{entry}"))
            else:
                record = f'{{"trip_id":"t{entry}","distance_km":"1.5"}}'
                personal = leaf.personal_award(
                    "p-1", "城市单车", f"e-{entry}", "walking", at, record, 1500 + entry, 1, "f-1"
                )
                factors, method = leaf.text_hash("f-1"), leaf.text_hash("walking v1")
                made = Leaf(Kind.AWARD, 1500 + entry, 1, at, method, factors, leaf.text_hash("batch"))
            committed = leaf.commitment(salt, personal)
            made = Leaf(
                made.kind,
                made.carbon_mg,
                made.credits,
                at,
                made.method_hash,
                made.factors_hash,
                made.cause,
                committed,
            )
            self.leaves.append(leaf.encode(made))
            self.openings.append(Opening(salt, personal))
        return self

    def tiles(self) -> dict[tuple[int, int], bytes]:
        hashes = [leaf.leaf_hash(one) for one in self.leaves]
        return {(level, number): data for level, number, data in merkle.grow({}, 0, hashes)}

    def nodes(self) -> merkle.Nodes:
        tiles = self.tiles()
        return merkle.from_tiles(lambda level, number: tiles[level, number])

    def note(self, size: int | None = None) -> str:
        size = len(self.leaves) if size is None else size
        return checkpoint.sign_checkpoint(
            Checkpoint(self.origin, size, merkle.root(self.nodes(), size)), self.seed
        )

    def receipt(self, index: int, size: int | None = None) -> dict[str, object]:
        size = len(self.leaves) if size is None else size
        proof = tuple(merkle.inclusion(self.nodes(), index, size))
        return Receipt(
            self.origin,
            index,
            self.leaves[index],
            proof,
            self.note(size),
            self.openings[index],
            MethodName("walking", 1),
            Terms(),
        ).document()

    def files(self) -> dict[str, bytes]:
        tiles, size = self.tiles(), len(self.leaves)
        made = {"checkpoint": self.note().encode()}
        for level, number, width in merkle.tiles_of(size):
            made[merkle.tile_path(level, number, width)] = tiles[level, number]
            if level == 0:
                some = self.leaves[number * 256 : number * 256 + width]
                made[merkle.tile_path("entries", number, width)] = b"".join(
                    len(one).to_bytes(2) + one for one in some
                )
        return made


@pytest.fixture
def small_log() -> SmallLog:
    return SmallLog().add(23)


@pytest.fixture
def make_log() -> type[SmallLog]:
    return SmallLog
