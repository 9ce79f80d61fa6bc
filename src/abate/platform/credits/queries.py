"""What others may know of the rules of credits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from django.db import connection

from abate.platform.credits.errors import NoRule
from abate.platform.credits.models import Cap, Rule
from abate.platform.doors import clock
from abate.platform.doors.statements import statements

SQL = statements(Path(__file__).parent / "sql")


def credits_per_kg(day: date) -> int:
    """Credits that a kilogram of eligible CO2e makes of an act of `day`. Raises NoRule. (P-3.4, P-7.4)"""
    with connection.cursor() as cursor:
        cursor.execute(SQL["rule"], {"day": day})
        found = cursor.fetchone()
    if found is None:
        raise NoRule(day.isoformat())
    return int(found[0])


def begins_too_late(from_day: date) -> bool:
    """Whether no rule may begin on that day: it is not in the future, or is booked already (a clock that was ahead, or a
    close, moves bookings past today)."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["booked_since"], {"from_day": from_day})
        booked = cursor.fetchone()[0]
    return from_day <= clock.today() or (booked is not None and booked >= from_day)


def any_cap(behaviours: Collection[str], first: date, last: date) -> bool:
    """Whether a cap holds for one of these behaviours on some day from `first` to `last`."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["caps"], {"behaviours": list(behaviours), "first": first, "last": last})
        return bool(cursor.fetchone()[0])


def caps() -> list[Cap]:
    """All caps, newest first, for pages that explain them."""
    return list(Cap.objects.order_by("-from_day", "behaviour", "scope", "period", "field"))


def rate_over(first: date, last: date) -> int | None:
    """Credits that a kilogram makes of every act of these days; None where the days have several rates."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["rate_over"], {"first": first, "last": last})
        found = cursor.fetchone()
    return found and int(found[0])


def rule_of(day: date) -> Rule | None:
    """The rule at whose rate an act of `day` earns."""
    return Rule.objects.filter(from_day__lte=day).order_by("-from_day").first()


def rates(until: date) -> list[tuple[date, int]]:
    """From which day a kilogram makes how many credits, the oldest first, of the rules that have begun by `until`."""
    return list(
        Rule.objects.filter(from_day__lte=until)
        .order_by("from_day")
        .values_list("from_day", "credits_per_kg")
    )


def rates_of(days: Collection[date]) -> dict[date, int]:
    """Day -> the credits a kilogram of its acts; days before every rule are left out."""
    known = rates(max(days)) if days else []
    starts = [start for start, _ in known]
    return {day: known[place - 1][1] for day in days if (place := bisect_right(starts, day))}


@dataclass(frozen=True, slots=True)
class Span:
    """A rule and the last day on which it holds; None where none is set to follow."""

    rule: Rule
    to_day: date | None

    def covers(self, day: date) -> bool:
        return self.rule.from_day <= day and (self.to_day is None or day <= self.to_day)


def spans(day: date) -> list[Span]:
    """The rule that holds on `day`, where there is one, and those that are set to follow, the oldest first."""
    rules = list(Rule.objects.order_by("from_day"))
    ends = [one.from_day - timedelta(days=1) for one in rules[1:]]
    found = [Span(rule, last) for rule, last in zip(rules, [*ends, None], strict=True)]
    return [one for one in found if one.to_day is None or one.to_day >= day]


def all_rules() -> list[Rule]:
    """All rules, the newest first."""
    return list(Rule.objects.order_by("-from_day"))


@dataclass(frozen=True, slots=True)
class CutBy:
    """The cap that took part of an award, and how many milligrams."""

    reason_zh: str
    reason_en: str
    cut_mg: int
    scope: str
    period: str


def cuts(person_id: int, entry_ids: Collection[int]) -> dict[int, CutBy]:
    """Which cap took part of each of these awards of a person: of several caps, the one with the least room."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["cuts"], {"person": person_id, "entries": list(entry_ids)})
        return {entry: CutBy(*found) for entry, *found in cursor.fetchall()}


def differences() -> dict[str, int]:
    """How many rows break each rule of caps.

    `caps`: balances that are not what the awards that stand come to; `short`: cuts that are not what was booked;
    `room`: awards of one person that are short though their caps have room.
    """
    found = {}
    with connection.cursor() as cursor:
        for name in ("caps", "short", "room"):
            cursor.execute(SQL[f"differ_{name}"])
            found[name] = int(cursor.fetchone()[0])
    return found
