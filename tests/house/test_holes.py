"""`make holes` names known holes of the locked packages, and never calls whole what was not looked up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """#!{python}
import json, sys
said, whole = {said!r}, {whole!r}
asked = open(sys.argv[sys.argv.index("-r") + 1]).read()
open({kept!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
pinned = [line.split()[0].split("==") for line in asked.splitlines() if line[:1].isalnum() and ";" not in line]
found = [dict(name=name, version=version, vulns=[]) for name, version in pinned if whole]
found = [one | next((other for other in said if other["name"] == one["name"]), dict()) for one in found]
sys.stderr.write("no way there\\n")
sys.stdout.write(json.dumps(dict(dependencies=found, fixes=[])) if whole is not None else "")
"""
HOLED = {"name": "django", "vulns": [{"id": "MADE-UP-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "pint", "skip_reason": "Dependency not found"}


def looked(
    tmp_path: Path, said: list[dict[str, object]], whole: bool | None = True
) -> subprocess.CompletedProcess[str]:
    """The target, with a pip-audit that says this of what it is asked, and keeps its words."""
    program = tmp_path / "pip-audit"
    program.write_text(
        PROGRAM.format(python=sys.executable, said=said, whole=whole, kept=str(tmp_path / "asked"))
    )
    program.chmod(0o755)
    never = ["-o", ".venv/.dev", "-o", ".venv/holes/.done"]
    words = [*never, f"V={Path(sys.executable).parent}", f"AUDIT={program}", "holes"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "-s", *words], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )


def locked() -> int:
    text = (ROOT / "requirements/platform.txt").read_text(encoding="utf-8")
    return len([line for line in text.splitlines() if line[:1].isalnum()])


def test_every_package_looked_up_and_none_holed_is_the_only_success(tmp_path: Path) -> None:
    """Those of other machines and Pythons too, which pip-audit by itself leaves out without a word."""
    made = looked(tmp_path, [])
    assert made.returncode == 0 and f" {locked()} packages looked up, 0 known holes" in made.stdout, (
        made.stderr
    )
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) > 1 and all("--require-hashes" in line for line in asked)


@pytest.mark.parametrize(
    ("said", "whole", "code", "words"),
    [
        ([HOLED], True, 1, "MADE-UP-1, mended in 2.1"),
        ([SKIPPED], True, 3, "not looked up: 2 of {locked} packages (pint=="),
        ([HOLED, SKIPPED], True, 1, "not looked up: 2 of"),
        ([], False, 3, "not looked up: {locked} of {locked}"),
        ([], None, 3, "nothing was looked up: no way there"),
    ],
)
def test_a_hole_and_what_was_not_looked_up_are_named_and_fail(
    tmp_path: Path, said: list[dict[str, object]], whole: bool | None, code: int, words: str
) -> None:
    made = looked(tmp_path, said, whole)
    # What `make` says of a program that failed is its exit code.
    assert made.returncode != 0 and f"Error {code}" in made.stderr, made.stderr
    assert words.format(locked=locked()) in made.stderr, made.stderr
