"""Both ways of an uncertainty against answers known beforehand, and draws that repeat whatever the reading."""

from __future__ import annotations

from collections import Counter
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv, parquet
from scipy import stats
from tests.quantify.uncertainty_files import (
    CATALOGUE,
    EF_METRO,
    EF_RAIL,
    METRO,
    RAIL,
    SOURCE,
    lines,
    lognormal,
    meeting,
    normal,
    stated,
)

from abate.quantify import uncertainty, uncertainty_rows
from abate.quantify.columns import quantify_file
from abate.quantify.factors import Setting

MANY = 40_000


def assess(
    folder: Path, records: list[dict[str, Any]], draws: int = MANY, **parts: Any
) -> uncertainty.Assessment:
    seed, percentile = parts.pop("seed", 7), parts.pop("percentile", None)
    return uncertainty.assess(
        "online-meeting",
        [lines(folder / "records.jsonl", records)],
        CATALOGUE,
        Setting(),
        stated(folder, **parts),
        uncertainty.Request(draws, seed, percentile=percentile),
    )


def noise(sd: float, draws: int = MANY) -> float:
    """Five standard errors of a mean."""
    return 5 * sd / sqrt(draws)


@pytest.mark.clause("M-2.4", "D-8", "S-7")
def test_a_sum_of_normals(tmp_path: Path) -> None:
    """Worked by hand: two modes of 100 and 50 kg with 5 % and 20 %; sqrt(5^2 + 10^2) = 11.18 kg, times R."""
    record = meeting(pkm_rail=round(100 / EF_RAIL, 3), pkm_metro=round(50 / EF_METRO, 3), replacement_rate=1)
    found = assess(tmp_path, [record], factors={RAIL: normal(5), METRO: normal(20)})
    one = found.records[0].spread
    assert one.point / 1e6 == pytest.approx(150, rel=1e-4)
    assert one.first_order_sd / 1e6 == pytest.approx(sqrt(125), rel=1e-4)
    assert one.sd / 1e6 == pytest.approx(sqrt(125), rel=5 / sqrt(2 * MANY))
    assert one.mean / 1e6 == pytest.approx(150, abs=noise(sqrt(125)))
    assert one.first_order_half_width / 1e6 == pytest.approx(1.959964 * sqrt(125), rel=1e-4)
    assert (one.low / 1e6, one.high / 1e6) == pytest.approx((150 - 21.91, 150 + 21.91), abs=0.5)
    assert not found.warnings


@pytest.mark.clause("M-2.4")
def test_a_product_of_lognormals(tmp_path: Path) -> None:
    """The product is lognormal again: log sd is the root of the sum of squares, and its quantiles are known."""
    inputs = {"replacement_rate": lognormal(1.1)}
    found = assess(tmp_path, [meeting(pkm_rail=1000)], factors={RAIL: lognormal(1.2)}, inputs=inputs)
    one = found.records[0].spread
    truth = stats.lognorm(sqrt(log(1.1) ** 2 + log(1.2) ** 2), scale=1000 * EF_RAIL * 0.4)
    assert (one.low / 1e6, one.high / 1e6) == pytest.approx(truth.ppf([0.025, 0.975]), rel=0.01)
    assert one.mean / 1e6 == pytest.approx(truth.mean(), abs=noise(truth.std()))
    relative = [sqrt((exp(log(g) ** 2) - 1) * exp(log(g) ** 2)) for g in (1.1, 1.2)]
    assert one.first_order_sd / one.point == pytest.approx(sqrt(sum(r * r for r in relative)), rel=1e-6)
    assert any("mean of the draws" in w for w in found.warnings), "its median is the point, its mean is above"


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        (
            {"distribution": "triangular", "low": "-20", "mode": "0", "high": "40"},
            stats.triang(1 / 3, -20, 60),
        ),
        ({"distribution": "uniform", "low": "-10", "high": "30"}, stats.uniform(-10, 40)),
        (
            {"distribution": "normal", "half_width": "19.6", "level": "95"},
            stats.norm(0, 19.6 / stats.norm.ppf(0.975)),
        ),
        (
            {"distribution": "normal", "half_width": "16.45", "level": "90"},
            stats.norm(0, 16.45 / stats.norm.ppf(0.95)),
        ),
    ],
    ids=["triangular", "uniform", "normal-95", "normal-90"],
)
def test_quantiles_of_a_distribution(tmp_path: Path, statement: dict[str, str], law: Any) -> None:
    factors = {RAIL: {"as": "relative", "source": SOURCE, **statement}}
    found = assess(tmp_path, [meeting(pkm_rail=1000)], factors=factors, percentile=5)
    one = found.records[0].spread
    known = [float(one.point * (1 + law.ppf(p) / 100)) for p in (0.025, 0.975, 0.05)]
    assert [one.low, one.high, one.conservative] == pytest.approx(known, abs=0.012 * one.point)
    assert one.first_order_sd == pytest.approx(one.point * law.std() / 100, rel=1e-6)


