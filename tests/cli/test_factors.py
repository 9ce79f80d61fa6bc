"""`abate factors`: what an import would add, what a newer set does to recorded data, where a number is from."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
import xlsxwriter
from click.testing import CliRunner

from abate.cli.main import main
from abate.quantify import catalogue
from abate.quantify.factors_files import COLUMNS
from abate.quantify.factors_where import places

SHIPPED = catalogue.SHIPPED
HEAD = ["ID", "Scope", "Level 1", "Level 2", "Level 3", "Level 4", "Column Text", "UOM", "GHG/Unit"]
FLIGHT = ["21_316_3161_11_1", "Scope 3", "Business travel- air", "Flights", "Domestic, to/from UK",
          "Average passenger", "Without RF", "passenger.km", "kg CO2e", 0.1312345678]  # fmt: skip
FURLONG = ["9_9", "Scope 3", "Business travel- air", "Flights", "x", "y", "z", "furlongs", "kg CO2e", 1.0]
UK = ("--mapping", "uk-flat", "--set", "year=2026", "--set", "published=2026-06-09", "--set", "where=a test")


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["factors", *(str(w) for w in words)])
    return result.exit_code, result.output


def workbook(path: Path, *rows: list[object]) -> Path:
    """The flat file as the department lays it out: five lines of head, then one factor in a row."""
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("Introduction")
    sheet = book.add_worksheet("Factors by Category")
    sheet.write(0, 0, "UK Government GHG Conversion Factors for Company Reporting")
    for number, row in enumerate([[*HEAD, "GHG Conversion Factor 2026"], *rows]):
        sheet.write_row(5 + number, 0, row)
    book.close()
    return path


@pytest.mark.clause("P-7.3.3.1")
def test_the_uk_workbook_shows_what_it_would_add_and_writes_only_when_asked(tmp_path: Path) -> None:
    source = workbook(tmp_path / "uk.xlsx", FLIGHT)
    code, text = run("import", source, *UK)
    assert code == 0 and "+ uk-2026-air-dom-avg-norf" in text and "0.13123" in text
    assert "> uk-2025-air-dom-avg-norf would be superseded by uk-2026-air-dom-avg-norf" in text
    assert "1 new, 0 unchanged, 0 refused, 1 supersessions" in text
    assert [p.name for p in tmp_path.iterdir()] == ["uk.xlsx"]


def test_written_beside_the_older_set_it_marks_what_it_supersedes(tmp_path: Path) -> None:
    folder = tmp_path / "factors"
    shutil.copytree(SHIPPED / "factors", folder)
    source, out = workbook(tmp_path / "uk.xlsx", FLIGHT), folder / "uk-2026.csv"
    code, text = run("import", source, *UK, "--write", out, "--supersede")
    assert code == 0 and "1 marked as superseded" in text
    with (folder / "uk-2025-passenger.csv").open(encoding="utf-8") as file:
        older = {row["id"]: row["superseded_by"] for row in csv.DictReader(file)}
    assert older["uk-2025-air-dom-avg-norf"] == "uk-2026-air-dom-avg-norf"
    assert sum(1 for newer in older.values() if newer) == 1
    code, text = run("import", source, *UK, "--write", out)
    assert code == 1 and "never overwritten" in text


def test_a_row_that_is_refused_is_named_and_the_others_enter(tmp_path: Path) -> None:
    code, text = run("import", workbook(tmp_path / "uk.xlsx", FLIGHT, FURLONG), *UK, "--json")
    data = json.loads(text)
    assert code == 1
    assert [r["id"] for r in data["added"]] == ["uk-2026-air-dom-avg-norf"]
    assert [(r["code"], bool(r["remedy"])) for r in data["refused"]] == [("unknown_unit", True)]


WHOLE = dict.fromkeys(COLUMNS, "") | {
    "id": "test-one", "name_zh": "一", "name_en": "one", "value": "0.5", "unit": "kgCO2e/kWh", "region": "CN",
    "kind": "emission-factor", "grade": "literature", "gas": "CO2e", "published": "2024-01-01",
    "source": "a document", "table": "table 1", "where_seen": "a page", "confidence": "seen-in-primary",
}  # fmt: skip


def test_csv_with_a_mapping_and_json_of_the_house(tmp_path: Path) -> None:
    fields = {name: {"text": value} for name, value in WHOLE.items() if value}
    fields |= {"id": {"text": "x-{code}"}, "value": {"text": "{factor}"}}
    mapping = tmp_path / "map.yaml"
    mapping.write_text(json.dumps({"import": "mine", "format": "csv", "fields": fields}), "utf-8")
    (tmp_path / "table.csv").write_text("code,factor\na,0.7\n", "utf-8")
    code, text = run("import", tmp_path / "table.csv", "--mapping", mapping)
    assert code == 0 and "+ x-a" in text
    (tmp_path / "house.json").write_text(json.dumps({"factors": [WHOLE]}), "utf-8")
    code, text = run("import", tmp_path / "house.json")
    assert code == 0 and "+ test-one" in text


def test_nothing_from_memory_enters(tmp_path: Path) -> None:
    (tmp_path / "house.json").write_text(json.dumps({"factors": [WHOLE | {"confidence": "from memory"}]}))
    code, text = run("import", tmp_path / "house.json")
    assert code == 1 and "not_seen" in text


MEETINGS = "meeting_id,start,duration_min,participants,replacement_rate,pkm_flight_domestic,electricity_kwh\n"


@pytest.mark.clause("P-7.3.3.1")
def test_a_newer_set_and_its_effect_on_recorded_data(tmp_path: Path) -> None:
    data = tmp_path / "meetings.csv"
    data.write_text(MEETINGS + "m,2025-03-01T09:00:00+08:00,45,5,0.35,1000,1.25\n", "utf-8")
    code, text = run("diff", "uk-2023", "uk-2025", "--on", data, "--method", "online-meeting", "--json")
    found = json.loads(text)
    assert code == 0
    (flight,) = [p for p in found["changed"] if p["a"] == "uk-2023-air-dom-avg-norf"]
    registry = catalogue.load().registry.factors
    one, two = (registry[flight[side]].value for side in ("a", "b"))
    assert found["effect"]["rows"] == 1 and found["effect"]["losing"] + found["effect"]["gaining"] == 1
    assert found["effect"]["after_mg"] - found["effect"]["before_mg"] in (
        (two - one) * 1000 * 350_000 // 1, -((one - two) * 1000 * 350_000 // 1),
    )  # fmt: skip
    assert any(f.startswith("uk-2025") for f in found["effect"]["factors_after"])
    assert run("diff", "uk-2023", "uk-2025", "--on", data)[0] == 2
    code, text = run("diff", "uk-1999", "uk-2025")
    assert code == 1 and "no factor begins so" in text


TEN = (
    ("cn-grid-2022-national", "公告2024年第33号"),
    ("uk-2023-air-dom-avg-norf", "UK Government GHG Conversion Factors"),
    ("gwp100-ar6-ch4", "IPCC"),
)


@pytest.mark.parametrize(("wanted", "document"), TEN)
def test_where_a_number_comes_from(wanted: str, document: str) -> None:
    code, text = run("where", wanted, "--json")
    (place,) = json.loads(text)
    assert code == 0 and document in place["document"] and place["place"] and place["seen"]
    assert place["taken_by"]


def test_every_figure_that_any_methodology_may_take_leads_to_document_and_place() -> None:
    """Not ten at random: all of them, by the id that a result names. A candidate of which no table is known says
    so, and is none that a methodology takes by itself."""
    loaded = catalogue.load()
    asked: dict[str, bool] = {}
    for versions in loaded.methods.values():
        for parameter in versions[-1].parameters.values():
            s = parameter.selection
            own = [f"{versions[-1].id}.{parameter.name}"] if parameter.values else []
            own += [s.factor, s.before] if s and s.rule != "operator" else []
            own += [f.id for f in loaded.registry.family(s.family)] if s and s.family else []
            asked |= dict.fromkeys(s.candidates if s else (), False)
            asked |= dict.fromkeys(filter(None, own), True)
    assert len(asked) > 300
    for name, by_itself in asked.items():
        found = places(name, loaded)
        assert found and all(p.document and p.place for p in found), name
        known = all(not p.place.startswith("no table is known") for p in found)
        assert known or (not by_itself and all("seen-in-secondary" in p.seen for p in found)), name


def test_a_number_that_stands_nowhere_is_said_so() -> None:
    code, text = run("where", "0.123456789")
    assert code == 1 and "stands nowhere" in text
