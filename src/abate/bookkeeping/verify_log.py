"""The outside verifier of a whole log, as static files: checkpoint, tiles, leaves, and what was opened of them."""

from __future__ import annotations

from collections.abc import Iterable

from abate.bookkeeping import checkpoint, merkle
from abate.bookkeeping.anchors import see_anchors
from abate.bookkeeping.checkpoint import Checkpoint, Key
from abate.bookkeeping.log_files import Fetch, FileError, LogFiles, span
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.sm2 import Sm2Key
from abate.bookkeeping.verify import NO_KEY, Quorum, Unable, Unlike, Verdict, see_sm2, see_witnesses
from abate.bookkeeping.verify_entries import Entries


def verify_log(
    fetch: Fetch,
    key: Key | None,
    *,
    since: str | None = None,
    openings: Iterable[str] | None = None,
    recompute: RecomputingAll | None = None,
    quorum: Quorum | None = None,
    sm2_key: Sm2Key | None = None,
    anchors: Iterable[bytes] | None = None,
) -> Verdict:
    """Check a whole log as static files: checkpoint, every tile, and the bundles of leaves where they are
    at hand.

    Checks, in order: signature, sm2 (where `sm2_key` is given), witnesses (where `quorum` is given), tiles, root,
    consistency (where `since`, an older signed note, is given), anchors (lines as in anchors.py, where given),
    entries, decisions (changes by three people, where the log tells of any), openings, recomputed and rates (where
    `openings`, lines as in openings.py, are given; rates by rules.py). Each names its first wrong row.
    """
    verdict = Verdict()
    heads: list[Checkpoint] = []
    more = ("consistency",) if since is not None else ()
    last = ("entries", "openings", "recomputed", "rates") if openings is not None else ("entries",)
    if not verdict.look("signature", lambda: _see_signature(fetch, key, heads)):
        verdict.skip("no signed tree head to compare with", "tiles", "root", *more, *last)
        return verdict
    if sm2_key is not None:
        verdict.look("sm2", lambda: see_sm2(fetch("checkpoint") or b"", sm2_key))
    if quorum is not None:
        verdict.look("witnesses", lambda: see_witnesses(fetch("checkpoint") or b"", quorum))
    files = LogFiles(fetch, heads[0].size)
    verdict.look("tiles", lambda: _see_tiles(files))
    verdict.look("root", lambda: _see_root(files, heads[0]))
    if since is not None:
        verdict.look("consistency", lambda: _see_since(files, heads[0], since, key))
    if anchors is not None:
        verdict.look("anchors", lambda: _see_anchors(files, heads[0], anchors))
    entries = Entries(files, openings, recompute)
    if verdict.look("entries", entries.see) and entries.decisions:
        verdict.look("decisions", entries.see_decisions)
        verdict.decisions = [one.document() for one in entries.decisions.seen]
    if openings is not None:
        verdict.look("openings", entries.see_openings)
        verdict.look("recomputed", entries.see_recomputed)
        verdict.look("rates", entries.see_rates)
    return verdict


def _see_signature(fetch: Fetch, key: Key | None, heads: list[Checkpoint]) -> str:
    note = fetch("checkpoint")
    if note is None:
        raise Unlike("there is no file `checkpoint`")
    if key is None:
        raise Unlike(NO_KEY)
    heads.append(checkpoint.open_checkpoint(note, key))
    return f"{heads[0].origin}, {heads[0].size} entries, signed by {key.name}+{key.key_id.hex()}"


def _see_tiles(files: LogFiles) -> str:
    """Every tile is there, and every upper hash is the hash of the tile below it."""
    below: list[bytes] = []
    above: list[bytes] = []
    level, count = 0, 0
    try:
        for tile_level, number, width in merkle.tiles_of(files.size):
            if tile_level != level:
                level, below, above = tile_level, above, []
            hashes = merkle.split(files.tile(level, number))
            for place, one in enumerate(hashes if level else ()):
                under = number * merkle.WIDTH + place
                if below[under] != one:
                    upper, lower = files.path(level, number), merkle.tile_path(level - 1, under)
                    entries = span(level - 1, under)
                    raise Unlike(f"{lower} does not hash to place {place} of {upper}: see entries {entries}")
            if width == merkle.WIDTH:
                above.append(merkle.root_of(hashes))
            count += 1
    except FileError as fault:
        raise Unlike(str(fault)) from None
    return f"{count} tiles, each the hashes of those below"


def _see_root(files: LogFiles, head: Checkpoint) -> str:
    try:
        root = merkle.root(files.nodes(), head.size)
    except FileError as fault:
        raise Unlike(str(fault)) from None
    if root != head.root:
        raise Unlike(f"the tiles give another root than the checkpoint of {head.size} entries")
    return f"the tiles give the signed root of {head.size} entries"


def _see_anchors(files: LogFiles, head: Checkpoint, anchors: Iterable[bytes]) -> str:
    try:
        return see_anchors(anchors, files.nodes(), head.size)
    except FileError as fault:
        raise Unlike(str(fault)) from None


def _see_since(files: LogFiles, head: Checkpoint, since: str, key: Key | None) -> str:
    """The log goes on from a head that the verifier kept from an earlier time."""
    assert key is not None  # without one the check of the signature has failed and this one is not made
    old = checkpoint.open_checkpoint(since, key)
    if old.size > head.size:
        raise Unlike(f"the log has {head.size} entries, the older head had {old.size}: it was rolled back")
    if old.size == 0:
        raise Unable("the older head is that of an empty log, from which every log goes on")
    try:
        proof = merkle.consistency(files.nodes(), old.size, head.size)
    except FileError as fault:
        raise Unlike(str(fault)) from None
    merkle.check_consistency(old.size, head.size, old.root, head.root, proof)
    return f"the log begins with the {old.size} entries of the older head, unchanged"
