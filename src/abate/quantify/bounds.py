"""Interval arithmetic on whole numbers: proves which width a computation needs before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, gcd, lcm

INT64 = 2**63 - 1
DIGITS38 = 10**38 - 1
"""Both HUGEINT and DECIMAL(38,0) hold every whole number of 38 digits."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Every value lies in [low, high]."""

    low: int
    high: int

    def __add__(self, other: Bounds) -> Bounds:
        return Bounds(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Bounds:
        return Bounds(-self.high, -self.low)

    def __mul__(self, other: Bounds) -> Bounds:
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Bounds(min(corners), max(corners))

    def times(self, factor: int) -> Bounds:
        return self * Bounds(factor, factor)

    def with_zero(self) -> Bounds:
        return Bounds(min(0, self.low), max(0, self.high))

    def union(self, other: Bounds) -> Bounds:
        return Bounds(min(self.low, other.low), max(self.high, other.high))

    @property
    def size(self) -> int:
        return max(abs(self.low), abs(self.high))

    @property
    def fits_int64(self) -> bool:
        return self.size <= INT64

    @property
    def fits_38_digits(self) -> bool:
        return self.size <= DIGITS38


def scaled(low: Fraction, high: Fraction, decimals: int) -> Bounds:
    """The whole numbers that `low`..`high` become at 10**decimals."""
    return Bounds(ceil(low * 10**decimals), floor(high * 10**decimals))


def covering(values: Iterable[int]) -> Bounds:
    numbers = list(values)
    return Bounds(min(numbers), max(numbers))


def common(scales: Iterable[Fraction]) -> Fraction:
    """The largest fraction of which every one of `scales` is a whole multiple."""
    fractions = [abs(s) for s in scales]
    denominator = lcm(*(s.denominator for s in fractions))
    return Fraction(gcd(*(int(s * denominator) for s in fractions)), denominator)
