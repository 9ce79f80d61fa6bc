"""The private PostgreSQL: started by the first who needs it, stopped by the last, found again after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from abate.platform.doors import private_postgres

pytestmark = pytest.mark.platform
USER = """
import sys
from pathlib import Path
from abate.platform.doors import private_postgres
print(private_postgres.start(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
"""


def user(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Another process that uses the server until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=90)


def answers(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own folder: another run of pytest closes that one to the server's user.
    with tempfile.TemporaryDirectory(prefix="abp-") as name:
        yield Path(name)
        private_postgres.stop(Path(name))


def test_the_last_user_stops_it_and_a_killed_one_does_not_matter(folder: Path) -> None:
    first, address = user(folder)
    second, same = user(folder)
    assert address == same and answers(address)
    assert private_postgres.in_use(folder)
    end(first)
    assert answers(address), "it was stopped under a process that still uses it"
    os.kill(second.pid, signal.SIGKILL)
    second.wait()
    assert answers(address), "a killed process cannot stop it"
    third, _ = user(folder)
    end(third)
    assert not answers(address)


def test_it_starts_again_where_the_folders_name_is_longer_than_a_socket_can_be(folder: Path) -> None:
    long = folder / ("a-long-name-" * 9)
    process, address = user(long)
    assert answers(address)
    end(process)
    assert not answers(address)


def test_nobody_else_may_open_the_socket(folder: Path) -> None:
    process, address = user(folder)
    socket = Path(address.split("host=")[1]) / ".s.PGSQL.5432"
    assert socket.stat().st_mode & 0o077 == 0
    end(process)
