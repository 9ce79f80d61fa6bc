"""`abate estimate`, and every command of docs/howto/estimates.md as printed there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "estimates.md"
SAMPLES = ROOT / "docs" / "howto" / "estimates"


SHELL = re.compile(r"^(?!abate )|[$|<>;&]")
"""A line for which it takes a shell; any other runs here, without the two seconds of a process of its own."""


def in_a_shell(command: str) -> tuple[int, str]:
    here = re.sub(r"(^|\$\()abate ", rf"\1{sys.executable} -m abate ", command)
    result = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result.exit_code, result.output


@pytest.mark.clause("M-2.3.6-2", "M-2.3.6-3", "M-2.3.6-4", "M-2.3.6-5", "D-6.6-2")
def test_every_command_of_the_page_runs_and_prints_the_figures_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    page = PAGE.read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```(?:\s*```text\n(.*?)```)?", page, flags=re.S)
    assert len(blocks) >= 7
    monkeypatch.chdir(tmp_path)
    for commands, expected in blocks:
        printed = ""
        for command in commands.replace("\\\n", " ").splitlines():
            code, said = in_a_shell(command) if SHELL.search(command) else run(*shlex.split(command)[1:])
            assert code == 0, f"{command}\n{said}"
            printed += said
        for line in expected.splitlines():
            assert line.strip() in printed, f"{line}\nis not in\n{printed}"


@pytest.mark.clause("M-2.3.6-2")
def test_json_has_all_that_an_estimate_states(tmp_path: Path) -> None:
    out = tmp_path / "r.yaml"
    code, text = run("estimate", "rate", "--method", "survey", SAMPLES / "survey.csv", "--strata",
                     SAMPLES / "strata.csv", "-o", out, "--json")  # fmt: skip
    data = json.loads(text)
    assert code == 0
    assert float(data["value"]) <= float(data["one_sided"][0]) < float(data["point"])
    for name in ("asked", "units", "standard_error", "two_sided", "level", "required", "clause", "period", "review_by",
                 "input_sha256", "sha256"):  # fmt: skip
        assert data[name], name
    higher = tmp_path / "h.yaml"
    run("estimate", "rate", "--method", "survey", SAMPLES / "survey.csv", "--strata", SAMPLES / "strata.csv", "-o",
        higher, "--level", "0.99")  # fmt: skip
    assert "0.99" in higher.read_text("utf-8")
    assert _value(higher) < _value(out)


def _value(path: Path) -> float:
    found = re.search(r'^value: "([0-9.]+)"', path.read_text("utf-8"), flags=re.M)
    assert found
    return float(found[1])


def test_an_estimate_is_never_overwritten_and_a_refusal_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "e.yaml"
    small = tmp_path / "three.csv"
    small.write_text("\n".join((SAMPLES / "readings.csv").read_text("utf-8").splitlines()[:4]), "utf-8")
    code, text = run("estimate", "eta", "--method", "survey", small, "-o", out)
    assert code == 1 and text.startswith("sample_too_small:") and "D-6.6-2" in text and not out.exists()
    assert run("estimate", "eta", "--method", "survey", SAMPLES / "readings.csv", "-o", out)[0] == 0
    code, text = run("estimate", "eta", "--method", "survey", SAMPLES / "readings.csv", "-o", out)
    assert code == 1 and "never overwritten" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("rate", "--method", "duration", "durations.csv"),
        ("rate", "--method", "places", "places.csv", "--longer-than", "60"),
        ("rate", "--method", "places", "places.csv", "--population", "60"),
        ("eta", "--method", "regression", "history.csv", "--strata", "strata.csv"),
        ("rate", "--method", "survey", "survey.csv", "--level", "1"),
        ("rate", "--method", "survey", "survey.csv", "--strata", "strata.csv", "--population", "9"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    placed = [str(SAMPLES / a) if a.endswith(".csv") else a for a in arguments]
    assert run("estimate", *placed, "-o", tmp_path / "x.yaml")[0] == 2


def test_check_names_the_line_that_is_not_proved(tmp_path: Path) -> None:
    out = tmp_path / "r.yaml"
    args = (
        "--method",
        "duration",
        SAMPLES / "durations.csv",
        "--longer-than",
        "45",
        "--longer-than-source",
        "policy 7",
    )
    assert run("estimate", "rate", *args, "-o", out)[0] == 0
    assert run("estimate", "check", out, SAMPLES / "durations.csv")[0] == 0
    known = _value(out)
    forged = re.sub(r'(?m)^point: "0\.', 'point: "1.', out.read_text("utf-8"))
    out.write_text(forged, "utf-8")
    code, text = run("estimate", "check", out, SAMPLES / "durations.csv")
    assert code == 1 and "not_proved" in text and '- point: "1.' in text and _value(out) == known


def test_without_its_packages_the_command_says_what_to_install(tmp_path: Path) -> None:
    barred = (
        "import sys\n"
        "class Bar:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('numpy', 'scipy', 'statsmodels', 'pandas'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Bar())\n"
        "sys.argv = ['abate', *sys.argv[1:]]\n"
        "from abate.cli.main import main\n"
        "main()\n"
    )
    arguments = [
        "estimate",
        "eta",
        "--method",
        "survey",
        str(SAMPLES / "readings.csv"),
        "-o",
        str(tmp_path / "e.yaml"),
    ]
    result = subprocess.run(
        [sys.executable, "-c", barred, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert 'pip install "abate[statistics]"' in result.stderr and "Traceback" not in result.stderr
