"""The reconciliation's check of the log (leaves, tiles, signed heads) against reading the same rows and hashing them once.

The log is filled by the product's own sequencer from leaves that the server makes, 100,000 a head. The check is timed at
a tenth of the rows and at all of them; what it holds of memory is told at both.
"""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import events_postgres
from benchmarks.processor import Spent, spent

NAME = "log-check"
ABOUT = "the reconciliation's check of leaves, tiles and heads, against reading and hashing the same leaves"
_PART = 1_000_000
_FILL = """
insert into log_pending (person_id, entry_id, leaf, hash)
select 1 + n %% 1000, n, leaf, abate_leaf_hash(leaf)
from generate_series(%(first)s::bigint, %(last)s) n
cross join lateral (select abate_leaf(1, 1000, 1, '2026-03-01 00:00:00+00', sha256('m'), sha256('f'), sha256('c'),
                                      sha256(int8send(n))) as leaf) made
"""
_READ = "select sum(octet_length(leaf) + octet_length(hash)) from log_leaf"
_HASH = "select count(*) from log_leaf where hash is distinct from abate_leaf_hash(leaf)"


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (1,000,000) leaves, `rounds` (3) at a tenth of them and at all."""
    rows, rounds = int(options.get("rows") or _PART), int(options.get("rounds") or 3)
    with events_postgres.platform() as server:
        _fill(0, rows // 10)
        small = _measure(rounds)
        _fill(rows // 10, rows)
        large = _measure(rounds)
        per_leaf = large["processor_s"] / max(small["processor_s"], 0.01) * (rows // 10) / rows
        return {
            "server": server,
            "rows": rows,
            "at_a_tenth": small,
            "at_all": large,
            "per_leaf_ratio": round(per_leaf, 2),
        }


def _fill(begin: int, end: int) -> None:
    from django.db import connection  # lazy: needs Django set up

    from abate.platform.log import actions  # lazy: as above

    for first in range(begin, end, _PART):
        with connection.cursor() as cursor:
            cursor.execute(_FILL, {"first": first, "last": min(first + _PART, end) - 1})
        while actions.sequence():
            pass
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze log_pending, log_leaf, log_tile")


def _measure(rounds: int) -> dict[str, float]:
    """Medians of processor seconds (of the check wall seconds too); what one more check holds of memory, in megabytes."""
    from django.db import connection  # lazy: needs Django set up

    from abate.platform.log import reconciling  # lazy: as above

    took: dict[str, list[Spent]] = {"read": [], "hash": [], "check": []}

    def check() -> None:
        if any((found := reconciling.differences()).values()):
            raise RuntimeError(f"the log that was made does not agree: {found}")

    with connection.cursor() as cursor:
        # One process reads as one process checks.
        cursor.execute("set max_parallel_workers_per_gather = 0")
        for _ in range(rounds):
            for name, statement in (("read", _READ), ("hash", _HASH)):
                with spent() as one:
                    cursor.execute(statement)
                    cursor.fetchall()
                took[name].append(one)
            with spent() as one:
                check()
            took["check"].append(one)
    read, hashed, checked = (statistics.median(one.processor for one in took[name]) for name in took)
    return {
        "seconds": round(statistics.median(one.wall for one in took["check"]), 3),
        "processor_s": round(checked, 3),
        "over_reading": round(checked / max(read, 0.01), 2),
        "over_hashing": round(checked / max(hashed, 0.01), 2),
        **_held(check),
    }


def _held(check: Callable[[], None]) -> dict[str, float]:
    """The most that the check held of Python's memory, and the backend's own after it: of a backend that did nothing else."""
    from django.db import connection  # lazy: needs Django set up

    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (backend,) = cursor.fetchone()
    tracemalloc.start()
    check()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    lines = Path(f"/proc/{backend}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return {"client_mb": round(peak / 2**20, 1), "backend_mb": round(own / 1024, 1)}
