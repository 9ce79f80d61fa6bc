"""Every command of README.md runs as printed, and the figures beside it are the ones it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Tested elsewhere: the make targets run the whole suite or the demo (tests/demo), serve runs in tests/faults, setup and
# upgrade are read from here by tests/cli/test_setup.py.
ELSEWHERE = ("make ", *(f".venv/bin/abate {word}" for word in ("serve", "doctor", "setup", "upgrade")))


def commands(name: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), flags=re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_both_readmes_show_the_same_commands() -> None:
    chinese = [c.replace("--lang zh", "--lang en") for c in commands("README.zh-CN.md")]
    assert commands("README.md") == chinese
    assert commands("README.md")[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", [c for c in commands("README.md") if not c.startswith(ELSEWHERE)])
def test_the_command_runs(command: str, tmp_path: Path) -> None:
    here = command.replace(".venv/bin/abate", f"{sys.executable} -m abate")
    here = here.replace("-o meetings.parquet", f"-o {tmp_path / 'meetings.parquet'}")
    result = subprocess.run(
        ["bash", "-c", here], cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert result.returncode == 0, result.stderr
    if "explain" in command:
        for figure in ("4149080", "0.03546", "0.5306", "2025-12-31"):
            assert figure in result.stdout.replace(",", ""), f"{figure} is not in:\n{result.stdout}"


@pytest.mark.parametrize(
    "name", ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/explain/README.md"]
)
def test_every_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert links and not missing, missing