def test_a_sample_and_a_table_of_quantiles(tmp_path: Path) -> None:
    sample = [str(v) for v in (*range(-20, 0), *range(1, 41))]
    table = [["0", "-20"], ["50", "0"], ["100", "40"]]
    for content in ({"sample": sample}, {"quantiles": table}):
        factors = {RAIL: {"distribution": "empirical", "as": "relative", "source": SOURCE, **content}}
        one = assess(tmp_path, [meeting(pkm_rail=1000)], factors=factors).records[0].spread
        if "sample" in content:
            sd = float(np.std([float(v) for v in sample]))
        else:
            sd = sqrt(((-20) ** 2 / 3 + 40**2 / 3) / 2 - 25)
        assert one.first_order_sd == pytest.approx(one.point * sd / 100, rel=1e-6)
        assert one.sd == pytest.approx(one.point * sd / 100, rel=0.02)
        assert one.low >= one.point * 0.8 - 1 and one.high <= one.point * 1.4 + 1


@pytest.mark.clause("M-2.4", "S-7")
def test_a_shared_factor_does_not_average_out_and_inputs_do(tmp_path: Path) -> None:
    records = [meeting(k, pkm_rail=1000) for k in range(100)]
    shared = assess(tmp_path, records, draws=4000, factors={RAIL: normal(10)}).portfolio
    own = assess(tmp_path, records, draws=4000, inputs={"replacement_rate": normal(10)}).portfolio
    assert shared.point == own.point
    assert shared.sd == pytest.approx(0.1 * shared.point, rel=5 / sqrt(8000))
    assert own.sd == pytest.approx(0.1 * own.point / sqrt(100), rel=5 / sqrt(8000))
    assert shared.first_order_sd == pytest.approx(0.1 * shared.point, rel=1e-6)
    assert own.first_order_sd == pytest.approx(0.01 * own.point, rel=1e-6)


@pytest.mark.parametrize("r", ["-1", "0", "0.8"])
def test_declared_correlation(tmp_path: Path, r: str) -> None:
    record = meeting(pkm_rail=round(100 / EF_RAIL, 3), pkm_metro=round(100 / EF_METRO, 3), replacement_rate=1)
    tie = [{"factors": [RAIL, METRO], "coefficient": r, "source": SOURCE}]
    one = assess(tmp_path, [record], factors={RAIL: normal(10), METRO: normal(10)}, correlations=tie)
    expected = 10 * sqrt(2 + 2 * float(r))
    assert one.records[0].spread.first_order_sd / 1e6 == pytest.approx(expected, abs=1e-3)
    assert one.portfolio.sd / 1e6 == pytest.approx(expected, rel=5 / sqrt(2 * MANY), abs=1e-3)


@pytest.mark.clause("M-2.4")
def test_the_interval_covers_the_truth_as_often_as_it_says(tmp_path: Path) -> None:
    """2,000 truths from the stated distribution; a wrong width is seen by the same bound."""
    size, level = 2000, 0.95
    records = [meeting(k, pkm_rail=1000) for k in range(size)]
    tables: list[pa.Table] = []
    uncertainty.assess(
        "online-meeting", [lines(tmp_path / "r.jsonl", records)], CATALOGUE, Setting(),
        stated(tmp_path, inputs={"replacement_rate": {"distribution": "normal", "as": "relative", "source": SOURCE,
                                                      "half_width": "20", "level": "95"}}),
        uncertainty.Request(1000, 3), write=tables.append,
    )  # fmt: skip
    table = pa.concat_tables(tables)
    low, high = (table[name].to_numpy() for name in ("low_mg", "high_mg"))
    point = 1000 * EF_RAIL * 0.4 * 1e6
    z = np.random.Generator(np.random.PCG64(99)).standard_normal(size)

    def covered(half_width: float) -> int:
        truth = point * (1 + half_width / 100 / stats.norm.ppf(0.975) * z)
        return int(((low <= truth) & (truth <= high)).sum())

    fewest, most = stats.binom.ppf([0.0005, 0.9995], size, level)
    assert fewest <= covered(20) <= most
    assert covered(20 * 1.19) < fewest, "a 90 % half width taken for a 95 % one must be seen"
    assert covered(20 / 1.19) > most


