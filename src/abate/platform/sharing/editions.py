"""The figures of a closed month, made once and for good: no group so small that it tells of a person. (P-8.5-b, -d)

A closed month gets no entry any more, and an edition is kept, so that every answer about a month is the same. A group is
shown where it has at least `ABATE_SHARING_LEAST_PEOPLE` people and no one of them makes more than
`ABATE_SHARING_LARGEST_PERCENT` of what it moved: of its CO2e, of its credits, of its acts. The others are one group, `other`;
while that one may not be shown, the smallest group that could joins it. So no sum and no difference of what is shown gives
what is not.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.log import queries as log
from abate.platform.sharing.errors import MonthOpen
from abate.platform.sharing.models import Cell, Edition
from abate.platform.sharing.queries import SQL

OTHER = "other"
MONTHS = 120
"""Months of one request or answer at most: our policy."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of people and what they moved in a month, in mg CO2e and credits.

    `parts`: of CO2e, of credits and of acts how much at most one of them moved, and how much all, taking back counted as much.
    """

    behaviours: tuple[str, ...]
    people: int
    acts: int
    carbon_mg: int
    credits: int
    parts: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, behaviours: Iterable[str], row: Sequence[Decimal | int]) -> Group:
        """As edition.sql adds it up."""
        people, acts, carbon_mg, credits, *moved = map(int, row)
        return cls(
            tuple(behaviours),
            people,
            acts,
            carbon_mg,
            credits,
            tuple(zip(moved[::2], moved[1::2], strict=True)),
        )

    @property
    def name(self) -> str:
        return self.behaviours[0] if len(self.behaviours) == 1 else OTHER

    def showable(self, least_people: int, largest_percent: int) -> bool:
        even = all(largest * 100 <= moved * largest_percent for largest, moved in self.parts)
        return self.people >= least_people and even


def edition(month: date) -> Edition:
    """The edition of the month of `month`, made now where it was not. Raises MonthOpen."""
    first = month.replace(day=1)
    if made := Edition.objects.filter(month=first).first():
        return made
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["alone"])
        if made := Edition.objects.filter(month=first).first():
            return made
        cursor.execute(SQL["month_closed"], {"month": first})
        if not cursor.fetchone()[0]:
            raise MonthOpen(first.isoformat()[:7])
        return _make(first)


def all_made(months: Collection[date]) -> bool:
    """Whether every one of these months, by their first days, has its edition."""
    return not _not_made(months)


def versions(months: Collection[date], behaviours: Collection[str]) -> set[int]:
    """The versions of sources whose data the groups of these months, by their first days, hold, or would if their editions
    were made now; of these behaviours, or of all where none is named."""
    rows = list(Cell.objects.filter(month__in=months).values_list("behaviour", "sources"))
    if lacking := _not_made(months):
        with transaction.atomic():
            hold_back("statistics", lacking[0])
            rows += _sources(lacking)
    return {one for name, found in rows if not behaviours or name in behaviours for one in found}


def _not_made(months: Collection[date]) -> list[date]:
    """Those of these months that have no edition, in their order."""
    made = Edition.objects.filter(month__in=months).values_list("month", flat=True)
    return sorted(set(months) - set(made))


def _sources(months: Sequence[date]) -> list[tuple[str, list[int]]]:
    """(behaviour, versions of sources) of what these months, in their order, booked and is not held back."""
    with connection.cursor() as cursor:
        days = {"first": months[0], "last": last_day(months[-1])}
        cursor.execute(SQL["sources"], days | {"months": list(months)})
        return cursor.fetchall()


def hold_back(use: str, first: date, party: str | None = None) -> list[str]:
    """Lay out which awards may not be used so, in the transaction that is open; the sources of those of the month. (P-8.5-d)

    `party`: who alone is told what is made of the others; without it everyone who asks, and each source is asked then.
    """
    told = None if party is None else sources.recipients(party)
    with connection.cursor() as cursor:
        cursor.execute(SQL["make_held"])
        cursor.execute(SQL["empty_held"])
        cursor.execute(SQL["hold_back"], {"use": use, "told": told, "today": clock.today()})
        cursor.execute(SQL["held_of"], {"first": first, "last": last_day(first)})
        return [name for (name,) in cursor.fetchall()]


def _make(first: date) -> Edition:
    left_out = hold_back("statistics", first)
    least, percent = settings.ABATE_SHARING_LEAST_PEOPLE, settings.ABATE_SHARING_LARGEST_PERCENT
    with connection.cursor() as cursor:
        cursor.execute(SQL["make_parts"])
        cursor.execute(SQL["empty_parts"])
        cursor.execute(SQL["fill_parts"], {"first": first, "last": last_day(first)})
        cursor.execute(SQL["groups"])
        groups = [Group.of(row[:1], row[1:]) for row in cursor.fetchall()]
        held = dict(_sources([first]))
    shown = grouped(groups, together, least, percent)
    made = Edition.objects.create(
        month=first,
        at=clock.now(),
        least_people=least,
        largest_percent=percent,
        withheld=bool(groups) and not shown,
        tree_size=log.size(),
        left_out=left_out,
    )
    Cell.objects.bulk_create(
        [
            Cell(
                month=first,
                behaviour=group.name,
                behaviours=len(group.behaviours),
                people=group.people,
                acts=group.acts,
                carbon_mg=group.carbon_mg,
                credits=group.credits,
                sources=sorted({one for name in group.behaviours for one in held.get(name, ())}),
            )
            for group in shown
        ]
    )
    return made


def grouped(
    groups: Sequence[Group], united: Callable[[Sequence[str]], Group], least: int, percent: int
) -> list[Group]:
    """What may be told of them: in sum the whole month, or nothing. `united` makes one group of several behaviours."""
    shown = sorted((one for one in groups if one.showable(least, percent)), key=lambda one: one.people)
    hidden = [one for one in groups if one not in shown]
    other: list[Group] = []
    while hidden:
        union = united([one.behaviours[0] for one in hidden])
        if len(hidden) > 1 and union.showable(least, percent):
            other = [union]
            break
        if not shown:
            return []
        hidden.append(shown.pop(0))
    return sorted(shown, key=lambda one: one.name) + other


def last_day(first: date) -> date:
    return first.replace(day=monthrange(first.year, first.month)[1])


def together(behaviours: Sequence[str]) -> Group:
    """Several parts of what was just filled in as one group of people."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["together"], {"behaviours": list(behaviours)})
        row = cursor.fetchone()
    return Group.of(sorted(behaviours), row)
