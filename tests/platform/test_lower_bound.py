"""The oldest PostgreSQL we support, 16, runs the main path too."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.platform, pytest.mark.slow]


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own folder: another run of pytest closes that one to the server's user.
    with tempfile.TemporaryDirectory(prefix="ab16-") as name:
        yield Path(name) / "pg16"


def test_the_main_path_on_postgresql_16(folder: Path) -> None:
    pgserver = pytest.importorskip(
        "pgserver", reason="the wheel has no build for this Python; until it has one"
    )
    server = pgserver.get_server(folder, cleanup_mode="stop")
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
