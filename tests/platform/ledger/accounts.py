"""A model of one account in plain sums: no entries, no database. It shares nothing with the code under test but the day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from abate.platform.doors import clock

Key = tuple[date, date, int]
"""Expires on, day it came, origin: the order in which credits are used."""
WAITS = 16
"""The origin of what its person has not collected yet: its last day is that of the window, and nothing draws on it."""


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
    earned: int = 0
    """Millionths of a credit."""
    credits: int = 0
    owed: int = 0
    lots: dict[Key, int] = field(default_factory=dict)
    gone: dict[Key, int] = field(default_factory=dict)
    """What was taken off expired lots by the jobs of the day."""
    fresh: list[tuple[datetime, Key, int]] = field(default_factory=list)
    """What was earned and has not been looked at since, in the order it was booked."""
    holds: dict[int, Held] = field(default_factory=dict)

    def count(self, eligible: int, credits_per_kg: int) -> int:
        """Eligible milligrams more (or less) at that rate; returns by how many the whole credits rise."""
        before = self.earned // 1_000_000
        self.eligible += eligible
        self.earned += eligible * credits_per_kg
        return self.earned // 1_000_000 - before

    def earn(self, now: datetime, key: Key, credits: int) -> None:
        self.fresh.append((now, key, credits))

    def ready(self, now: datetime) -> None:
        """Everything up to now in the order of time, so that it does not matter when, or whether, this was called before.

        What is earned settles debts first, the oldest day before the others; what a hold gives back settles what is owed
        then, with lots that had not expired then.
        """
        ends = sorted({held.ends for held in self.holds.values() if held.ends <= now})
        stage, earned = 0, []
        for at, key, credits in self.fresh:
            stage = max(stage, sum(end <= at for end in ends))
            earned.append((stage, key, credits))
        self.fresh = []
        for number, end in enumerate([*ends, now]):
            for _, key, credits in sorted((e for e in earned if e[0] == number), key=lambda e: e[1][1]):
                paid = 0 if key[2] == WAITS else min(self.owed, credits)
                self.owed -= paid
                self.lots[key] = self.lots.get(key, 0) + credits - paid
            for name in [name for name, held in self.holds.items() if held.ends <= end]:
                self.back(self.holds.pop(name).drawn)
            self.settle(end)

    def settle(self, now: datetime) -> None:
        paid = min(self.owed, self.free(now))
        self.draw(paid, now)
        self.owed -= paid

    def free(self, now: datetime) -> int:
        return sum(n for key, n in self.lots.items() if key[0] > clock.day(now) and key[2] != WAITS)

    def waiting(self, now: datetime, day: date | None = None) -> dict[Key, int]:
        """What can be collected: all, or what was booked on one day."""
        return {
            key: n
            for key, n in self.lots.items()
            if n and key[2] == WAITS and key[0] > clock.day(now) and day in (None, key[1])
        }

    def collect(self, into: Key, now: datetime, day: date | None = None) -> None:
        found = self.waiting(now, day)
        for key in found:
            self.lots[key] = 0
        self.back({into: sum(found.values())})
        self.settle(now)

    def draw(self, amount: int, now: datetime) -> dict[Key, int]:
        drawn = {}
        for key in sorted(self.lots):
            if key[0] > clock.day(now) and key[2] != WAITS and amount:
                drawn[key] = min(amount, self.lots[key])
                self.lots[key] -= drawn[key]
                amount -= drawn[key]
        assert not amount
        return {key: n for key, n in drawn.items() if n}

    def expire(self, now: datetime) -> dict[Key, int]:
        """The jobs of the day: what has expired leaves the balance; returns it."""
        found = {key: self.lots.pop(key) for key in [key for key in self.lots if key[0] <= clock.day(now)]}
        for key, n in found.items():
            self.credits -= n
            self.gone[key] = self.gone.get(key, 0) + n
        return found

    def undo(self, key: Key, lost: int, now: datetime) -> int:
        """Take the credits of an award back: from its own lot, whether or not that has expired and whether or not a job has
        seen it, then from what is free; the rest is owed. Returns how many came back from expired ones for it.
        """
        own = min(self.lots.get(key, 0), lost)
        self.lots[key] = self.lots.get(key, 0) - own
        restored = min(self.gone.get(key, 0), lost - own)
        self.gone[key] = self.gone.get(key, 0) - restored
        rest = min(lost - own - restored, self.free(now))
        self.draw(rest, now)
        self.owed += lost - own - restored - rest
        self.credits += restored - lost
        return restored

    def back(self, drawn: dict[Key, int]) -> None:
        for key, n in drawn.items():
            self.lots[key] = self.lots.get(key, 0) + n
