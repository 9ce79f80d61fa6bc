"""Generated calls against a sandbox, with keys of the sandbox: held as on live, and nothing of them reaches the live books."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from psycopg import sql
from tests.api import rows
from tests.api.calls import Calls
from tests.api.sandbox import Sandbox
from tests.api.signing import MARK, Session
from tests.faults.stack import Stack

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-d")]
CALLS = 150
BOOKS = ("events_batch", "events_seen", "events_refusal", "events_file", "ledger_entry", "ledger_balance", "log_leaf",
         "parties_party", "people_person", "allauth_idp_oidc_token", "joining_application")  # fmt: skip
"""What a call could leave on live: all of it is nobody's there, and stays so."""


@pytest.fixture
def both() -> Iterator[tuple[Stack, Sandbox]]:
    with tempfile.TemporaryDirectory(prefix="abs-") as name:
        live = Stack(Path(name) / "live")
        sandbox = Sandbox(Path(name) / "tried", live)
        for one in (live, sandbox):
            one.folder.mkdir()
            one.more["ABATE_ADDRESS_PER_MINUTE"] = "1000000"
        try:
            live.create()
            sandbox.create()
            live.start_server()
            sandbox.start_server()
            yield live, sandbox
        finally:
            sandbox.stop()
            live.stop()


def held(stack: Stack) -> dict[str, int]:
    """How many rows each table of BOOKS has."""
    with psycopg.connect(stack.url()) as connection:
        found = {}
        for table in BOOKS:
            row = connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(table))
            ).fetchone()
            found[table] = row[0] if row else 0
        return found


def refused_on_live(live: Stack, calls: Calls, event: dict[str, Any]) -> None:
    """A key of the sandbox gets no token on live, its token opens nothing there, and its signature neither."""
    for code, (client, secret) in calls.known.city["keys"].items():
        assert client.startswith("sandbox-"), code
        given = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        answer = requests.post(f"{live.origin}/identity/o/api/token", data=given, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (401, "party-key-other-area"), code
    at, media = f"{live.origin}/v1/events", {"content-type": "application/cloudevents+json"}
    bearer = {"authorization": f"Bearer {calls.known.tokens['calls']}"}
    answer = requests.post(at, json=event, headers=media | bearer, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-refused")
    signed = Session(calls.known.signers).post(
        at, json=event, headers=media | {MARK: f"calls right {7:024x}"}, timeout=30
    )
    assert (signed.status_code, signed.json()["code"]) == (401, "party-key-other-area")


def test_calls_of_a_sandbox_are_held_as_on_live_and_never_reach_its_books(
    both: tuple[Stack, Sandbox],
) -> None:
    live, sandbox = both
    before = held(live)
    assert before["parties_party"] == before["events_batch"] == before["ledger_entry"] == 0
    calls = Calls(sandbox, drafts=3)
    begun = held(sandbox)
    calls.run(CALLS)
    assert not calls.failures, "\n".join(calls.failures[:5])
    every: Counter[int] = sum(calls.statuses.values(), Counter())
    assert (
        calls.answered >= CALLS * 0.9 and every[200] > CALLS * 0.25 and every[422] > 0 and every[404] > 0
    ), every
    log = (sandbox.folder / "server.log").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
    result = sandbox.abate("reconcile")
    assert result.returncode == 0, result.stdout + result.stderr
    assert rows.bad(sandbox.url()) == {}
    # What was sent is in the sandbox's books, and in those alone.
    assert held(sandbox)["events_batch"] > begun["events_batch"]
    refused_on_live(live, calls, calls.known.city["sample"][0])
    assert held(live) == before
