"""A model of one account in plain sums: no entries, no database. It shares nothing with the code under test but the day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from abate.platform.doors import clock

Key = tuple[date, date, int]
"""Expires on, day it came, origin: the order in which credits are used."""


@dataclass
class Held:
    credits: int
    ends: datetime
    drawn: dict[Key, int]


@dataclass
class Account:
    """The model of one account: plain sums, no entries."""

    carbon: int = 0
    eligible: int = 0
    credits: int = 0
    owed: int = 0
    lots: dict[Key, int] = field(default_factory=dict)
    fresh: dict[Key, int] = field(default_factory=dict)
    holds: dict[int, Held] = field(default_factory=dict)

    def ready(self, now: datetime) -> None:
        for key in sorted(self.fresh, key=lambda k: k[1]):
            paid = min(self.owed, self.fresh[key])
            self.owed -= paid
            self.lots[key] = self.lots.get(key, 0) + self.fresh[key] - paid
        self.fresh = {}
        for name in [name for name, held in self.holds.items() if held.ends <= now]:
            self.back(self.holds.pop(name).drawn)
        self.settle(now)

    def settle(self, now: datetime) -> None:
        paid = min(self.owed, self.free(now))
        self.draw(paid, now)
        self.owed -= paid

    def free(self, now: datetime) -> int:
        return sum(n for key, n in self.lots.items() if key[0] > clock.day(now))

    def draw(self, amount: int, now: datetime) -> dict[Key, int]:
        drawn = {}
        for key in sorted(self.lots):
            if key[0] > clock.day(now) and amount:
                drawn[key] = min(amount, self.lots[key])
                self.lots[key] -= drawn[key]
                amount -= drawn[key]
        assert not amount
        return {key: n for key, n in drawn.items() if n}

    def back(self, drawn: dict[Key, int]) -> None:
        for key, n in drawn.items():
            self.lots[key] = self.lots.get(key, 0) + n
