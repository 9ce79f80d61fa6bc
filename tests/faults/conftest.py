"""What tests of copies and of what comes back from them share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abate.platform.doors import private_postgres


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder short enough for the socket to lie in the data folder, as it does for most installations."""
    with tempfile.TemporaryDirectory(prefix="abr-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for data in ("old", "new", "other", "one", "two"):
            private_postgres.stop(folder / data)
