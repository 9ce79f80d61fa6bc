"""A stated distribution as a SciPy law, and how it is laid about a value.

Draws are float64 and never become a booked amount; only the conservative figure, rounded down, is made of
them, and it says so by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from abate.quantify.distributions import Stated

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Law:
    """`about` the value x: `ratio` X = x * Y, `deviation` X = x + Y * scale, `absolute` X = Y * scale, where
    Y follows `y` (anything with ppf, mean, std and rvs) and `scale` turns the stated unit into the figure's.
    """

    about: str
    y: Any

    def laid(self, value: Array | float, y: Array | float, scale: float = 1.0) -> Any:
        """Draws (or a quantile) `y` of Y about `value`."""
        if self.about == "ratio":
            return value * y
        return value + y * scale if self.about == "deviation" else y * scale

    def sd(self, value: Any, scale: float = 1.0) -> Any:
        """Standard deviation of X."""
        return np.abs(value) * self.y.std() if self.about == "ratio" else self.y.std() * scale


class Sample:
    """The members of a sample, each equally probable."""

    def __init__(self, members: Array) -> None:
        self.members = members

    def ppf(self, u: Any) -> Any:
        return np.quantile(self.members, u, method="inverted_cdf")

    def rvs(self, size: Any, random_state: Generator) -> Array:
        drawn: Array = self.members[random_state.integers(len(self.members), size=size)]
        return drawn

    def mean(self) -> float:
        return float(self.members.mean())

    def std(self) -> float:
        return float(self.members.std())

    def support(self) -> tuple[float, float]:
        return float(self.members[0]), float(self.members[-1])


def law(stated: Stated) -> Law:
    return _law(_key(stated))


def _key(stated: Stated) -> tuple[Any, ...]:
    numbers = tuple(sorted(stated.numbers.items()))
    return stated.kind, stated.about, numbers, stated.centre, stated.sample, stated.quantiles


@lru_cache(maxsize=1024)
def _law(key: tuple[Any, ...]) -> Law:
    kind, about, pairs, centre, sample, quantiles = key
    numbers: Mapping[str, Fraction] = dict(pairs)
    ratio = about == "relative"
    n = {name: float(value) for name, value in numbers.items()}
    if kind == "lognormal":
        s = float(np.log(n["gsd"])) if "gsd" in n else float(np.log(n["times"])) / _z(n["level"])
        scale = n.get("median", float(np.exp(-s * s / 2)) if centre == "mean" else 1.0)
        return Law("ratio" if ratio else "absolute", stats.lognorm(s, scale=scale))
    one, unit = (1.0, 0.01) if ratio else (0.0, 1.0)  # relative numbers are per cent of the value
    match kind:
        case "normal":
            sd = n["sd"] if "sd" in n else n["half_width"] / _z(n["level"])
            y: Any = stats.norm(one + unit * n.get("mean", 0.0), unit * sd)
        case "triangular":
            width = n["high"] - n["low"]
            y = stats.triang((n["mode"] - n["low"]) / width, one + unit * n["low"], unit * width)
        case "uniform":
            y = stats.uniform(one + unit * n["low"], unit * (n["high"] - n["low"]))
        case _ if sample:
            y = Sample(one + unit * np.array([float(v) for v in sample]))
        case _:
            p = np.array([float(r[0]) / 100 for r in quantiles])
            v = one + unit * np.array([float(r[1]) for r in quantiles])
            y = stats.rv_histogram((np.diff(p) / np.diff(v), v), density=True)
    return Law("ratio" if ratio else about, y)


def _z(level: float) -> float:
    """Half width of a central interval of a standard normal, like 1.96 at 95."""
    return float(stats.norm.ppf(0.5 + level / 200))
