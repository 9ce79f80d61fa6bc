"""The closed list of entry kinds, and what an entry of each kind may move.

There are two assets, never mixed: milligrams CO2e avoided and credits. Every entry has two sides, the
person's and one system account's; what one gains the other loses, per asset. The system account's balance
is a sum over entries and may be negative (issuance). The person's may be below zero only as a debt that a
reversal or an adjustment left.

Codes are stored and hashed into leaves: a code is never changed and never used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType

MILLION = 1_000_000
"""Milligrams in a kilogram, and the parts of a credit in which accounts count what they earned."""
INT64 = range(-(2**63), 2**63)


class Kind(IntEnum):
    """Why an entry was made. Kinds without a rule in RULES have a code and no entry yet: they are refused."""

    AWARD = 1
    """A quantified behaviour: milligrams, and the credits that the person's running total yields."""
    CONVERT = 2
    REDEEM = 3
    """Credits spent on an offer."""
    CANCEL = 4
    """Credits given up for good."""
    EXPIRE = 5
    """Credits whose time is over."""
    TRANSFER = 6
    """Credits from one person to another: one entry on either side, both against clearing."""
    HOLD = 7
    """Credits set aside for a time: still the person's, no longer free. Moves nothing between accounts."""
    SETTLE = 8
    """Credits that were held are spent."""
    RELEASE = 9
    """Credits that were held are free again. Moves nothing between accounts."""
    REVERSE = 10
    """An earlier entry is undone by a new one that names its leaf."""
    ADJUST = 11
    """Credits given or taken by a decision that is named."""
    EXCHANGE_OUT = 12
    """Credits leave for another platform."""
    EXCHANGE_IN = 13
    """Credits arrive from another platform."""
    RETIRE = 14
    """Milligrams taken out of circulation for good."""
    ERASED = 15
    """The personal part of an earlier entry can no longer be opened. Moves nothing."""
    UNCOLLECTED = 16
    """No entry: the origin of lots whose credits wait to be collected by their person."""
    COLLECT = 17
    """Credits that waited are collected: free from that moment. Moves nothing between accounts."""
    LAPSE = 18
    """Credits that were not collected in time."""
    DECIDED = 19
    """No entry: a step of a change by three people (decisions.py). Moves nothing."""
    AUDITED = 20
    """No entry: the digest of rows of the audit trail. Moves nothing."""
    RESTORE = 21
    """Expired or lapsed credits of an award come back to their lot, for the reversal of the award to take them."""


class Counter(IntEnum):
    """The system account on the other side of an entry."""

    NONE = 0
    """Only where nothing moves."""
    ISSUANCE = 1
    """What was ever issued, as a negative balance."""
    CANCELLATION = 2
    """Only receives."""
    EXPIRY = 3
    """Only receives."""
    CLEARING = 4
    """Between two persons; zero when every transfer has both its sides."""
    EXCHANGE = 5
    """What other platforms owe or are owed."""
    CORRECTION = 6
    """What reversals and adjustments took back or gave."""
    RETIREMENT = 7
    """Only receives."""


class Sign(Enum):
    """What the person's side of one asset may be."""

    ZERO = "0"
    NEGATIVE = "< 0"
    POSITIVE = "> 0"
    NOT_NEGATIVE = ">= 0"
    NOT_ZERO = "other than 0"
    NOT_POSITIVE = "<= 0"
    ANY = "any"

    def admits(self, amount: int) -> bool:
        match self:
            case Sign.ZERO:
                return amount == 0
            case Sign.NEGATIVE:
                return amount < 0
            case Sign.POSITIVE:
                return amount > 0
            case Sign.NOT_NEGATIVE:
                return amount >= 0
            case Sign.NOT_ZERO:
                return amount != 0
            case Sign.NOT_POSITIVE:
                return amount <= 0
            case Sign.ANY:
                return True


@dataclass(frozen=True, slots=True)
class Rule:
    """The counter account of a kind and the sign of either asset on the person's side."""

    counter: Counter
    carbon: Sign
    credits: Sign


