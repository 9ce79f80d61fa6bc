"""Share of HTTP and validation in the cost of an event: the door alone against the whole way through it.

One process, one client, requests one after the other through the ASGI application (no network): the whole
way (token, decode, measure, book, answer), and the same requests with measuring and booking replaced by
ready answers. What is left then is the HTTP side: header and body handling, threads, token look-up,
decoding, checks, encoding of the answers.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any
from unittest import mock

from benchmarks import events_postgres

NAME = "http-share"
ABOUT = "share of HTTP and validation in the cost of an event, 1,000 events a request"
EVENTS = 1_000


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rounds` (3) of `requests` (10) each way, taken in turns."""
    rounds, requests = int(options.get("rounds") or 3), int(options.get("requests") or 10)
    with events_postgres.platform() as server:
        events_postgres.make_people(10_000)
        bodies = iter(_bodies(2 + rounds * requests * 2))
        headers = _headers()
        for _ in range(2):
            _send(next(bodies), headers)  # connections, plans and caches are there before the clock starts
        whole, door = [], []
        for _ in range(rounds):
            whole.append(_timed([next(bodies) for _ in range(requests)], headers))
            with mock.patch("abate.platform.pipeline.run_batch", _ready_answers):
                door.append(_timed([next(bodies) for _ in range(requests)], headers))
        shares = [d / w for d, w in zip(door, whole, strict=True)]
        return {
            "events_per_request": EVENTS,
            "server": server,
            "microseconds_per_event": {
                "whole": round(statistics.median(whole), 2),
                "http_and_validation": round(statistics.median(door), 2),
            },
            "share": round(statistics.median(shares), 3),
        }


def _ready_answers(arrival: Any, read: Sequence[Any], **_: object) -> list[Any]:
    from abate.platform.events.outcomes import Outcome, Result  # lazy: needs Django set up

    return [Result(e.place, e.id, Outcome.CREDITED, None, 222_915, 222, e.place) for e in read]


def _bodies(count: int) -> list[bytes]:
    rides = events_postgres.rides(Random(2))
    made = []
    for _ in range(count):
        events = [
            {
                "specversion": "1.0",
                "id": ride.id,
                "source": events_postgres.PARTY,
                "type": f"org.abate.behaviour.{ride.behaviour}",
                "subject": ride.subject,
                "time": ride.time.isoformat(),
                "data": json.loads(ride.data),
            }
            for ride in (next(rides) for _ in range(EVENTS))
        ]
        made.append(json.dumps(events).encode())
    return made


def _headers() -> list[tuple[bytes, bytes]]:
    from allauth.idp.oidc.adapter import get_adapter  # lazy: needs Django set up
    from allauth.idp.oidc.models import Token  # lazy: needs Django set up
    from django.conf import settings  # lazy: as above

    from abate.demo import desk  # lazy: needs Django set up
    from abate.platform.doors import clock  # lazy: needs Django set up
    from abate.platform.parties import queries  # lazy: as above

    client_id, _ = desk.issue_client(queries.party(events_postgres.PARTY))
    Token.objects.create(
        type=Token.Type.ACCESS_TOKEN,
        hash=get_adapter().hash_token("benchmark"),
        client_id=client_id,
        scopes="events",
        expires_at=clock.now() + timedelta(hours=1),
    )
    kind = (b"content-type", b"application/cloudevents-batch+json")
    # The intake answers to its own name only.
    host = (b"host", settings.ALLOWED_HOSTS[0].encode())
    return [kind, host, (b"authorization", b"Bearer benchmark")]


def _timed(bodies: list[bytes], headers: list[tuple[bytes, bytes]]) -> float:
    """Microseconds an event."""
    start = time.perf_counter()
    for body in bodies:
        _send(body, headers)
    return 1e6 * (time.perf_counter() - start) / (len(bodies) * EVENTS)


def _send(body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    from abate.platform.web import intake  # lazy: needs Django set up

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/events", "headers": headers}
    asyncio.run(intake.app(scope, receive, send))
    if sent[0]["status"] != 200:
        raise RuntimeError(f"refused: {sent[1]['body'][:300]!r}")
