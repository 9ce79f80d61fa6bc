"""Receipts, tiles and static files out of the database, verified by the outside verifier."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test import RequestFactory

from abate.bookkeeping import checkpoint, leaf, merkle
from abate.bookkeeping.receipt import MethodName, Opening, Terms
from abate.bookkeeping.verify import verify_receipt
from abate.bookkeeping.verify_log import verify_log
from abate.platform.log import actions, export, queries
from abate.platform.log.errors import NoHead, TileUnlike
from abate.platform.log.models import Tile
from abate.platform.web import log_views

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
COMMIT_KEY = bytes(range(32))


def key() -> checkpoint.Key:
    return checkpoint.read_key(queries.public_key())


def opening(entry: int) -> Opening:
    at = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    record = f'{{"trip_id":"t{entry}"}}'
    personal = leaf.personal_award(
        "p-7", "party", f"e-{entry}", "walking", at, record, 1000 + entry, 1, "f-1"
    )
    return Opening(leaf.salt(COMMIT_KEY, entry), personal)


@pytest.mark.clause("P-8.5-e")
def test_a_receipt_is_pending_and_then_verifies(fill: Callable[..., None]) -> None:
    fill(1, 700)
    assert queries.receipt(7, 5) is None
    actions.sequence()
    assert queries.receipt(7, 701) is None
    assert queries.receipt(8, 5) is None, "an entry is found under its own person only"
    for entry in (1, 5, 256, 257, 512, 700):
        document = queries.receipt(7, entry, opening(entry), MethodName("walking", 1), Terms())
        assert document is not None
        verdict = verify_receipt(json.dumps(document), key(), lambda *_: "recomputed")
        assert verdict.ok, verdict.first_failure
        assert verdict.ok and verdict.not_proved == ["rate", "total"]


@pytest.mark.clause("P-8.5-e")
def test_an_erased_entry_still_proves_and_no_longer_opens(fill: Callable[..., None]) -> None:
    """With the commit key destroyed there is no opening to hand out, and a remembered text opens nothing."""
    fill(1, 30)
    actions.sequence()
    closed = queries.receipt(7, 5)
    assert closed is not None
    assert closed["opening"] is None
    verdict = verify_receipt(closed, key())
    assert verdict.ok
    assert [c.name for c in verdict.checks if c.status.value == "not checked"] == [
        "opening",
        "facts",
        "recomputed",
        "rate",
        "total",
    ]
    lost = Opening(leaf.salt(bytes(32), 5), opening(5).personal)
    refused = verify_receipt(queries.receipt(7, 5, lost) or {}, key()).first_failure
    assert refused is not None
    assert refused.name == "opening"


def test_receipts_handed_out_stay_good_while_the_log_grows(fill: Callable[..., None]) -> None:
    fill(1, 5)
    actions.sequence()
    kept = [queries.receipt(7, entry, opening(entry)) for entry in range(1, 6)]
    for first in (6, 300, 600):
        fill(first, first + 90)
        actions.sequence()
        assert all(verify_receipt(document or {}, key()).ok for document in kept)


def test_static_files_are_a_log_that_verifies(fill: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(NoHead):
        export.write_files(tmp_path)
    fill(1, 600)
    actions.sequence()
    assert export.write_files(tmp_path / "public") == 600
    export.write_files(tmp_path / "full", entries=True)
    for folder, left_open in (("public", 1), ("full", 0)):

        def fetch(path: str, folder: str = folder) -> bytes | None:
            file = tmp_path / folder / path
            return file.read_bytes() if file.exists() else None

        verdict = verify_log(fetch, key())
        assert verdict.ok, verdict.first_failure
        assert sum(check.status.value == "not checked" for check in verdict.checks) == left_open


TAMPERING = [
    ("change", "update log_leaf set leaf = set_byte(leaf, 10, 99) where idx = 266", "entries", "entry 266:"),
    ("delete", "delete from log_leaf where idx = 299", "entries", "tile/entries/001.p/44 is cut short"),
    (
        "swap",
        "update log_leaf a set leaf = b.leaf from log_leaf b where (a.idx, b.idx) in ((3, 4), (4, 3))",
        "entries",
        "entry 3:",
    ),
]


@pytest.mark.clause("P-8.5-e")
@pytest.mark.parametrize(
    ("statement", "check", "words"), [case[1:] for case in TAMPERING], ids=[c[0] for c in TAMPERING]
)
def test_what_the_owner_of_the_database_changes_is_found(
    fill: Callable[..., None], tmp_path: Path, statement: str, check: str, words: str
) -> None:
    fill(1, 300)
    actions.sequence()
    with connection.cursor() as cursor:
        cursor.execute(statement)
    export.write_files(tmp_path, entries=True)
    found = verify_log(
        lambda path: (tmp_path / path).read_bytes() if (tmp_path / path).exists() else None, key()
    )
    assert found.first_failure is not None
    assert (found.first_failure.name, words in found.first_failure.detail) == (check, True)


@pytest.mark.clause("P-8.5-e")
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "update log_tile set hashes = set_byte(hashes, 64, get_byte(hashes, 64) # 1) where n = 0 and level = 0",
            "tile/0/000",
        ),
        ("update log_tile set hashes = set_byte(hashes, 64, get_byte(hashes, 64) # 1) where n = 1", "300"),
        ("update log_tile set hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1) where level = 1", "300"),
        ("update log_tile set hashes = substr(hashes, 33) where n = 0 and level = 0", "tile/0/000"),
        ("delete from log_tile where n = 0 and level = 0", "tile/0/000"),
        ("delete from log_tile where level = 1", "tile/1/000"),
    ],
)
def test_a_rewritten_tile_is_refused_and_no_checkpoint_is_exported_over_it(
    fill: Callable[..., None], tmp_path: Path, statement: str, named: str
) -> None:
    fill(1, 300)
    actions.sequence()
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 1
    with pytest.raises(TileUnlike, match=named):
        export.write_files(tmp_path)
    assert not (tmp_path / "checkpoint").exists()
    # Whoever reads it from the platform itself finds it as well.
    found = verify_log(served, key())
    assert found.first_failure is not None and found.first_failure.name in ("tiles", "root")


def served(path: str) -> bytes | None:
    if path == "checkpoint":
        return (queries.checkpoint() or "").encode()
    place = merkle.read_tile_path(path)
    return queries.tile(*place) if place else None


@pytest.mark.clause("P-8.5-e")
def test_a_history_rolled_back_and_lived_again_is_found_by_a_kept_head(fill: Callable[..., None]) -> None:
    fill(1, 300)
    actions.sequence()
    kept = checkpoint.open_checkpoint(queries.checkpoint() or "", key())
    with connection.cursor() as cursor:
        for table in ("leaf", "tile", "checkpoint"):
            cursor.execute(f"delete from log_{table}")
    fill(2, 400)
    actions.sequence()
    now = checkpoint.open_checkpoint(queries.checkpoint() or "", key())
    nodes = merkle.from_tiles(lambda level, number: bytes(Tile.objects.get(level=level, n=number).hashes))
    proof = merkle.consistency(nodes, kept.size, now.size)
    with pytest.raises(merkle.ProofError, match="is not the tree of 300"):
        merkle.check_consistency(kept.size, now.size, kept.root, now.root, proof)


def test_the_log_over_http(fill: Callable[..., None], rf: RequestFactory) -> None:
    fill(1, 300)
    actions.sequence()
    note = log_views.checkpoint(rf.get("/log/checkpoint"))
    assert note["Content-Type"] == "text/plain; charset=utf-8"
    assert note["Cache-Control"] == "public, max-age=2"
    head = checkpoint.open_checkpoint(note.content, key())
    assert head.size == 300
    tiles = {}
    for level, number, width in merkle.tiles_of(300):
        address = merkle.tile_path(level, number, width).removeprefix("tile/")
        answer = log_views.tile(rf.get(f"/log/tile/{address}"), address)
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
        assert len(answer.content) == width * 32
        tiles[level, number] = answer.content
    assert merkle.root(merkle.from_tiles(lambda level, number: tiles[level, number]), 300) == head.root
    assert log_views.key(rf.get("/log/key")).content.decode().strip() == queries.public_key()


@pytest.mark.parametrize(
    "address",
    [
        "0/002",
        "0/001",
        "0/001.p/45",
        "1/000",
        "1/000.p/2",
        "2/000.p/1",
        "0/0",
        "x",
        "0/../0/000",
        "",
    ],
)
def test_what_the_tree_does_not_have_is_not_found(
    fill: Callable[..., None], client: Any, rf: RequestFactory, address: str
) -> None:
    fill(1, 300)
    actions.sequence()
    with pytest.raises(Http404):
        log_views.tile(rf.get("/log/tile/x"), address)


def test_no_checkpoint_no_answer(rf: RequestFactory) -> None:
    with pytest.raises(Http404):
        log_views.checkpoint(rf.get("/log/checkpoint"))
    assert log_views.checkpoint(rf.post("/log/checkpoint")).status_code == 405


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "abate", "verify", *arguments], capture_output=True, text=True, check=False
    )


def test_the_command_on_a_receipt_and_on_a_log(fill: Callable[..., None], tmp_path: Path) -> None:
    fill(1, 300)
    actions.sequence()
    (tmp_path / "log.pub").write_text(queries.public_key())
    document = queries.receipt(7, 5, opening(5))
    assert document is not None
    (tmp_path / "receipt.json").write_text(json.dumps(document))
    export.write_files(tmp_path / "log", entries=True)
    by_key = ("--key", str(tmp_path / "log.pub"))
    for subject in ("receipt.json", "log"):
        good = run(str(tmp_path / subject), *by_key)
        assert good.returncode == 0, good.stdout + good.stderr
        assert good.stdout.splitlines()[-1].startswith("Verified")
    without = run(str(tmp_path / "log"))
    assert (without.returncode, "no key was given" in without.stdout) == (1, True)
    document["index"] = 6
    (tmp_path / "receipt.json").write_text(json.dumps(document))
    bad = run(str(tmp_path / "receipt.json"), *by_key, "--json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["first_failure"] == "inclusion"
    assert run(str(tmp_path / "nothing"), *by_key).returncode == 2
    (tmp_path / "log.pub").write_text("no key")
    assert run(str(tmp_path / "log"), *by_key).returncode == 2
