"""A small city on the real platform beside its model: people, two partners, a shop, a clock, and one way to call an action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection
from tests.platform.ledger.accounts import Account
from tests.platform.pipeline.world import GIVEN, NOW, World, make_world
from tests.simulator import faults
from tests.simulator.caps import Cap
from tests.simulator.model import CREDITS_PER_KG, Model, copied

from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events.envelope import Sender
from abate.platform.events.errors import Busy
from abate.platform.incentives import actions as incentives
from abate.platform.parties import actions as parties
from abate.platform.people import actions as people
from abate.platform.review import actions as review
from abate.platform.review.models import User

PEOPLE = 4
BEHAVIOURS = ("cycling", "walking")
PRICES = (40, 150)
STOCK = 4
EXPIRY_DAYS = 6
CLAIM_FROM, CLAIM_DAYS = 3, 2
"""From so many days after the beginning, what is booked waits so many days to be collected."""
BACK = timedelta(days=30)
FROM = GIVEN + timedelta(days=1)
DAY = clock.day(FROM)
CAPS = (
    Cap("person", "day", "cycling", DAY, 400_000),
    Cap("person", "month", "", DAY.replace(day=1), 3_000_000),
    Cap("party", "month", "walking", DAY.replace(day=1), 2_500_000),
    Cap("object", "ever", "cycling", DAY, 300_000),
)
# Tables that a refused request may not touch; refusals, attempts and batches are themselves on record elsewhere.
KEPT = (
    "ledger_entry", "ledger_balance", "ledger_lot", "ledger_draw", "ledger_hold", "ledger_reversal", "ledger_due",
    "ledger_close", "ledger_closed_day", "credits_used", "credits_short", "credits_cap", "credits_rule", "carbon_kept",
    "carbon_act",
    "carbon_revision", "carbon_revaluation", "events_seen", "events_withdrawal", "incentives_code", "incentives_offer",
    "people_authorisation", "log_leaf", "log_pending",
)  # fmt: skip
ALREADY = {"reversed-already", "code-burnt", "hold-ended", "code-cancelled", "nothing-to-collect"}
"""Said to whoever asks again after an answer was lost: it was done."""


class Wrong(AssertionError):
    """The platform and the model differ, or an invariant is broken."""


@dataclass
class Answer:
    """`code` is empty where it was done; `repeated` where a fault lost the first answer and it was asked again."""

    value: object = None
    code: str = ""
    repeated: bool = False


@dataclass
class City:
    """The platform side and the model side of one run."""

    partners: list[World]
    shop: User
    offers: list[UUID]
    model: Model
    fault: faults.Fault | None = None
    now: datetime = NOW
    latest: datetime = NOW
    number: int = 0
    past: dict[datetime, list[tuple[int, int]]] = field(default_factory=dict)
    receipts: list[dict[str, object]] = field(default_factory=list)
    holds: list[tuple[int, int]] = field(default_factory=list)
    spends: list[tuple[int, int]] = field(default_factory=list)
    months: set[date] = field(default_factory=set)
    seen_faults: list[str] = field(default_factory=list)

    def person(self, who: int) -> int:
        return self.partners[0].people[who].pk

    def back(self, by: timedelta) -> None:
        """The clock is set back: what was seen of the time that comes again no longer counts as past."""
        self.now -= by
        self.past = {moment: seen for moment, seen in self.past.items() if moment < self.now}

    def order(self) -> str:
        self.number += 1
        return f"order-{self.number}"

    def call(self, do: Callable[[], object], *, safe: bool = True) -> Answer:
        """Do it at the city's time, once, however often a fault makes us ask; a refusal must have changed nothing.

        `safe` = False: asking twice means doing it twice, so no fault is planted here.
        """
        fault, self.fault = self.fault, None
        before = fingerprint()
        with clock.frozen(self.now):
            if fault is not None and safe:
                try:
                    with fault.planted():
                        return self._answer(do, before)
                except (DatabaseError, psycopg.Error, Busy) as broken:
                    self.seen_faults.append(f"{fault.name}: {type(broken).__name__}")
                    connection.close()
                found = self._answer(do, before, check=False)
                found.repeated = True
                return found
            return self._answer(do, before)

    def _answer(self, do: Callable[[], object], before: dict[str, str], *, check: bool = True) -> Answer:
        try:
            return Answer(do())
        except Busy:
            raise
        except Problem as problem:
            after = fingerprint()
            changed = [table for table in KEPT if before[table] != after[table]]
            if check and changed:
                raise Wrong(f"a request refused with {problem.code} changed {changed}") from problem
            return Answer(code=problem.code)

    def attempt(self, what: str, expected: str, do: Callable[[], object], *, safe: bool = True) -> Answer:
        """`call`, and the verdict must be the model's (`expected`, empty for done)."""
        found = self.call(do, safe=safe)
        if found.repeated and not expected and found.code in ALREADY:
            found.code = ""
        same(f"verdict of {what}", found.code, expected)
        return found

    def trial(self) -> Callable[[], None]:
        """Keep the accounts as they are; calling what is returned takes back what a refused request would have done."""
        kept = copied(self.model.accounts)

        def undo() -> None:
            self.model.accounts = kept

        return undo

    def newest(self, who: int) -> int:
        """The id of a person's last entry: what was booked, where the answer that named it was lost."""
        with connection.cursor() as cursor:
            cursor.execute("select max(id) from ledger_entry where person_id = %s", [self.person(who)])
            return int(cursor.fetchone()[0])


