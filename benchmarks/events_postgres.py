"""Events into PostgreSQL: the whole set-based path against a bare COPY of the same events, in the same run.

The baseline is `COPY ... FROM STDIN` (text) of the events as they came in (id, subject, behaviour, time,
canonical record) into a plain logged table, once without any index and once with the one index that
idempotency needs. The path does all of it: staging, authorisation, ids, balances, entries, quantities,
leaves of the log. Both are durable and commit once a batch; client-side text is made before the clock
starts, for both.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

NAME = "events-postgres"
ABOUT = "events into PostgreSQL, with ids, balances, entries and log leaves, against COPY of the same events"

PEOPLE = 100_000
GIVEN = datetime(2024, 1, 1, tzinfo=UTC)
PARTY = "bench-rides"
COLUMNS = 'party int, event_id text collate "C", subject text, behaviour text, at timestamptz, record text'
TABLES = {
    "copy_bare": COLUMNS,
    "copy_keyed": f"{COLUMNS}, id bigint generated always as identity primary key, unique (party, event_id)",
}


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`batch` (50,000), `batches` a round and connection (2), `rounds` (3), `people` (100,000)."""
    defaults = {"batch": 50_000, "batches": 2, "rounds": 3, "people": PEOPLE}
    batch, per_round, rounds, people = (
        int(options.get(name) or default) for name, default in defaults.items()
    )
    with platform() as server:
        make_people(people)
        events = rides(Random(1))
        single = [_round(events, batch, per_round) for _ in range(rounds)]
        double = [_round(events, batch, per_round, connections=2) for _ in range(rounds)]
        return {
            "batch": batch,
            "people": people,
            "server": server,
            "one_connection": _summary(single),
            "two_connections": _summary(double),
            "statements": _profile(events, batch),
            "disagreements": _disagreements(),
        }


@contextmanager
def platform() -> Iterator[dict[str, str]]:
    """A migrated platform in a scratch database; yields the server settings that matter."""
    from abate.platform.doors import private_postgres  # lazy: the platform's, not every benchmark's

    with tempfile.TemporaryDirectory(prefix="abate-bench-") as folder:
        os.environ["ABATE_OPERATOR_PACK"] = "demo"
        try:
            yield from _migrated(Path(folder))
        finally:
            # Before its folder goes: a server that still writes would hold it.
            private_postgres.stop(Path(folder))


def _migrated(folder: Path) -> Iterator[dict[str, str]]:
    from abate.platform.config import setup  # lazy: Django is the platform's, not the benchmarks'
    from abate.platform.doors import logins  # lazy: as above

    setup.environment(folder, begin=True)
    # One login that owns: what is compared with has tables of its own, which several connections write to.
    os.environ["DATABASE_URL"] = os.environ.pop(logins.OWNER)
    setup.migrate()
    from django.db import connection  # lazy: needs the settings made above

    names = (
        "server_version",
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "shared_buffers",
        "max_wal_size",
    )
    with connection.cursor() as cursor:
        found = {}
        for name in names:
            cursor.execute(f"show {name}")
            found[name] = str(cursor.fetchone()[0])
    yield found
    connection.close()


