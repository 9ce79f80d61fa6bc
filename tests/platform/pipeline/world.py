"""A small world for tests of the main path: one partner, a few people who authorised it, events of theirs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count

from django.db import connection

from abate.platform import pipeline
from abate.platform.carbon import queries as carbon
from abate.platform.carbon.basis import catalogue
from abate.platform.credits import queries as rules
from abate.platform.doors import clock
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Reader, Sender
from abate.platform.events.outcomes import Result
from abate.platform.ledger import queries as ledger
from abate.platform.parties import actions as parties
from abate.platform.people import actions as people
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
GIVEN = datetime(2023, 1, 1, tzinfo=UTC)
BEHAVIOURS = ("cycling", "online-meeting", "walking")
_number = count()
# What a batch may change; a refused one leaves every one of them as it was.
TABLES = (
    "events_seen",
    "carbon_quantity",
    "ledger_entry",
    "ledger_balance",
    "credits_used",
    "credits_short",
    "ledger_due",
)


@dataclass
class World:
    """`subjects` are in the order of `people`."""

    sender: Sender
    people: list[Person]
    subjects: list[str]
    bodies: list[bytes] = field(default_factory=list)

    def meeting(
        self, id: str, who: int = 0, start: str = "2026-05-20T09:00:00+08:00", **changes: object
    ) -> dict:
        """An online meeting that 10 kilometres by coach were saved for; credits 2,700 mg or so."""
        data = {
            "meeting_id": id,
            "start": start,
            "duration_min": 60,
            "participants": 5,
            "replacement_rate": 0.5,
            "pkm_coach": 200,
            "electricity_kwh": 0.01,
        }
        return self.event(id, "online-meeting", who, start, {**data, **changes})

    def ride(self, id: str, who: int = 0, start: str = "2026-05-20T10:30:00+08:00", km: object = 1.5) -> dict:
        begun = datetime.fromisoformat(start)
        data = {
            "trip_id": id,
            "start": start,
            "end": (begun + timedelta(minutes=20)).isoformat(),
            "distance_km": km,
        }
        return self.event(id, "cycling", who, start, data)

    def event(self, id: str, behaviour: str, who: int, time: str, data: object) -> dict:
        return {
            "specversion": "1.0",
            "id": id,
            "source": self.sender.code,
            "type": f"org.abate.behaviour.{behaviour}",
            "subject": self.subjects[who],
            "time": time,
            "data": data,
        }

    def send(self, *sent: dict, everything: bool = True) -> list[Result]:
        """One batch straight into the pipeline."""
        return self.send_texts(*map(json.dumps, sent), everything=everything)

    def send_texts(self, *texts: str, everything: bool = True) -> list[Result]:
        """The same from the events as they are written."""
        raws = [text.encode() for text in texts]
        now = clock.now()
        reader = Reader(self.sender, catalogue().methods, now)
        arrival = Arrival(self.sender, "http", now, hashlib.sha256(b"".join(raws)).digest(), len(raws))
        read = [reader.read(place, raw) for place, raw in enumerate(raws)]
        return pipeline.run_batch(arrival, read, everything=everything)

    def totals(self) -> list[tuple[int, int, int]]:
        """(mg, credits, eligible mg) of each person."""
        found = [ledger.balance(person.pk) for person in self.people]
        return [(one.carbon_mg, one.credits, one.eligible_mg) for one in found]


def make_world(size: int = 3, behaviours: Iterable[str] = BEHAVIOURS) -> World:
    given = tuple(behaviours)
    with clock.frozen(GIVEN):
        party = parties.create_party(
            f"city-{next(_number)}", "data_provider", "某城", "A city", given, made_up=True
        )
        found, subjects = [], []
        for _ in range(size):
            order = next(_number)
            number = made_up_number(date(1990, 1, 1) + timedelta(days=order), order % 1000)
            person = people.register("某甲", number, [f"w{order}@example.org"], "1", made_up=True)
            subjects.append(people.authorise(person, party, given, notice_version="1"))
            found.append(person)
    sender = Sender(party.pk, party.code, frozenset(given), "test")
    return World(sender, found, subjects)


def state() -> dict[str, list[tuple]]:
    """Everything that a batch may change, to compare before and after."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"select * from {table}")
            found[table] = sorted(tuple(map(str, row)) for row in cursor.fetchall())
    return found


def differences() -> dict[str, int]:
    """What `abate reconcile` finds; empty where everything agrees."""
    found = ledger.differences() | carbon.differences()
    found |= rules.differences()
    sums = {asset: int(not one.even) for asset, one in ledger.sums().items()}
    return {name: number for name, number in (found | sums).items() if number}