RULES: Mapping[Kind, Rule] = MappingProxyType(
    {
        Kind.AWARD: Rule(Counter.ISSUANCE, Sign.POSITIVE, Sign.NOT_NEGATIVE),
        Kind.REDEEM: Rule(Counter.CANCELLATION, Sign.ZERO, Sign.NEGATIVE),
        Kind.CANCEL: Rule(Counter.CANCELLATION, Sign.ZERO, Sign.NEGATIVE),
        Kind.EXPIRE: Rule(Counter.EXPIRY, Sign.ZERO, Sign.NEGATIVE),
        Kind.TRANSFER: Rule(Counter.CLEARING, Sign.ZERO, Sign.NOT_ZERO),
        Kind.HOLD: Rule(Counter.NONE, Sign.ZERO, Sign.ZERO),
        Kind.SETTLE: Rule(Counter.CANCELLATION, Sign.ZERO, Sign.NEGATIVE),
        Kind.RELEASE: Rule(Counter.NONE, Sign.ZERO, Sign.ZERO),
        # An award undone takes milligrams and perhaps credits; a spend undone gives credits back.
        Kind.REVERSE: Rule(Counter.CORRECTION, Sign.NOT_POSITIVE, Sign.ANY),
        Kind.ADJUST: Rule(Counter.CORRECTION, Sign.ZERO, Sign.NOT_ZERO),
        Kind.EXCHANGE_OUT: Rule(Counter.EXCHANGE, Sign.ZERO, Sign.NEGATIVE),
        Kind.EXCHANGE_IN: Rule(Counter.EXCHANGE, Sign.ZERO, Sign.POSITIVE),
        Kind.RETIRE: Rule(Counter.RETIREMENT, Sign.NEGATIVE, Sign.ZERO),
        Kind.ERASED: Rule(Counter.NONE, Sign.ZERO, Sign.ZERO),
        Kind.COLLECT: Rule(Counter.NONE, Sign.ZERO, Sign.ZERO),
        Kind.LAPSE: Rule(Counter.EXPIRY, Sign.ZERO, Sign.NEGATIVE),
        Kind.RESTORE: Rule(Counter.CORRECTION, Sign.ZERO, Sign.POSITIVE),
        Kind.DECIDED: Rule(Counter.NONE, Sign.ZERO, Sign.ZERO),
        Kind.AUDITED: Rule(Counter.NONE, Sign.ZERO, Sign.ZERO),
    }
)


class EntryError(ValueError):
    """An entry that its kind does not admit. `code` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """One balanced movement. Amounts are the person's side; the counter account follows from the kind.

    Raises EntryError for a kind without a rule and for an amount whose sign or size the kind does not
    admit, so that an unbalanced entry cannot be written down at all.
    """

    kind: Kind
    carbon_mg: int = 0
    credits: int = 0

    def __post_init__(self) -> None:
        check(self.kind, self.carbon_mg, self.credits)

    @property
    def counter(self) -> Counter:
        return RULES[self.kind].counter

    @property
    def person_side(self) -> tuple[int, int]:
        """(carbon_mg, credits) as they change the person's account."""
        return self.carbon_mg, self.credits

    @property
    def counter_side(self) -> tuple[int, int]:
        """(carbon_mg, credits) as they change the counter account."""
        return -self.carbon_mg, -self.credits


def check(kind: int, carbon_mg: int, credits: int) -> Rule:
    """The rule an entry of these values follows. Raises EntryError where it follows none."""
    try:
        rule = RULES[Kind(kind)]
    except ValueError:
        raise EntryError("unknown-kind", f"there is no entry kind {kind}") from None
    except KeyError:
        raise EntryError(
            "kind-not-in-use", f"entries of kind {Kind(kind).name.lower()} are not made yet"
        ) from None
    for asset, sign, amount in (("carbon_mg", rule.carbon, carbon_mg), ("credits", rule.credits, credits)):
        if type(amount) is not int or amount not in INT64:
            raise EntryError("not-an-amount", f"{asset} must be a whole number of 64 bits, not {amount!r}")
        if not sign.admits(amount):
            name = Kind(kind).name.lower()
            raise EntryError(
                "wrong-sign", f"{asset} of an entry of kind {name} must be {sign.value}, not {amount}"
            )
    if rule.counter is not Counter.NONE and carbon_mg == credits == 0:
        raise EntryError("moves-nothing", f"an entry of kind {Kind(kind).name.lower()} must move something")
    return rule


def most_credits(carbon_mg: int, credits_per_kg: int) -> int:
    """Credits that one award of so many milligrams can yield at most: what was earned before it adds less than one."""
    return -(-carbon_mg * credits_per_kg // MILLION)
