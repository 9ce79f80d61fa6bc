"""Surveys, simple random or stratified: one line for each unit asked, answers as yes, no or a share.

Whoever was asked and did not answer stays in the file with an empty answer and counts as no: the standards
ask for prudence, and silence proves no replacement. A unit that was never drawn does not stand there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abate.quantify import estimate_bounds
from abate.quantify.estimate_bounds import Asked, Bounds
from abate.quantify.estimate_input import EstimateError, Row, Sample, read_sample
from abate.quantify.estimate_policy import Policy
from abate.quantify.method import Text

CLOPPER = Text("单侧精确二项下限（Clopper–Pearson）", "exact binomial bound (Clopper and Pearson)")
KORN = Text(
    "有效样本量 p(1−p)/方差 下的 Clopper–Pearson 下限（Korn–Graubard），含有限总体修正",
    "Clopper-Pearson bound at the effective sample size p(1-p)/variance (Korn and Graubard), finite population "
    "corrected",
)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The bounds of a survey with its design."""

    bounds: Bounds
    design: Text
    statistics: Text
    population: int | None
    remarks: tuple[Text, ...]


def survey(
    sample: Sample,
    answers: Sequence[float],
    asked: Asked,
    policy: Policy,
    strata: Path | None,
    population: int | None,
) -> Surveyed:
    """`answers` are those of the rows of `sample`, in order. Raises EstimateError."""
    sample.enough(int(policy.least_sample.value), "were asked", policy.least_sample.why.en)
    if "stratum" in sample.columns or strata:
        return _stratified(sample, answers, asked, policy, strata)
    if population is not None and population < len(answers):
        raise sample.refuse(
            "population_too_small", f"{len(answers)} of {population} were asked", "give the whole population"
        )
    bounds = estimate_bounds.simple(answers, asked, population)
    whole = ("，总体 " + str(population), f" of {population}") if population else ("", "")
    return Surveyed(
        bounds,
        Text(
            f"简单随机抽样，{len(answers)} 个{whole[0]}", f"simple random sample of {len(answers)}{whole[1]}"
        ),
        CLOPPER if not population and set(answers) <= {0.0, 1.0} else KORN,
        population,
        silent(sample),
    )


def silent(sample: Sample) -> tuple[Text, ...]:
    count = sum(not row.given("replaced") for row in sample.rows)
    if not count:
        return ()
    return (Text(f"{count} 个未作答，按“未替代”计", f"{count} did not answer and count as not replaced"),)


def replaced(row: Row) -> float:
    """The answer; none is a no."""
    return row.share("replaced") if row.given("replaced") else 0.0


def _stratified(
    sample: Sample, answers: Sequence[float], asked: Asked, policy: Policy, path: Path | None
) -> Surveyed:
    if path is None or "stratum" not in sample.columns:
        lacks = "column stratum" if path else "the populations of its strata"
        raise sample.refuse(
            "missing_weights",
            f"a stratified survey lacks {lacks}, without which its answers cannot be weighted",
            "give column stratum in the survey and --strata FILE with the columns stratum, population",
        )
    weights = read_sample(path, sample.clause, ("stratum", "population"), key="stratum")
    populations = {row.text("stratum"): row.count("population") for row in weights.rows}
    strata: dict[str, list[float]] = {name: [] for name in populations}
    for row, answer in zip(sample.rows, answers, strict=True):
        name = row.text("stratum")
        if name not in strata:
            known = ", ".join(populations)
            raise row.refuse(
                "missing_weights", f"stratum {name} has no population", f"add it; known: {known}"
            )
        strata[name].append(answer)
    for name, values in strata.items():
        _fits(weights, name, len(values), populations[name], policy)
    whole = sum(populations.values())
    listed = [f"{n} {len(v)}/{populations[n]}" for n, v in strata.items()]
    return Surveyed(
        estimate_bounds.stratified(strata, populations, asked),
        Text(f"分层随机抽样（{'、'.join(listed)}）", f"stratified random sample ({', '.join(listed)})"),
        KORN,
        whole,
        (
            *silent(sample),
            Text(
                f"分层总体 {weights.file} sha256:{weights.sha256}",
                f"strata {weights.file} sha256:{weights.sha256}",
            ),
        ),
    )


def _fits(weights: Sample, name: str, drawn: int, population: int, policy: Policy) -> None:
    least = int(policy.least_in_stratum.value)
    where, clause = f"{weights.file} stratum {name}", weights.clause
    if population < max(drawn, 1):
        raise EstimateError(
            "population_too_small",
            where,
            f"{drawn} of {population} were asked",
            clause,
            "correct the population",
        )
    if drawn == 0:
        raise EstimateError(
            "stratum_empty", where, "nobody of it was asked, so nothing is known of it", clause,
            "ask there too, or join it with a stratum like it before the survey is drawn",
        )  # fmt: skip
    if drawn < min(least, population):
        raise EstimateError(
            "stratum_too_small", where, f"{drawn} asked, at least {least} are needed. {policy.least_in_stratum.why.en}",
            clause, "ask more there; the limit is policy `least_in_stratum` of methods/estimates.yaml",
        )  # fmt: skip
