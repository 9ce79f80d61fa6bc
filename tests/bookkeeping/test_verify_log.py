"""A whole log verified from its files: every tampering is found, the row named where it can be."""

from __future__ import annotations

from typing import Any

import pytest

from abate.bookkeeping import checkpoint, leaf, merkle
from abate.bookkeeping.verify import Verdict
from abate.bookkeeping.verify_log import verify_log


def look(files: dict[str, bytes], log: Any) -> Verdict:
    return verify_log(files.get, log.key)


def found(files: dict[str, bytes], log: Any) -> tuple[str, str]:
    failed = look(files, log).first_failure
    assert failed is not None
    return failed.name, failed.detail


@pytest.mark.parametrize("size", [1, 23, 255, 256, 257, 700])
def test_a_log_is_what_was_signed(make_log: Any, size: int) -> None:
    log = make_log().add(size)
    verdict = look(log.files(), log)
    assert verdict.ok, verdict.first_failure
    assert [check.status.value for check in verdict.checks] == ["passed"] * 4
    carbon = sum(leaf.decode(one).carbon_mg for one in log.leaves)
    assert f"{carbon} mg CO2e" in verdict.checks[-1].detail


def test_an_empty_log(make_log: Any) -> None:
    log = make_log()
    assert look({"checkpoint": log.note().encode()}, log).ok


def test_a_public_log_has_no_leaves_and_says_so(make_log: Any) -> None:
    log = make_log().add(300)
    files = {path: data for path, data in log.files().items() if "entries" not in path}
    verdict = look(files, log)
    assert verdict.ok
    assert verdict.checks[-1].status.value == "not checked"


def test_a_full_tile_stands_in_for_a_partial_one(make_log: Any) -> None:
    """tlog-tiles lets a log drop partial tiles once the full one is there."""
    log = make_log().add(200)
    old_note = log.note()
    files = {path: data for path, data in log.add(100).files().items() if ".p/200" not in path}
    assert look({**files, "checkpoint": old_note.encode()}, log).ok


def flip(data: bytes, at: int) -> bytes:
    return bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])


def test_a_changed_leaf_is_named(make_log: Any) -> None:
    log = make_log().add(700)
    path = "tile/entries/001"
    files = log.files()
    files[path] = flip(files[path], 157 * 10 + 2 + 10)
    assert found(files, log) == ("entries", "entry 266: its leaf is not the one in the tree")


def test_a_changed_hash_of_a_leaf_is_named_by_its_tile(make_log: Any) -> None:
    log = make_log().add(700)
    files = log.files()
    files["tile/0/001"] = flip(files["tile/0/001"], 32 * 10)
    name, detail = found(files, log)
    assert name == "tiles"
    assert "tile/0/001 does not hash" in detail
    assert "entries 256 to 511" in detail
    # On the right edge no upper tile speaks for it yet: the root does.
    files = log.files()
    files["tile/0/002.p/188"] = flip(files["tile/0/002.p/188"], 32 * 10)
    assert found(files, log)[0] == "root"


def test_the_past_rewritten_with_all_tiles_but_not_the_signature(make_log: Any) -> None:
    log, other = make_log().add(700), make_log().add(700)
    other.leaves[5] = other.leaves[6]
    files = {**other.files(), "checkpoint": log.note().encode()}
    assert found(files, log)[0] == "root"


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "checkpoint"])
def test_a_missing_file_is_named(make_log: Any, path: str) -> None:
    log = make_log().add(700)
    files = log.files()
    del files[path]
    name, detail = found(files, log)
    assert name == ("signature" if path == "checkpoint" else "tiles")
    assert path in detail


@pytest.mark.parametrize(("path", "cut"), [("tile/0/001", 32), ("tile/0/001", 1), ("tile/1/000.p/2", 5)])
def test_a_short_tile_is_named(make_log: Any, path: str, cut: int) -> None:
    log = make_log().add(700)
    files = log.files()
    files[path] = files[path][:-cut]
    name, detail = found(files, log)
    assert (name, path in detail) == ("tiles", True)


@pytest.mark.parametrize("cut", [1, 156, 157, 158, 157 * 200])
def test_a_bundle_cut_short_is_named(make_log: Any, cut: int) -> None:
    log = make_log().add(700)
    files = log.files()
    files["tile/entries/001"] = files["tile/entries/001"][:-cut]
    name, detail = found(files, log)
    assert (name, "tile/entries/001 is cut short" in detail) == ("entries", True)


def test_an_entry_that_its_kind_does_not_admit_is_named(make_log: Any) -> None:
    log = make_log().add(30)
    was = leaf.decode(log.leaves[12])
    log.leaves[12] = leaf.encode(leaf.Leaf(3, 0, 50, was.at))
    name, detail = found(log.files(), log)
    assert name == "entries"
    assert detail.startswith("entry 12: credits of an entry of kind redeem")


def test_wrong_key_no_key_other_log(make_log: Any) -> None:
    log = make_log().add(30)
    files = log.files()
    for key in (checkpoint.key_of(log.origin, bytes(32)), None):
        verdict = verify_log(files.get, key)
        assert verdict.first_failure is not None
        assert verdict.first_failure.name == "signature"
        assert [check.name for check in verdict.checks] == ["signature", "tiles", "root", "entries"]


def test_the_files_are_the_layout_others_read(make_log: Any) -> None:
    names = set(make_log().add(700).files())
    assert names == {
        "checkpoint",
        *("tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"),
        *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/188"),
    }
    assert merkle.tile_path("entries", 1234067) == "tile/entries/x001/x234/067"
