"""Digital reading and Scope 3+: the formulas and rules of both drafts, one record against the clause."""

from __future__ import annotations

import pytest

from abate.quantify import catalogue
from abate.quantify.cases import differences, read_cases
from abate.quantify.factors import Setting
from abate.quantify.one import quantify_one
from abate.quantify.outcome import Outcome, Quantity

CATALOGUE = catalogue.load()
DEMO = Setting(pack=CATALOGUE.pack("demo"))
READING: dict[str, object] = {
    "project_id": "p-1",
    "site_id": "s-1",
    "period_start": "2026-01-01",
    "period_end": "2026-12-31",
    "origin": "new",
    "in_operation_on": "2026-01-01",
    "purpose": "estimate",
    "book_factor_origin": "other",
    "eta_determined_on": "2026-01-01",
    "pages_read": "2000000",
    "electricity_mwh": "2",
    "historical_devices": "0",
}
SOLUTION: dict[str, object] = {
    "project_id": "p-1",
    "solution_id": "s-1",
    "source_id": "boiler",
    "period_start": "2024-01-01",
    "period_end": "2024-12-31",
    "kind": "enablement",
    "phase": "ex_post",
    "basis": "monitored",
    "flow": "emission",
    "gas": "ch4",
    "gwp_set": "ar5",
    "activity_unit": "GJ",
    "ad_baseline": "1000",
    "ef_baseline": "0.05",
    "ad_project": "400",
    "ef_project": "0.05",
    "rebound": "none",
}


def reading(**changes: object) -> Quantity:
    record = {k: v for k, v in (READING | changes).items() if v is not None}
    return quantify_one(record, "digital-reading", CATALOGUE, DEMO)[0]


def solution(**changes: object) -> Quantity:
    record = {k: v for k, v in (SOLUTION | changes).items() if v is not None}
    return quantify_one(record, "scope-3-plus", CATALOGUE, Setting())[0]


@pytest.mark.clause("D-3.3")
def test_pages_characters_and_hours_give_the_same_book_equivalents() -> None:
    pages = reading()
    characters = reading(pages_read=None, characters_read="1400000000")
    assert pages.be_mg == characters.be_mg == 3_600_000_000
    hours = reading(pages_read=None, hours_read="10000")
    assert hours.be_mg == 540_000_000


@pytest.mark.clause("D-6.2", "D-6.3", "D-6.4", "D-6.5")
def test_four_formulas_of_a_year_and_a_negative_year_stays() -> None:
    device = {"count": "10", "emission_each": "84", "year_share": "1"}
    year = reading(new_devices=[device])
    assert (year.be_mg, year.pe_mg, year.le_mg) == (3_600_000_000, 1_061_200_000, 168_000_000)
    assert year.er_mg == 2_370_800_000
    small = reading(pages_read="1000")
    assert small.outcome is Outcome.COUNTED and small.er_mg is not None and small.er_mg < 0


@pytest.mark.clause("D-6.4")
def test_historical_devices_are_zero_but_explained() -> None:
    assert reading(historical_devices="9").reason == "historical_unexplained:D-6.4"
    assert reading(historical_devices="9", historical_note="report 3.2").le_mg == 0


@pytest.mark.clause("D-6.6-3")
def test_a_book_factor_of_another_origin_is_an_estimate_only() -> None:
    assert reading(purpose="issuing").reason == "factor_origin:D-6.6-3"
    assert reading().outcome is Outcome.COUNTED


@pytest.mark.parametrize(("gwp_set", "gwp"), [("ar4", "25"), ("ar5", "28"), ("ar6", "27.9")])
@pytest.mark.clause("S-5.5.6", "S-5.5.10", "S-5.7")
def test_each_gwp_set_gives_its_own_result(gwp_set: str, gwp: str) -> None:
    found = solution(gwp_set=gwp_set)
    assert (found.be_mg, found.pe_mg) == (float(gwp) * 50_000_000, float(gwp) * 20_000_000)
    assert found.er_mg == float(gwp) * 30_000_000
    assert found.factors == f"gwp100-{gwp_set}-ch4"


@pytest.mark.clause("S-5.5.11-c")
def test_rebound_large_unknown_counts_nothing_and_a_quantified_one_is_included() -> None:
    assert solution(rebound="large_unknown").reason == "rebound_large_unknown:S-5.5.11-c"
    assert solution(rebound="small_left_out").reason == "rebound_without_reason:S-5.5.11-c"
    counted = solution(rebound="quantified", ad_rebound="100", ef_rebound="0.05")
    assert counted.pe_mg == 560_000_000 + 140_000_000


@pytest.mark.clause("S-5.5.11-a")
def test_rebound_inside_the_solution_is_never_added_again() -> None:
    assert solution(rebound="inside_solution").pe_mg == 560_000_000
    twice = solution(rebound="inside_solution", ad_rebound="100", ef_rebound="0.05")
    assert twice.reason == "rebound_twice:S-5.5.11-a"


@pytest.mark.clause("S-5.5.11-b")
def test_engagement_needs_a_deliberate_intervention() -> None:
    assert solution(kind="engagement").reason == "no_intervention:S-5.5.11-b"
    assert solution(kind="engagement", intervention="contract 7").er_mg == 840_000_000


@pytest.mark.clause("S-5.6")
def test_leakage_is_left_out_and_said() -> None:
    assert solution().le_mg == 0
    assert "泄漏" in CATALOGUE.newest("scope-3-plus").formulas["LE"].meaning.zh


@pytest.mark.clause("S-5.7")
def test_a_sink_enters_with_its_sign() -> None:
    sink = {"flow": "removal", "gas": "co2", "ef_baseline": "-0.05", "ef_project": "-0.05"}
    assert solution(**sink, ad_project="1400").er_mg == 20_000_000


@pytest.mark.parametrize("method", ["digital-reading", "scope-3-plus", "green-product-purchase"])
def test_every_worked_case(method: str) -> None:
    for case in read_cases(method, CATALOGUE):
        quantity, _ = quantify_one(case.record, method, CATALOGUE, case.setting)
        assert differences(case, quantity) == [], case.name
