"""What a platform must hold after anything that happened to it, in exact integers and plain dictionaries.

Written from the rules (docs/explain/pipeline.md, rounding.md, ledger decisions), not from the code: no database, no SQL.
"""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from tests.platform.ledger.accounts import Account, Key
from tests.simulator.caps import Act, Cap, Caps

from abate.platform.doors import clock

CREDITS_PER_KG = 1000
"""Until a rule says another."""
FIGURES: dict[str, int | None] = {"demo": 14_861, "bus": 10_215, "coach": 2_718, "none": None}
"""mg for a hundred metres ridden, by the pack in force: instead of a taxi (148.61 g a km), a bus, a coach; or no figure."""
AWARD, WAITS = 1, 16
NEVER = date.max
TOLERANCE = timedelta(minutes=5)
LASTS = timedelta(hours=2)
"""How long every ride takes."""
T = TypeVar("T")


def copied(one: T) -> T:
    """A copy that shares nothing with it, in a tenth of the time of copy.deepcopy: every step makes some."""
    again: T = pickle.loads(pickle.dumps(one))  # noqa: S301 (our own, made a moment ago)
    return again


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
    corrects: str = ""
    """The event that it stands in for."""

    def act(self, er_mg: int) -> Act:
        trip = self.trip or self.id
        return Act(self.who, self.partner, trip, self.behaviour, clock.day(self.at), er_mg)

    def same_act(self, other: Ride) -> bool:
        """Two rides of one person at one time: one act if two partners tell of it, or one of them by one number."""
        alike = (self.who, self.behaviour) == (other.who, other.behaviour) and abs(self.at - other.at) < LASTS
        return alike and (self.partner != other.partner or (self.trip or self.id) == (other.trip or other.id))

    def tells(self, first: Ride) -> bool:
        """Whether it is `first` once more: a correction may be told again without saying that it is one."""
        return replace(self, corrects=first.corrects) == first and self.corrects in ("", first.corrects)


@dataclass
class Booked:
    """What became of an accepted event. `eligible` is what of it counts now: it rises where another's room becomes its own.

    `er_mg` is None where there was no figure: it is kept, and credits nothing. `undone`: its award is reversed. `gone`: its
    partner took it back.
    """

    ride: Ride
    er_mg: int | None
    credits: int = 0
    eligible: int = 0
    rate: int = 0
    """Credits a kilogram, by the rule of the day of the act."""
    key: Key = (NEVER, NEVER, AWARD)
    entry: int = 0
    undone: bool = False
    gone: bool = False
    barred: bool = False
    """Another ride that stands is the same act: it is kept, and credits nothing."""

    @property
    def act(self) -> Act:
        return self.ride.act(self.er_mg or 0)

    @property
    def stands(self) -> bool:
        return self.er_mg is not None and not self.undone and not self.barred


@dataclass(frozen=True)
class Taking:
    """An event by which a partner takes another of its own back, decided at `at`."""

    partner: int
    id: str
    target: str
    who: int
    at: datetime
    cause: str = "returned"


