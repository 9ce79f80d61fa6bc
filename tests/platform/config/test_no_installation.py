"""Commands that work on an installation begin none: in an empty folder they say so, and leave it empty."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.platform]
COMMANDS = {
    "party": ["party", "list"],
    "cap": ["cap", "list"],
    "reconcile": ["reconcile"],
    "close": ["close"],
    "revalue": ["revalue", "--behaviour", "cycling", "--from", "2026-05-01", "--to", "2026-05-31"],
    "load": ["load", __file__, "--party", "nobody"],
    "months": ["months"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_folder_stays_empty(command: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL" and not k.startswith("ABATE_")}
    done = subprocess.run(
        [sys.executable, "-m", "abate", *COMMANDS[command]],
        env=environment | {"ABATE_DATA_DIR": str(tmp_path / "here")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "There is no installation of Abate" in done.stderr and "abate serve" in done.stderr
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []
