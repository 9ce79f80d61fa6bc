"""A file of events whose processes are killed while it is booked: gone on with, to the counts and errors of one run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.faults.load import meeting
from tests.faults.stack import Stack, until
from tests.faults.test_kill import reconciled

from abate.client import Client, Key

pytestmark = [pytest.mark.platform, pytest.mark.slow, pytest.mark.clause("P-8.5-a")]
ROWS, BAD = 60_000, 600


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="abf-") as name:
        made = Stack(Path(name))
        try:
            made.create()
            made.start_server()
            yield made
        finally:
            made.stop()


def written(path: Path, subjects: list[str]) -> Path:
    at = (datetime.now(UTC) - timedelta(days=3)).replace(hour=1, minute=0, second=0, microsecond=0)
    with path.open("w") as file:
        for number in range(ROWS):
            event = meeting(number % 86_000, subjects[number % len(subjects)], at)
            if number % (ROWS // BAD) == 7:
                event["data"]["participants"] = -1
            file.write(json.dumps(event) + "\n")
    return path


def rows_through(stack: Stack) -> int:
    with psycopg.connect(stack.url()) as connection:
        found = connection.execute("select coalesce(max(rows), 0) from events_file").fetchone()
    assert found is not None
    return int(found[0])


def whole(stack: Stack) -> None:
    """Every sound row has one entry, every other one line with its reason, and the books agree."""
    with psycopg.connect(stack.url()) as connection:
        file = connection.execute("select state, rows, counts from events_file").fetchall()
        awards = connection.execute(
            "select count(*), count(distinct cause) from ledger_entry where kind = 1"
        ).fetchone()
        wrong = connection.execute("select count(*), count(distinct line) from events_filerow").fetchone()
    assert file == [(2, ROWS, {"credited": ROWS - BAD, "refused": BAD})]
    assert awards == (ROWS - BAD, ROWS - BAD) and wrong == (BAD, BAD)
    check = reconciled(stack)
    assert check.returncode == 0, check.stdout + check.stderr


def test_server_and_database_are_killed_while_a_file_is_booked(stack: Stack) -> None:
    keys: dict[str, Any] = stack.city(50)
    path = written(stack.folder / "meetings.jsonl", keys["subjects"])
    client = Client(stack.origin, "faults", Key(keys["client_id"], keys["secret"]))
    bearer = {"Authorization": f"Bearer {client.token()}"}
    asked = urllib.request.Request(
        f"{stack.origin}/v1/files?name=meetings.jsonl", data=path.read_bytes(), headers=bearer, method="POST"
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert answer.status == 202
        address = json.load(answer)["address"]
    until("the first chunk", lambda: rows_through(stack) > 0, 120)
    stack.kill_server()
    between = rows_through(stack)
    assert 0 < between < ROWS, "it was through before it was killed: this test kills nothing"
    stack.start_server()
    until("the next chunk", lambda: rows_through(stack) > between, 120)
    stack.kill_postgres()
    stack.start_postgres()

    def through() -> bool:
        with urllib.request.urlopen(urllib.request.Request(address, headers=bearer), timeout=30) as told:
            return bool(json.load(told)["state"] == "done")

    until("readiness", stack._ready)
    until("the whole file", through, 180)
    whole(stack)
    back = urllib.request.Request(f"{address}/back", headers=bearer)
    until(
        "the file back",
        lambda: (next(iter((stack.data / "files").glob("*.back.jsonl")), None)) is not None,
        60,
    )
    with urllib.request.urlopen(back, timeout=60) as told:
        lines = [json.loads(line) for line in told]
    assert len(lines) == ROWS and sum("abate_error" in line for line in lines) == BAD


def test_the_command_is_killed_and_called_again(stack: Stack) -> None:
    keys: dict[str, Any] = stack.city(50)
    path = written(stack.folder / "meetings.jsonl", keys["subjects"])
    command = [
        sys.executable,
        "-m",
        "abate",
        "load",
        str(path),
        "--party",
        "faults",
        "--chunk",
        "5000",
        "--json",
    ]
    child = subprocess.Popen(
        command, env=stack.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    until("the second chunk", lambda: rows_through(stack) >= 10_000, 120)
    child.kill()
    child.communicate()
    assert 0 < rows_through(stack) < ROWS
    done = subprocess.run(command, env=stack.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "going on after" in done.stderr, done.stderr
    assert json.loads(done.stdout)["outcomes"] == {"credited": ROWS - BAD, "refused": BAD}
    whole(stack)
    assert len(Path(f"{path}.errors.jsonl").read_text().splitlines()) == BAD
