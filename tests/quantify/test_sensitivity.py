"""Rankings against effects and shares of variance that are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from tests.quantify.uncertainty_files import (
    BUS,
    CATALOGUE,
    EF_METRO,
    EF_RAIL,
    METRO,
    RAIL,
    SOURCE,
    lines,
    meeting,
    normal,
    stated,
)

from abate.quantify import sensitivity
from abate.quantify.columns import quantify_file
from abate.quantify.factors import Setting
from abate.quantify.whatif_change import change

TRIP = {"pkm_rail": round(100 / EF_RAIL, 3), "pkm_metro": round(50 / EF_METRO, 3), "replacement_rate": "0.5"}


def rank(
    folder: Path, records: list[dict[str, Any]], ask: sensitivity.Ask, **parts: Any
) -> sensitivity.Sensitivity:
    path = lines(folder / "r.jsonl", records)
    return sensitivity.rank("online-meeting", [path], CATALOGUE, Setting(), stated(folder, **parts), ask)


@pytest.mark.clause("S-7")
def test_the_effect_of_a_figure_is_that_of_the_exact_engine(tmp_path: Path) -> None:
    """Moved to the ends of its interval, as a what-if on the same figure gives it in whole milligrams."""
    records = [meeting(k, **TRIP) for k in range(5)]
    even = {"distribution": "uniform", "as": "relative", "low": "-10", "high": "10", "source": SOURCE}
    found = rank(tmp_path, records, sensitivity.Ask(), factors={RAIL: even})
    bar = next(b for b in found.bars if b.name == RAIL)
    for end, effect in ((0.905, bar.low_effect), (1.095, bar.high_effect)):
        changed = change("online-meeting", CATALOGUE, Setting(), {RAIL: f"{EF_RAIL * end:.8f}"})
        out = tmp_path / "out.parquet"
        after = quantify_file(
            "online-meeting", [tmp_path / "r.jsonl"], out, changed.catalogue, changed.setting
        ).er_mg
        assert effect == pytest.approx(after - found.point, abs=len(records))
    assert bar.stated and bar.moved.startswith("95 % interval")


@pytest.mark.clause("S-7")
def test_what_is_not_stated_moves_by_the_given_share_and_is_marked(tmp_path: Path) -> None:
    found = rank(tmp_path, [meeting(**TRIP)], sensitivity.Ask(change=20), factors={METRO: normal(1)})
    bars = {b.name: b for b in found.bars}
    assert not bars[RAIL].stated and bars[RAIL].moved == "±20 %, no uncertainty stated"
    assert bars[RAIL].high_effect / 1e6 == pytest.approx(100 * 0.5 * 0.2, rel=1e-4)
    assert bars["pkm_rail"].low_effect / 1e6 == pytest.approx(-100 * 0.5 * 0.2, rel=1e-4)
    assert bars["replacement_rate"].swing / 1e6 == pytest.approx(150 * 0.5 * 0.4, rel=1e-4)
    assert [b.swing for b in found.bars] == sorted((b.swing for b in found.bars), reverse=True)
    assert found.bars[0].name == "replacement_rate"
    assert "shortest" not in bars, "what the methodology fixes cannot move"
    assert bars[BUS].swing == 0


def test_an_end_outside_the_declared_range_is_the_end_of_the_range(tmp_path: Path) -> None:
    found = rank(tmp_path, [meeting(**{**TRIP, "replacement_rate": "1"})], sensitivity.Ask(change=50))
    bar = next(b for b in found.bars if b.name == "replacement_rate")
    assert bar.high_effect == 0 and bar.low_effect / 1e6 == pytest.approx(-75, rel=1e-4)


@pytest.mark.clause("S-7")
def test_shares_of_variance_of_a_sum_are_known(tmp_path: Path) -> None:
    """5 and 10 kg of standard deviation: a fifth and four fifths of the variance, first order and total."""
    ask = sensitivity.Ask(draws=16384)
    found = rank(tmp_path, [meeting(**TRIP)], ask, factors={RAIL: normal(5), METRO: normal(20)})
    shares = {i.names[0]: i for i in found.indices}
    for name, share in ((RAIL, 0.2), (METRO, 0.8)):
        assert shares[name].first == pytest.approx(share, abs=0.04)
        assert shares[name].total == pytest.approx(share, abs=0.04)
    assert found.indices[0].names == (METRO,) and found.draws == 16384


def test_an_input_of_many_records_is_one_group_that_averages_out(tmp_path: Path) -> None:
    """100 records: 10 % on each record's own R is 1 % of the portfolio; 1 % on the factor is as much."""
    records = [meeting(k, pkm_rail=1000) for k in range(100)]
    found = rank(tmp_path, records, sensitivity.Ask(draws=8192), factors={RAIL: normal(1)},
                 inputs={"replacement_rate": normal(10)})  # fmt: skip
    assert {i.names[0]: round(i.first, 1) for i in found.indices} == {RAIL: 0.5, "replacement_rate": 0.5}


def test_correlated_figures_are_one_group(tmp_path: Path) -> None:
    tie = [{"factors": [RAIL, METRO], "coefficient": "0.7", "source": SOURCE}]
    found = rank(tmp_path, [meeting(**TRIP)], sensitivity.Ask(draws=4096), factors={RAIL: normal(5), METRO: normal(5)},
                 inputs={"replacement_rate": normal(sqrt(2))}, correlations=tie)  # fmt: skip
    assert {i.names for i in found.indices} == {(RAIL, METRO), ("replacement_rate",)}
    assert sum(i.first for i in found.indices) == pytest.approx(1, abs=0.1)


def test_the_same_seed_gives_the_same_ranking(tmp_path: Path) -> None:
    ask = sensitivity.Ask(draws=512)
    parts = {"factors": {RAIL: normal(5)}, "inputs": {"replacement_rate": normal(3)}}
    first = rank(tmp_path, [meeting(**TRIP)], ask, **parts)
    assert first == rank(tmp_path, [meeting(**TRIP)], ask, **parts)
    assert first.indices != rank(tmp_path, [meeting(**TRIP)], replace(ask, seed=2), **parts).indices


def test_without_a_statement_there_is_no_variance_to_share(tmp_path: Path) -> None:
    assert rank(tmp_path, [meeting(**TRIP)], sensitivity.Ask(draws=512)).indices == ()
