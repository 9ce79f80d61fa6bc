"""One event a call through the platform's path, beside pgbench's transaction (TPC-B style) on the same server.

Both are durable and commit once a call. Our clients are callers of one server process, a thread and a connection each, as
requests are: prepared events, booked one a call, one after the other. With `processes` each is a process of its own
(several server processes, none of which can gather callers). pgbench runs with `-M prepared`, scale 20, in a database of
its own; the two take turns.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import statistics
import subprocess
import threading
import time
from random import Random
from typing import Any

from benchmarks import events_postgres
from benchmarks.processor import spent

NAME = "lone-event"
ABOUT = "one event a call beside pgbench's TPC-B-like transaction, from 1 and 8 callers"
PEOPLE = 10_000
SCALE = 20
SECONDS = 5
WARM = 30
_warming = threading.Lock()


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rounds` (3), `events` a client and round (400), `people` (10,000), `seconds` of pgbench (5) and its `scale` (20).
    Ratios are taken within a round."""
    defaults = {"rounds": 3, "events": 400, "people": PEOPLE, "seconds": SECONDS, "scale": SCALE}
    rounds, count, people, seconds, scale = (
        int(options.get(name) or default) for name, default in defaults.items()
    )
    with events_postgres.platform() as server:
        events_postgres.make_people(people)
        events_postgres._sql("create database pgbench")
        _pgbench("-i", "-q", "-s", str(scale))
        events = events_postgres.rides(Random(1))
        found = {}
        for name, clients, kind in (
            ("callers_1", 1, threading.Thread),
            ("callers_8", 8, threading.Thread),
            ("processes_8", 8, multiprocessing.get_context("fork").Process),
        ):
            lines = [_round(events, clients, count, kind, seconds) for _ in range(rounds)]
            found[name] = {key: round(statistics.median(line[key] for line in lines), 3) for key in lines[0]}
        return {"server": server, **found, "disagreements": events_postgres._disagreements()}


def _round(events: Any, clients: int, count: int, kind: Any, seconds: int) -> dict[str, float]:
    """Calls a second of both; processor time a call in milliseconds; the ratios (above 1: ours is quicker)."""
    jobs = [[events_postgres.prepared(events, 1)[0] for _ in range(count + WARM)] for _ in range(clients)]
    with spent() as theirs:
        done = _pgbench("-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds), "-M", "prepared")
    tps = float(re.search(r"tps = ([\d.]+)", done)[1])  # type: ignore[index]
    context = multiprocessing.get_context("fork")
    gate, own_seconds = context.Barrier(clients + 1, timeout=120), context.Array("d", clients)
    client = _caller if kind is threading.Thread else _client
    workers = [kind(target=client, args=(place, own, gate, own_seconds)) for place, own in enumerate(jobs)]
    for worker in workers:
        worker.start()
    # Thrice: all are warm, all begin, all have ended (and their connections are still there to be counted).
    gate.wait()
    with spent() as ours:
        gate.wait()
        gate.wait()
    gate.wait()
    for worker in workers:
        worker.join()
    if any(getattr(worker, "exitcode", 0) for worker in workers):
        raise RuntimeError("a client failed")
    # Of processes; what threads took is this process's.
    ours.client += sum(own_seconds)
    rate, calls = clients * count / ours.wall, clients * count
    costs = 1000 * ours.processor / calls, 1000 * theirs.processor / (tps * seconds)
    return {
        "events_per_second": rate,
        "pgbench_tps": tps,
        "ratio": rate / tps,
        "processor_ms_an_event": costs[0],
        "of_it_server": 1000 * ours.server / calls,
        "processor_ms_a_transaction": costs[1],
        "processor_ratio": costs[1] / costs[0],
    }


def _caller(_: int, jobs: list[Any], gate: Any, __: Any) -> None:
    from django.db import connection  # lazy: needs Django set up

    from abate.platform import pipeline  # lazy: as above

    # One after the other: each leads, so that each connection has its plans.
    with _warming:
        for job in jobs[:WARM]:
            pipeline.book(job)
    gate.wait()
    gate.wait()
    for job in jobs[WARM:]:
        pipeline.book(job)
    gate.wait()
    gate.wait()
    connection.close()


def _client(place: int, jobs: list[Any], gate: Any, own_seconds: Any) -> None:
    from django.db import connection  # lazy: needs Django set up

    from abate.platform import pipeline  # lazy: as above

    # The parent's connection stays the parent's, and held, or its end here would end it there.
    parents, connection.connection = connection.connection, None
    for job in jobs[:WARM]:
        pipeline.book(job)
    gate.wait()
    gate.wait()
    begun = time.process_time()
    for job in jobs[WARM:]:
        pipeline.book(job)
    own_seconds[place] = time.process_time() - begun
    gate.wait()
    gate.wait()
    assert parents is not connection.connection
    # Not the parent's clean-up: the server is not ours to stop.
    os._exit(0)


def _pgbench(*options: str) -> str:
    from django.db import connection  # lazy: needs Django set up

    from abate.platform.doors import private_postgres  # lazy: as above

    known = connection.get_connection_params()
    place = ["-h", str(known["host"]), "-U", str(known["user"]), "pgbench"]
    program = str(private_postgres.programs() / "pgbench")
    done = subprocess.run([program, *options, *place], capture_output=True, text=True, check=True)
    return done.stdout
