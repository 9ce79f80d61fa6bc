"""Eta of digital reading by survey and by regression on history (6.6.2), and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.quantify.test_estimate_rate import ASKED, POLICY, Write, refused, write

from abate.quantify import estimate_eta, estimate_run
from abate.quantify.estimate_run import Told

__all__ = ["write"]
SURVEY = ("reading_id", "day", "replaced")
HISTORY = ("site_id", "day", "paper_books", "digital_books")


def history(eta: float, sites: int = 15, periods: int = 6, noise: float = 4.0) -> list[tuple[object, ...]]:
    rng = np.random.default_rng(11)
    digital = rng.gamma(4.0, 25.0, (sites, periods))
    paper = 400 + rng.normal(0, 60, (sites, 1)) - eta * digital + rng.normal(0, noise, (sites, periods))
    return [
        (f"s{s}", f"202{p}-12-31", f"{paper[s, p]:.6f}", f"{digital[s, p]:.6f}")
        for s in range(sites) for p in range(periods)
    ]  # fmt: skip


@pytest.mark.clause("D-6.6-2")
def test_a_survey_of_readings_weighs_its_strata(write: Write) -> None:
    rows = [(f"a{i}", "2026-06-30", "yes" if i < 20 else "no", "school") for i in range(100)]
    rows += [(f"b{i}", "2026-06-30", "yes" if i < 50 else "no", "library") for i in range(100)]
    strata = write(("stratum", "population"), [("school", 9000), ("library", 1000)])
    found = estimate_eta.by_survey(write((*SURVEY, "stratum"), rows), ASKED, POLICY, strata)
    assert found.bounds.point == pytest.approx(0.9 * 0.2 + 0.1 * 0.5)
    low = found.bounds.point - stats.norm.ppf(0.95) * found.bounds.standard_error
    assert (
        found.bounds.one_sided[0] == pytest.approx(low, abs=0.01) and found.bounds.one_sided[0] < low + 0.003
    )


@pytest.mark.clause("D-6.6-2")
def test_the_regression_finds_what_was_put_in(write: Write) -> None:
    found = estimate_eta.by_regression(write(HISTORY, history(0.35)), ASKED, POLICY)
    assert found.bounds.point == pytest.approx(0.35, abs=0.02)
    assert found.bounds.one_sided[0] < found.bounds.point < found.bounds.two_sided[1]
    assert "prediction interval" in found.remarks[0].en and found.units == 90
    weighted = [(*row, 50 + i % 7) for i, row in enumerate(history(0.35))]
    again = estimate_eta.by_regression(write((*HISTORY, "readers"), weighted), ASKED, POLICY)
    assert again.bounds.point == pytest.approx(0.35, abs=0.02) and again.bounds.point != found.bounds.point
    unweighted = write((*HISTORY, "readers"), [(*row, 0) for row in history(0.35)])
    refused("missing_weights", lambda: estimate_eta.by_regression(unweighted, ASKED, POLICY))


@pytest.mark.clause("D-6.6-2")
def test_an_eta_above_one_or_below_nothing_is_refused(write: Write) -> None:
    above = refused(
        "eta_above_1", lambda: estimate_eta.by_regression(write(HISTORY, history(1.2)), ASKED, POLICY)
    )
    assert "probability" in above.reason
    refused(
        "eta_not_positive", lambda: estimate_eta.by_regression(write(HISTORY, history(-0.2)), ASKED, POLICY)
    )
    rows = [(f"a{i}", "2026-06-30", "1.01") for i in range(40)]
    refused("share_out_of_range", lambda: estimate_eta.by_survey(write(SURVEY, rows), ASKED, POLICY))


@pytest.mark.clause("D-6.6-2")
def test_a_history_that_tells_nothing_is_refused(write: Write) -> None:
    few = write(HISTORY, history(0.3, sites=9))
    refused("too_few_sites", lambda: estimate_eta.by_regression(few, ASKED, POLICY))
    short = write(HISTORY, history(0.3, sites=14, periods=2))
    refused("sample_too_small", lambda: estimate_eta.by_regression(short, ASKED, POLICY))
    same = write(HISTORY, [(s, day, paper, int(day[3])) for s, day, paper, _ in history(0.3)])  # type: ignore[index]
    refused("no_variation", lambda: estimate_eta.by_regression(same, ASKED, POLICY))
    twice = write(HISTORY, [*history(0.3), history(0.3)[0]])
    refused("not_independent", lambda: estimate_eta.by_regression(twice, ASKED, POLICY))


@pytest.mark.clause("D-6.6-2")
def test_it_stands_for_five_years_from_the_last_day_of_the_data(write: Write) -> None:
    made = estimate_run.make("eta-regression", write(HISTORY, history(0.35)), "eta", ASKED, Told(), POLICY)
    assert made.period[1].isoformat() == "2025-12-31" and made.review_by.isoformat() == "2030-12-31"
    leap = [(f"a{i}", "2024-02-29", "yes") for i in range(40)]
    made = estimate_run.make("eta-survey", write(SURVEY, leap), "eta", ASKED, Told(), POLICY)
    assert made.review_by.isoformat() == "2029-02-28"


def test_no_path_leads_to_a_sample_that_is_not_there() -> None:
    refused("no_file", lambda: estimate_eta.by_regression(Path("nowhere.csv"), ASKED, POLICY))
