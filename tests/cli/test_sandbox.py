"""The sandbox as an operator starts it and a partner enters it: the copied command books an event, and live has none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from standardwebhooks import Webhook
from tests.faults.stack import Stack, free_port, until
from tests.house.test_docs_examples import ROOT, prints_what_it_says
from tests.platform.parties.test_webhooks import Receiver
from tests.platform.streams.brokers import nats_server

from abate.client import Client, Key, samples
from abate.client.conformance import LINES

pytestmark = [pytest.mark.platform]


class Sandbox(Stack):
    """The sandbox beside a live installation, on the same PostgreSQL server but in a database of its own."""

    def environment(self) -> dict[str, str]:
        made = super().environment()
        del made["ABATE_DEMO"]
        return made | {
            # One login that owns, as installations have it that were made before there were two.
            "DATABASE_URL": self.url(),
            "ABATE_OWNER_URL": "",
            "ABATE_SANDBOX_DATABASE_URL": self.url("trial"),
            "ABATE_SANDBOX_BIND": f"127.0.0.1:{self.port}",
            "ABATE_SANDBOX_ORIGIN": self.origin,
            "ABATE_WEBHOOK_LOOPBACK": "1",
        }

    def abate(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "abate", *words], env=self.environment() | more, text=True,
                              capture_output=True, check=False)  # fmt: skip


@contextmanager
def serving(*, copied: bool = False) -> Iterator[Sandbox]:
    """One that serves, in a folder of its own. `copied`: its tables are those of live, which nobody has used yet; without,
    it makes them itself.
    """
    with tempfile.TemporaryDirectory(prefix="abs-") as name:
        running = Sandbox(Path(name))
        try:
            running.create()
            with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
                connection.execute(f"create database trial{' template abate strategy file_copy' * copied}")
            if copied:
                with psycopg.connect(running.url("trial"), autocommit=True) as connection:
                    # Whose it is is written by whoever serves it first.
                    connection.execute("delete from parties_area")
            with (running.folder / "server.log").open("ab") as log:
                running.server = subprocess.Popen([sys.executable, "-m", "abate", "serve", "--sandbox"],
                                                  env=running.environment(), stderr=log, stdout=log)  # fmt: skip
            until("the sandbox's readiness", running._ready)
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving() as running:
        yield running


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


@pytest.mark.clause("P-7.3.3.3-a")
def test_a_partner_s_stream_is_tried_in_the_sandbox_and_live_has_none_of_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    made = json.loads(sandbox.abate("party", "try", "stream-rides", "--json").stdout)
    event = samples.meeting("stream-rides", made["subjects"][0], "m1", datetime.now(UTC) - timedelta(hours=3))
    with nats_server(tmp_path) as server:
        server.publish([(json.dumps(event).encode(), {})])
        words = [
            "consume",
            server.address,
            "--party",
            "stream-rides",
            "--topic",
            server.topic,
            "--until-empty",
        ]
        live = sandbox.abate(*words)
        assert live.returncode == 1 and "party-unknown" in live.stderr, live.stderr
        tried = sandbox.abate(*words, "--sandbox", "--json")
    assert json.loads(tried.stdout) == {"events": 1, "outcomes": {"credited": 1}}, tried.stderr


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


@pytest.mark.clause("P-7.3.3.3-a", "P-8.5-d")
def test_the_conformance_kit_passes_a_partner_that_is_ready_and_finds_one_that_is_not(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    made = json.loads(sandbox.abate("party", "try", "ready-rides", "--behaviour", "cycling", "--json").stdout)
    assert made["behaviours"] == ["cycling", "online-meeting", "walking"]
    private = ed25519.Ed25519PrivateKey.generate()
    (tmp_path / "private.pem").write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    signed = sandbox.abate(
        "party", "key", "sign", made["client_id"], str(tmp_path / "public.pem"), "--sandbox"
    )
    keyid = json.loads(signed.stdout)["keyid"]
    words = ["party", "check", made["origin"], "--party", "ready-rides", "--json"]
    signing = ["--sign-with", str(tmp_path / "private.pem"), "--keyid", keyid]
    key = {"ABATE_KEY": f"{made['client_id']}:{made['client_secret']}"}
    people = [word for subject in made["subjects"] for word in ("--subject", subject)]
    people += [word for behaviour in made["behaviours"] for word in ("--behaviour", behaviour)]
    for how in ([], signing):
        ran = sandbox.abate(*words, *people, *how, **key)
        report = {line["name"]: line for line in json.loads(ran.stdout)}
        assert ran.returncode == 0, [line for line in report.values() if not line["passed"]]
        assert {
            "good",
            "own-cycling",
            "own-cycling-again",
            "repeated",
            "conflict",
            "bad-stranger",
            "order",
            "withdrawn",
            "corrected",
            "idempotent",
        } <= set(report)
        assert ("replayed" in report) == bool(how)
        assert {name for name in report if not name.startswith("own-")} - {
            "signed",
            "replayed",
            "changed",
        } == LINES
    # A partner that names a person it was not given is found out, line by line, and told what came.
    ran = sandbox.abate(*words, "--subject", "nobody", **key)
    report = {line["name"]: line for line in json.loads(ran.stdout)}
    assert ran.returncode == 1 and not report["good"]["passed"] and report["good"]["found"] == "refused"
    assert report["access"]["passed"]
    live = sandbox.abate(*words, *people, ABATE_KEY="0123:secret")
    assert live.returncode == 2 and "no key of a sandbox" in live.stderr


def test_a_running_server_tells_of_events_by_itself(sandbox: Sandbox) -> None:
    made = json.loads(sandbox.abate("party", "try", "told-rides", "--json").stdout)
    receiver = Receiver()
    try:
        hook = sandbox.abate("party", "hook", "add", "told-rides", receiver.url, "--sandbox", "--json")
        secret = json.loads(hook.stdout)["secret"]
        client = Client(made["origin"], "told-rides", Key(made["client_id"], made["client_secret"]))
        event = samples.meeting("told-rides", made["subjects"][0], "told-1", datetime.now(UTC))
        ((_, result),) = client.send([event])
        until("the message", lambda: bool(receiver.got))
        headers, body = receiver.got[0]
        told = Webhook(secret).verify(body, headers)
        assert told["type"] == "event.credited" and told["data"]["entry"] == result.entry
        until(
            "its line in the log",
            lambda: " told " in sandbox.abate("party", "hook", "log", "told-rides", "--sandbox").stdout,
        )
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()


@pytest.mark.clause("P-7.3.3.3-a", "P-6.2")
def test_the_client_s_page_runs_as_printed(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = json.loads(sandbox.abate("party", "try", "python-rides", "--json").stdout)
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "ABATE_SANDBOX_ORIGIN": made["origin"],
        "PARTY": "python-rides",
        "ABATE_KEY": f"{made['client_id']}:{made['client_secret']}",
        "SUBJECTS": " ".join(made["subjects"]),
    }.items():
        monkeypatch.setenv(name, text)
    prints_what_it_says(ROOT / "docs/howto/client.md")
