"""Every stored quantity computed again by the columnar engine, in chunks: it must come out to the milligram. (P-7.2-a)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import duckdb
import pyarrow as pa
from django.db import connection

from abate.platform.carbon.basis import catalogue, stored_setting, zone_spans
from abate.platform.carbon.measure import OUTCOMES, settled
from abate.platform.carbon.queries import SQL, filled
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.quantify import columns

_CHUNK = 20_000
_RESULTS = ("be_mg", "pe_mg", "le_mg", "er_mg", "canonical", "method_version", "factors", "outcome", "reason")


@dataclass(frozen=True, slots=True)
class _Basis:
    behaviour: str
    version: int
    method_hash: bytes
    factors: str
    region: str | None
    grade_floor: str
    pack: str | None
    pack_hash: str | None


def recompute() -> tuple[int, int]:
    """(quantities recomputed, how many of them do not come out as stored).

    From the stored record, on the stored basis: amounts, canonical record, methodology version, figures used, whether it
    credits, and the reason that the engine gave. What a basis at hand no longer allows (a methodology or pack that is not
    here as it was) does not come out either. Reads in order of bases and of the zones of then, a chunk at a time.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["bases"])
        bases = {number: _Basis(*values) for number, *values in cursor.fetchall()}
    done = wrong = 0
    with duckdb.connect() as engine, connection.chunked_cursor() as cursor:
        engine.execute("set threads = 1")
        cursor.execute(filled("all_records"), zone_spans())
        while rows := cursor.fetchmany(_CHUNK):
            for (number, zone), group in groupby(rows, key=itemgetter(0, 1)):
                stored = [row[2:] for row in group]
                done += len(stored)
                wrong += _wrong(engine, bases.get(number), zone, stored)
    return done, wrong


def packs_missing() -> list[str]:
    """Id and first digits of the SHA-256 of each pack that something was booked on and that is not at hand as it was."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["bases"])
        packs = {row[-4:] for row in cursor.fetchall() if row[-2] is not None}
    return sorted(
        {
            f"{pack} ({hash[:12]})"
            for *place, pack, hash in packs
            if stored_setting(*place, pack, hash, clock.zone().key) is None
        }
    )


def _wrong(
    engine: duckdb.DuckDBPyConnection, basis: _Basis | None, zone: str | None, stored: Sequence[tuple]
) -> int:
    """How many rows (credits or None where it is not asked, reason or "" where it is not the engine's, be, pe, le, er, record)
    of one basis, measured while days were those of one zone, do not come out."""
    if basis is None or zone is None:
        return len(stored)
    versions = catalogue().methods.get(basis.behaviour, ())
    at_hand = any(m.version == basis.version and m.hash == bytes(basis.method_hash).hex() for m in versions)
    setting = stored_setting(basis.region, basis.grade_floor, basis.pack, basis.pack_hash, zone)
    if not at_hand or setting is None:
        return len(stored)
    table = pa.table(
        {
            "ord": pa.array(range(len(stored)), pa.int64()),
            "data": pa.array([row[-1] for row in stored], pa.string()),
        }
    )
    found = columns.quantify_events(engine, table, basis.behaviour, catalogue(), setting)
    again = zip(*(found.column(name).to_pylist() for name in _RESULTS), strict=True)
    wrong = 0
    for (credits, said, *kept), (*figures, version, factors, outcome, reason) in zip(
        stored, again, strict=True
    ):
        came, why = settled(OUTCOMES[outcome], reason, figures[3])
        same = (kept, basis.version, basis.factors) == (figures, version, factors or "")
        same = same and credits in (came == Outcome.CREDITED, None) and said in (why, "")
        wrong += not same
    return wrong
