"""`abate totals`: what a person and a program are shown, and the commands of its page as printed there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli.main import main

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
RECORDS = HOWTO / "scope-3-plus" / "records.jsonl"


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["totals", *(str(w) for w in words)])
    return result.exit_code, result.output


@pytest.mark.clause("S-5.7")
def test_every_command_of_the_page_runs_and_prints_what_stands_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(HOWTO)
    page = (HOWTO / "scope-3-plus.md").read_text("utf-8")
    blocks = re.findall(r"```sh\nabate (.*?)```(?:\s*```text\n(.*?)```)?", page, flags=re.S)
    assert len(blocks) == 3
    for command, expected in blocks:
        done = CliRunner().invoke(main, shlex.split(command))
        assert done.exit_code == 0, done.output
        for line in expected.splitlines():
            assert line in done.output


def test_json_says_what_was_voided_stated_and_negative(tmp_path: Path) -> None:
    out = tmp_path / "totals.json"
    code, text = run("scope-3-plus", RECORDS, "--json", "-o", out)
    data = json.loads(text)
    assert code == 0 and json.loads(out.read_text("utf-8")) == data
    assert data["complete"] and data["one"] == {"gwp_set": "ar5"}
    assert [v["value"] for v in data["voided"]] == ["s-3"]
    assert [s["values"] for s in data["stated"]] == [["s-1", "s-2"]]
    negative = [t for t in data["totals"] if t["negative"]]
    assert [(t["year"], t["er_mg"]) for t in negative] == [(2025, -546_000_000)]
    assert {p["per"]["project_id"] for p in data["projects"]} == {"p-1", "p-2"}
    assert run("scope-3-plus", RECORDS, "-o", out)[0] == 1


def test_an_incomplete_total_says_so_first(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(RECORDS.read_text("utf-8").replace('"gas":"co2"', '"gas":"argon"'), "utf-8")
    code, text = run("scope-3-plus", path)
    assert code == 0 and "NOT COMPLETE" in text.splitlines()[1]
    assert "1 records refused out_of_range:gas" in text


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, text = run("scope-3-plus", tmp_path / "none.csv")
    assert code == 1 and "none.csv: there is no such file" in text
    assert run("no-such", RECORDS)[0] == 2


@pytest.mark.clause("S-5.5.1-3", "S-5.5.4")
def test_the_declared_project_of_the_page(tmp_path: Path) -> None:
    given = (HOWTO / "scope-3-plus" / "p-1.jsonl", "--project", HOWTO / "scope-3-plus" / "p-1.yaml")
    code, text = run("scope-3-plus", *given, "--reported", "2026-01-31")
    assert code == 0 and "declaration p-1: p-1.yaml" in text and "reviewed by 2028-02-10" in text
    assert "every year is recommended" in run("scope-3-plus", *given, "--reported", "2026-02-11")[1]
    code, text = run("scope-3-plus", *given, "--reported", "2028-02-11")
    assert code == 1 and "baseline_overdue" in text and "p-1.yaml" in text
    assert "--reported" in run("scope-3-plus", *given)[1]
    assert "were not checked (--project)" in run("scope-3-plus", given[0])[1]
    (declared,) = json.loads(run("scope-3-plus", *given, "--reported", "2026-01-31", "--json")[1])["declared"]
    assert declared["overdue_on"] == "2028-02-10" and len(declared["sha256"]) == 64