@dataclass
class Taken:
    """A withdrawal and what it took."""

    taking: Taking
    er_mg: int
    credits: int


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
    taken: dict[tuple[int, str], Taken] = field(default_factory=dict)
    """(partner, id) -> a withdrawal that was booked."""
    pack: str = "demo"
    expiries: list[tuple[date, int, int | None]] = field(default_factory=list)
    """(From, days that credits live, days within which they are collected), by the day of booking."""
    rates: dict[date, int] = field(default_factory=lambda: {date.min: CREDITS_PER_KG})
    """From which day a kilogram makes how many credits."""
    spent: dict[tuple[int, int], Spent] = field(default_factory=dict)
    """(person, entry) -> a spend that can be given back."""
    returned: set[tuple[int, int]] = field(default_factory=set)
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

    def claims(self, ride: Ride, now: datetime) -> bool:
        """Whether its id is new, and it is booked in some way."""
        name = (ride.partner, ride.id)
        free = name not in self.taken and name not in self.booked
        return free and ride.at <= now + TOLERANCE and self.authorised(ride)

    def take(self, ride: Ride, now: datetime, mended: frozenset[str] = frozenset()) -> tuple[str, int, int]:
        """(outcome, mg, credits) that the partner must be told; books what is new. `mended`: what the batch corrects."""
        name = (ride.partner, ride.id)
        first = self.booked.get(name)
        if ride.at > now + TOLERANCE or not self.authorised(ride):
            return "refused", 0, 0
        if name in self.taken:
            return "conflict", 0, 0
        if first is not None:
            return (
                ("exists", first.er_mg or 0, first.credits) if ride.tells(first.ride) else ("conflict", 0, 0)
            )
        self.booked[name] = made = Booked(ride, self.er_mg(ride))
        self.award(made, now, mended)
        word = "needs_figure" if made.er_mg is None else "not_counted" if made.barred else "credited"
        return word, made.er_mg or 0, made.credits

    def er_mg(self, ride: Ride) -> int | None:
        """What a ride comes to under the pack in force; other packs say something else of cycling only."""
        figure = FIGURES[self.pack if ride.behaviour == "cycling" else "demo"]
        return None if figure is None else ride.hundreds * figure

    def award(self, made: Booked, now: datetime, mended: frozenset[str] = frozenset()) -> None:
        """Book a quantity, new or computed again."""
        made.credits, made.eligible, made.entry, made.undone = 0, 0, 0, False
        made.barred = made.er_mg is not None and any(
            other.stands
            and other is not made
            and made.ride.same_act(other.ride)
            and not (other.ride.partner == made.ride.partner and other.ride.id in mended)
            for other in self.booked.values()
        )
        if made.er_mg is None or made.barred:
            return
        made.eligible, made.rate = self.caps.count(made.act, made.er_mg), self.rate(clock.day(made.ride.at))
        account = self.accounts[made.ride.who]
        made.credits = account.count(made.eligible, made.rate)
        made.key = self.key(now, AWARD)
        account.carbon += made.er_mg
        account.credits += made.credits
        if made.credits:
            account.earn(now, made.key, made.credits)
        self.note("award", made.credits, made.er_mg)

    def uncount(self, booked: Booked) -> int:
        """The eligible milligrams that undoing an award takes back."""
        standing = [one for one in self.booked.values() if one is not booked and one.stands]
        # One of the batch that is being booked has no number yet: it comes after all that have one, in its place.
        standing.sort(key=lambda one: (one.entry == 0, one.entry))
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
    def rate(self, day: date) -> int:
        return self.rates[max(first for first in self.rates if first <= day)]

    def key(self, now: datetime, origin: int) -> Key:
        """The lot of credits that come now: booked on an open day, expiring by the rule of that day."""
        day = clock.day(now)
        if self.closed is not None:
            day = max(day, self.closed + timedelta(days=1))
        rules = sorted((rule for rule in self.expiries if rule[0] <= day), key=lambda rule: rule[0])
        _, lives, claim = rules[-1] if rules else (None, None, None)
        if origin == AWARD and claim is not None:
            return day + timedelta(days=claim), day, WAITS
        return (day + timedelta(days=lives) if lives is not None else NEVER), day, origin

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

    def take_back(self, booked: Booked, now: datetime) -> int:
        """Undo an award: from its own lot, then from what expires first, then as a debt. Returns the credits that took."""
        account, er = self.accounts[booked.ride.who], booked.er_mg or 0
        eligible = self.uncount(booked)
        lost = -account.count(-eligible, booked.rate)
        account.carbon -= er
        restored = account.undo(booked.key, lost, now)
        booked.undone = True
        if restored:
            self.note("restore", restored)
        self.note("reverse", -lost, -er)
        return lost

    def expire(self, now: datetime) -> None:
        """What the jobs of the day leave."""
        for account in self.accounts:
            account.ready(now)
            for key, gone in account.expire(now).items():
                self.note("lapse" if key[2] == WAITS else "expire", -gone)
