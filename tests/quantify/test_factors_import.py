"""Importing factors: the UK workbook, a CSV with a mapping, JSON; what is refused says so by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xlsxwriter

from abate.quantify import catalogue
from abate.quantify.factors_files import COLUMNS, read_factors
from abate.quantify.factors_import import HOUSE, Proposal, propose, read_mapping
from abate.quantify.reading import MethodError

CATALOGUE = catalogue.load()
HEAD = ["ID", "Scope", "Level 1", "Level 2", "Level 3", "Level 4", "Column Text", "UOM", "GHG/Unit"]
FLIGHT = ["21_316_3161_11_1", "Scope 3", "Business travel- air", "Flights", "Domestic, to/from UK",
          "Average passenger", "Without RF", "passenger.km", "kg CO2e"]  # fmt: skip


def workbook(path: Path, year: int, rows: list[list[object]]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("Introduction")
    sheet = book.add_worksheet("Factors by Category")
    sheet.write(0, 0, "UK Government GHG Conversion Factors for Company Reporting")
    for number, row in enumerate([[*HEAD, f"GHG Conversion Factor {year}"], *rows]):
        for column, cell in enumerate(row):
            if cell is not None:
                sheet.write(5 + number, column, cell)
    book.close()
    return path


def uk(path: Path, year: int, published: str = "2026-06-09", revision: str = "") -> Proposal:
    given = {"year": str(year), "published": published, "where": "the workbook of the test"}
    return propose(path, read_mapping("uk-flat", CATALOGUE.folder), CATALOGUE.registry, given, revision)


def test_a_later_workbook_adds_and_proposes_supersession(tmp_path: Path) -> None:
    found = uk(workbook(tmp_path / "uk.xlsx", 2026, [[*FLIGHT, 0.1312345678]]), 2026)
    (factor,) = found.added
    assert (factor.id, factor.value_text, factor.unit) == (
        "uk-2026-air-dom-avg-norf",
        "0.13123",
        "kgCO2e/pkm",
    )
    assert "unrounded 0.1312345678" in factor.notes
    assert found.supersedes == {"uk-2025-air-dom-avg-norf": "uk-2026-air-dom-avg-norf"}
    assert [f.id for _, f in read_factors("x", found.csv().splitlines())] == [factor.id]


def test_the_shipped_set_is_recognised_and_never_overwritten(tmp_path: Path) -> None:
    same = uk(workbook(tmp_path / "a.xlsx", 2023, [[*FLIGHT, 0.16098678523489934]]), 2023, "2023-06-30")
    assert same.unchanged == ("uk-2023-air-dom-avg-norf",) and not same.added
    path = workbook(tmp_path / "b.xlsx", 2023, [[*FLIGHT, 0.3]])
    other = uk(path, 2023, "2023-06-30")
    assert [r.code for r in other.refused] == ["value_changed"] and not other.added
    revised = uk(path, 2023, "2023-06-30", "corrected")
    assert [f.id for f in revised.added] == ["uk-2023-air-dom-avg-norf-corrected"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([*FLIGHT[:7], "furlongs", "kg CO2e", 1.0], "unknown_unit"),
        ([*FLIGHT, None], "no_value"),
        ([*FLIGHT, "see note"], "bad_value"),
    ],
)
def test_a_row_that_is_not_whole_is_refused(tmp_path: Path, row: list[object], code: str) -> None:
    found = uk(workbook(tmp_path / "uk.xlsx", 2026, [row]), 2026)
    assert [r.code for r in found.refused] == [code] and found.refused[0].remedy


def test_energy_content_is_left_out_with_its_reason(tmp_path: Path) -> None:
    row = ["7", "Scope 1", "Fuels", "Gas", "CNG", None, None, "tonnes", "kWh (Net CV)", 1.5]
    assert uk(workbook(tmp_path / "uk.xlsx", 2026, [row]), 2026).skipped == {
        "energy content, no emission factor": 1
    }


WHOLE = dict.fromkeys(COLUMNS, "") | {
    "id": "test-one", "name_zh": "一", "name_en": "one", "value": "0.5", "unit": "kgCO2e/kWh", "region": "CN",
    "kind": "emission-factor", "grade": "literature", "gas": "CO2e", "published": "2024-01-01",
    "source": "a document", "table": "table 1", "where_seen": "a page", "confidence": "seen-in-primary",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ""),
        ({"source": ""}, "no_source"),
        ({"unit": ""}, "no_unit"),
        ({"published": ""}, "no_publication"),
        ({"table": ""}, "no_table"),
        ({"confidence": "from memory"}, "not_seen"),
        ({"kind": "guess"}, "unknown_kind"),
        ({"unit": "kgCO2e/parsec"}, "unknown_unit"),
    ],
)
def test_json_in_the_columns_of_the_house(tmp_path: Path, change: dict[str, str], code: str) -> None:
    path = tmp_path / "factors.json"
    path.write_text(json.dumps({"factors": [WHOLE | change]}), "utf-8")
    found = propose(path, HOUSE, CATALOGUE.registry, {})
    assert [r.code for r in found.refused] == ([code] if code else [])
    assert len(found.added) == (0 if code else 1)


def test_csv_with_a_mapping(tmp_path: Path) -> None:
    mapping = tmp_path / "map.yaml"
    fields = {k: {"text": v} for k, v in WHOLE.items() if v}
    fields["id"], fields["value"] = {"text": "x-{code}"}, {"text": "{factor}"}
    fields["unit"] = {"text": "{per}", "map": {"每度": "kgCO2e/kWh"}}
    mapping.write_text(json.dumps({"import": "mine", "format": "csv", "fields": fields}), "utf-8")
    table = tmp_path / "table.csv"
    table.write_text("code,factor,per\na,0.7,每度\nb,0.8,每斤\n", "utf-8")
    found = propose(table, read_mapping(str(mapping), CATALOGUE.folder), CATALOGUE.registry, {})
    assert [(f.id, f.value_text) for f in found.added] == [("x-a", "0.7")]
    assert [(r.line, r.code) for r in found.refused] == [(3, "unknown_unit")]


def test_a_file_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_text("no workbook")
    with pytest.raises(MethodError, match="no workbook"):
        uk(tmp_path / "x.xlsx", 2026)
