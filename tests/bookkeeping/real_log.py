"""A log of real awards (the engine's own milligrams), redemptions and erasures, as the platform makes it. No database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from abate.bookkeeping import checkpoint, leaf, merkle
from abate.bookkeeping.checkpoint import Checkpoint
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import NOTHING, Leaf
from abate.bookkeeping.openings import Opened
from abate.bookkeeping.receipt import MethodName, Opening, Terms
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.verify import Verdict
from abate.bookkeeping.verify_log import verify_log
from abate.quantify import catalogue, columns
from abate.quantify.factors import Setting

SEED, ORIGIN, PACK = bytes(range(32)), "abate.test/log", "demo"
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Booked:
    """An entry as the platform books it: its leaf, and what opens it."""

    leaf: bytes
    opened: tuple[Opening, MethodName | None, Terms | None] | None


@dataclass
class RealLog:
    booked: list[Booked]
    seed: bytes = SEED
    origin: str = ORIGIN
    changes: dict[str, bytes] = field(default_factory=dict)
    """Files that somebody wrote over."""

    @property
    def key(self) -> checkpoint.Key:
        return checkpoint.key_of(self.origin, self.seed)

    def copy(self) -> RealLog:
        return RealLog(list(self.booked), self.seed, self.origin, dict(self.changes))

    def hashes(self) -> list[bytes]:
        return [leaf.leaf_hash(one.leaf) for one in self.booked]

    def note(self, size: int | None = None) -> str:
        hashes = self.hashes()[:size]
        return checkpoint.sign_checkpoint(
            Checkpoint(self.origin, len(hashes), merkle.root_of(hashes)), self.seed
        )

    def files(self) -> dict[str, bytes]:
        size = len(self.booked)
        tiles = {(level, n): data for level, n, data in merkle.grow({}, 0, self.hashes())}
        made = {"checkpoint": self.note().encode()}
        for level, number, width in merkle.tiles_of(size):
            made[merkle.tile_path(level, number, width)] = tiles[level, number]
            if level == 0:
                some = [one.leaf for one in self.booked[number * 256 : number * 256 + width]]
                bundle = b"".join(len(one).to_bytes(2) + one for one in some)
                made[merkle.tile_path("entries", number, width)] = bundle
        return {**made, **self.changes}

    def lines(self) -> list[str]:
        return [Opened(i, *one.opened).line() + "\n" for i, one in enumerate(self.booked) if one.opened]

    def verdict(self, key: checkpoint.Key | None = None, since: str | None = None) -> Verdict:
        """Verified as a stranger does who holds the key of the honest log and, perhaps, an older head."""
        return verify_log(
            self.files().get, key or self.key, since=since, openings=self.lines(), recompute=RecomputingAll()
        )


def make(size: int) -> RealLog:
    """`size` entries: meetings and rides of four people; every ninth a redemption, every 25th an erasure."""
    return RealLog(list(_booked(size)))


@cache
def _booked(size: int) -> tuple[Booked, ...]:
    awards = iter(_awards(size))
    made: list[Booked] = []
    for number in range(size):
        at = START + timedelta(seconds=number)
        if number % 25 == 24:
            # The entry of an erased person: its salt is gone, and a leaf says so.
            made[number - 20] = replace(made[number - 20], opened=None)
            cause = leaf.leaf_hash(made[number - 20].leaf)
            made.append(Booked(leaf.encode(Leaf(Kind.ERASED, 0, 0, at, cause=cause)), None))
        elif number % 9 == 8:
            made.append(redemption(number, f"order-{number}", 3))
        else:
            behaviour, record, er_mg, factors, version, method_hash = next(awards)
            made.append(award(number, behaviour, record, er_mg, factors, version, method_hash))
    return tuple(made)


def award(
    number: int, behaviour: str, record: str, er_mg: int, factors: str, version: int, method_hash: bytes
) -> Booked:
    at = START + timedelta(seconds=number)
    who = f"person-{number % 4}"
    personal = leaf.personal_award(who, "某城", f"e-{number}", behaviour, at, record, er_mg, version, factors)
    opening = Opening(salt_of(number), personal)
    data = Leaf(
        *(
            Kind.AWARD,
            er_mg,
            er_mg // 1000,
            at,
            method_hash,
            leaf.text_hash(factors),
            leaf.text_hash("batch"),
        ),
        leaf.commitment(opening.salt, personal),
    )
    return Booked(leaf.encode(data), (opening, MethodName(behaviour, version), Terms(pack=PACK)))


def redemption(number: int, order: str, credits: int) -> Booked:
    at = START + timedelta(seconds=number)
    personal = leaf.personal_redeem(f"person-{number % 4}", order, credits)
    opening = Opening(salt_of(number), personal)
    committed = leaf.commitment(opening.salt, personal)
    data = Leaf(Kind.REDEEM, 0, -credits, at, NOTHING, NOTHING, leaf.text_hash(order), committed)
    return Booked(leaf.encode(data), (opening, None, None))


def salt_of(number: int) -> bytes:
    return leaf.salt(bytes([number % 4]) * 32, number)


@cache
def _awards(size: int) -> list[tuple[str, str, int, str, int, bytes]]:
    """(behaviour, canonical record, er_mg, factors, version, method hash), rides and meetings in turn."""
    loaded, con = catalogue.load(), columns.connect()
    setting = Setting(pack=loaded.pack(PACK))
    columns_of: list[list[Any]] = []
    for behaviour in ("cycling", "online-meeting"):
        records = [json.dumps(_record(behaviour, number)) for number in range(size // 2 + 1)]
        table = pa.table({"ord": pa.array(range(len(records)), pa.int64()), "data": records})
        found = columns.quantify_events(con, table, behaviour, loaded, setting)
        hashes = {m.version: bytes.fromhex(m.hash) for m in loaded.methods[behaviour]}
        lists = [
            found.column(name).to_pylist() for name in ("canonical", "er_mg", "factors", "method_version")
        ]
        columns_of.append([(behaviour, *row, hashes[row[3]]) for row in zip(*lists, strict=True)])
    return [one for pair in zip(*columns_of, strict=True) for one in pair]


def _record(behaviour: str, number: int) -> dict[str, object]:
    at = START + timedelta(minutes=number)
    if behaviour == "cycling":
        end = (at + timedelta(minutes=20)).isoformat()
        return {
            "trip_id": f"t-{number}",
            "start": at.isoformat(),
            "end": end,
            "distance_km": 1.5 + number % 7,
        }
    return {
        "meeting_id": f'会议 "{number}"' if number % 5 == 0 else f"m-{number}",
        "start": at.isoformat(),
        "duration_min": 60 + number % 30,
        "participants": 4,
        "replacement_rate": "0.4",
        "pkm_rail": str(300 + number % 50),
        "electricity_kwh": "0.5",
    }
