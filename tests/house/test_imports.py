"""Imports point only to rooms earlier in the flow, and the contract that says so is shown to be able to fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLANTED = {
    "a pure package that imports Django": ("quantify/planted.py", "import django.db\n"),
    "quantify that imports bookkeeping": ("quantify/planted.py", "import abate.bookkeeping.kinds\n"),
    "a room that imports a later room": (
        "platform/parties/planted.py",
        "import abate.platform.ledger.models\n",
    ),
    "a room that imports the pipeline": ("platform/carbon/planted.py", "import abate.platform.pipeline\n"),
    "a room that no layer lists": ("platform/annex/__init__.py", ""),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_follows_the_flow() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("planted", PLANTED, ids=list(PLANTED))
def test_a_planted_violation_is_found(planted: str, tmp_path: Path) -> None:
    name, text = PLANTED[planted]
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "static", "*.gz")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / "src" / "abate" / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    result = lint(tmp_path)
    assert result.returncode != 0, f"the contract did not notice {planted}:\n{result.stdout}"
    assert "BROKEN" in result.stdout or "annex" in result.stdout + result.stderr, (
        result.stdout + result.stderr
    )
