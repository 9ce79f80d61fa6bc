"""An award batch and a statement page on a large ledger, beside the same on a ledger of a million transfers.

The tables are filled by the server, months and all: person after person in a scattered order, one award of a gram each
round, running balances and balances that agree. Only the ledger is filled; the registry of event ids is not.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from random import Random
from typing import Any

from benchmarks import events_postgres
from benchmarks.processor import spent

NAME = "ledger-size"
ABOUT = "an award batch and a statement page at many stored transfers, beside a million"
PEOPLE = 100_000
BESIDE = 1_000_000
PART = 10_000_000
BATCH = 10_000
PAGES = 50
LEAST_FREE = 15 * 1024**3
BYTES_A_ROW = 450
"""Of a row with its index entry, and as much again at hand for the write-ahead log of a part."""

# Round k of person p: k awards so far. 7919 has no factor in common with the number of people, so every round
# has everybody once. A place in a month is a row's number, counted from 1.
_FILL = """
insert into {part} (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party,
                    cause, batch_id, place, basis_id, occurred_at, act_day, be_mg, pe_mg, le_mg, eligible_mg, record, commitment)
select people[1 + n * 7919 %% {people}], {first} + n, 1, {at}, {at}::date, 1000, 1, 1000 * (n / {people} + 1), n / {people} + 1,
       1, {party}, 'ride-' || lpad(n::text, 12, '0'), {batch}, 0, {basis}, {at}, {at}::date, 1000, 0, 0, 1000,
       '{{"trip_id":"' || n || '","start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:20:00Z","distance_km":"4.5"}}',
       sha256(int8send(n))
from (select array_agg(id order by id) as people from people_person) everybody, generate_series({begin}::bigint, {end} - 1) n
"""
_BALANCES = """
insert into ledger_balance (person_id, carbon_mg, credits, eligible_mg, earned, entries, updated_at)
select id, 1000 * {rounds}, {rounds}, 1000 * {rounds}, 1000000 * {rounds}, {rounds}, now() from people_person
on conflict (person_id) do update set carbon_mg = excluded.carbon_mg, credits = excluded.credits,
    eligible_mg = excluded.eligible_mg, earned = excluded.earned, entries = excluded.entries
"""


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (10,000,000; up to 100,000,000 where the disk has room) and `beside` (1,000,000), of `people` (100,000); `rounds`
    (3) of both measures."""
    defaults = {"rows": PART, "beside": BESIDE, "people": PEOPLE, "rounds": 3}
    rows, beside, people, rounds = (int(options.get(name) or default) for name, default in defaults.items())
    rows -= rows % people
    room = shutil.disk_usage(tempfile.gettempdir()).free - LEAST_FREE
    if room < BYTES_A_ROW * rows:
        return {
            "skipped": f"{rows:,} rows need {BYTES_A_ROW * rows / 1e9:.0f} GB besides 15 GB that stay free"
        }
    with events_postgres.platform() as server:
        events_postgres.make_people(people)
        _start()
        begun = time.perf_counter()
        _fill(0, beside, people)
        small = _measure(rounds, people)
        _fill(beside, rows, people)
        filled = time.perf_counter() - begun
        large = _measure(rounds, people)
        return {
            "server": server,
            "rows": rows,
            "partitions": _one("select count(*) from pg_inherits where inhparent = 'ledger_entry'::regclass"),
            "filled_seconds": round(filled),
            "ledger_bytes": _one("select sum(pg_total_relation_size(inhrelid)) from pg_inherits"
                                 " where inhparent = 'ledger_entry'::regclass"),
            "at_a_million": small,
            "at_all": large,
            **{f"{name}_ratio": round(large[name] / small[name], 3) for name in ("batch_s", "batch_processor_s")},
        }  # fmt: skip


def _one(statement: str) -> int:
    from django.db import connection  # lazy: needs Django set up

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def _start() -> None:
    """One basis that the stored awards rest on, from a real award of everybody's first ride."""
    from abate.platform import pipeline  # lazy: needs Django set up

    batch, _, _ = events_postgres.prepared(events_postgres.rides(Random(5)), 1)
    pipeline.book(batch)


def _fill(begin: int, end: int, people: int) -> None:
    """Rows `begin` to `end`, PART a month, in the months before this one; the index of a part is built at its end."""
    from abate.platform.doors import clock, months  # lazy: needs Django set up

    this = months.Month.of(clock.today())
    for first in range(begin, end, PART):
        last = min(first + PART - first % PART, end)
        # The small ledger is a month of its own, before the others.
        month = this.plus(-1 - first // PART - (begin > 0))
        _part(month, first, last, people)
    events_postgres._sql(_BALANCES.format(rounds=end // people))
    events_postgres._sql("vacuum analyze ledger_entry, ledger_balance")
    events_postgres._sql("checkpoint")


def _real() -> dict[str, int]:
    """Of the one real award: leaves are made from what it rests on."""
    tables = {"party": "parties_party", "batch": "events_batch", "basis": "carbon_basis"}
    return {name: _one(f"select max(id) from {table}") for name, table in tables.items()}


def _part(month: Any, begin: int, end: int, people: int) -> None:
    from django.db import connection, transaction  # lazy: needs Django set up

    from abate.platform.doors import months  # lazy: as above

    name = months.name_of("ledger_entry", month)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"create table {name} (like ledger_entry including defaults including storage including constraints)"
        )
        fill = _FILL.format(part=name, people=people, first=month.first_id, at=f"timestamptz '{month}-15 00:00:00+08'",
                            begin=begin, end=end, **_real())  # fmt: skip
        cursor.execute(fill.replace("%%", "%"))
        cursor.execute("set local maintenance_work_mem = '1GB'")
        cursor.execute(f"alter table {name} add primary key (person_id, id)")
        months.attach(cursor, "ledger_entry", month)


_rides: dict[str, Any] = {}


def _measure(rounds: int, people: int) -> dict[str, float]:
    """Medians: seconds of a batch, wall and processor; the slowest statement page of many people, in milliseconds."""
    from abate.platform import pipeline  # lazy: needs Django set up
    from abate.platform.ledger import queries  # lazy: as above

    events = _rides.setdefault("rides", events_postgres.rides(Random(1)))
    batches = [events_postgres.prepared(events, BATCH)[0] for _ in range(rounds + 1)]
    pipeline.book(batches.pop(), everything=False)
    took = []
    for batch in batches:
        with spent() as one:
            pipeline.book(batch, everything=False)
        took.append(one)
    first = _one("select min(id) from people_person")
    random, pages = Random(3), []
    for _ in range(PAGES):
        begun = time.perf_counter()
        page = queries.entries(first + random.randrange(people), limit=20)
        pages.append(1000 * (time.perf_counter() - begun))
        if not page:
            raise RuntimeError("a person without entries")
    return {
        "batch_s": round(statistics.median(one.wall for one in took), 4),
        "batch_processor_s": round(statistics.median(one.processor for one in took), 4),
        "page_ms": round(statistics.median(pages), 2),
        "slowest_page_ms": round(max(pages), 2),
    }
