"""Bad input from the command line: each is refused by name, with its clause and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli.main import main

BROKEN = Path(__file__).resolve().parents[1] / "broken"
TRIP = {"trip_id": "t", "start": "2025-06-01T09:00:00Z", "end": "2025-06-01T10:00:00Z", "distance_km": "4.2"}
SOLUTION = {
    "project_id": "p-1", "solution_id": "s-1", "source_id": "boiler", "period_start": "2024-01-01",
    "period_end": "2024-12-31", "kind": "enablement", "phase": "ex_post", "basis": "monitored",
    "flow": "emission", "gas": "ch4", "gwp_set": "ar5", "activity_unit": "GJ", "ad_baseline": "1000",
    "ef_baseline": "0.05", "ad_project": "400", "ef_project": "0.05", "rebound": "none",
}  # fmt: skip
READING = {
    "project_id": "p-1", "site_id": "s-1", "period_start": "2026-01-01", "period_end": "2026-12-31",
    "origin": "new", "in_operation_on": "2026-01-01", "purpose": "estimate", "book_factor_origin": "other",
    "eta_determined_on": "2026-01-01", "pages_read": "2000000", "electricity_mwh": "2",
    "historical_devices": "0",
}  # fmt: skip


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(w) for w in words])
    return result.exit_code, result.output


def explain(method: str, record: dict[str, object], *words: object) -> tuple[int, str]:
    return run("explain", method, "--lang", "en", "--record", json.dumps(record), *words)


def refused(found: tuple[int, str], *words: str, code: int = 1) -> None:
    """The exit code says so, and the name, the clause and the remedy are all in the output."""
    assert found[0] == code, found[1]
    for word in words:
        assert word in found[1], f"{word!r} is not in:\n{found[1]}"


@pytest.mark.clause("P-7.2-d")
def test_a_date_before_any_version() -> None:
    early = TRIP | {"start": "2020-06-01T09:00:00Z", "end": "2020-06-01T10:00:00Z"}
    found = explain("walking", early, "--operator-pack", "demo")
    refused(found, "no_method_in_force:start", "[P-7.2-d]", "only acts in the time of a version")


@pytest.mark.clause("D-6.3")
def test_a_region_without_a_factor() -> None:
    found = explain("digital-reading", READING, "--operator-pack", "demo", "--region", "Atlantis")
    refused(found, "no_factor:ef_grid", "[D-6.3, 6.3 (2)]", "choose a region that has a factor")


@pytest.mark.clause("S-5.5.6")
def test_a_gas_without_a_gwp() -> None:
    found = explain("scope-3-plus", SOLUTION | {"gas": "argon"})
    refused(found, "out_of_range:gas", "a gas without a GWP is not counted [S-5.5.6", "one of: co2, ch4")


@pytest.mark.clause("D-6.4")
def test_leakage_without_allocation() -> None:
    device = {"count": "10", "emission_each": "84"}
    found = explain("digital-reading", READING | {"new_devices": [device]}, "--operator-pack", "demo")
    refused(found, "missing:new_devices", "new_devices[0].year_share", "[D-6.4, 6.4 (3)]", "state the part")


@pytest.mark.clause("S-5.5.11-c")
def test_rebound_large_and_unknown() -> None:
    found = explain("scope-3-plus", SOLUTION | {"rebound": "large_unknown"})
    refused(
        found, "rebound_large_unknown:S-5.5.11-c", "nothing of this solution is counted", "see clause S-5.5.11-c",
        'it counts only where not (rebound == "large_unknown")',
    )  # fmt: skip


@pytest.mark.clause("S-5.5.11-c")
def test_one_record_with_large_and_unknown_rebound_voids_its_solution_in_the_total(tmp_path: Path) -> None:
    rows = [SOLUTION, SOLUTION | {"source_id": "van", "rebound": "large_unknown"}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    done = CliRunner().invoke(main, ["totals", "scope-3-plus", str(path), "--json"])
    data = json.loads(done.stdout)
    assert done.exit_code == 1 and data["totals"] == [] and "no record enters a total" in done.stderr
    refused(
        run("totals", "scope-3-plus", path), 'rebound == "large_unknown"', "[S-5.5.11-c]", "abate explain"
    )
    assert [(v["value"], v["records"], v["clause"]) for v in data["voided"]] == [("s-1", 2, "S-5.5.11-c")]


@pytest.mark.clause("S-5.5.6")
def test_two_gwp_sets_in_one_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [SOLUTION, SOLUTION | {"source_id": "van", "gwp_set": "ar4"}]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    refused(run("totals", "scope-3-plus", path), "mixed_gwp_set", "[S-5.5.6", "total each apart")


@pytest.mark.clause("P-7.2-b")
def test_a_methodology_whose_scenarios_have_different_boundaries() -> None:
    found = run("methods", "check", BROKEN / "boundary-without-reason.yaml")
    refused(found, "different sources (travel)", "(P-7.2-b)", "boundary_difference", ".yaml:")


@pytest.mark.clause("P-7.3.2-2")
def test_a_unit_that_does_not_fit_in_a_methodology() -> None:
    found = run("methods", "check", BROKEN / "units-passenger.yaml")
    refused(found, "units do not go together", "[P-7.3.2-1", "correct the wrong one")


def pack(folder: Path, **figure: str) -> Path:
    shown = {"method": "walking", "parameter": "ef_baseline", "value": '"0.1"', "unit": "kgCO2e/pkm"} | figure
    lines = [f"    {key}: {value}" for key, value in shown.items()]
    path = folder / "pack.yaml"
    path.write_text(
        "pack: mine\ntitles: {zh: 我的, en: mine}\nillustration: true\nfigures:\n  -\n" + "\n".join(lines)
        + "\n    source: {document: a report, place: table 1}\n",
        "utf-8",
    )  # fmt: skip
    return path


@pytest.mark.clause("P-7.2-c")
def test_a_behaviour_that_is_closed_in_the_region(tmp_path: Path) -> None:
    mine = pack(tmp_path)
    with mine.open("a", encoding="utf-8") as file:
        file.write("catalogue:\n  otherwise: open\n  switches:\n    - {behaviour: walking, region: CN-海南, open: false,"
                   " why: {zh: 试点未含海南, en: the trial leaves Hainan out}}\n")  # fmt: skip
    there = explain("walking", TRIP, "--operator-pack", mine, "--region", "海南")
    refused(
        there,
        "closed:P-7.2-c",
        "the trial leaves Hainan out",
        "see clause P-7.2-c (7.2)",
        "`catalogue`",
        code=0,
    )
    assert "closed:P-7.2-c" not in explain("walking", TRIP, "--operator-pack", mine, "--region", "北京")[1]
    listed = json.loads(run("methods", "list", "--json", "--operator-pack", mine, "--region", "海南")[1])
    shut = [row for row in listed if not row["open"]]
    assert [(r["id"], r["status"], r["closed_because"]["zh"]) for r in shut] == [
        ("walking", "ready", "试点未含海南")
    ]


@pytest.mark.clause("P-7.3.2-2")
def test_a_unit_that_does_not_fit_in_a_pack(tmp_path: Path) -> None:
    found = explain("walking", TRIP, "--operator-pack", pack(tmp_path, unit="kgCO2e/kWh"))
    refused(
        found,
        "walking.ef_baseline",
        "measure different things",
        "[P-7.3.2-2, 7.3.2 (2)]",
        "give it in kgCO2e/pkm",
    )
    assert explain("walking", TRIP, "--operator-pack", pack(tmp_path))[0] == 0


SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "howto" / "estimates"


@pytest.mark.clause("D-6.6-2")
def test_a_figure_past_its_review_date(tmp_path: Path) -> None:
    """The figures of the pack are the demonstration's but for eta, which is an estimate of five years ago."""
    found = run("estimate", "eta", "--method", "survey", SAMPLES / "readings.csv", "-o", tmp_path / "eta.yaml",
                "--json")  # fmt: skip
    assert found[0] == 0, found[1]
    estimate = json.loads(found[1])
    mine = tmp_path / "pack.yaml"
    mine.write_text(
        "pack: mine\ntitles: {zh: 我的, en: mine}\nillustration: true\nfigures:\n"
        f"  - {{method: digital-reading, parameter: eta, estimate: {{file: eta.yaml, sha256: {estimate['sha256']}}}}}\n",
        "utf-8",
    )
    late = int(estimate["review_by"][:4]) + 1
    year = {
        "period_start": f"{late}-01-01",
        "period_end": f"{late}-12-31",
        "in_operation_on": f"{late}-01-01",
    }
    record = READING | year | {"eta_determined_on": f"{late}-01-01"}
    refused(
        explain("digital-reading", record, "--operator-pack", mine),
        "factor_past_review:eta", "was to be reviewed by", "reviewed every five years (6.6.2)",
    )  # fmt: skip
