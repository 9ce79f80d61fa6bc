"""A whole log verified offline, every issued figure recomputed, against bare hashing of the same leaves.

The log is made by the product's own leaf, tree and note code from real records: online meetings and rides that
the columns engine quantified. What is timed is the command as an auditor runs it, from start to exit, imports
and reading of files included. The baseline hashes the same leaves into one root and checks nothing else.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from abate.bookkeeping import checkpoint, leaf, merkle
from abate.bookkeeping.checkpoint import Checkpoint
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import Leaf
from abate.bookkeeping.openings import FILE, Opened
from abate.bookkeeping.receipt import MethodName, Opening, Terms
from abate.quantify import catalogue, columns
from abate.quantify.factors import Setting

NAME = "verify-log"
ABOUT = "a log verified offline, every figure recomputed, against bare hashing of its leaves"
SEED, ORIGIN, PACK = bytes(range(32)), "bench.abate.invalid/log", "demo"
START = datetime(2026, 3, 1, tzinfo=UTC)
CHUNK = 50_000


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (1,000,000) entries, `rounds` (3)."""
    rows, rounds = int(options.get("rows") or 1_000_000), int(options.get("rounds") or 3)
    with tempfile.TemporaryDirectory(prefix="abate-verify-") as name:
        folder = Path(name)
        leaves = write_log(folder, rows)
        bare, whole = [], []
        for _ in range(rounds):
            began = time.perf_counter()
            merkle.root_of([sha256(b"\x00" + one).digest() for one in leaves])
            bare.append(time.perf_counter() - began)
            began = time.perf_counter()
            checks = verify(folder)
            whole.append(time.perf_counter() - began)
        return {
            "entries": rows,
            "seconds": round(statistics.median(whole), 2),
            "seconds_of_bare_hashing": round(statistics.median(bare), 2),
            "over_bare_hashing": round(statistics.median(w / b for w, b in zip(whole, bare, strict=True)), 2),
            "checks": checks,
        }


def verify(folder: Path) -> dict[str, str]:
    """`abate verify` on the folder; the status of each check."""
    command = [sys.executable, "-m", "abate", "verify", str(folder), "--key", str(folder / "key"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    if set(found.values()) != {"passed"}:
        raise RuntimeError(f"the log that was made does not verify: {done.stdout}")
    return found


def write_log(folder: Path, rows: int) -> list[bytes]:
    """A log of `rows` awards with bundles and openings; returns its leaves."""
    leaves: list[bytes] = []
    with (folder / FILE).open("w", encoding="utf-8") as file:
        for index, (data, opened) in enumerate(entries(rows)):
            leaves.append(data)
            file.write(Opened(index, *opened).line() + "\n")
    hashes = [leaf.leaf_hash(one) for one in leaves]
    tiles = {(level, number): data for level, number, data in merkle.grow({}, 0, hashes)}
    for level, number, width in merkle.tiles_of(rows):
        _write(folder / merkle.tile_path(level, number, width), tiles[level, number])
        if level == 0:
            some = leaves[number * merkle.WIDTH :][:width]
            bundle = b"".join(len(one).to_bytes(2) + one for one in some)
            _write(folder / merkle.tile_path("entries", number, width), bundle)
    root = merkle.root(merkle.from_tiles(lambda level, number: tiles[level, number]), rows)
    _write(folder / "checkpoint", checkpoint.sign_checkpoint(Checkpoint(ORIGIN, rows, root), SEED).encode())
    _write(folder / "key", f"{checkpoint.key_of(ORIGIN, SEED)}\n".encode())
    return leaves


def entries(rows: int) -> Iterator[tuple[bytes, tuple[Opening, MethodName, Terms]]]:
    """Awards as the platform books them: the engine's milligrams, the canonical record, a leaf that commits to it."""
    loaded, random, con = catalogue.load(), Random(1), columns.connect()
    setting = Setting(pack=loaded.pack(PACK))
    terms = Terms(pack=PACK)
    for first in range(0, rows, CHUNK):
        behaviour = "online-meeting" if first // CHUNK % 2 else "cycling"
        numbers = range(first, min(rows, first + CHUNK))
        moments = [START + timedelta(seconds=number) for number in numbers]
        records = [
            _record(behaviour, number, at, random) for number, at in zip(numbers, moments, strict=True)
        ]
        table = pa.table({"ord": pa.array(numbers, pa.int64()), "data": records})
        found = columns.quantify_events(con, table, behaviour, loaded, setting)
        hashes = {m.version: bytes.fromhex(m.hash) for m in loaded.methods[behaviour]}
        names = ("er_mg", "factors", "method_version", "canonical")
        lists = [found.column(name).to_pylist() for name in names]
        for number, at, er_mg, factors, version, record in zip(numbers, moments, *lists, strict=True):
            personal = leaf.personal_award(
                f"person-{number % 1000}",
                "bench",
                f"e-{number}",
                behaviour,
                at,
                record,
                er_mg,
                version,
                factors or "",
            )
            opening = Opening(leaf.salt(SEED, number), personal)
            committed = leaf.commitment(opening.salt, personal)
            named = leaf.text_hash(factors or "")
            made = Leaf(
                Kind.AWARD, er_mg, er_mg // 1000, at, hashes[version], named, leaf.text_hash("b"), committed
            )
            yield leaf.encode(made), (opening, MethodName(behaviour, version), terms)


def _record(behaviour: str, number: int, at: datetime, random: Random) -> str:
    if behaviour == "cycling":
        end = at + timedelta(minutes=20)
        km = random.randint(1000, 9999) / 1000
        data = {
            "trip_id": f"t-{number}",
            "start": at.isoformat(),
            "end": end.isoformat(),
            "distance_km": km,
        }
        return json.dumps(data)
    return json.dumps(
        {
            "meeting_id": f"m-{number}",
            "start": at.isoformat(),
            "duration_min": random.randint(40, 120),
            "participants": random.randint(3, 9),
            "replacement_rate": "0.4",
            "pkm_rail": str(random.randint(300, 900)),
            "electricity_kwh": "0.5",
        }
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