def same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Wrong(f"{what}: the platform says {found!r}, the model {expected!r}")


def fingerprint() -> dict[str, str]:
    """One digest of each kept table."""
    parts = [
        f"select '{table}', md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t"
        for table in KEPT
    ]
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(parts))
        return dict(cursor.fetchall())


def per(cap: Cap) -> credits.Per:
    return credits.Per(cap.scope, cap.period, "trip_id" if cap.scope == "object" else "")


def build() -> City:
    """An empty city a month after everybody gave every partner leave; credits expire, and rides are capped by the day."""
    first = make_world(PEOPLE, BEHAVIOURS)
    with clock.frozen(GIVEN):
        second = parties.create_party(
            f"{first.sender.code}-b", "data_provider", "乙城", "City B", BEHAVIOURS, made_up=True
        )
        subjects = [people.authorise(one, second, BEHAVIOURS, notice_version="1") for one in first.people]
        credits.add_rule(clock.day(FROM), ("数日有效", "Good for days"), expiry_days=EXPIRY_DAYS)
        later = clock.day(NOW) + timedelta(days=CLAIM_FROM)
        credits.add_rule(later, ("先领取", "Collect first"), expiry_days=EXPIRY_DAYS, claim_days=CLAIM_DAYS)
        for cap in CAPS:
            credits.add_cap(cap.behaviour, cap.start, cap.most, ("上限", "a cap"), per=per(cap))
    other = World(Sender(second.pk, second.code, frozenset(BEHAVIOURS), "test"), first.people, subjects)
    with clock.frozen(NOW):
        merchant = parties.create_party(f"{first.sender.code}-s", "merchant", "某店", "A shop", made_up=True)
        user = review.create_user("staff", made_up=True)
        parties.add_member(user, merchant, "acceptor")
        offers = [
            incentives.create_offer(
                party_id=merchant.pk,
                title=("券", f"Voucher {price}"),
                detail=("一张", "One"),
                price_credits=price,
                stock=STOCK,
                valid_days=3,
                from_at=NOW - BACK,
                to_at=NOW + timedelta(days=400),
                made_up=True,
            )
            for price in PRICES
        ]
    model = Model([Account() for _ in range(PEOPLE)])
    model.given = {(who, n): [[GIVEN, None]] for who in range(PEOPLE) for n in range(2)}
    for cap in CAPS:
        model.lay(cap)
    model.expiries = [(clock.day(FROM), EXPIRY_DAYS, None), (later, EXPIRY_DAYS, CLAIM_DAYS)]
    # A rule that names no rate has the one of its day when it is set, whatever is set before it later.
    model.rates |= dict.fromkeys((clock.day(FROM), later), CREDITS_PER_KG)
    model.stock = dict.fromkeys(range(len(PRICES)), STOCK)
    return City([first, other], user, offers, model)