def test_the_point_value_is_the_engines_own(tmp_path: Path) -> None:
    records = [meeting(k, pkm_rail=f"{k}.125", electricity_kwh="1.5") for k in range(200)]
    records[5]["participants"] = "1"
    records[6]["replacement_rate"] = "1.5"
    path = lines(tmp_path / "r.jsonl", records)
    told = stated(tmp_path, factors={RAIL: normal(30)})
    tables: list[pa.Table] = []
    request = uncertainty.Request(1000, 1, percentile=5)
    found = uncertainty.assess(
        "online-meeting", [path], CATALOGUE, Setting(), told, request, write=tables.append
    )
    out = tmp_path / "engine.parquet"
    summary = quantify_file("online-meeting", [path], out, CATALOGUE, Setting())
    ours, engine = pa.concat_tables(tables), parquet.read_table(out)
    for name in ("meeting_id", "er_mg", "outcome", "reason"):
        assert ours[name].to_pylist() == engine[name].cast(ours[name].type).to_pylist()
    assert found.portfolio.point == summary.er_mg and found.counted == summary.outcomes["counted"]
    assert found.apart == {
        ("not_counted", "too_few:M-2.2.2"): 1,
        ("refused", "out_of_range:replacement_rate"): 1,
    }
    rows = ours.filter(pc.is_valid(ours["er_mg"])).to_pylist()
    assert all(isinstance(r["conservative_mg"], int) and r["conservative_mg"] <= r["er_mg"] for r in rows)
    assert found.conservative_sum == sum(r["conservative_mg"] for r in rows if r["outcome"] == "counted")


@pytest.mark.parametrize("form", ["csv", "jsonl", "groups", "threads"])
def test_the_same_seed_gives_the_same_bytes_however_it_is_read(tmp_path: Path, form: str) -> None:
    size = uncertainty_rows.SLAB + 900
    table = pa.table({
        "meeting_id": [f"m-{k}" for k in range(size)],
        "start": ["2026-03-02T10:00:00+08:00" if k % 3 else "2024-06-02T10:00:00+08:00" for k in range(size)],
        "duration_min": ["90"] * size,
        "participants": ["4"] * size,
        "replacement_rate": [f"0.{k % 900 + 100}" for k in range(size)],
        "pkm_rail": [None if k % 2 else f"{k}" for k in range(size)],
        "pkm_metro": [f"{k % 50}" if k % 2 else None for k in range(size)],
        "electricity_kwh": ["0.5"] * size,
    })  # fmt: skip
    first = tmp_path / "a.parquet"
    parquet.write_table(table, first)
    told = stated(tmp_path, factors={RAIL: lognormal(1.1)}, inputs={"replacement_rate": normal(5)})

    def run(path: Path, threads: int) -> tuple[bytes, uncertainty.Spread, dict[str, int]]:
        tables: list[pa.Table] = []
        request = uncertainty.Request(400, 11, percentile=5, threads=threads)
        found = uncertainty.assess(
            "online-meeting", [path], CATALOGUE, Setting(), told, request, write=tables.append
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, tables[0].schema) as stream:
            stream.write_table(pa.concat_tables(tables).combine_chunks())
        return sink.getvalue().to_pybytes(), found.portfolio, found.clipped

    other = tmp_path / f"b.{form if form in ('csv', 'jsonl') else 'parquet'}"
    match form:
        case "csv":
            csv.write_csv(table, other)
        case "jsonl":
            lines(other, [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()])
        case _:
            parquet.write_table(table, other, row_group_size=777 if form == "groups" else None)
    assert run(first, 1) == run(other, 2 if form == "threads" else 1)


def test_another_seed_gives_other_draws_and_another_variable_does_not(tmp_path: Path) -> None:
    records = [meeting(k, pkm_rail=1000) for k in range(3)]
    inputs = {"replacement_rate": normal(5)}
    first = assess(tmp_path, records, draws=1000, inputs=inputs)
    assert assess(tmp_path, records, draws=1000, inputs=inputs, seed=8).portfolio.sd != first.portfolio.sd
    more = assess(tmp_path, records, draws=1000, inputs=inputs, factors={METRO: normal(5)})
    assert more.portfolio == first.portfolio, (
        "a figure that no record uses leaves the draws of the others alone"
    )


