"""Every wrong statement or request is a named refusal with its clause and a remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.quantify.uncertainty_files import (
    BUS,
    CATALOGUE,
    METRO,
    RAIL,
    SOURCE,
    lines,
    lognormal,
    meeting,
    normal,
    stated,
)

from abate.quantify import sensitivity, uncertainty
from abate.quantify.distributions import UncertaintyError
from abate.quantify.factors import Setting
from abate.quantify.reading_yaml import MethodError

RELATIVE = {"as": "relative", "source": SOURCE}
STATEMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown distribution": ({"distribution": "cauchy", **RELATIVE}, "unknown distribution 'cauchy'"),
    "unknown basis": ({"distribution": "normal", "as": "percent", "source": SOURCE}, "unknown basis"),
    "sd of zero": (normal(0), "sd is 0, not above 0"),
    "negative sd": (normal(-1), "sd is -1, not above 0"),
    "gsd of one": (lognormal(1), "gsd is 1, not above 1"),
    "two widths": (normal(1, half_width="2", level="95"), "the width is stated as"),
    "no width": ({"distribution": "normal", **RELATIVE}, "the width is stated as"),
    "level of 100": ({"distribution": "normal", "half_width": "2", "level": "100", **RELATIVE}, "a level outside"),
    "no centre": ({"distribution": "lognormal", "gsd": "1.2", **RELATIVE}, "`centre` is missing"),
    "mode outside": ({"distribution": "triangular", "low": "-1", "mode": "3", "high": "2", **RELATIVE}, "the mode lies outside"),
    "ends swapped": ({"distribution": "uniform", "low": "2", "high": "1", **RELATIVE}, "low is not below high"),
    "small sample": ({"distribution": "empirical", "sample": ["1"] * 19, **RELATIVE}, "a sample of 19"),
    "constant sample": ({"distribution": "empirical", "sample": ["1"] * 25, **RELATIVE}, "every member is the same"),
    "falling quantiles": ({"distribution": "empirical", "quantiles": [["0", "1"], ["100", "0"]], **RELATIVE}, "do not rise"),
    "short quantiles": ({"distribution": "empirical", "quantiles": [["5", "1"], ["95", "2"]], **RELATIVE}, "from 0 to 100"),
    "no source": ({"distribution": "normal", "as": "relative", "sd": "5"}, "a distribution without a source"),
    "unknown source": ({**normal(5), "source": "nowhere", "place": "1"}, "source nowhere is not in sources.yaml"),
}  # fmt: skip


@pytest.mark.clause("M-2.4", "S-7")
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_wrong_distribution(tmp_path: Path, name: str) -> None:
    statement, reason = STATEMENTS[name]
    with pytest.raises(MethodError) as error:
        stated(tmp_path, factors={RAIL: statement})
    assert reason in error.value.reason and error.value.remedy and error.value.line > 0
    if "missing" not in reason:
        assert "M-2.4" in error.value.reason


def refused(folder: Path, request: uncertainty.Request | None = None, **parts: Any) -> UncertaintyError:
    path = lines(folder / "r.jsonl", [meeting(pkm_rail=10)])
    told = stated(folder, **parts)
    with pytest.raises(UncertaintyError) as error:
        uncertainty.assess(
            "online-meeting", [path], CATALOGUE, Setting(), told, request or uncertainty.Request()
        )
    assert "M-2.4" in str(error.value) and error.value.remedy
    return error.value


TIES = [
    {"factors": [RAIL, METRO], "coefficient": "0.9", "source": SOURCE},
    {"factors": [METRO, BUS], "coefficient": "0.9", "source": SOURCE},
    {"factors": [RAIL, BUS], "coefficient": "-0.9", "source": SOURCE},
]
ABSOLUTE = {
    "distribution": "uniform",
    "as": "absolute",
    "unit": "kgCO2e/pkm",
    "low": "0.5",
    "high": "0.6",
    "source": SOURCE,
}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"factors": {"no-such-factor": normal(5)}}, "there is no such factor"),
        ({"inputs": {"length": normal(5)}}, "there is no such input"),
        ({"parameters": {"ef_boat": normal(5)}}, "there is no such parameter"),
        ({"method": "sailing", "inputs": {"x": normal(5)}}, "no such methodology"),
        ({"factors": {RAIL: normal(5)}, "parameters": {"ef_rail": normal(6)}}, "has one distribution of its own"),
        ({"parameters": {"shortest": normal(5)}}, "the methodology fixes its one value"),
        ({"inputs": {"replacement_rate": {**ABSOLUTE, "unit": "1"}}}, "an absolute distribution of an input"),
        ({"factors": {RAIL: ABSOLUTE}}, "lies outside the distribution stated of it"),
        ({"factors": {RAIL: {**ABSOLUTE, "unit": "kWh"}}}, "kWh"),
        ({"factors": {RAIL: normal(5)}, "correlations": TIES}, "not positive semidefinite"),
        ({"factors": {RAIL: normal(5)}, "correlations": [TIES[0], TIES[0]]}, "stated twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_statement_that_does_not_fit(tmp_path: Path, parts: dict[str, Any], reason: str) -> None:
    assert reason in str(refused(tmp_path, **parts))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (uncertainty.Request(percentile=0), "percentile 0"),
        (uncertainty.Request(percentile=100), "percentile 100"),
        (uncertainty.Request(interval=100), "interval 100"),
        (uncertainty.Request(draws=399), "399 draws: are too few"),
        (uncertainty.Request(draws=1000, interval=99), "1000 draws: are too few"),
        (uncertainty.Request(draws=1000, percentile=0.5), "1000 draws: are too few"),
    ],
)
def test_a_request_that_cannot_be_met(tmp_path: Path, request_: uncertainty.Request, reason: str) -> None:
    assert reason in str(refused(tmp_path, request_, factors={RAIL: normal(5)}))


def test_the_draws_that_a_refusal_asks_for_are_enough(tmp_path: Path) -> None:
    path = lines(tmp_path / "r.jsonl", [meeting(pkm_rail=10)])
    told = stated(tmp_path, factors={RAIL: normal(5)})
    request = uncertainty.Request(draws=400)
    assert uncertainty.assess("online-meeting", [path], CATALOGUE, Setting(), told, request).rows == 1


@pytest.mark.parametrize("percentile", ["0", "100", "-5"])
def test_a_percentile_of_a_file_outside_its_range(tmp_path: Path, percentile: str) -> None:
    with pytest.raises(MethodError, match="is not between 0 and 100"):
        stated(tmp_path, conservative={"percentile": percentile, "source": SOURCE})


def test_a_matrix_that_is_none(tmp_path: Path) -> None:
    for matrix, reason in (
        ([["1", "0.5"], ["0.4", "1"]], "not symmetric"),
        ([["1", "2"], ["2", "1"]], "a coefficient of 2"),
        ([["1", "0.5"]], "not 2 by 2"),
    ):
        with pytest.raises(MethodError, match=reason):
            stated(tmp_path, correlations=[{"factors": [RAIL, METRO], "matrix": matrix, "source": SOURCE}])


def test_too_few_draws_for_indices(tmp_path: Path) -> None:
    path = lines(tmp_path / "r.jsonl", [meeting(pkm_rail=10)])
    with pytest.raises(UncertaintyError, match="too few for indices"):
        sensitivity.rank("online-meeting", [path], CATALOGUE, Setting(), [], sensitivity.Ask(draws=100))
