"""`abate uncertainty` and `abate sensitivity` as people call them, and the page that shows them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from click.testing import CliRunner, Result

from abate.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
DATA = str(ROOT / "docs/tutorial/meetings.csv")
STATED = ["--uncertainties", str(ROOT / "docs/tutorial/uncertainties.yaml")]
PAGE = (ROOT / "docs/howto/uncertainty.md").read_text()


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.clause("M-2.4", "S-7")
@pytest.mark.parametrize(
    ("command", "shown"), re.findall(r"```sh\nabate (.*?)\n```\n\n```text\n(.*?)```", PAGE, re.S)
)
def test_the_examples_of_the_page(command: str, shown: str) -> None:
    arguments = [str(ROOT / a) if a.startswith("docs/") else a for a in command.split()]
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    printed = result.output.splitlines()
    for line in shown.splitlines():
        assert any(p.startswith(line) for p in printed), line


@pytest.mark.clause("D-8", "S-7")
def test_the_result_as_json_and_as_a_file(tmp_path: Path) -> None:
    out = tmp_path / "records.parquet"
    result = call("uncertainty", "online-meeting", DATA, *STATED, "--json", "-o", str(out))
    found = json.loads(result.output)
    portfolio = found["portfolio"]
    assert portfolio["point"] == sum(
        r["spread"]["point"] for r in found["records"] if r["outcome"] == "counted"
    )
    assert portfolio["low"] < portfolio["point"] < portfolio["high"]
    assert portfolio["conservative"] < portfolio["point"] and found["percentile"] == 5
    assert found["illustration"] and found["percentile_source"] == "made up, none"
    assert "pkm_rail" in found["exact"] and "replacement_rate" not in found["exact"]
    assert {a["reason"] for a in found["apart"]} == {"too_short:M-2.2.2", "out_of_range:replacement_rate"}
    table = parquet.read_table(out)
    assert table.num_rows == found["rows"] == 5 and table["er_mg"].to_pylist()[0] == 4149080
    again = call("uncertainty", "online-meeting", DATA, *STATED, "--json")
    assert again.output == result.output


def test_without_a_percentile_there_is_no_conservative_figure() -> None:
    result = call("uncertainty", "online-meeting", DATA)
    assert result.exit_code == 0 and "ask with --percentile P" in result.output
    assert "no uncertainty is stated for anything" in result.output


def test_a_refused_request_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "records.csv"
    result = call("uncertainty", "online-meeting", DATA, *STATED, "--draws", "50", "-o", str(out))
    assert result.exit_code == 1 and "take 400 draws or more" in result.stderr
    wrong = call("uncertainty", "online-meeting", str(tmp_path / "none.csv"), *STATED, "-o", str(out))
    assert wrong.exit_code == 1 and "there is no such file" in wrong.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_pack_may_state_uncertainties(tmp_path: Path) -> None:
    section = (ROOT / "docs/tutorial/uncertainties.yaml").read_text().replace("\n", "\n  ")
    pack = tmp_path / "pack.yaml"
    pack.write_text(
        "pack: city\ntitles: {zh: 城市, en: city}\nillustration: true\nfigures: []\nuncertainty:\n  "
        + section
    )
    by_pack = call("uncertainty", "online-meeting", DATA, "--operator-pack", str(pack), "--json")
    assert by_pack.exit_code == 0, by_pack.output
    assert by_pack.output == call("uncertainty", "online-meeting", DATA, *STATED, "--json").output


@pytest.mark.parametrize("command", ["uncertainty", "sensitivity"])
def test_without_the_extra_it_says_what_to_install(command: str) -> None:
    barred = (
        "import sys\n"
        "class Bar:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('numpy', 'scipy'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Bar())\n"
        "from abate.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", barred, command, "online-meeting", DATA],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert 'pip install "abate[statistics]"' in done.stderr and "Traceback" not in done.stderr
