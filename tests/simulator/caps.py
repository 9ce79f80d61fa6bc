"""What caps must do, event by event: the least room decides, all balances are raised by what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

Key = tuple[int, Hashable, Hashable]


@dataclass(frozen=True)
class Cap:
    scope: str
    period: str
    behaviour: str
    start: date
    most: int

    @property
    def kind(self) -> tuple[str, str, str]:
        return self.scope, self.period, self.behaviour


@dataclass(frozen=True)
class Act:
    """What of an event caps look at. `thing` is the object that its record names."""

    who: int
    partner: int
    thing: str
    behaviour: str
    day: date
    er_mg: int


class Counted(Protocol):
    eligible: int
    rate: int

    @property
    def act(self) -> Act: ...


@dataclass
class Caps:
    laid: list[Cap] = field(default_factory=list)
    used: Counter[Key] = field(default_factory=Counter)

    def exists(self, cap: Cap) -> bool:
        return any((one.kind, one.start) == (cap.kind, cap.start) for one in self.laid)

    def over(self, act: Act) -> list[tuple[Key, Cap]]:
        """The balances that an act is counted on: of each kind of cap the latest that has begun."""
        newest: dict[tuple[str, str, str], int] = {}
        for number, cap in enumerate(self.laid):
            if cap.behaviour in ("", act.behaviour) and cap.start <= act.day:
                held = newest.get(cap.kind)
                if held is None or self.laid[held].start < cap.start:
                    newest[cap.kind] = number
        found = []
        for number in newest.values():
            cap = self.laid[number]
            holder = {"person": act.who, "party": act.partner, "object": act.thing}[cap.scope]
            period = {"day": act.day, "month": (act.day.year, act.day.month), "ever": None}[cap.period]
            found.append(((number, holder, period), cap))
        return found

    def room(self, act: Act) -> int:
        return min((cap.most - self.used[key] for key, cap in self.over(act)), default=act.er_mg)

    def count(self, act: Act, wanted: int) -> int:
        got = max(min(wanted, self.room(act)), 0)
        for key, _ in self.over(act):
            self.used[key] += got
        return got

    def back(self, undone: Counted, others: Iterable[Counted]) -> int:
        """What undoing takes from its person: the room it gives back goes to what is short of the same person, and was
        booked at the same rate, first.

        `others` are the events that stand, in the order they were booked.
        """
        stood, left = undone.eligible, undone.eligible
        mine = {key for key, _ in self.over(undone.act)}
        for key in mine:
            self.used[key] -= stood
        for other in others:
            if (other.act.who, other.rate) == (undone.act.who, undone.rate) and mine & {
                key for key, _ in self.over(other.act)
            }:
                got = self.count(other.act, min(other.act.er_mg - other.eligible, left))
                other.eligible += got
                left -= got
        return left
