"""The sandbox as an operator starts it and a partner enters it: the copied command books an event, and live has none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.stack import Stack, free_port, until

pytestmark = [pytest.mark.platform]


class Sandbox(Stack):
    """The sandbox beside a live installation, on the same PostgreSQL server but in a database of its own."""

    def environment(self) -> dict[str, str]:
        made = super().environment()
        del made["ABATE_DEMO"]
        return made | {
            "ABATE_SANDBOX_DATABASE_URL": self.url("trial"),
            "ABATE_SANDBOX_BIND": f"127.0.0.1:{self.port}",
            "ABATE_SANDBOX_ORIGIN": self.origin,
        }

    def abate(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "abate", *words], env=self.environment() | more, text=True,
                              capture_output=True, check=False)  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with tempfile.TemporaryDirectory(prefix="abs-") as name:
        running = Sandbox(Path(name))
        try:
            running.create()
            running._run("createdb", "-h", str(running.sockets), "-U", "postgres", "trial")
            log = (running.folder / "server.log").open("ab")
            running.server = subprocess.Popen([sys.executable, "-m", "abate", "serve", "--sandbox"],
                                              env=running.environment(), stderr=log, stdout=log)  # fmt: skip
            until("the sandbox's readiness", running._ready)
            yield running
        finally:
            running.stop()


@pytest.mark.clause("P-7.3.3.3-a", "P-8.3")
def test_the_copied_command_books_the_first_event_and_live_has_none(sandbox: Sandbox) -> None:
    told = sandbox.abate("party", "try", "city-bikes")
    assert told.returncode == 0, told.stderr
    script = "".join(
        f"{line}\n"
        for line in told.stdout.splitlines()
        if line.startswith(("export", "TOKEN", "  grep", "curl"))
    )
    assert script.count("\n") == 4
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    (result,) = json.loads(ran.stdout)["results"]
    assert result["outcome"] == "credited" and result["credits"] > 0, ran.stdout
    # Live knows neither the party nor the entry, and its books are empty.
    assert json.loads(sandbox.abate("party", "list", "--json").stdout) == []
    assert "city-bikes" in sandbox.abate("party", "list", "--sandbox").stdout
    for more, booked in (({}, False), ({"ABATE_SANDBOX": "1"}, True)):
        count = "from abate.platform.ledger.models import Entry; print(Entry.objects.exists())"
        start = ("from pathlib import Path; from abate.platform.config import setup; import os;"
                 "setup.environment(Path(os.environ['ABATE_DATA_DIR'])); setup.migrate();")  # fmt: skip
        found = subprocess.run([sys.executable, "-c", start + count], env=sandbox.environment() | more, text=True,
                               capture_output=True, check=True)  # fmt: skip
        assert found.stdout.split() == [str(booked)]


def test_a_database_of_the_one_never_serves_the_other(sandbox: Sandbox) -> None:
    swapped = sandbox.abate("party", "list", DATABASE_URL=sandbox.url("trial"))
    assert swapped.returncode == 1 and "its database is that of a sandbox" in swapped.stderr
    sandbox.abate("party", "list")
    swapped = sandbox.abate("party", "list", "--sandbox", ABATE_SANDBOX_DATABASE_URL=sandbox.url())
    assert swapped.returncode == 1 and "its database is that of live" in swapped.stderr
    served = sandbox.abate("serve", "--sandbox", ABATE_SANDBOX_DATABASE_URL=sandbox.url(),
                           ABATE_SANDBOX_BIND=f"127.0.0.1:{free_port()}")  # fmt: skip
    assert served.returncode == 1 and "ABATE_SANDBOX_DATABASE_URL" in served.stderr
    assert "ABATE_SANDBOX" not in os.environ
