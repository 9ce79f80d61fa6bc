"""Eta, the substitution efficiency of digital reading, by survey and by regression on history (D-6.6-2)."""

from __future__ import annotations

from pathlib import Path

from abate.quantify import estimate_bounds, estimate_survey
from abate.quantify.estimate_bounds import Asked, Slope
from abate.quantify.estimate_input import EstimateError, Sample, read_sample
from abate.quantify.estimate_policy import Policy
from abate.quantify.estimate_write import Found
from abate.quantify.method import Text

CLAUSE = "D-6.6-2"


def by_survey(
    path: Path, asked: Asked, policy: Policy, strata: Path | None = None, population: int | None = None
) -> Found:
    """6.6.2: a sampling survey of readings. One line a reading: did it replace buying or borrowing a paper
    book (3.4: a probability)? `replaced` yes, no or a share."""
    sample = read_sample(path, CLAUSE, ("reading_id", "day", "replaced"), ("stratum",), "reading_id")
    answers = [estimate_survey.replaced(row) for row in sample.rows]
    found = estimate_survey.survey(sample, answers, asked, policy, strata, population)
    units = len(answers)
    return Found(
        "eta", "eta-survey", found.design, found.statistics, sample.file, sample.sha256, units, units,
        found.population, found.bounds, sample.period(), found.remarks,
    )  # fmt: skip


def by_regression(path: Path, asked: Asked, policy: Policy) -> Found:
    """6.6.2: regression on history. One line for each site and period: paper books bought or borrowed, and
    digital reading in standard book equivalents.

    paper = site + period - eta * digital + error, by least squares (weighted by `readers` where the column is
    there), errors clustered by site. The effects of sites and periods take out what differs between sites and
    what changed everywhere; eta is how many paper books fewer go with one book equivalent more.
    """
    columns = ("site_id", "day", "paper_books", "digital_books")
    sample = read_sample(path, CLAUSE, columns, ("readers",))
    sample.enough(int(policy.least_sample.value), "site-periods", policy.least_sample.why.en)
    sites, days = (
        _codes([r.text("site_id") for r in sample.rows]),
        _codes([str(r.day()) for r in sample.rows]),
    )
    _panel(sample, sites, days, policy)
    weights = [row.amount("readers") for row in sample.rows] if "readers" in sample.columns else None
    if weights and min(weights) <= 0:
        raise sample.refuse("missing_weights", "a line has no readers, so no weight", "give readers above 0")
    found = estimate_bounds.slope(
        [r.amount("paper_books") for r in sample.rows],
        [r.amount("digital_books") for r in sample.rows],
        sites, days, weights, asked,
    )  # fmt: skip
    if found is None:
        raise sample.refuse(
            "no_variation",
            "digital reading does not vary beyond what sites and periods explain, so nothing can be told apart",
            "add sites that started at different times, or more periods",
        )
    _a_probability(sample, found.bounds.point)
    n, many, times = len(sample.rows), max(sites) + 1, max(days) + 1
    return Found(
        "eta", "eta-regression",
        Text(f"{many} 个站点、{times} 个时期的面板数据，{n} 行", f"panel of {many} sites and {times} periods, {n} lines"),
        Text(f"{'加权' if weights else '普通'}最小二乘，站点与时期固定效应，按站点聚类标准误，t 分布下限",
             f"{'weighted' if weights else 'ordinary'} least squares with effects of site and period, errors clustered "
             "by site, bound of the t distribution"),
        sample.file, sample.sha256, n, n, None, found.bounds, sample.period(),
        (_predicted(found),),
    )  # fmt: skip


def _predicted(found: Slope) -> Text:
    """What the line says of one further site-period: wide where the history is scattered."""
    (low, high), x, y = found.prediction, found.average, found.predicted
    return Text(
        f"数字阅读为平均值 {x:.3f} 时，再观察一个站点一期的纸书预测为 {y:.3f}（预测区间 {low:.3f} 至 {high:.3f}）",
        f"at the average digital reading of {x:.3f} one further site-period is predicted to use {y:.3f} paper books "
        f"(prediction interval {low:.3f} to {high:.3f})",
    )


def _codes(names: list[str]) -> list[int]:
    known = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return [known[name] for name in names]


def _panel(sample: Sample, sites: list[int], days: list[int], policy: Policy) -> None:
    seen: set[tuple[int, int]] = set()
    for row, pair in zip(sample.rows, zip(sites, days, strict=True), strict=True):
        if pair in seen:
            raise row.refuse(
                "not_independent", "this site and period stand twice", "one line for each site and period"
            )
        seen.add(pair)
    least = int(policy.least_sites.value)
    if max(sites) + 1 < least:
        raise sample.refuse(
            "too_few_sites",
            f"{max(sites) + 1} sites, and at least {least} are needed. {policy.least_sites.why.en}",
            "take more sites; the limit is policy `least_sites` of methods/estimates.yaml",
        )


def _a_probability(sample: Sample, point: float) -> None:
    if point > 1:
        raise EstimateError(
            "eta_above_1", sample.file, f"the regression gives eta = {point:.4f}; it is a probability (3.4)", CLAUSE,
            "something else lowers paper reading where digital reading grows: add periods before the start, or survey",
        )  # fmt: skip
    if point <= 0:
        raise EstimateError(
            "eta_not_positive", sample.file, f"the regression gives eta = {point:.4f}: no paper book was replaced",
            CLAUSE, "nothing can be credited on it (5.2 b)",
        )  # fmt: skip
