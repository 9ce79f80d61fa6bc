"""From a sample to an estimate and back: making one, and proving that a document is what its sample gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from abate.quantify import estimate_eta, estimate_rate
from abate.quantify.estimate_bounds import Asked
from abate.quantify.estimate_document import Estimate
from abate.quantify.estimate_policy import REVIEW_YEARS_ETA, Policy
from abate.quantify.estimate_write import Found, document, estimate
from abate.quantify.method import Text


@dataclass(frozen=True, slots=True)
class Told:
    """What a sample does not say of itself: strata or population of a survey, the length for durations."""

    strata: Path | None = None
    population: int | None = None
    longer_than: float | None = None
    source: str = ""


def make(way: str, sample: Path, identity: str, asked: Asked, told: Told, policy: Policy) -> Estimate:
    """The estimate of one of `estimate_document.WAYS`. Raises EstimateError."""
    found = _find(way, sample, asked, told, policy)
    years, rule = _review(found.quantity, policy)
    return estimate(found, identity, asked.precision, years_later(found.period[1], years), rule)


def differences(
    known: Estimate, text: str, sample: Path, strata: Path | None, policy: Policy
) -> list[tuple[str, str]]:
    """(line of the document, line that the sample gives) wherever they differ; empty where it is proved."""
    asked = Asked(float(known.level), float(known.precision))
    told = Told(strata, None if strata else known.population, known.longer_than, known.longer_than_source)
    again = document(make(known.way, sample, known.id, asked, told, policy)).splitlines()
    lines = text.splitlines()
    most = max(len(lines), len(again))
    pairs = zip(lines + [""] * (most - len(lines)), again + [""] * (most - len(again)), strict=True)
    return [(one, two) for one, two in pairs if one != two]


def _find(way: str, sample: Path, asked: Asked, told: Told, policy: Policy) -> Found:
    match way:
        case "survey":
            return estimate_rate.by_survey(sample, asked, policy, told.strata, told.population)
        case "parallel":
            return estimate_rate.by_parallel_meetings(sample, asked, policy)
        case "duration":
            return estimate_rate.by_durations(sample, asked, policy, told.longer_than or 0, told.source)
        case "places":
            return estimate_rate.by_places(sample, asked, policy)
        case "eta-survey":
            return estimate_eta.by_survey(sample, asked, policy, told.strata, told.population)
        case "eta-regression":
            return estimate_eta.by_regression(sample, asked, policy)
    raise KeyError(way)


def _review(quantity: str, policy: Policy) -> tuple[int, Text]:
    """How long the estimate stands, counted from the last day of its data, and who says so."""
    if quantity == "eta":
        n = REVIEW_YEARS_ETA
        return n, Text(
            f"数据末日起 {n} 年复审（6.6.2）", f"reviewed {n} years after the last day of the data (6.6.2)"
        )
    limit = policy.rate_review_years
    n = int(limit.value)
    return n, Text(
        f"数据末日起 {n} 年（本项目政策）：{limit.why.zh}",
        f"{n} year after the last day of the data (policy of this project): {limit.why.en}",
    )


def years_later(day: date, years: int) -> date:
    """The same day `years` later; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
