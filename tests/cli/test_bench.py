"""`abate bench`: lists what there is and gives ratios as JSON, on rows few enough for a test."""

from __future__ import annotations

import json

import pytest
from benchmarks import aims
from benchmarks.aims import MISSING
from click.testing import CliRunner

from abate.cli.bench import command


def test_list_and_unknown() -> None:
    listed = CliRunner().invoke(command, ["--list"])
    assert listed.exit_code == 0 and "quantify" in listed.output
    assert CliRunner().invoke(command, ["no-such-benchmark"]).exit_code == 2


def test_quantify_gives_equal_amounts_and_ratios() -> None:
    done = CliRunner().invoke(command, ["quantify", "--rows", "5000", "--rounds", "1", "--json"])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)["quantify"]
    assert figures["rows"] == 5000
    assert figures["rows_where_amounts_differ"] == 0
    assert figures["speed_over_polars"] > 0 and figures["memory_over_polars"] > 0
    aimed = [aim for aim in aims.read()[0] if aim.bench == "quantify"]
    assert aimed and MISSING not in [aim.judge(figures)[0] for aim in aimed]


def test_pgledger_is_skipped_with_its_reason_where_its_sql_is_not_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ABATE_PGLEDGER_SQL", raising=False)
    done = CliRunner().invoke(command, ["pgledger", "--json"])
    assert done.exit_code == 0 and "ABATE_PGLEDGER_SQL" in json.loads(done.stdout)["pgledger"]["skipped"]
