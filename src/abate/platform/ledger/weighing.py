"""An account as it stands, and as it would after an entry by hand that is proposed: for those who decide about it.

No part of what is decided: an account moves all the time, and a proposal would be outdated with every ride.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from abate.platform.ledger import by_hand, queries
from abate.platform.ledger.standing import standing
from abate.platform.review.changes import Json

ACTIONS = ("entry.reverse", "ledger.adjust", "ledger.book")


@dataclass(frozen=True, slots=True)
class Account:
    """`credits` are all that are booked, below zero in debt; `free` of them can be spent, `held` are set aside, `waiting` are
    to be collected; `owed` is the debt that later credits settle first."""

    carbon_mg: int
    credits: int
    free: int
    held: int
    owed: int
    waiting: int

    def with_credits(self, credits: int) -> Account:
        """What comes settles the debt first; what is taken beyond what is free becomes one."""
        net = self.free - self.owed + credits
        return replace(self, credits=self.credits + credits, free=max(net, 0), owed=max(-net, 0))


@dataclass(frozen=True, slots=True)
class Weighed:
    """`after` is None where it would be refused, as the account has `too_little`; and where an entry is undone: which lots that
    takes from, and whether a debt is left, is known when it is done."""

    now: Account
    after: Account | None
    too_little: bool = False


def weigh(action: str, given: Json) -> Weighed:
    """What the change `action` (of ACTIONS) with these arguments would do to the account. Raises NoPerson, NoHold."""
    person = by_hand.person_of(given["person"])
    stands, held = standing(person), queries.balance(person)
    now = Account(held.carbon_mg, held.credits, stands.free, stands.held, stands.owed, stands.waiting)
    if action == "ledger.adjust":
        return Weighed(now, now.with_credits(given["credits"]))
    if action == "entry.reverse":
        return Weighed(now, None)
    after = _by_hand(now, given)
    return Weighed(now, after, too_little=after is None)


def _by_hand(now: Account, given: Json) -> Account | None:
    kind, amount = given["kind"], given["amount"]
    if kind == "retire":
        return replace(now, carbon_mg=now.carbon_mg - amount) if amount <= now.carbon_mg else None
    if given["hold"]:
        amount = by_hand.held(given).credits
        if amount > now.held:
            return None
        opened = replace(now, held=now.held - amount)
        if kind == "settle":
            return replace(opened, credits=now.credits - amount)
        # What is set aside no more is free again, and settles a debt; nothing is booked.
        return replace(opened.with_credits(amount), credits=now.credits)
    if amount > now.free:
        return None
    if kind == "hold":
        return replace(now, free=now.free - amount, held=now.held + amount)
    return now.with_credits(-amount)
