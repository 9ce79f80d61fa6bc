"""What a platform must hold after anything that happened to it, in exact integers and plain dictionaries.

Written from the rules (docs/explain/pipeline.md, rounding.md, ledger decisions), not from the code: no database, no SQL.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.platform.ledger.accounts import Account, Key
from tests.simulator.caps import Act, Cap, Caps

from abate.platform.doors import clock

MG_PER_CREDIT = 1000
MG_PER_HUNDRED_METRES = 14_861
"""The sample figure of the demo's operator: 148.61 g for a kilometre ridden instead of driven."""
NEVER = date.max
TOLERANCE = timedelta(minutes=5)


@dataclass
class Ride:
    """An event as its partner tells it: `hundreds` of metres ridden by person `who` at `at`."""

    partner: int
    id: str
    who: int
    behaviour: str
    at: datetime
    hundreds: int
    trip: str = ""
    """The trip it is a part of, where other events are parts of it too."""

    @property
    def act(self) -> Act:
        trip = self.trip or self.id
        return Act(self.who, self.partner, trip, self.behaviour, clock.day(self.at), self.er_mg)

    @property
    def er_mg(self) -> int:
        return self.hundreds * MG_PER_HUNDRED_METRES


@dataclass
class Booked:
    """What became of an accepted event. `eligible` is what of it counts now: it rises where another's room becomes its own."""

    ride: Ride
    credits: int
    eligible: int
    key: Key
    entry: int = 0

    @property
    def act(self) -> Act:
        return self.ride.act


@dataclass
class Spent:
    who: int
    credits: int
    drawn: dict[Key, int]
    code: str = ""


@dataclass
class Model:
    """Everybody's accounts and everything that has been said."""

    accounts: list[Account]
    given: dict[tuple[int, int], list[list[datetime | None]]] = field(default_factory=dict)
    """(person, partner) -> authorisations [from, until]; without an end it lives."""
    booked: dict[tuple[int, str], Booked] = field(default_factory=dict)
    caps: Caps = field(default_factory=Caps)
    expiries: list[tuple[date, int]] = field(default_factory=list)
    spent: dict[tuple[int, int], Spent] = field(default_factory=dict)
    """(person, entry) -> a spend that can be given back."""
    undone: set[tuple[int, int]] = field(default_factory=set)
    codes: dict[str, tuple[int, int, datetime, str]] = field(default_factory=dict)
    """Text -> (person, entry, expires at, issued | burnt | cancelled)."""
    stock: dict[int, int] = field(default_factory=dict)
    closed: date | None = None
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, asset) -> the sum over all entries of that kind."""
    erased: set[int] = field(default_factory=set)

    # --- events -----------------------------------------------------------------------------------------------------
    def authorised(self, ride: Ride) -> bool:
        rows = self.given.get((ride.who, ride.partner), [])
        live = any(until is None for _, until in rows)
        return live and any(
            start is not None and start <= ride.at and (until is None or until > ride.at)
            for start, until in rows
        )

    def take(self, ride: Ride, now: datetime) -> tuple[str, int, int]:
        """(outcome, mg, credits) that the partner must be told; books what is new."""
        first = self.booked.get((ride.partner, ride.id))
        if ride.at > now + TOLERANCE or not self.authorised(ride):
            return "refused", 0, 0
        if first is not None:
            same = first.ride == ride
            return ("exists", first.ride.er_mg, first.credits) if same else ("conflict", 0, 0)
        eligible = self.caps.count(ride.act, ride.er_mg)
        account = self.accounts[ride.who]
        credits = (account.eligible + eligible) // MG_PER_CREDIT - account.eligible // MG_PER_CREDIT
        key = self.key(now, 1)
        account.eligible += eligible
        account.carbon += ride.er_mg
        account.credits += credits
        if credits:
            account.fresh[key] = account.fresh.get(key, 0) + credits
        self.booked[ride.partner, ride.id] = Booked(ride, credits, eligible, key)
        self.note("award", credits, ride.er_mg)
        return "credited", ride.er_mg, credits

    def uncount(self, booked: Booked) -> int:
        """The eligible milligrams that undoing an award takes back."""
        standing = [
            one
            for one in self.booked.values()
            if one is not booked and (one.ride.who, one.entry) not in self.undone
        ]
        return self.caps.back(booked, standing)

    def lay(self, cap: Cap) -> str:
        """Lay a cap; returns the code of the refusal, empty where there is none."""
        late = any(
            cap.behaviour in ("", one.ride.behaviour) and one.act.day >= cap.start
            for one in self.booked.values()
        )
        if late:
            return "cap-too-late"
        if self.caps.exists(cap):
            return "cap-exists"
        self.caps.laid.append(cap)
        return ""

    # --- credits ----------------------------------------------------------------------------------------------------
    def key(self, now: datetime, origin: int) -> Key:
        """The lot of credits that come now: booked on an open day, expiring by the rule of that day."""
        day = clock.day(now)
        if self.closed is not None:
            day = max(day, self.closed + timedelta(days=1))
        lives = [days for start, days in sorted(self.expiries) if start <= day]
        return (day + timedelta(days=lives[-1]) if lives else NEVER), day, origin

    def ready(self, who: int, now: datetime) -> Account:
        self.accounts[who].ready(now)
        return self.accounts[who]

    def note(self, kind: str, credits: int = 0, carbon: int = 0) -> None:
        self.moved[kind, "credits"] += credits
        self.moved[kind, "carbon_mg"] += carbon

    def spend(self, who: int, kind: str, amount: int, now: datetime) -> dict[Key, int]:
        account = self.accounts[who]
        account.credits -= amount
        self.note(kind, -amount)
        return account.draw(amount, now)

    def give_back(self, spent: Spent, now: datetime) -> None:
        account = self.accounts[spent.who]
        account.credits += spent.credits
        account.back(spent.drawn)
        account.settle(now)
        self.note("reverse", spent.credits)

    def take_back(self, booked: Booked, now: datetime) -> None:
        """Undo an award: from its own lot, then from what expires first, then as a debt."""
        account = self.accounts[booked.ride.who]
        eligible = self.uncount(booked)
        lost = account.eligible // MG_PER_CREDIT - (account.eligible - eligible) // MG_PER_CREDIT
        account.eligible -= eligible
        account.carbon -= booked.ride.er_mg
        account.credits -= lost
        own = min(account.lots.get(booked.key, 0), lost)
        account.lots[booked.key] = account.lots.get(booked.key, 0) - own
        rest = min(lost - own, account.free(now))
        account.draw(rest, now)
        account.owed += lost - own - rest
        self.note("reverse", -lost, -booked.ride.er_mg)

    def expire(self, now: datetime) -> None:
        """What the jobs of the day leave."""
        for account in self.accounts:
            account.ready(now)
            for key in [key for key in account.lots if key[0] <= clock.day(now)]:
                gone = account.lots.pop(key)
                account.credits -= gone
                self.note("expire", -gone)
