"""The oldest PostgreSQL we support, 16, runs the main path too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.platform, pytest.mark.slow]


def test_the_main_path_on_postgresql_16(tmp_path: Path) -> None:
    pgserver = pytest.importorskip(
        "pgserver", reason="the wheel has no build for this Python; until it has one"
    )
    server = pgserver.get_server(tmp_path / "pg16", cleanup_mode="delete")
    try:
        assert server.psql("show server_version_num").split()[2].startswith("16")
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "tests/platform/pipeline",
                "tests/platform/log",
                "-m",
                "not slow",
            ],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": server.get_uri()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-3000:]
    finally:
        server.cleanup()
