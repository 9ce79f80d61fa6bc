"""`make holes` names known holes of the locked packages, and never calls whole what was not looked up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {"name": "made-up", "version": "1.0", "vulns": []}
HOLED = {"name": "holed", "version": "2.0", "vulns": [{"id": "MADE-UP-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "unknown", "skip_reason": "Dependency not found"}


def looked(tmp_path: Path, said: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The target, with a pip-audit that says this and keeps what it was asked."""
    program = tmp_path / "pip-audit"
    text = said if isinstance(said, str) else json.dumps({"dependencies": said, "fixes": []})
    program.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'asked')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        f"sys.stdout.write({text!r}); sys.stderr.write('no way there\\n'); sys.exit({code})\n"
    )
    program.chmod(0o755)
    bin_ = Path(sys.executable).parent
    make = [
        "make",
        "-s",
        "-o",
        ".venv/.dev",
        "-o",
        ".venv/holes/.done",
        f"V={bin_}",
        f"AUDIT={program}",
        "holes",
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(make, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def test_every_package_looked_up_and_none_holed_is_the_only_success(tmp_path: Path) -> None:
    made = looked(tmp_path, [WHOLE])
    assert made.returncode == 0 and "1 packages looked up, 0 known holes" in made.stdout, made.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert any("requirements/platform.txt" in line and "--require-hashes" in line for line in asked)


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ([WHOLE, HOLED], 1, "holed 2.0: MADE-UP-1, mended in 2.1"),
        ([WHOLE, SKIPPED], 0, "not looked up: 1 of 2 packages (unknown"),
        ([HOLED, SKIPPED], 1, "not looked up: 1 of 2"),
        ([], 0, "not looked up: 0 of 0"),
        ("", 1, "nothing was looked up: no way there"),
    ],
)
def test_a_hole_and_what_was_not_looked_up_are_named_and_fail(
    tmp_path: Path, said: object, code: int, words: str
) -> None:
    made = looked(tmp_path, said, code)
    assert made.returncode != 0 and words in made.stderr, made.stdout + made.stderr
