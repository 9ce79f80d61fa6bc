"""Records together: the total is the exact sum whatever the order, and the rules that span records hold."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abate.quantify import catalogue
from abate.quantify.cases import read_cases
from abate.quantify.evaluation import Evaluation
from abate.quantify.factors import Setting, resolve
from abate.quantify.one import quantify_one
from abate.quantify.outcome import Outcome
from abate.quantify.portfolio import Portfolio, TotalError, total_files
from abate.quantify.record import Record, read_record

CATALOGUE = catalogue.load()
ROW: dict[str, object] = {
    "project_id": "p-1", "solution_id": "s-1", "source_id": "boiler", "period_start": "2024-01-01",
    "period_end": "2024-12-31", "kind": "enablement", "phase": "ex_post", "basis": "monitored",
    "flow": "emission", "gas": "ch4", "gwp_set": "ar6", "activity_unit": "GJ", "ad_baseline": "1000",
    "ef_baseline": "0.05", "ad_project": "400", "ef_project": "0.05", "rebound": "none",
}  # fmt: skip


DEMO = Setting(pack=CATALOGUE.pack("demo"))


def total(folder: Path, rows: Sequence[Mapping[str, object]], method: str = "scope-3-plus") -> Portfolio:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return total_files(method, [path], CATALOGUE, DEMO)


def year(found: Portfolio, when: int | None = None, **apart: str) -> int:
    (line,) = [t for t in found.totals if t.year == when and t.apart == (apart or {"phase": "ex_post"})]
    return line.er_mg


def exact(row: Mapping[str, object], method_id: str) -> tuple[Fraction, ...] | None:
    """ER, BE, PE, LE of a counted record in kilograms, before any rounding."""
    quantity, _ = quantify_one(row, method_id, CATALOGUE, DEMO)
    if quantity.outcome is not Outcome.COUNTED:
        return None
    method = CATALOGUE.newest(method_id)
    record = read_record(method, row)
    assert isinstance(record, Record)
    figures = resolve(method, CATALOGUE.registry, DEMO, record.day).walked_with
    evaluation = Evaluation(method, record, figures)
    rule = evaluation.rule()
    return tuple(evaluation.formula(name) for name in (rule.formula if rule else "ER", "BE", "PE", "LE"))


DIGITS = st.integers(0, 10**12).map(lambda n: f"{n // 1000}.{n % 1000:03d}")
FINE = st.integers(0, 10**9).map(lambda n: f"{n // 10**6}.{n % 10**6:06d}")
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "gas": st.sampled_from(["co2", "ch4", "hfc_134a", "nf3"]),
            "phase": st.sampled_from(["ex_ante", "ex_post"]),
            "project_id": st.sampled_from(["p-1", "p-2"]),
            "period_end": st.sampled_from(["2024-12-31", "2025-06-30"]),
            "ad_baseline": DIGITS,
            "ef_baseline": FINE,
            "ad_project": DIGITS,
            "ef_project": FINE,
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drawn=ROWS, seed=st.integers(0, 99))
@pytest.mark.clause("S-5.7")
def test_a_total_is_the_exact_sum_in_any_order(
    tmp_path: Path, drawn: list[dict[str, str]], seed: int
) -> None:
    rows = [ROW | d | {"source_id": f"source-{i}"} for i, d in enumerate(drawn)]
    found = total(tmp_path, rows)
    for line in found.totals:
        mine = [
            exact(row, "scope-3-plus")
            for row in rows
            if row["phase"] == line.apart["phase"] and line.year in (None, int(str(row["period_end"])[:4]))
        ]
        er, be, pe, le = (sum(amounts) * 10**6 for amounts in zip(*filter(None, mine), strict=True))
        assert (line.er_mg, line.be_mg) == (floor(er), floor(be))
        assert (line.pe_mg, line.le_mg) == (ceil(pe), ceil(le))
        assert line.records == sum(amounts is not None for amounts in mine)
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert total(tmp_path, shuffled) == found


def test_a_total_is_no_sum_of_rounded_amounts(tmp_path: Path) -> None:
    """Each record is 0.4 mg of methane times 27.9: 11.16 mg; ten of them are 111 mg and not 110."""
    tiny = {"ad_baseline": "0.4", "ef_baseline": "0.000001", "ad_project": "0"}
    found = total(tmp_path, [ROW | tiny | {"source_id": f"source-{i}"} for i in range(10)])
    assert year(found) == 111
    assert sum(line.er_mg for line in found.net) == 110


def test_a_total_over_quotients_is_exact_too(tmp_path: Path) -> None:
    method = CATALOGUE.newest("book-borrowing")
    case = next(c for c in read_cases("book-borrowing", CATALOGUE) if c.expect["outcome"] is Outcome.COUNTED)
    rows = [case.record | {method.activity.key[0]: f"a{i}"} for i in range(20)]
    rows = [r | ({"acts": str(1 + i)} if "acts" in r else {}) for i, r in enumerate(rows)]
    found = total(tmp_path, rows, "book-borrowing")
    sums = [exact(r, "book-borrowing") for r in rows]
    assert found.totals[-1].er_mg == floor(sum((s[0] for s in sums if s), Fraction(0)) * 10**6)
    assert found.illustration and found.complete


@pytest.mark.clause("S-5.5.11-c")
def test_large_and_unknown_rebound_of_one_source_voids_the_whole_solution(tmp_path: Path) -> None:
    other = ROW | {"solution_id": "s-2", "source_id": "van"}
    unknown = ROW | {"source_id": "lorry", "rebound": "large_unknown", "period_end": "2025-12-31"}
    found = total(tmp_path, [ROW, other, unknown | {"phase": "ex_ante"}])
    assert year(found) == 837_000_000
    (voided,) = found.voided
    assert (voided.of, voided.value, voided.records, voided.clause) == ("solution_id", "s-1", 2, "S-5.5.11-c")
    assert found.complete


@pytest.mark.clause("S-5.5.11-c")
def test_the_declaration_holds_although_the_rest_of_its_record_is_refused(tmp_path: Path) -> None:
    bad = ROW | {"source_id": "lorry", "rebound": "large_unknown", "ad_project": "many"}
    assert total(tmp_path, [ROW, bad]).totals == ()
    nameless = {k: v for k, v in bad.items() if k != "solution_id"}
    with pytest.raises(TotalError, match=r"void_without_name.*S-5\.5\.11-c"):
        total(tmp_path, [ROW, nameless])


@pytest.mark.clause("S-5.5.6")
def test_two_gwp_sets_in_one_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TotalError) as refusal:
        total(tmp_path, [ROW, ROW | {"source_id": "van", "gwp_set": "ar5"}])
    assert (refusal.value.code, refusal.value.clause) == ("mixed_gwp_set", "S-5.5.6")
    assert "ar5, ar6" in str(refusal.value) and "total each apart" in str(refusal.value)
    assert total(tmp_path, [ROW]).one == {"gwp_set": "ar6"}


@pytest.mark.clause("S-5.1")
def test_before_and_after_are_never_added(tmp_path: Path) -> None:
    before = ROW | {
        "phase": "ex_ante",
        "basis": "feasibility_study",
        "basis_note": "study",
        "ad_project": "0",
    }
    found = total(tmp_path, [ROW, before])
    assert year(found, phase="ex_post") == 837_000_000
    assert year(found, phase="ex_ante") == 1_395_000_000
    assert {t.er_mg for t in found.totals} == {837_000_000, 1_395_000_000}


@pytest.mark.clause("S-5.7", "S-5.5.5")
def test_net_by_source_and_gas_with_sinks_and_a_negative_year(tmp_path: Path) -> None:
    sink = {
        "flow": "removal",
        "gas": "co2",
        "ef_baseline": "-0.05",
        "ef_project": "-0.05",
        "source_id": "forest",
    }
    worse = ROW | {"period_start": "2025-01-01", "period_end": "2025-12-31", "ad_project": "2000"}
    found = total(tmp_path, [ROW, ROW | sink | {"ad_project": "1400"}, worse])
    net = {(n.year, n.per["source_id"], n.per["flow"]): n.er_mg for n in found.net}
    assert net[2024, "forest", "removal"] == 20_000_000
    assert net[2025, "boiler", "emission"] == -1_395_000_000
    lines = {t.year: t for t in found.totals}
    assert lines[2024].er_mg == 857_000_000 and not lines[2024].negative
    assert lines[2025].er_mg == -1_395_000_000 and lines[2025].negative
    assert lines[None].er_mg == -538_000_000


@pytest.mark.clause("S-5.5.2-dc")
def test_one_source_counted_twice_is_refused_and_between_solutions_stated(tmp_path: Path) -> None:
    half = ROW | {"period_start": "2024-07-01"}
    with pytest.raises(TotalError, match=r"counted_twice.*S-5\.5\.2"):
        total(tmp_path, [ROW, half])
    with pytest.raises(TotalError, match="counted_twice"):
        total(tmp_path, [ROW, ROW])
    found = total(tmp_path, [ROW, half | {"solution_id": "s-2"}])
    (stated,) = found.stated
    assert stated.values == ("s-1", "s-2") and stated.fields["source_id"] == "boiler"
    apart = ROW | {"solution_id": "s-2", "period_start": "2025-01-01", "period_end": "2025-12-31"}
    assert total(tmp_path, [ROW, apart]).stated == ()


def test_a_record_without_amounts_makes_the_total_incomplete(tmp_path: Path) -> None:
    found = total(tmp_path, [ROW, ROW | {"source_id": "van", "gas": "argon"}])
    assert not found.complete
    assert found.left_out == (("refused", "out_of_range:gas", 1),)
    assert total(tmp_path, [ROW]).complete


def test_records_from_before_the_methodology_was_published_are_named_and_not_added(tmp_path: Path) -> None:
    old = ROW | {"period_start": "2023-01-01", "period_end": "2023-12-30"}
    found = total(tmp_path, [ROW, old])
    assert found.left_out == (("counted", "history:P-7.2-d", 1),)
    assert {t.year for t in found.totals} == {2024, None}
