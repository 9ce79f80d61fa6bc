"""The shipped methodologies: all are read, their cases hold, the 59 behaviours have their numbers."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli import explain as explain_command
from abate.cli import factors as factors_command
from abate.cli import methods as methods_command
from abate.quantify import catalogue
from abate.quantify.cases import Case, differences, read_cases
from abate.quantify.one import quantify_one, score
from abate.quantify.reading import MethodError

CATALOGUE = catalogue.load()
CASES = [case for method in CATALOGUE.methods for case in read_cases(method, CATALOGUE)]
# Beside the 59: a behaviour of Appendix B, and the two project standards.
BESIDE = {"green-product-purchase", "digital-reading", "scope-3-plus"}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.method}: {c.name}")
def test_a_worked_case_holds_to_the_milligram(case: Case) -> None:
    quantity, _ = quantify_one(case.record, case.method, CATALOGUE, case.setting)
    assert differences(case, quantity) == []
    assert score(case.record, case.method, CATALOGUE, case.setting) == quantity


def test_a_wrong_milligram_would_be_seen() -> None:
    case = CASES[1]
    quantity = score(case.record, case.method, CATALOGUE, case.setting)
    assert quantity.er_mg is not None
    case.expect["er_mg"] = quantity.er_mg + 1
    try:
        assert differences(case, quantity)
    finally:
        case.expect["er_mg"] = quantity.er_mg


def test_every_folder_under_methods_is_read() -> None:
    folders = {
        p.name for p in CATALOGUE.folder.iterdir() if p.is_dir() and p.name not in ("factors", "packs")
    }
    assert folders - {"__pycache__"} == set(CATALOGUE.methods)
    assert {m for m, v in CATALOGUE.methods.items() if v[-1].behaviour is None} == BESIDE


@pytest.mark.clause("P-A")
def test_each_of_the_59_behaviours_has_its_methodology() -> None:
    numbers = sorted(v[-1].behaviour for v in CATALOGUE.methods.values() if v[-1].behaviour is not None)
    assert numbers == list(range(1, 60))


def test_the_59_behaviours_are_there_under_their_numbers() -> None:
    assert sorted(CATALOGUE.behaviours) == list(range(1, 60))
    for behaviour in CATALOGUE.behaviours.values():
        assert (
            behaviour.name.zh and behaviour.name.en and behaviour.description.zh and behaviour.description.en
        )
    for versions in CATALOGUE.methods.values():
        if versions[-1].behaviour is not None:
            # Two numbers bear one name (5 and 53): a title may add in brackets which is meant.
            assert versions[-1].titles.zh.startswith(CATALOGUE.behaviours[versions[-1].behaviour].name.zh)


def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "methods"
    shutil.copytree(CATALOGUE.folder, folder, ignore=shutil.ignore_patterns("published.csv"))
    return folder


def test_two_versions_do_not_overlap_and_each_has_its_days(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    first = (folder / "walking" / "v1.yaml").read_text("utf-8")
    second = first.replace("version: 1", "version: 2").replace(
        "{from: 2022-10-31, to: null}", "{from: 2026-01-01, to: null}"
    )
    (folder / "walking" / "v2.yaml").write_text(second, "utf-8")
    with pytest.raises(MethodError, match="version 1 is still in force when version 2 begins"):
        catalogue.load(folder)
    ended = first.replace(
        "in_force: {from: 2022-10-31, to: null}", "in_force: {from: 2022-10-31, to: 2025-12-31}"
    )
    (folder / "walking" / "v1.yaml").write_text(ended, "utf-8")
    catalogue._load.cache_clear()
    both = catalogue.load(folder)
    found = [
        both.in_force("walking", day) for day in (date(2025, 12, 31), date(2026, 1, 1), date(2022, 1, 1))
    ]
    assert [m.version if m else None for m in found] == [1, 2, None]


def test_a_file_in_the_wrong_place_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    shutil.copytree(folder / "walking", folder / "running")
    with pytest.raises(MethodError, match="it must be running version 1"):
        catalogue.load(folder)


def test_layout_and_comments_are_not_content(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    path = folder / "walking" / "v1.yaml"
    path.write_text("# a remark\n" + path.read_text("utf-8"), "utf-8")
    assert catalogue.load(folder).newest("walking").hash == CATALOGUE.newest("walking").hash
    path.write_text(path.read_text("utf-8").replace('value: "10"', 'value: "11"'), "utf-8")
    catalogue._load.cache_clear()
    assert catalogue.load(folder).newest("walking").hash != CATALOGUE.newest("walking").hash


@pytest.mark.parametrize("cut", ["outcome: counted, ", "er_mg: 624162, "])
def test_cases_are_read_strictly(tmp_path: Path, cut: str) -> None:
    folder = copied(tmp_path)
    path = folder / "walking" / "cases.yaml"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace(cut, "", 1) if cut in text else text.replace(", er_mg: 624162", "", 1), "utf-8"
    )
    with pytest.raises(MethodError, match="is missing"):
        read_cases("walking", catalogue.load(folder))


def run(command: object, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments))  # type: ignore[arg-type]
    return result.exit_code, result.output


def test_methods_list_has_the_fields_of_the_contract() -> None:
    code, output = run(methods_command.command, "list", "--json")
    rows = {row["id"]: row for row in json.loads(output)}
    assert code == 0 and set(rows) == set(CATALOGUE.methods)
    assert set(rows["bus"]) >= {
        "id", "behaviour", "standard", "version", "published", "grade", "status", "titles",
    }  # fmt: skip
    assert (rows["online-meeting"]["status"], rows["online-meeting"]["grade"]) == ("ready", "standard")
    assert (rows["bus"]["status"], rows["bus"]["grade"]) == ("needs_figure", "foreign-official")


@pytest.mark.parametrize(
    "arguments", [[], ["list"], ["show", "metro"], ["show", "metro", "--json"], ["cases", "metro"]]
)
def test_methods_commands_end_well(arguments: list[str]) -> None:
    code, output = run(methods_command.command, *arguments)
    assert code == 0 and output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["show", "no-such"], 2, "There is no methodology"),
        (["check", "tests/broken/cycle.yaml"], 1, "go round in a circle"),
        (["check", "tests/broken/cycle.yaml", "--json"], 1, '"line"'),
        (["check", "tests/broken/in-order.yaml"], 0, "is in order"),
        (["check", "no-such-path"], 2, "does not exist"),
    ],
)
def test_methods_exit_codes(arguments: list[str], exit_code: int, words: str) -> None:
    code, output = run(methods_command.command, *arguments)
    assert code == exit_code and words in output


def test_factors_commands() -> None:
    code, output = run(
        factors_command.command, "list", "--family", "cn-grid-average", "--region", "beijing", "--json"
    )
    assert code == 0 and [f["value"] for f in json.loads(output)] == ["0.5580", "0.5554"]
    code, output = run(factors_command.command, "show", "cn-grid-2022-national")
    assert code == 0 and "0.5366" in output and "公告2024年第33号" in output
    assert run(factors_command.command, "show", "no-such")[0] == 2
    assert run(factors_command.command)[0] == 0


TRIP = '{"trip_id": "t", "start": "2025-06-01T09:00:00Z", "end": "2025-06-01T10:00:00Z", "distance_km": 4.2}'


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["walking", "--record", TRIP], 0, "no_figure:ef_baseline"),
        (["walking", "--record", TRIP, "--operator-pack", "demo"], 0, "624162"),
        (["walking", "--record", TRIP, "--floor", "foreign-official", "--lang", "en"], 0, "conservative"),
        (["walking", "--record", TRIP, "--operator-pack", "demo", "--format", "html"], 0, "<article"),
        (["walking", "--record", TRIP, "--operator-pack", "demo", "--json"], 0, '"illustration": true'),
        (["walking", "--record", TRIP, "--operator-pack", "no-such-file"], 1, "cannot be read"),
        (["walking", "--record", "{"], 1, "malformed"),
        (["walking", "--record", '{"a": 1, "a": 2}'], 1, "stands twice"),
        (["walking", "--record", "[1]"], 1, "malformed:record"),
        (["walking", "--record", '{"distance_km": 1e400}'], 1, "missing:trip_id"),
        (["walking", "--record", "@no-such-file"], 2, "is not a file"),
        (["flying", "--record", TRIP], 2, "There is no methodology"),
        (["walking"], 2, "--record"),
    ],
)
def test_explain_exit_codes(arguments: list[str], exit_code: int, words: str) -> None:
    code, output = run(explain_command.command, *arguments)
    assert (code, words in output) == (exit_code, True), output
