"""Standard errors and confidence bounds of shares, by statsmodels and SciPy; needs the extra `statistics`.

One form for all designs: the exact binomial bounds (Clopper and Pearson) at the effective sample size
p (1 - p) / variance, after Korn and Graubard (1998), with their correction for the degrees of freedom. For a
simple random sample of yes and no from a large population that is the exact binomial interval itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.proportion import proportion_confint, samplesize_confint_proportion
from statsmodels.stats.weightstats import DescrStatsW


@dataclass(frozen=True, slots=True)
class Bounds:
    """An estimated share: `one_sided` are the bounds that hold at `level` each taken alone."""

    point: float
    standard_error: float
    level: float
    two_sided: tuple[float, float]
    one_sided: tuple[float, float]
    required: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The level of confidence, and the half width for which the needed sample is computed."""

    level: float
    precision: float


def simple(values: Sequence[float], asked: Asked, population: int | None = None) -> Bounds:
    """A simple random sample of shares (0 and 1 where the answers are yes and no)."""
    data = DescrStatsW(np.asarray(values, dtype=float), ddof=1)
    n, point = len(values), float(data.mean)
    left = 1 - n / population if population else 1.0
    variance = float(data.var) / n * left
    exact = not population and set(values) <= {0.0, 1.0}
    effective = float(n) if exact else _effective(point, variance, n, left)
    return _bounds(point, variance, effective, asked, n, left, population)


def stratified(strata: Mapping[str, Sequence[float]], populations: Mapping[str, int], asked: Asked) -> Bounds:
    """A sample drawn at random in each stratum, weighted by the populations; finite population corrected."""
    whole = sum(populations.values())
    n = sum(len(values) for values in strata.values())
    point = variance = even = 0.0
    for name, values in strata.items():
        data = DescrStatsW(np.asarray(values, dtype=float), ddof=1)
        weight, left = populations[name] / whole, 1 - len(values) / populations[name]
        point += weight * float(data.mean)
        variance += weight**2 * float(data.var) / len(values) * left
        even += weight**2 / len(values) * left
    left = 1 - n / whole
    most = min(n / left, 1 / even) if left and even else math.inf
    effective = _effective(point, variance, n, left) if variance else most
    return _bounds(point, variance, effective * _fewer(asked, n, n - len(strata)), asked, n, left, whole)


def ratio(parts: Sequence[float], wholes: Sequence[float], asked: Asked) -> Bounds:
    """The sum of parts over the sum of wholes, the meetings drawn as clusters."""
    part, whole = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    n, units = len(parts), float(whole.sum())
    fit = WLS(part / whole, np.ones(n), weights=whole).fit(cov_type="HC1")
    point, variance = float(fit.params[0]), float(fit.bse[0]) ** 2
    if variance < 1e-24:  # the same share in every meeting, but for the rounding of the fit
        variance = 0.0
    effective = _effective(point, variance, int(units), 1.0) if variance else float(n)
    return _bounds(point, variance, effective * _fewer(asked, int(units), n - 1), asked, n, 1.0, None)


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope with its bounds, and the prediction for one further observation at the average of all."""

    bounds: Bounds
    average: float
    predicted: float
    prediction: tuple[float, float]


def slope(
    y: Sequence[float],
    x: Sequence[float],
    sites: Sequence[int],
    days: Sequence[int],
    weights: Sequence[float] | None,
    asked: Asked,
) -> Slope | None:
    """y on x with an effect for each site and each day, errors clustered by site: how much y falls for each x.

    None where x does not vary beyond what sites and days explain. The bounds are those of minus the slope.
    """
    effects = [
        (np.asarray(codes)[:, None] == np.arange(1, max(codes) + 1)).astype(float) for codes in (sites, days)
    ]
    design = np.column_stack([np.asarray(x, dtype=float), np.ones(len(y)), *effects])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(y) <= design.shape[1]:
        return None
    weighing = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    model = WLS(np.asarray(y, dtype=float), design, weights=weighing)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": np.asarray(sites)}, use_t=True)
    low, high = fit.conf_int(1 - asked.level)[0]
    one_low, one_high = fit.conf_int(2 * (1 - asked.level))[0]
    error = float(fit.bse[0])
    t = float(stats.t.ppf((1 + asked.level) / 2, len(set(sites)) - 1))
    average = design.mean(axis=0)
    further = model.fit().get_prediction(average[None, :], weights=float(weighing.mean()))
    frame = further.summary_frame(1 - asked.level)
    bounds = Bounds(
        point=-float(fit.params[0]),
        standard_error=error,
        level=asked.level,
        two_sided=(-float(high), -float(low)),
        one_sided=(-float(one_high), -float(one_low)),
        required=math.ceil(len(y) * (t * error / asked.precision) ** 2),
    )
    row = frame.iloc[0]
    return Slope(
        bounds,
        float(average[0]),
        float(row["mean"]),
        (float(row["obs_ci_lower"]), float(row["obs_ci_upper"])),
    )


def _effective(point: float, variance: float, n: int, left: float) -> float:
    """How many independent answers the estimate is worth; never more than were drawn, but for a population
    of which a part was asked."""
    most = n / left if left else math.inf
    return min(point * (1 - point) / variance, most) if variance else most


def _fewer(asked: Asked, n: int, freedom: int) -> float:
    level = (1 + asked.level) / 2
    return float((stats.t.ppf(level, n - 1) / stats.t.ppf(level, freedom)) ** 2)


def _bounds(
    point: float, variance: float, effective: float, asked: Asked, n: int, left: float, population: int | None
) -> Bounds:
    alpha = 1 - asked.level
    both = one = (point, point)  # everyone was asked
    if math.isfinite(effective):
        count = min(point * effective, effective)
        both = proportion_confint(count, effective, alpha, method="beta")
        one = proportion_confint(count, effective, 2 * alpha, method="beta")
    return Bounds(
        point=point,
        standard_error=math.sqrt(variance),
        level=asked.level,
        two_sided=(max(0.0, float(both[0])), min(1.0, float(both[1]))),
        one_sided=(max(0.0, float(one[0])), min(1.0, float(one[1]))),
        required=_required(point, variance, asked, n, left, population),
    )


def _required(
    point: float, variance: float, asked: Asked, n: int, left: float, population: int | None
) -> int:
    """The sample that gives the precision asked for in the same design; for the worst share where all said
    the same."""
    spread = point * (1 - point)
    worst = not spread or not variance
    share = 0.5 if worst else point
    needed = float(samplesize_confint_proportion(share, asked.precision, 1 - asked.level, method="normal"))
    if not worst:
        needed *= variance / left / (spread / n)
    if population:
        needed = needed / (1 + (needed - 1) / population)
    return math.ceil(needed - 1e-9)