def test_a_threshold_within_the_uncertainty_is_pointed_out(tmp_path: Path) -> None:
    """31 minutes, give or take 3: in a third of the draws it would be no meeting of more than 30."""
    inputs = {"duration_min": {"distribution": "uniform", "as": "deviation", "unit": "min", "low": "-3", "high": "3",
                               "source": SOURCE}}  # fmt: skip
    found = assess(tmp_path, [meeting(pkm_rail=1000, duration_min=31)], draws=9000, inputs=inputs)
    assert found.unrecognised["records"] == 1
    assert found.unrecognised["draws"] / 9000 == pytest.approx(1 / 3, abs=0.02)
    one = found.records[0].spread
    assert one.low == 0 and one.first_order_sd == 0 and one.mean == pytest.approx(one.point * 2 / 3, rel=0.05)
    assert any("disagree on the portfolio" in w for w in found.warnings)


def test_a_draw_outside_the_declared_range_is_clipped_and_counted(tmp_path: Path) -> None:
    found = assess(tmp_path, [meeting(pkm_rail=1000, replacement_rate="0.95")], draws=10_000,
                   inputs={"replacement_rate": normal(10)})  # fmt: skip
    expected = stats.norm.sf((1 / 0.95 - 1) / 0.1)
    assert found.clipped["replacement_rate"] / 10_000 == pytest.approx(expected, abs=0.03)
    assert found.records[0].spread.high <= 1000 * EF_RAIL * 1e6 * (1 + 1e-12)


def test_a_denominator_stays_above_zero(tmp_path: Path) -> None:
    """The cloud provider's revenue is above zero by its schema; a draw at or below goes to the smallest step."""
    record = meeting(pkm_rail=1000, cloud_fee=1, provider_revenue=10, provider_emissions_t="0.001")
    del record["electricity_kwh"]
    found = assess(tmp_path, [record], draws=4000, inputs={"provider_revenue": normal(60)})
    assert found.clipped["provider_revenue"] > 100
    assert np.isfinite(found.portfolio.mean) and np.isfinite(found.portfolio.sd)


def test_items_of_a_list_are_independent(tmp_path: Path) -> None:
    """Four servers of 1 kW for 10 h at PUE 1 with 10 % each: 4 kWh of 40, times the grid's figure and R."""
    servers = [{"rated_w": "1000", "hours": "10", "count": "1", "pue": "1"}] * 4
    record = meeting(pkm_rail=10000)
    del record["electricity_kwh"]
    found = assess(tmp_path, [record | {"servers": servers}], inputs={"servers.rated_w": normal(10)})
    one = found.records[0].spread
    grid = float(CATALOGUE.registry.factors["cn-grid-2023-national"].value)
    expected = sqrt(4) * 10 * 0.1 * grid * 0.4
    assert one.first_order_sd / 1e6 == pytest.approx(expected, rel=1e-6)
    assert one.sd / 1e6 == pytest.approx(expected, rel=5 / sqrt(2 * MANY))


def test_what_has_no_statement_is_exact_and_listed(tmp_path: Path) -> None:
    found = assess(tmp_path, [meeting(pkm_rail=1000)], draws=1000)
    assert found.portfolio.sd == pytest.approx(0, abs=1e-3) and found.portfolio.first_order_sd == 0
    assert f"ef_rail ({RAIL})" in found.exact and "replacement_rate" in found.exact
    assert any("no uncertainty is stated for anything" in w for w in found.warnings)
    some = assess(tmp_path, [meeting(pkm_rail=1000)], draws=1000, factors={RAIL: normal(5)})
    assert f"ef_rail ({RAIL})" not in some.exact and Counter(some.exact) < Counter(found.exact)


def test_the_conservative_figure_is_whole_and_rounded_down(tmp_path: Path) -> None:
    found = assess(tmp_path, [meeting(pkm_rail=1000)], factors={RAIL: normal(10)}, percentile=5)
    p = found.portfolio
    assert p.conservative is not None and isinstance(p.conservative, int)
    assert p.conservative == pytest.approx(p.point * (1 - 0.1 * 1.645), rel=0.005)
    high = assess(tmp_path, [meeting(pkm_rail=1000)], factors={RAIL: normal(10)}, percentile=95).portfolio
    assert high.conservative == high.point, "never above the point value"
