"""First derivatives carried through the formula tree, and the first-order combination of uncertainties.

Forward automatic differentiation: no step width, so a derivative is as exact as the value. With standard
deviations s and correlations r, var(ER) = sum over a, b of d_a s_a r_ab s_b d_b: for a sum of independent
terms the root of the sum of squares (approach 1 of the IPCC), and a figure that many records share is added
up over them before it is squared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Slope:
    """A column of values and its derivatives by named variables, each a column too and already multiplied
    by the variable's standard deviation. Inside a list the items are the rows, and `of_item` holds the
    derivatives by the item's own quantities; summed over, item k of a record is a variable of its own."""

    value: Any
    by: Mapping[str, Any]
    of_item: Mapping[str, Any]

    @property
    def size(self) -> int:
        return int(np.size(self.value))

    def _new(self, value: Any, parts: list[tuple[Any, Slope]]) -> Slope:
        by: dict[str, Any] = {}
        of_item: dict[str, Any] = {}
        for factor, slope in parts:
            for into, source in ((by, slope.by), (of_item, slope.of_item)):
                for name, d in source.items():
                    into[name] = into[name] + factor * d if name in into else factor * d
        return Slope(value, by, of_item)

    def __add__(self, other: Any) -> Slope:
        o = _slope(other)
        return self._new(self.value + o.value, [(1.0, self), (1.0, o)])

    __radd__ = __add__

    def __neg__(self) -> Slope:
        return self._new(-self.value, [(-1.0, self)])

    def __mul__(self, other: Any) -> Slope:
        o = _slope(other)
        return self._new(self.value * o.value, [(o.value, self), (self.value, o)])

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Slope:
        o = _slope(other)
        quotient = self.value / o.value
        return self._new(quotient, [(1.0 / o.value, self), (-quotient / o.value, o)])

    def __rtruediv__(self, other: Any) -> Slope:
        return _slope(other) / self

    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def chosen(self, test: Any, then: Any, other: Any) -> Slope:
        """The derivative is that of the side that applies."""
        a, b = _slope(then), _slope(other)
        merged = [
            {n: np.where(test, x.get(n, 0.0), y.get(n, 0.0)) for n in {*x, *y}}
            for x, y in ((a.by, b.by), (a.of_item, b.of_item))
        ]
        return Slope(np.where(test, a.value, b.value), merged[0], merged[1])

    def repeated(self, counts: Any) -> Slope:
        return Slope(_tall(self.value, counts), {n: _tall(d, counts) for n, d in self.by.items()}, {})

    def summed(self, counts: Any) -> Slope:
        by = {n: _add(d, counts) for n, d in self.by.items()}
        ends = np.cumsum(counts)
        for name, d in self.of_item.items():
            tall = np.broadcast_to(d, (int(counts.sum()), 1))
            for k in range(int(counts.max(initial=0))):
                there = counts > k
                one = np.zeros((len(counts), 1))
                one[there] = tall[(ends - counts)[there] + k]
                by[f"{name}#{k}"] = one
        return Slope(_add(self.value, counts), by, {})


def _slope(value: Any) -> Slope:
    return value if isinstance(value, Slope) else Slope(value, {}, {})


def _tall(column: Any, counts: Any) -> Any:
    whole = np.ndim(column) == 2 and column.shape[0] == len(counts)
    return np.repeat(column, counts, axis=0) if whole else column


def _add(column: Any, counts: Any) -> Any:
    total = int(counts.sum())
    wide = np.broadcast_to(column, (total, 1))
    sums = np.concatenate([np.zeros((1, 1)), np.cumsum(wide, axis=0)])
    ends = np.cumsum(counts)
    return sums[ends] - sums[ends - counts]


def column(value: Any, size: int) -> Any:
    """A derivative as one number for each record."""
    return np.broadcast_to(np.asarray(value, dtype=float), (size, 1))[:, 0]


def combined(gradients: Any, correlation: Any) -> Any:
    """Variance of each row of `gradients` (n, k), each already times its standard deviation."""
    return np.einsum("ik,kl,il->i", gradients, correlation, gradients)
