"""What a Scope 3+ project declares, and records that contradict it: each refused by its clause, before any total."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from abate.quantify import catalogue
from abate.quantify.factors import Setting
from abate.quantify.portfolio import Portfolio, TotalError, total_files
from abate.quantify.project_document import Project, read_project
from abate.quantify.reading import MethodError

CATALOGUE = catalogue.load()
SAMPLE = Path(__file__).parents[2] / "docs" / "howto" / "scope-3-plus" / "p-1.yaml"
BOILER: dict[str, object] = {
    "project_id": "p-1", "solution_id": "s-1", "source_id": "boiler", "period_start": "2024-01-01",
    "period_end": "2024-12-31", "kind": "enablement", "phase": "ex_post", "basis": "monitored", "flow": "emission",
    "gas": "ch4", "gwp_set": "ar5", "activity_unit": "GJ", "ad_baseline": "1000", "ef_baseline": "0.05",
    "ad_project": "400", "ef_project": "0.05", "rebound": "none",
}  # fmt: skip
FOREST = BOILER | {
    "source_id": "forest",
    "flow": "removal",
    "gas": "co2",
    "ef_baseline": "-0.05",
    "ef_project": "-0.05",
}
REPORTED = date(2026, 1, 31)


def changed(folder: Path, old: str, new: str) -> Path:
    text = SAMPLE.read_text("utf-8")
    assert text.count(old) >= 1, old
    path = folder / "p-1.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def total(
    folder: Path,
    *rows: Mapping[str, object],
    projects: tuple[Project, ...] | None = None,
    reported: date | None = REPORTED,
    method: str = "scope-3-plus",
) -> Portfolio:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    declared = (read_project(SAMPLE),) if projects is None else projects
    return total_files(method, [path], CATALOGUE, Setting(), declared, reported)


def refusal(folder: Path, *rows: Mapping[str, object], **given: object) -> tuple[str, str | None]:
    with pytest.raises(TotalError) as caught:
        total(folder, *rows, **given)  # type: ignore[arg-type]
    return caught.value.code, caught.value.clause


@pytest.mark.clause("S-5.5.1-3", "S-5.5.4", "S-5.5.8-9")
def test_records_inside_their_declaration_are_totalled_and_it_is_named(tmp_path: Path) -> None:
    found = total(tmp_path, BOILER, FOREST)
    (declared,) = found.declared
    assert (declared.project, declared.file, len(declared.sha256)) == ("p-1", "p-1.yaml", 64)
    assert (declared.due, declared.overdue_on) == ((), date(2028, 2, 10))
    assert [line.records for line in found.totals] == [2, 2]
    assert total(tmp_path, BOILER, FOREST, projects=()).declared == ()


@pytest.mark.clause("S-5.5.1-3")
@pytest.mark.parametrize(
    ("change", "code", "clause"),
    [
        ({"project_id": "p-9"}, "project_not_declared", "S-5.5.1"),
        ({"solution_id": "s-9"}, "solution_not_declared", "S-5.5.3"),
        ({"source_id": "van"}, "outside_boundary", "S-5.5.2"),
        ({"flow": "removal", "ef_baseline": "-1", "ef_project": "-1"}, "outside_boundary", "S-5.5.2"),
        ({"period_start": "2023-12-01"}, "outside_function", "S-5.5.3"),
        ({"period_end": "2026-01-01"}, "outside_function", "S-5.5.3"),
    ],
)
def test_what_no_declaration_covers_is_refused(
    tmp_path: Path, change: dict[str, object], code: str, clause: str
) -> None:
    assert refusal(tmp_path, BOILER | change, FOREST) == (code, clause)


@pytest.mark.clause("S-5.5.1-3")
def test_no_source_inside_the_boundary_is_left_out_of_a_phase(tmp_path: Path) -> None:
    assert refusal(tmp_path, BOILER) == ("source_left_out", "S-5.5.2")
    plan = BOILER | {"phase": "ex_ante", "basis": "feasibility_study", "basis_note": "study 3"}
    assert refusal(tmp_path, BOILER, FOREST, plan) == ("source_left_out", "S-5.5.2")
    none = FOREST | {"ad_baseline": "0", "ad_project": "0"}
    assert len(total(tmp_path, BOILER, none).net) == 2


@pytest.mark.clause("S-5.5.4")
@pytest.mark.parametrize(
    ("reported", "code"),
    [(date(2026, 2, 10), None), (date(2028, 2, 10), None), (date(2028, 2, 11), "baseline_overdue"),
     (date(2025, 2, 9), "review_in_future"), (None, "report_day_needed")],
)  # fmt: skip
def test_a_baseline_is_reviewed_every_three_years_at_least(
    tmp_path: Path, reported: date | None, code: str | None
) -> None:
    if code:
        assert refusal(tmp_path, BOILER, FOREST, reported=reported) == (code, "S-5.5.4")
        return
    (declared,) = total(tmp_path, BOILER, FOREST, reported=reported).declared
    assert bool(declared.due) == (reported == date(2028, 2, 10)), "a year without a review is stated"


@pytest.mark.clause("S-5.5.8-9")
def test_a_factor_that_is_not_of_the_time_is_refused(tmp_path: Path) -> None:
    old = read_project(changed(tmp_path, "2024-01-01, to: 2025-12-31}", "2020-01-01, to: 2023-12-31}"))
    assert refusal(tmp_path, BOILER, FOREST, projects=(old,)) == ("factor_not_timely", "S-5.5.9")


def test_one_declaration_for_a_project_and_only_where_there_are_projects(tmp_path: Path) -> None:
    sample = read_project(SAMPLE)
    assert refusal(tmp_path, BOILER, FOREST, projects=(sample, sample))[0] == "declared_twice"
    meeting = {"meeting_id": "m", "start": "2026-03-02T01:00:00Z", "duration_min": 45, "participants": 3,
               "replacement_rate": "0.5", "electricity_kwh": "0.1", "pkm_rail": "10.001"}  # fmt: skip
    assert refusal(tmp_path, meeting, method="online-meeting")[0] == "no_projects"


@pytest.mark.clause("S-5.5.1-3", "S-5.5.4", "S-5.5.5", "S-5.5.8-9")
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("identified:", "found:", "`identified` is missing"),
        ("scenarios: [baseline, project]", "scenarios: [project]", "S-5.5.2"),
        ("quality: {zh: 0.8 MPa 饱和蒸汽, en: saturated steam at 0.8 MPa}", "", "`quality` is missing"),
        ("      place: CN-32\n    baseline", "      place: CN-31\n    baseline", "S-5.5.4"),
        ("01-01\n      to: 2025-12-31\n      set_on", "06-01\n      to: 2025-12-31\n      set_on", "S-5.5.4"),
        ("choice: most_used", "choice: best_for_us", "is not known"),
        ("use: {zh: 用于清除量", "purpose: {zh: 用于清除量", "`use` is missing"),
        ("- id: forest\n      flow: removal", "- id: boiler\n      flow: emission", "stands twice"),
        ("activity: {zh: 每年样地调查", "measured: {zh: 每年样地调查", "`activity` is missing"),
        ("kind: technology", "kind: weather", "is not known"),
    ],
)  # fmt: skip
def test_a_declaration_answers_everything(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(MethodError, match=r"p-1\.yaml:\d+") as caught:
        read_project(changed(tmp_path, old, new))
    assert says in str(caught.value)


def test_a_source_of_one_scenario_says_why(tmp_path: Path) -> None:
    only = changed(tmp_path, "      name: {zh: 厂区林地, en: trees on the grounds}\n      scenarios: [baseline, project]",
                   "      name: {zh: 厂区林地, en: trees on the grounds}\n      scenarios: [project]\n"
                   "      because: {zh: 此前无林, en: there were no trees before}")  # fmt: skip
    assert read_project(only).sources["forest", "removal"].because is not None
