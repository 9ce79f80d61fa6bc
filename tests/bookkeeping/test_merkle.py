"""The tree against published vectors, against a second reading of RFC 6962, and against tampering."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abate.bookkeeping import merkle
from abate.bookkeeping.merkle import ProofError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6962.json").read_text())
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
HASHES = [merkle.leaf_hash(number.to_bytes(4)) for number in range(1100)]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def nodes_of(hashes: list[bytes]) -> merkle.Nodes:
    return lambda level, index: mth(hashes[index << level : (index + 1) << level])


def tiles_after(steps: list[int]) -> dict[tuple[int, int], bytes]:
    """Tiles of HASHES, grown in these steps."""
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        added = HASHES[size : size + step]
        edge = {level: tiles.get((level, size >> 8 * (level + 1)), b"") for level in range(8)}
        tiles |= {(level, number): data for level, number, data in merkle.grow(edge, size, added)}
        size += len(added)
    return tiles


def flips(data: bytes) -> list[bytes]:
    return [
        bytes([*data[:at], data[at] ^ 1 << bit, *data[at + 1 :]])
        for at in range(len(data))
        for bit in range(8)
    ]


def test_published_roots() -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    for size, root in enumerate(ROOTS):
        assert merkle.root_of(hashes[:size]) == root
        assert merkle.root(nodes_of(hashes), size) == root


def test_published_proofs() -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    nodes = nodes_of(hashes)
    for case in VECTORS["inclusion"]:
        proof = [bytes.fromhex(one) for one in case["proof"]]
        assert merkle.inclusion(nodes, case["index"], case["size"]) == proof
        merkle.check_inclusion(hashes[case["index"]], case["index"], case["size"], proof, ROOTS[case["size"]])
    for case in VECTORS["consistency"]:
        proof = [bytes.fromhex(one) for one in case["proof"]]
        assert merkle.consistency(nodes, case["old"], case["new"]) == proof
        merkle.check_consistency(case["old"], case["new"], ROOTS[case["old"]], ROOTS[case["new"]], proof)


def test_every_proof_of_every_tree_up_to_40_leaves() -> None:
    nodes = nodes_of(HASHES)
    roots = [mth(HASHES[:size]) for size in range(41)]
    for size in range(1, 41):
        assert merkle.root_of(HASHES[:size]) == merkle.root(nodes, size) == roots[size]
        for index in range(size):
            proof = merkle.inclusion(nodes, index, size)
            merkle.check_inclusion(HASHES[index], index, size, proof, roots[size])
        for old in range(1, size + 1):
            merkle.check_consistency(old, size, roots[old], roots[size], merkle.consistency(nodes, old, size))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.data())
def test_a_proof_holds_for_its_place_only(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    nodes, root = nodes_of(HASHES), mth(HASHES[:size])
    proof = merkle.inclusion(nodes, index, size)
    merkle.check_inclusion(HASHES[index], index, size, proof, root)
    refused = [(HASHES[index], index, size + 1, [*proof, HASHES[0]]), (HASHES[index], size, size, proof)]
    if other != index:
        refused += [(HASHES[other], index, size, proof), (HASHES[index], other, size, proof)]
    if proof:
        refused += [
            (HASHES[index], index, size, proof[:-1]),
            (HASHES[index], index, size, [*proof, proof[-1]]),
        ]
    for case in refused:
        with pytest.raises(ProofError):
            merkle.check_inclusion(*case, root)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 8), (5, 7), (6, 7), (12, 13)])
def test_every_flipped_bit_of_an_inclusion_is_refused(index: int, size: int) -> None:
    proof, root = merkle.inclusion(nodes_of(HASHES), index, size), mth(HASHES[:size])
    joined = b"".join(proof)
    for bad in flips(joined):
        with pytest.raises(ProofError, match="another root"):
            merkle.check_inclusion(HASHES[index], index, size, merkle.split(bad), root)
    for bad in flips(HASHES[index]):
        with pytest.raises(ProofError):
            merkle.check_inclusion(bad, index, size, proof, root)
    for bad in flips(root):
        with pytest.raises(ProofError):
            merkle.check_inclusion(HASHES[index], index, size, proof, bad)


@pytest.mark.parametrize(("old", "new"), [(1, 8), (3, 7), (4, 8), (6, 8), (7, 7)])
def test_every_flipped_bit_of_a_consistency_proof_is_refused(old: int, new: int) -> None:
    proof = merkle.consistency(nodes_of(HASHES), old, new)
    before, after = mth(HASHES[:old]), mth(HASHES[:new])
    for bad in flips(b"".join(proof)):
        with pytest.raises(ProofError):
            merkle.check_consistency(old, new, before, after, merkle.split(bad))
    for bad in flips(before):
        with pytest.raises(ProofError):
            merkle.check_consistency(old, new, bad, after, proof)
    for bad in flips(after):
        with pytest.raises(ProofError):
            merkle.check_consistency(old, new, before, bad, proof)
    for case in (proof[:-1], [*proof, HASHES[0]]):
        if case != proof:
            with pytest.raises(ProofError):
                merkle.check_consistency(old, new, before, after, case)


def test_a_rewritten_past_has_no_consistency_proof() -> None:
    rewritten = [*HASHES[:3], merkle.leaf_hash(b"another past"), *HASHES[4:]]
    proof = merkle.consistency(nodes_of(rewritten), 6, 9)
    with pytest.raises(ProofError, match="not the tree of 6"):
        merkle.check_consistency(6, 9, mth(HASHES[:6]), mth(rewritten[:9]), proof)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_tiles_grown_in_any_steps_give_the_same_tree(steps: list[int]) -> None:
    tiles = tiles_after(steps)
    size = min(sum(steps), len(HASHES))
    assert {(level, number): len(data) // 32 for (level, number), data in tiles.items()} == {
        (level, number): width for level, number, width in merkle.tiles_of(size)
    }
    nodes = merkle.from_tiles(lambda level, number: tiles[level, number])
    root = mth(HASHES[:size])
    assert merkle.root(nodes, size) == root
    for index in (0, size // 2, size - 1):
        merkle.check_inclusion(HASHES[index], index, size, merkle.inclusion(nodes, index, size), root)
    old = max(1, size // 3)
    proof = merkle.consistency(nodes, old, size)
    merkle.check_consistency(old, size, mth(HASHES[:old]), root, proof)


def test_a_tile_that_lacks_hashes_is_named() -> None:
    tiles = tiles_after([300])
    tiles[0, 1] = tiles[0, 1][:-32]
    with pytest.raises(ProofError, match=r"tile/0/001.* does not reach"):
        merkle.root(merkle.from_tiles(lambda level, number: tiles[level, number]), 300)
    with pytest.raises(ProofError, match=r"tile/0/001 does not hold 44"):
        list(merkle.grow({0: b""}, 300, HASHES[:1]))


def test_the_example_of_the_tile_specification() -> None:
    """C2SP tlog-tiles, Partial Tiles: a tree of 70,000."""
    tiles = list(merkle.tiles_of(70_000))
    assert [tile for tile in tiles if tile[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert len(tiles) == 274 + 2 + 1
    assert list(merkle.tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(merkle.tiles_of(0)) == []


@pytest.mark.parametrize(
    ("path", "meaning"),
    [
        ("0/x001/x234/067", (0, 1234067, 256)),
        ("0/000", (0, 0, 256)),
        ("63/999.p/255", (63, 999, 255)),
        ("1/x001/000.p/1", (1, 1000, 1)),
        ("64/000", None),
        ("00/000", None),
        ("0/0", None),
        ("0/0000", None),
        ("0/x000/001", None),
        ("0/001/002", None),
        ("0/x001/x002", None),
        ("0/000.p/0", None),
        ("0/000.p/256", None),
        ("0/000.p/01", None),
        ("0/000.p/", None),
        ("0/٠٠٠", None),
        ("0/000\n", None),
        ("", None),
    ],
)
def test_tile_addresses(path: str, meaning: tuple[int, int, int] | None) -> None:
    assert merkle.read_tile_path(path) == meaning
    if meaning:
        assert merkle.tile_path(*meaning) == f"tile/{path}"


def test_questions_no_tree_can_answer() -> None:
    nodes = nodes_of(HASHES)
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ProofError, match="not in a tree"):
            merkle.inclusion(nodes, index, size)
        with pytest.raises(ProofError, match="not in a tree"):
            merkle.check_inclusion(HASHES[0], index, size, [], HASHES[0])
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ProofError, match="no consistency proof"):
            merkle.consistency(nodes, old, new)
        with pytest.raises(ProofError, match="no consistency proof"):
            merkle.check_consistency(old, new, HASHES[0], HASHES[1], [])
    with pytest.raises(ProofError, match="32 bytes"):
        merkle.check_inclusion(HASHES[0], 0, 2, [b"short"], HASHES[0])
