"""What a whole log shows of conversion: which rates three people approved for which days, and that no award got more.

`rules.jsonl` beside a log's `checkpoint` has one line for every approved change `rule.add`:

    {"document": "<the proposal's text>"}

Its SHA-256 is the `cause` of the change's steps in the log (decisions.py), so the text is bound; it tells, among other
things, `after.rule.from_day` and `after.rule.credits_per_kg`. The steps are leaves that anybody with the bundles sees, so a
rule that is kept from the file is seen to be. Of days before every rule a kilogram makes receipt.SHIPPED credits.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import pairwise
from zoneinfo import ZoneInfo

from abate.bookkeeping.decisions import Decisions
from abate.bookkeeping.kinds import MILLION, most_credits
from abate.bookkeeping.receipt import SHIPPED, ReceiptError, Terms, members_of
from abate.bookkeeping.verify import Unable, Unlike
from abate.bookkeeping.zones import Zones

FILE = "rules.jsonl"
ACTION = "rule.add"
_BEGUN_EVERYWHERE = timedelta(hours=12)
"""After midnight UTC a day has begun in the last of all zones."""


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """From `from_day` on a kilogram makes `credits_per_kg` credits, by the proposal of this digest (64 hexadecimal digits)."""

    from_day: date
    credits_per_kg: int
    digest: str


def line(document: str) -> str:
    """One line of the file, without its newline."""
    return json.dumps({"document": document}, ensure_ascii=False)


def read(data: bytes) -> list[Rule]:
    """The rules in the file's bytes, the oldest first. Raises ReceiptError naming the line."""
    found: list[Rule] = []
    for number, text in enumerate(data.splitlines(), 1):
        try:
            document = members_of(text, "line", {"document"})["document"]
            told = json.loads(str(document))
            rule = told["after"]["rule"]
            # A rule of before rates could change names none: it was the shipped one.
            rate = rule.get("credits_per_kg")
            rate = SHIPPED if rate is None else rate
            if told["action"] != ACTION or type(rate) is not int or not 1 <= rate <= MILLION:
                raise ValueError(f"no rule of 1 to {MILLION} credits a kilogram")
            digest = sha256(str(document).encode()).hexdigest()
            found.append(Rule(date.fromisoformat(rule["from_day"]), rate, digest))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
            raise ReceiptError(f"{FILE}, line {number}", str(fault)) from None
    found.sort()
    for earlier, later in pairwise(found):
        if earlier.from_day == later.from_day:
            raise ReceiptError(FILE, f"two rules begin on {later.from_day}")
    return found


@dataclass(slots=True)
class Rates:
    """The rates that the folder of a log states, and the first award above its own. `fault`: why the file cannot be read.

    `zones`: whose days are counted, and from when; a line that names another zone could move its act to another day. Where
    nothing says so it is `zone`, one for the whole log.
    """

    rules: Sequence[Rule] = ()
    fault: str | None = None
    wrong: str | None = None
    awards: int = 0
    zone: str | None = None
    zones: Zones = field(default_factory=Zones)
    _starts: dict[str, list[datetime]] = field(default_factory=dict)
    """When the first day of each rule begins in a zone, in UTC: an act is held against these, so that no day has to be kept."""

    @classmethod
    def of(cls, data: bytes | None, zones: bytes | None = None) -> Rates:
        """`data`, `zones`: the bytes of the two files, None where there is none."""
        known = Zones.of(zones)
        try:
            return cls(read(data or b""), zones=known)
        except ReceiptError as fault:
            return cls(fault=str(fault), zones=known)

    def look(
        self, entry: int, carbon_mg: int, credits: int, at: str, terms: Terms | None, booked: int
    ) -> None:
        """Hold an opened award against the rate of the day on which its act was (`at`), in the zone of `terms`. `booked`: when
        its leaf says that it was, in microseconds since 1970.
        """
        self.awards += 1
        zone = terms.zone if terms else Terms().zone
        rate = self._on(at, zone, booked) if self.rules else SHIPPED
        if credits > most_credits(carbon_mg, rate) and self.wrong is None:
            self.wrong = (
                f"entry {entry}: {carbon_mg} mg of {at} yield {most_credits(carbon_mg, rate)} credits at most at {rate} a "
                f"kilogram, the rate of that day; booked are {credits}"
            )

    def look_closed(self, entry: int, carbon_mg: int, credits: int) -> None:
        """Hold an award whose day nobody can see any more against the highest of all rates."""
        rate = max((SHIPPED, *(one.credits_per_kg for one in self.rules)))
        if credits > most_credits(carbon_mg, rate) and self.wrong is None:
            self.wrong = f"entry {entry}: {carbon_mg} mg yield no {credits} credits at any rate of this log"

    def see(self, decisions: Decisions) -> str:
        """No award has more credits than its milligrams yield at the rate that three people approved for its day."""
        if self.fault is not None:
            raise Unlike(self.fault)
        self.zones.see(decisions)
        approved = {
            one.digest: one for one in decisions.seen if (one.action, one.step) == (ACTION, "approve")
        }
        for rule in self.rules:
            step = approved.pop(rule.digest, None)
            if step is None:
                raise Unlike(f"{FILE}: nobody in this log approved the rule from {rule.from_day} on")
            if step.at >= datetime.combine(rule.from_day, time(), UTC) + _BEGUN_EVERYWHERE:
                raise Unlike(
                    f"entry {step.index}: the rule from {rule.from_day} on was approved after that day began"
                )
        if approved:
            first = min(one.index for one in approved.values())
            raise Unable(f"{len(approved)} approved rules are not in {FILE}, the first is entry {first}")
        if self.wrong is not None:
            raise Unlike(self.wrong)
        told = "".join(f", {one.credits_per_kg} from {one.from_day}" for one in self.rules)
        days = f" by days of {' and '.join(self._starts)}" if self._starts else ""
        return (
            f"{self.awards} awards, none above what the rate approved for its day gives: "
            f"{SHIPPED} credits a kilogram{told}{days}"
        )

    def _on(self, at: str, zone: str, booked: int) -> int:
        """The rate of the day of a moment in UTC. Raises Unlike for what is neither moment nor a zone in force at the booking."""
        allowed = self.zones.in_force(booked) if self.zones.changes else {None}
        if None in allowed:
            # Nothing says which it was: it is the one that the first line names, for all.
            self.zone = self.zone or zone
            allowed |= {self.zone}
        if zone not in allowed or not at.endswith("Z"):
            named = " or ".join(sorted(filter(None, allowed)))
            raise Unlike(f"{at!r} in {zone!r} is no moment in UTC of a log whose days are those of {named}")
        try:
            starts = self._starts.get(zone)
            if starts is None:
                starts = self._starts[zone] = [_begins(rule.from_day, zone) for rule in self.rules]
            place = bisect_right(starts, datetime.fromisoformat(at))
        except (KeyError, ValueError, OSError, OverflowError):
            raise Unlike(f"{at!r} in {zone!r} is no moment") from None
        return self.rules[place - 1].credits_per_kg if place else SHIPPED


def _begins(day: date, zone: str) -> datetime:
    """The first moment of a day in a zone, in UTC. Raises KeyError, ValueError or OSError for no zone, OverflowError."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
