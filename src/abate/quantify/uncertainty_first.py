"""First-order propagation of a slab: variance per record, and what the portfolio needs of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from abate.quantify.draws import Draws, Rows
from abate.quantify.propagation import Slope, column, combined
from abate.quantify.uncertainty_model import Cut, Input, Model

FIGURE = "figure "


class FirstOrder:
    """`variance` of each record; for the portfolio the derivatives by shared figures are added up over the
    records before they are squared, those by inputs are independent and their squares add up. kg throughout."""

    def __init__(self, model: Model, size: int) -> None:
        self.model = model
        self.variance = np.zeros(size)
        self.figures = np.zeros(len(model.shared))
        self.inputs: dict[str, float] = {}
        self._gradients = np.zeros((size, len(model.shared)))
        self._squares: dict[str, Any] = {}

    def take(self, positions: Any, slope: Slope) -> None:
        size = len(positions)
        for name, derivative in slope.by.items():
            values = column(derivative, size)
            if name.startswith(FIGURE):
                self._gradients[positions, int(name.removeprefix(FIGURE))] += values
            else:
                whole = self._squares.setdefault(name.partition("#")[0], np.zeros(len(self.variance)))
                whole[positions] += values * values

    def close(self, counted: Any) -> None:
        """After the last group: variances, and the sums over the records that count."""
        self.variance[:] = self._variance()
        self.figures = self._gradients[counted].sum(axis=0)
        self.inputs = {name: float(squares[counted].sum()) for name, squares in self._squares.items()}

    def _variance(self) -> Any:
        found = combined(self._gradients, self.model.correlation) if self.model.shared else 0.0
        return found + sum(self._squares.values(), np.zeros(len(self.variance)))

    def add(self, other: FirstOrder) -> None:
        self.figures = self.figures + other.figures
        for name, squares in other.inputs.items():
            self.inputs[name] = self.inputs.get(name, 0.0) + squares

    def portfolio(self) -> float:
        """Variance of the sum over the records that count."""
        shared = combined(self.figures[None, :], self.model.correlation)[0] if self.model.shared else 0.0
        return float(shared + sum(self.inputs.values()))


def first_order(into: FirstOrder, cut: Cut, rows: Rows, positions: Any) -> None:
    """Derivatives of ER at the point, of the branch that applies there."""
    method = cut.method
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Any = Draws(method, seeded(cut, rows)).reduction()
    if isinstance(found, Slope):
        into.take(positions, found)


def seeded(cut: Cut, rows: Rows) -> Rows:
    """The records with a derivative of one standard deviation put on each uncertain quantity."""
    params = dict(rows.params)
    for u in cut.uses:
        sd = np.float64(u.law.sd(u.value, u.scale))
        params[u.name] = Slope(np.full((1, 1), u.value), {f"{FIGURE}{u.index}": np.full((1, 1), sd)}, {})

    def seed(name: str, values: Any) -> Any:
        one = cut.inputs.get(name)
        if one is None:
            return values
        sd = {name: np.nan_to_num(_sd(one, values))}
        return Slope(values, {}, sd) if "." in name else Slope(values, sd, {})

    return rows.moved(seed, params)


def _sd(one: Input, values: Any) -> Any:
    return np.broadcast_to(one.law.sd(values, one.scale), values.shape)