def make_people(count: int) -> None:
    """`count` people who authorised one party for cycling, made by SQL: registration is not what is
    measured.
    """
    from django.db import connection  # lazy: needs Django set up

    from abate.demo import desk  # lazy: needs Django set up

    party = desk.create_party(PARTY, "data_provider", "压测", "Benchmark", ["cycling"], made_up=True)
    statements = (
        "insert into review_user (password, handle, kind, is_active, made_up, created_at)"
        " select '', 'bench-' || n, 'person', true, true, now() from generate_series(1, %(n)s) n",
        "insert into people_person (user_id, pseudonym, commit_key, wrapped_key, identity_enc, contact_enc,"
        " notice_version, made_up, created_at, status)"
        " select id, gen_random_uuid()::text, sha256(handle::bytea), sha256(handle::bytea), '', '', '1',"
        " true, now(), 'active' from review_user where handle like 'bench-%%'",
        "insert into people_subject (party_id, subject, person_id)"
        " select %(party)s, substr(sha256(u.handle::bytea)::text, 3, 32), p.id from people_person p"
        " join review_user u on u.id = p.user_id",
        "insert into people_authorisation (person_id, party_id, behaviour, granted_at, notice_version)"
        " select id, %(party)s, 'cycling', %(given)s, '1' from people_person",
        "vacuum analyze",
    )
    with connection.cursor() as cursor:
        for statement in statements:
            values = {"n": count, "party": party.pk, "given": GIVEN}
            cursor.execute(statement, values if "%(" in statement or "%%" in statement else None)


def rides(random: Random) -> Iterator[Any]:
    """Rides without end: skewed over the people as real use is (a few ride often), ids like an app's own."""
    from django.db import connection  # lazy: needs Django set up

    from abate.platform.events.envelope import Event  # lazy: needs Django set up

    with connection.cursor() as cursor:
        cursor.execute("select subject from people_subject order by person_id")
        subjects = [row[0] for row in cursor.fetchall()]
    number = 0
    while True:
        number += 1
        start = GIVEN + timedelta(seconds=random.randrange(60_000_000))
        end = start + timedelta(seconds=600 + random.randrange(1200))
        # Of 100,000 people the most active tenth ride a third of the rides.
        subject = subjects[int(len(subjects) * random.random() ** 2)]
        data = (
            f'{{"trip_id":"{number}","start":"{start.isoformat()}","end":"{end.isoformat()}",'
            f'"distance_km":{random.randrange(500, 9000) / 1000}}}'
        )
        yield Event(number, f"ride-{number:012d}", "cycling", subject, start, data.encode())


def prepared(events: Iterator[Any], size: int, part: int = 0, parts: int = 1) -> tuple[Any, str, float]:
    """A batch ready to book, the same events as COPY text, and the seconds that preparing took.

    With several `parts` the batch is of one part of the people: a person's balance is locked until the batch that
    raised it commits, so a loader that works in parallel gives each connection people of its own.
    """
    from abate.bookkeeping.leaf import time_text  # lazy: the platform's, not every benchmark's
    from abate.platform import pipeline  # lazy: needs Django set up
    from abate.platform.carbon import basis, measure  # lazy: needs Django set up
    from abate.platform.doors import clock  # lazy: needs Django set up
    from abate.platform.events.actions import Arrival  # lazy: needs Django set up
    from abate.platform.events.envelope import Sender  # lazy: needs Django set up
    from abate.platform.parties.models import Party  # lazy: needs Django set up

    mine = (event for event in events if crc32(event.subject.encode()) % parts == part)
    read = list(islice(mine, size))
    for place, event in enumerate(read):
        event.place = place
    sender = Sender(Party.objects.get(code=PARTY).pk, PARTY, frozenset({"cycling"}), "bench")
    arrival = Arrival(sender, "file", clock.now(), hashlib.sha256(str(read[0].id).encode()).digest(), size)
    start = time.perf_counter()
    batch = pipeline.ready(arrival, read)
    took = time.perf_counter() - start
    # What came in, as text: the same canonical record that the path stores.
    found = measure.measure(read, basis.setting(), arrival.received_at)
    lines = (
        ("1", m.event.id, m.event.subject, m.event.behaviour, time_text(m.event.time), m.record)
        for m in found
    )
    raw = "".join("\t".join(line) + "\n" for line in lines)
    return batch, raw, took


