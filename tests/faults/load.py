"""A partner under faults: it sends, notes what was acknowledged, and sends again whatever it does not know."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

from abate.client import Client, Key, Refusal, Reply
from abate.client.batches import MEDIA
from abate.client.calls import TOKEN_REFUSED


def meeting(number: int, subject: str, at: datetime, source: str = "faults") -> dict[str, Any]:
    """A made-up meeting whose reduction differs with its number, so that a lost or doubled one shows in the sum."""
    start = f"{at + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"
    return {"specversion": "1.0", "id": f"f-{number:07d}", "source": source, "type": "org.abate.behaviour.online-meeting",
            "subject": subject, "time": start,
            "data": {"meeting_id": f"f-{number:07d}", "start": start, "duration_min": 45, "participants": 3,
                     "replacement_rate": "0.5", "electricity_kwh": "0.1",
                     "pkm_rail": f"{10 + number % 977}.{number % 1000:03d}"}}  # fmt: skip


@dataclass
class Partner:
    """Threads that send batches until told to stop. `acknowledged` maps event id to the figures of its 200 answer."""

    origin: str
    client_id: str
    secret: str
    subjects: list[str]
    seed: int = 1
    source: str = "faults"
    days: int = 1
    """The acts of its events lie in so many days, the last of them three days ago."""
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: int = 0
    failed: str = ""
    """Why the newest delivery failed."""
    _client: Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = Client(self.origin, self.source, Key(self.client_id, self.secret))

    def batch(self, size: int) -> list[dict[str, Any]]:
        # A whole hour well inside the platform's day, so that the events of one run share their day.
        at = (datetime.now(UTC) - timedelta(days=3)).replace(hour=1, minute=0, second=0, microsecond=0)
        with self._lock:
            numbers = range(self._next, self._next + size)
            self._next += size
            events = [
                meeting(
                    n,
                    self.subjects[n % len(self.subjects)],
                    at - timedelta(days=n // 7 % self.days),
                    self.source,
                )
                for n in numbers
            ]
            self.sent.update({e["id"]: e for e in events})
        return events

    def post(self, events: list[dict[str, Any]]) -> Reply:
        """Send once, with the client's own calls but without its patience. Raises OSError, HTTPException, Refusal."""
        return self._client.once("POST", "/v1/events", json.dumps(events).encode(), {"Content-Type": MEDIA})

    def deliver(self, events: list[dict[str, Any]]) -> bool:
        """Send once; True where the platform acknowledged the whole batch."""
        try:
            reply = self.post(events)
            if reply.status != 200:
                raise reply.refusal()
            results = reply.json()["results"]
        except (Refusal, OSError, HTTPException, json.JSONDecodeError) as fault:
            self.failed = repr(fault)[:500]
            # A token lasts an hour; a long run outlives it.
            if isinstance(fault, Refusal) and fault.code == TOKEN_REFUSED:
                self._client.renew()
            return False
        with self._lock:
            self.acknowledged.update({r["id"]: r for r in results})
        return True

    def answered(self) -> dict[str, dict[str, Any]]:
        """What is acknowledged at this moment."""
        with self._lock:
            return dict(self.acknowledged)

    def run(self, going: Callable[[], bool], threads: int = 3) -> list[threading.Thread]:
        def work(seed: int) -> None:
            dice, pause = random.Random(seed), threading.Event()
            while going():
                events = self.batch(dice.choice((1, 1, 5, 40)))
                # No answer: the same again until there is one, as partners are told to; it does not hammer.
                while not self.deliver(events) and going():
                    pause.wait(0.05)

        started = [
            threading.Thread(target=work, args=(self.seed * 1000 + i,), daemon=True) for i in range(threads)
        ]
        for thread in started:
            thread.start()
        return started

    def settle(self) -> int:
        """Send everything whose fate is unknown until it is known; returns how many of those had landed already."""
        landed, pause = 0, threading.Event()
        unknown = [e for i, e in self.sent.items() if i not in self.acknowledged]
        for start in range(0, len(unknown), 200):
            part = unknown[start : start + 200]
            for _ in range(50):
                if self.deliver(part):
                    break
                pause.wait(0.2)
            else:
                raise AssertionError(f"the platform does not answer any more: {self.failed}")
            landed += sum(self.acknowledged[e["id"]]["outcome"] == "exists" for e in part)
        return landed
