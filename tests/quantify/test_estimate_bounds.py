"""Bounds of estimates: against answers computed in another way, and against the truth in simulated samples."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, stats

from abate.quantify import estimate_bounds
from abate.quantify.estimate_bounds import Asked, Bounds

ASKED = Asked(0.95, 0.05)
Draw = Callable[[np.random.Generator], Bounds]


def test_yes_and_no_of_a_large_population_is_the_exact_binomial_bound() -> None:
    """The lower bound is the share at which 40 or more of 100 would be seen in 5 % of samples: solved for."""
    found = estimate_bounds.simple([1.0] * 40 + [0.0] * 60, ASKED)
    low = optimize.brentq(lambda p: stats.binom.sf(39, 100, p) - 0.05, 1e-9, 0.9)
    assert found.one_sided[0] == pytest.approx(low, abs=1e-10)
    both = optimize.brentq(lambda p: stats.binom.sf(39, 100, p) - 0.025, 1e-9, 0.9)
    assert found.two_sided[0] == pytest.approx(both, abs=1e-10)
    assert found.point == 0.4
    assert found.standard_error == pytest.approx(math.sqrt(0.4 * 0.6 / 99))
    # (1.959964 / 0.05)^2 * 0.24 = 368.8, and 100/99 of it for the variance estimated
    assert found.required == math.ceil((stats.norm.ppf(0.975) / 0.05) ** 2 * 0.24 * 100 / 99)


def test_all_yes_and_all_no_have_their_closed_form() -> None:
    assert estimate_bounds.simple([1.0] * 50, ASKED).one_sided[0] == pytest.approx(0.05 ** (1 / 50))
    assert estimate_bounds.simple([0.0] * 50, ASKED).one_sided[0] == 0.0


def test_a_finite_population_corrects_and_a_census_has_no_error() -> None:
    values = [1.0] * 40 + [0.0] * 60
    part = estimate_bounds.simple(values, ASKED, 200)
    assert part.standard_error == pytest.approx(math.sqrt(0.24 / 99 * (1 - 100 / 200)))
    assert estimate_bounds.simple(values, ASKED).one_sided[0] < part.one_sided[0] < 0.4
    census = estimate_bounds.simple(values, ASKED, 100)
    assert census.one_sided == census.two_sided == (0.4, 0.4) and census.standard_error == 0


def test_strata_weigh_by_their_populations() -> None:
    """By hand: shares 0.2 and 0.6 of 1,000 and 500; the variance of the textbook with both corrections."""
    strata = {"a": [1.0] * 10 + [0.0] * 40, "b": [1.0] * 30 + [0.0] * 20}
    found = estimate_bounds.stratified(strata, {"a": 1000, "b": 500}, ASKED)
    assert found.point == pytest.approx((1000 * 0.2 + 500 * 0.6) / 1500)
    variance = (2 / 3) ** 2 * 0.16 / 49 * 0.95 + (1 / 3) ** 2 * 0.24 / 49 * 0.9
    assert found.standard_error == pytest.approx(math.sqrt(variance))
    effective = found.point * (1 - found.point) / variance
    effective = min(effective, 100 / (1 - 100 / 1500))
    effective *= (stats.t.ppf(0.975, 99) / stats.t.ppf(0.975, 98)) ** 2
    x = found.point * effective
    assert found.one_sided[0] == pytest.approx(stats.beta.isf(0.95, x, effective - x + 1), rel=1e-9)


def test_a_ratio_has_the_linearised_variance() -> None:
    """In numpy alone: the residuals of part - R * whole."""
    rng = np.random.default_rng(7)
    wholes = rng.integers(2, 20, 80)
    parts = rng.binomial(wholes, 0.3)
    found = estimate_bounds.ratio(parts.tolist(), wholes.tolist(), ASKED)
    r = parts.sum() / wholes.sum()
    residual = parts - r * wholes
    assert found.point == pytest.approx(r)
    assert found.standard_error == pytest.approx(math.sqrt(80 / 79 * (residual**2).sum()) / wholes.sum())


def test_the_slope_is_that_of_the_demeaned_data() -> None:
    """A balanced panel: taking out the means of sites and periods by hand gives the same slope."""
    y, x, sites, days = panel(np.random.default_rng(3), 12, 5, 0.4)
    found = estimate_bounds.slope(y.ravel().tolist(), x.ravel().tolist(), sites, days, None, ASKED)
    assert found is not None

    def within(a: np.ndarray) -> np.ndarray:
        return a - a.mean(axis=0) - a.mean(axis=1, keepdims=True) + a.mean()

    assert found.bounds.point == pytest.approx(-(within(x) * within(y)).sum() / (within(x) ** 2).sum())
    assert found.prediction[0] < found.predicted < found.prediction[1]
    weights = np.random.default_rng(4).uniform(50, 150, 60)
    again = estimate_bounds.slope(
        y.ravel().tolist(), x.ravel().tolist(), sites, days, weights.tolist(), ASKED
    )
    assert again is not None
    width, other = (p.prediction[1] - p.prediction[0] for p in (found, again))
    assert width == pytest.approx(2 * stats.t.ppf(0.975, 60 - 17) * 15, rel=0.4) and other == pytest.approx(
        width, rel=0.3
    )
    t = stats.t.ppf(0.95, 11)
    assert found.bounds.one_sided[0] == pytest.approx(found.bounds.point - t * found.bounds.standard_error)


def panel(
    rng: np.random.Generator, sites: int, periods: int, eta: float
) -> tuple[np.ndarray, np.ndarray, list[int], list[int]]:
    x = rng.gamma(4.0, 25.0, (sites, periods))
    effects = rng.normal(300, 60, (sites, 1)) + rng.normal(0, 30, (1, periods))
    y = effects - eta * x + rng.normal(0, 15, (sites, periods))
    codes = [(s, p) for s in range(sites) for p in range(periods)]
    return y, x, [s for s, _ in codes], [p for _, p in codes]


# -- how often the bound is too high --------------------------------------------------------------------


def simple(truth: float, n: int) -> Draw:
    return lambda rng: estimate_bounds.simple((rng.random(n) < truth).astype(float).tolist(), ASKED)


def finite(rng: np.random.Generator) -> Bounds:
    everyone = np.repeat([1.0, 0.0], [120, 280])
    return estimate_bounds.simple(rng.choice(everyone, 150, replace=False).tolist(), ASKED, 400)


def strata(rng: np.random.Generator) -> Bounds:
    """Three strata of 5,000, 3,000 and 2,000 with shares 0.1, 0.4 and 0.6; truth 0.29."""
    drawn = {
        name: (rng.random(n) < share).astype(float).tolist()
        for name, n, share in (("a", 40, 0.1), ("b", 40, 0.4), ("c", 40, 0.6))
    }
    return estimate_bounds.stratified(drawn, {"a": 5000, "b": 3000, "c": 2000}, ASKED)


def clusters(rng: np.random.Generator) -> Bounds:
    """Meetings that differ: shares of a beta distribution around 0.3, sizes from 2 to 15."""
    whole = rng.integers(2, 16, 60)
    return estimate_bounds.ratio(rng.binomial(whole, rng.beta(3, 7, 60)).tolist(), whole.tolist(), ASKED)


def history(rng: np.random.Generator) -> Bounds:
    y, x, sites, days = panel(rng, 20, 6, 0.3)
    found = estimate_bounds.slope(y.ravel().tolist(), x.ravel().tolist(), sites, days, None, ASKED)
    assert found is not None
    return found.bounds


DESIGNS = {
    "simple, half": (simple(0.5, 60), 0.5, 1000),
    "simple, rare": (simple(0.06, 60), 0.06, 1000),
    "simple, nearly all": (simple(0.96, 40), 0.96, 1000),
    "finite population": (finite, 0.3, 1000),
    "strata": (strata, 0.29, 600),
    "clusters": (clusters, 0.3, 600),
    "history": (history, 0.3, 400),
}


def held(below: int, draws: int, level: float) -> bool:
    """Not below the level by more than chance: below it in fewer than 1 of 1,000 such simulations."""
    return bool(stats.binom.cdf(below, draws, level) > 0.001)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.clause("M-2.3.6-2", "M-2.3.6-3", "M-2.3.6-5", "D-6.6-2")
def test_the_lower_bound_is_below_the_truth_as_often_as_it_says(design: str) -> None:
    draw, truth, draws = DESIGNS[design]
    rng = np.random.default_rng(20261121)
    found = [draw(rng) for _ in range(draws)]
    assert held(sum(b.one_sided[0] <= truth for b in found), draws, 0.95)
    # planted: the point estimate in the place of the bound must be caught
    assert not held(sum(b.point <= truth for b in found), draws, 0.95)
    assert np.mean([b.point for b in found]) == pytest.approx(truth, abs=0.02)


def test_answers_of_one_meeting_are_not_taken_for_independent_ones() -> None:
    """Whole meetings that agree: pooling their people as if independent is caught, the cluster bound is not."""
    rng = np.random.default_rng(5)
    pooled = clustered = 0
    for _ in range(400):
        whole = np.full(40, 10)
        part = whole * (rng.random(40) < 0.4)
        clustered += estimate_bounds.ratio(part.tolist(), whole.tolist(), ASKED).one_sided[0] <= 0.4
        answers = np.repeat([1.0, 0.0], [part.sum(), 400 - part.sum()])
        pooled += estimate_bounds.simple(answers.tolist(), ASKED).one_sided[0] <= 0.4
    assert held(clustered, 400, 0.95) and not held(pooled, 400, 0.95)