def _round(events: Iterator[Any], size: int, per_round: int, connections: int = 1) -> dict[str, float]:
    """Events a second of each way, interleaved, `connections` working at once on batches of their own."""
    from abate.platform import pipeline  # lazy: needs Django set up

    jobs = [prepared(events, size, n % connections, connections) for n in range(per_round * connections)]
    texts = [raw for _, raw, _ in jobs]
    booked = [batch for batch, _, _ in jobs]
    total = size * len(jobs)
    found = {"prepare": total / sum(took for _, _, took in jobs)}
    for name, columns in TABLES.items():
        _sql(f"create table if not exists bench_{name} ({columns})")
        found[name] = total / _timed(texts, partial(_copy, name), connections)
    found["path"] = total / _timed(booked, lambda b: pipeline.book(b, everything=False), connections)
    return found


def _sql(statement: str) -> None:
    from django.db import connection  # lazy: needs Django set up

    with connection.cursor() as cursor:
        cursor.execute(statement)


def _copy(name: str, text: str) -> None:
    from django.db import connection, transaction  # lazy: needs Django set up

    into = f"copy bench_{name} (party, event_id, subject, behaviour, at, record) from stdin"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(text)


def _timed(jobs: Sequence[Any], work: Callable[[Any], object], connections: int) -> float:
    """Seconds until all jobs are done; connections are open and warm before the clock starts."""
    from django.db import connection  # lazy: needs Django set up

    barrier = threading.Barrier(connections + 1)

    def worker(own: Sequence[Any]) -> None:
        connection.ensure_connection()
        barrier.wait()
        for job in own:
            work(job)
        barrier.wait()
        connection.close()

    threads = [threading.Thread(target=worker, args=(jobs[n::connections],)) for n in range(connections)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    took = time.perf_counter() - start
    for thread in threads:
        thread.join()
    return took


def _summary(rounds: Sequence[dict[str, float]]) -> dict[str, object]:
    """Medians over the rounds; each ratio is taken within its round."""
    rate = {name: round(statistics.median(r[name] for r in rounds)) for name in rounds[0]}
    ratios = {
        f"path_of_{name}": round(statistics.median(r["path"] / r[name] for r in rounds), 3)
        for name in ("copy_bare", "copy_keyed")
    }
    return {"events_per_second": rate, **ratios}


def _profile(events: Iterator[Any], size: int) -> dict[str, float]:
    """Milliseconds of each statement of one batch."""
    from psycopg import Cursor  # lazy: the platform's

    from abate.platform import pipeline  # lazy: needs Django set up

    batch, _, _ = prepared(events, size)
    spent: dict[str, float] = {}
    plain, copied = Cursor.execute, Cursor.copy

    def execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return plain(self, query, *args, **kwargs)
        finally:
            words = [w for w in str(query).split() if w in _MARKS]
            name = words[-1] if words else str(query).split()[0].lower()
            spent[name] = spent.get(name, 0) + 1000 * (time.perf_counter() - start)

    @contextmanager
    def copy(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        start = time.perf_counter()
        with copied(self, *args, **kwargs) as found:
            yield found
        spent["copy staging"] = 1000 * (time.perf_counter() - start)

    Cursor.execute, Cursor.copy = execute, copy  # type: ignore[method-assign, assignment]
    try:
        start = time.perf_counter()
        pipeline.book(batch, everything=False)
        whole = 1000 * (time.perf_counter() - start)
    finally:
        Cursor.execute, Cursor.copy = plain, copied  # type: ignore[method-assign]
    spent["commit and the rest"] = whole - sum(spent.values())
    return {
        name: round(took, 1) for name, took in sorted(spent.items(), key=lambda item: -item[1]) if took > 0.5
    }


# The last of these words in a statement names it.
_MARKS = {
    "events_seen",
    "people_person",
    "carbon_quantity",
    "events_batch",
}


def _disagreements() -> dict[str, int]:
    """What `abate reconcile` would find after all of it: nothing."""
    from abate.platform.carbon import queries as carbon  # lazy: needs Django set up
    from abate.platform.ledger import queries as ledger  # lazy: needs Django set up

    found = ledger.differences() | carbon.differences()
    return {name: number for name, number in found.items() if number}
