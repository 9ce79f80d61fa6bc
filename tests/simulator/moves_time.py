"""The clock, the jobs of the day, closes, the log, erasing, and a step back to an older backup."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import timedelta
from random import Random

from tests.simulator import moves_back as b
from tests.simulator import moves_credits as c
from tests.simulator import moves_events as e
from tests.simulator.city import PEOPLE, City

from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import closing, erasing
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.web import receipts


def wait(city: City, dice: Random) -> None:
    """Seconds, hours, days; to just before or after the next midnight at UTC+8; to the next month; or the clock goes back."""
    fate = dice.random()
    if fate < 0.3:
        midnight = city.now.replace(hour=16, minute=0, second=0, microsecond=0)
        while midnight <= city.now:
            midnight += timedelta(days=1)
        city.now = midnight + timedelta(seconds=dice.choice((-1, 0, 1)))
    elif fate < 0.4:
        day = clock.day(city.now)
        city.now += timedelta(days=monthrange(day.year, day.month)[1] - day.day + 1)
    elif fate < 0.5:
        city.back(timedelta(seconds=dice.choice((1, 600, 90_000, 90_000))))
    else:
        city.now += timedelta(seconds=dice.choice((1, 3600, 30_000, 100_000)))


def jobs(city: City, _: Random) -> None:
    city.attempt("the jobs of the day", "", c.day_jobs)
    city.model.expire(city.now)


def close_day(city: City, dice: Random) -> None:
    day = clock.day(city.now) - timedelta(days=dice.choice((0, 1, 1, 2)))
    expected = "day-not-over" if day >= clock.day(city.now) else ""
    city.attempt("closing a day", expected, lambda: closing.close_day(day))
    if not expected:
        city.model.closed = max(day, city.model.closed or day)


def close_month(city: City, _: Random) -> None:
    """The month before this one, once its last day is closed."""
    last = clock.day(city.now).replace(day=1) - timedelta(days=1)
    closed = city.model.closed
    if last in city.months:
        expected = ""
    else:
        expected = "" if closed is not None and closed >= last else "month-days-open"
    city.attempt("closing a month", expected, lambda: closing.close_month(last))
    if not expected:
        city.months.add(last)


def rule(city: City, dice: Random) -> None:
    """Another expiry from a coming day on, with a window to collect or without, and sometimes another rate; not for a day
    that has begun.
    """
    start = clock.day(city.latest) + timedelta(days=dice.choice((1, 2, 5)))
    if any(known == start for known, *_ in city.model.expiries):
        return
    lives, claim, closed = dice.randint(2, 9), dice.choice((None, 1, 3)), city.model.closed
    rate = dice.choice((None, None, 1, 333, 1000, 4500))
    booked = closed is not None and start <= closed + timedelta(days=1)
    city.attempt(
        "a new rule",
        "rule-too-late" if booked else "",
        lambda: credits.add_rule(
            start, ("规则", "Rule"), credits_per_kg=rate, expiry_days=lives, claim_days=claim
        ),
        safe=False,
    )
    if not booked:
        city.model.expiries.append((start, lives, claim))
        city.model.rates[start] = rate or city.model.rate(start)
    today = clock.day(city.now)
    city.attempt(
        "a rule for today", "rule-too-late", lambda: credits.add_rule(today, ("晚", "late")), safe=False
    )


def sequence(city: City, dice: Random) -> None:
    """The log numbers what waits; some receipts are handed out, and kept."""
    city.attempt("numbering", "", log.sequence)
    entries = [(one.ride.who, one.entry) for one in city.model.booked.values() if one.entry] + city.spends
    for who, entry in dice.sample(entries, min(3, len(entries))):
        row = ledger.entry(city.person(who), entry)
        receipt = receipts.receipt(city.partners[0].people[who], row) if row else None
        if receipt is not None:
            city.receipts.append(receipt)


def erase(city: City, dice: Random) -> None:
    who = dice.randrange(PEOPLE)
    if len(city.model.erased) >= 1 and who not in city.model.erased:
        return
    person = city.partners[0].people[who]
    city.attempt("erasing", "", lambda: erasing.erase(person))
    city.model.erased.add(who)
    for partner in range(2):
        for row in city.model.given[who, partner]:
            if row[1] is None:
                row[1] = max(city.now, row[0] or city.now)


Move = Callable[[City, Random], None]
MOVES: tuple[tuple[Move, int], ...] = (
    (e.deliver, 30), (e.deliver_at_once, 3), (e.rule_between, 5), (e.withdraw, 2), (e.authorise, 7), (e.cap, 2),
    (c.redeem, 8), (c.burn, 5), (c.spend, 8), (c.bring, 4), (c.transfer, 6), (c.hold, 6), (c.end_hold, 6),
    (c.retire, 3), (c.reverse_spend, 5), (c.reverse_award, 5), (c.spend_or_expire, 3),
    (b.take_back, 14), (b.revalue, 6), (b.collect, 9),
    (wait, 14), (jobs, 5), (close_day, 4), (close_month, 2), (rule, 3), (sequence, 5), (erase, 1),
)  # fmt: skip
"""Every move, and how often it comes beside the others."""
