"""Two commands begin one new installation at the same moment: one makes the tables, the other finds them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

pytestmark = [pytest.mark.platform]
NAME = "begun_twice"
START = """
import sys
from pathlib import Path
from abate.platform.config import setup
setup.environment(Path(sys.argv[1]), begin=True)
sys.stdin.readline()
setup.migrate()
"""


@pytest.fixture
def address(transactional_db: None, postgres_url: str) -> Iterator[str]:
    """Of a database in which there is nothing."""
    options = connection.get_connection_params()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"drop database if exists {NAME}")
        server.execute(f"create database {NAME} template template0")
    yield f"postgresql://{options['user']}@/{NAME}?host={options['host']}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"drop database {NAME} with (force)")


def test_neither_ends_with_a_fault(address: str, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ABATE_")}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(tmp_path / folder)],
            env=kept | {"DATABASE_URL": address, "ABATE_OWNER_URL": ""},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for folder in ("first", "second")
    ]  # fmt: skip
    for one in both:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    told = [one.communicate(timeout=180)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    with psycopg.connect(address) as made:
        (done,) = made.execute("select count(*) > 0 from parties_area").fetchone() or (False,)
    assert done
