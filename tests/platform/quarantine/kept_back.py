"""Rules, deciders and records of the tests of quarantine."""

from __future__ import annotations

from typing import Any

from django.db import connection
from tests.platform.pipeline.world import World, differences

from abate.demo import desk
from abate.platform import releasing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon.queries import Behaviour
from abate.platform.doors.errors import Problem
from abate.platform.quarantine import queries
from abate.platform.review.models import User


def rule(world: World, code: str = "new-partner", **more: Any) -> None:
    """A rule of these weeks, set by three people: about the world's party where nothing else is said."""
    given = {
        "rule": code,
        "party": world.sender.code,
        "cause": "probation",
        "reason_zh": "试用期",
        "reason_en": "made up",
    }
    given |= {"valid_from": "2026-05-01", "valid_until": "2026-06-30"}
    desk.decide("quarantine.rule", **(given | more))


def ended(world: World, code: str = "new-partner", **more: Any) -> None:
    rule(world, code, valid_until="2026-05-02", **more)


def declared(world: World, source: str, days: int) -> None:
    """A source of public data of the world's party, whose use ends so many days after an event came."""
    terms = {"mark": "made up", "level": 1, "uses": ["quantify", "credit"], "retention_days": days}
    terms |= {"valid_from": "2026-01-01", "valid_until": "2026-12-31"}
    desk.decide("source.declare", party=world.sender.code, source=source, **terms)


def staff() -> tuple[User, User]:
    """One who proposes, another who decides."""
    return desk.hire("made-up clerk of quarantine", "entry"), desk.hire(
        "made-up checker of quarantine", "check"
    )


def numbers() -> list[int]:
    return [one.id for one in queries.records(queries.EVERY)][::-1]


def came() -> dict[str, str]:
    return {one.event_id: one.came for one in queries.records(queries.EVERY)}


def proposed(verdict: str = "release", *records: int, by: User | None = None) -> int:
    return releasing.propose(by or staff()[0], records or numbers(), verdict, "made up")


def decided(number: int, *, accepted: bool = True, by: User | None = None) -> releasing.Decided:
    return releasing.decide(by or staff()[1], number, accepted=accepted, reason="made up")


def code(work: Any, *given: Any, **more: Any) -> str:
    """What is refused, by its code; empty where it is not."""
    try:
        work(*given, **more)
    except Problem as problem:
        return problem.code
    return ""


def stands(world: World, event: str, who: int = 0) -> Behaviour:
    found = carbon.behaviour(world.people[who].pk, world.sender.party_id, event)
    assert found is not None
    return found


def reconciled() -> dict[str, int]:
    return differences() | {name: n for name, n in queries.differences().items() if n}


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        return int(cursor.fetchone()[0])
