"""Each of the 59 behaviours and the three project methodologies lists, checks, computes and explains from the
command line; every number shown names its document and table, or says whose figure it waits for."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from abate.cli.main import main
from abate.quantify import catalogue
from abate.quantify.cases import Case, read_cases

CATALOGUE = catalogue.load()
PROJECTS = {"online-meeting", "digital-reading", "scope-3-plus"}
DEMO = ("--operator-pack", "demo")


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(w) for w in words])
    return result.exit_code, result.stdout


def explained(name: str, record: dict[str, object], *words: str) -> tuple[int, dict[str, Any]]:
    code, text = run("explain", name, "--record", json.dumps(record, ensure_ascii=False), "--json", *words)
    return code, json.loads(text)["explanation"]


@cache
def worked(name: str) -> Case:
    """The first case with the figures of the demonstration that is counted by the newest version."""
    newest = CATALOGUE.newest(name)
    for case in read_cases(name, CATALOGUE):
        setting = case.setting
        usual = setting.region is None and setting.on is None and setting.floor == "standard"
        ours = setting.pack is None or setting.pack.id == "demo"
        if case.expect["outcome"] == "counted" and usual and ours and case.expect.get("reason") is None:
            code, told = explained(name, case.record, *DEMO)
            if code == 0 and told["version"] == newest.version:
                return case
    raise AssertionError(
        f"{name}: no counted case of version {newest.version} with the demonstration's figures"
    )


def figures(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [f for s in steps for f in (*s["figures"], *figures(s["steps"]))]


@pytest.mark.clause("P-A")
def test_all_59_and_the_three_of_projects_are_listed() -> None:
    code, text = run("methods", "list", "--json")
    rows = json.loads(text)
    numbers = [row["behaviour"] for row in rows if row["behaviour"] is not None]
    assert code == 0 and sorted(numbers) == list(range(1, 60))
    assert {row["id"] for row in rows} >= PROJECTS
    code, text = run("methods", "list", "--json", *DEMO)
    assert [row["id"] for row in json.loads(text) if row["status"] != "ready" or not row["open"]] == []


@pytest.mark.clause("P-A", "P-7.3.3.1")
@pytest.mark.parametrize("name", CATALOGUE.methods)
def test_it_checks_computes_and_explains(name: str) -> None:
    assert run("methods", "check", CATALOGUE.folder / name)[0] == 0
    case = worked(name)
    code, told = explained(name, case.record, *DEMO)
    assert code == 0 and told["outcome"] == "counted" and told["steps"]
    er = next(r["mg"] for r in told["rounding"] if r["name"].startswith("ER"))
    assert er == case.expect.get("er_mg", er)
    for figure in [*figures(told["steps"]), *told["check_figures"]]:
        assert figure["document"]["zh"] and figure["document"]["en"] and figure["place"], figure["parameter"]
        assert figure["grade"] and figure["reason"]["zh"], figure["parameter"]


@pytest.mark.slow
@pytest.mark.clause("P-A")
@pytest.mark.parametrize("name", CATALOGUE.methods)
def test_a_file_of_it_gives_what_its_explanation_says(name: str, tmp_path: Path) -> None:
    case = worked(name)
    told = explained(name, case.record, *DEMO)[1]
    er = next(r["mg"] for r in told["rounding"] if r["name"].startswith("ER"))
    source, out = tmp_path / "records.jsonl", tmp_path / "out.csv"
    source.write_text(json.dumps(case.record, ensure_ascii=False) + "\n", "utf-8")
    code, text = run("quantify", name, source, "-o", out, *DEMO, "--json")
    assert code == 0, text
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["outcome"], row["er_mg"], row["factors"]) == ("counted", str(er), told["factors"])
    assert (row["method"], row["method_version"]) == (name, str(told["version"]))


@pytest.mark.clause("P-A", "P-7.3.3.1")
@pytest.mark.parametrize("name", CATALOGUE.methods)
def test_without_the_pack_a_number_has_its_document_or_waits_for_the_operator(name: str) -> None:
    shown = json.loads(run("methods", "show", name, "--json")[1])
    waiting = []
    for figure in shown["figures"]:
        if figure["value"] is None:
            waiting.append(figure["parameter"])
            assert figure["note"]["zh"] and figure["note"]["en"], figure["parameter"]
        else:
            assert figure["document"]["zh"] and figure["place"] and figure["grade"], figure["parameter"]
            assert figure["illustration"] is False
    code, told = explained(name, worked(name).record)
    if shown["status"] == "needs_figure":
        assert (code, told["outcome"]) == (0, "needs_figure") and set(waiting) >= {
            needed["parameter"] for needed in told["missing"]
        }
        assert told["reason"].removeprefix("no_figure:") in waiting
        assert all(needed["note"]["en"] and needed["unit"] for needed in told["missing"])
    else:
        assert code == 0 and told["outcome"] in ("counted", "needs_figure"), told["reason"]
        assert not told["illustration"]


@pytest.mark.slow
def test_every_worked_case_runs_from_the_command_line() -> None:
    code, text = run("methods", "cases", "--json")
    found = json.loads(text)
    assert code == 0 and {row["method"] for row in found} == set(CATALOGUE.methods)
    assert [row for row in found if row["differences"]] == [] and len(found) > 10 * len(CATALOGUE.methods)
