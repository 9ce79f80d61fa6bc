"""Draws: one of each figure for the whole portfolio, one of each input for each record, in streams of their own.

The stream of a variable is named by the seed, the variable and (for inputs) the slab of records, so it does
not depend on what else is uncertain, nor on threads or on how the input was read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.random import PCG64DXSM, Generator, SeedSequence
from scipy import stats

from abate.quantify.distributions import UncertaintyError
from abate.quantify.draws import Draws, Rows
from abate.quantify.method import Method
from abate.quantify.uncertainty_model import Cut, Input, Model

TILE = 1 << 16
"""Draws held at once by a worker for one quantity: they stay in the processor's cache."""


def stream(seed: int, variable: str, slab: int = 0) -> Generator:
    """The generator of a variable's draws in a slab."""
    name = int.from_bytes(hashlib.sha256(variable.encode()).digest()[:16], "big")
    words = SeedSequence(seed, spawn_key=(name >> 96, (name >> 64) % 2**32,
                                                    (name >> 32) % 2**32, name % 2**32, slab))  # fmt: skip
    return Generator(PCG64DXSM(words))


def shared_draws(model: Model, seed: int, draws: int) -> Any:
    """(k, D) draws of Y of each shared figure; correlated ones through their normal scores."""
    if not model.shared:
        return np.empty((0, draws))
    scores = np.stack([stream(seed, f"figure {s.key}").standard_normal(draws) for s in model.shared])
    if model.correlated:
        values, vectors = np.linalg.eigh(model.correlation)
        scores = vectors @ (np.sqrt(np.clip(values, 0, None))[:, None] * (vectors.T @ scores))
    return np.stack([s.law.y.ppf(stats.norm.cdf(row)) for s, row in zip(model.shared, scores, strict=True)])


@dataclass(slots=True)
class Clipped:
    """Draws outside a declared range, which were set to its end: how many, by quantity."""

    counts: Counter[str] = field(default_factory=Counter)

    def keep(self, name: str, values: Any, low: float, high: float) -> Any:
        if values.size and (values.min() < low or values.max() > high):
            self.counts[name] += int(np.count_nonzero(values < low) + np.count_nonzero(values > high))
            return np.clip(values, low, high)
        return values


def figures(model: Model, y: Any) -> tuple[dict[int, Mapping[str, Any]], Clipped]:
    """By segment: every figure, the uncertain ones as a row (1, D) of draws laid about their value."""
    found: dict[int, Mapping[str, Any]] = {}
    most = Clipped()
    for segment, cut in model.cuts.items():
        own = Clipped()
        exact = {name: np.float64(cut.figures.get(name, np.nan)) for name in cut.method.parameters}
        found[segment] = exact | {
            u.name: own.keep(
                cut.keys[u.name], u.law.laid(u.value, y[u.index][None, :], u.scale), u.low, u.high
            )
            for u in cut.uses
        }
        most.counts |= own.counts  # a figure is drawn once, however many segments it is in force in
    return found, most


class Streams:
    """The generators of the inputs of one slab; a record's draws follow those of the record before it."""

    def __init__(self, seed: int, slab: int, draws: int, purpose: str = "input") -> None:
        self._seed = seed
        self._slab = slab
        self._draws = draws
        self._purpose = purpose
        self._open: dict[str, Generator] = {}

    def draw(self, one: Input, values: Any) -> Any:
        """(m, D) draws about the column `values` (m, 1); what is absent or a share of zero stays as it is."""
        there = np.isfinite(values[:, 0]) & ((values[:, 0] != 0) | (one.law.about != "ratio"))
        if not there.any():
            return values
        if one.name not in self._open:
            self._open[one.name] = stream(self._seed, f"{self._purpose} {one.name}", self._slab)
        y = one.law.y.rvs(size=(int(there.sum()), self._draws), random_state=self._open[one.name])
        drawn = one.law.laid(values[there], y, one.scale)
        if there.all():
            return drawn
        whole = np.repeat(values, self._draws, axis=1)
        whole[there] = drawn
        return whole


Drawer: TypeAlias = Callable[[Input, Any], Any]


def drawn(rows: Rows, cut: Cut, params: Mapping[str, Any], draw: Drawer, clipped: Clipped) -> Rows:
    """The records with every uncertain input replaced by what `draw` gives, inside its declared range."""

    def lay(name: str, values: Any) -> Any:
        one = cut.inputs.get(name)
        if one is None:
            return values
        return clipped.keep(name, draw(one, values), one.low, one.high)

    return rows.moved(lay, params)


def reductions(method: Method, rows: Rows, unmet: Counter[str]) -> Any:
    """ER (m, 1) or (m, D) in kg; zero in a draw in which the record would not be recognised, counted in
    `unmet`. Raises UncertaintyError where a result is no number."""
    draws = Draws(method, rows)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = draws.reduction()
        held = draws.recognised()
    if not held.all():
        short = np.broadcast_to(~held, np.broadcast_shapes(held.shape, np.shape(found)))
        unmet["draws"] += int(np.count_nonzero(short))
        unmet["records"] += int(np.count_nonzero(short.any(axis=1)))
        found = np.where(held, found, 0.0)
    if not np.isfinite(found).all():
        raise UncertaintyError(
            f"{method.id} v{method.version}", "a draw falls into a branch whose figure or quantity is not there",
            "give that figure, or narrow the distribution that decides the branch",
        )  # fmt: skip
    return np.broadcast_to(found, (rows.size, np.shape(found)[-1] if np.ndim(found) == 2 else 1))
