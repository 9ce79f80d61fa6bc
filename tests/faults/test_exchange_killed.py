"""kill -9 of `abate secrets rotate-master` in its gaps, beside a server that goes on: every text opens before, during, after."""

from __future__ import annotations

import json
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.faults.children import Child
from tests.faults.stack import PROGRAM, Stack, until
from tests.faults.test_backup import Restored, restore
from tests.platform.joining.applicants import PARTICULARS, PDF, registration

from abate.platform.doors import private_postgres

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.3")]
# A gap: before the n-th writing of the secret file, after it, or before the n-th batch is written.
CUT = """
import os, signal, sys
from abate.platform.config import setup
kind, number = os.environ["ABATE_TEST_GAP"].split()
passed = 0
def gap(name):
    global passed
    if name == kind:
        passed += 1
        if passed == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
migrate = setup.migrate
def planted():
    migrate()
    from django.db import connection
    from abate.platform.config import exchanging, rewrapping
    from abate.platform.doors import keyring, secret_file
    replace, rewrapping.BATCH = secret_file.replace, 2
    def writing(path, text):
        gap("before-file")
        replace(path, text)
        gap("after-file")
    def asking(do, text, *more):
        if text.startswith("\\nupdate"):
            gap("batch")
        return do(text, *more)
    secret_file.replace = writing
    connection.ensure_connection()
    connection.execute_wrappers.append(asking)
    FAULT
setup.migrate = planted
from abate.cli.main import main
main()
"""
# Planted: what was leaving is dropped before the last batch.
EARLY = """keep = keyring.keep_masters
    keyring.keep_masters = lambda path, held: keep(path, held[:1])"""
STEPS = [
    ([], "before-file 1", ["present"]),
    ([], "after-file 1", ["present", "next"]),
    (["--copied"], "before-file 1", ["present", "next"]),
    (["--copied"], "after-file 1", ["present", "leaving"]),
    (["--copied"], "batch 2", ["present", "leaving"]),
    ([], "batch 7", ["present", "leaving"]),
    ([], "before-file 1", ["present", "leaving"]),
    ([], "after-file 1", ["present", "retired"]),
]
"""What the command is called with, where it is killed, and which masters the file holds then."""


EMPTIED = {"notices_delivery.to_enc", "people_recovery.contact_enc", "people_recovery.code_enc"}
"""What a server empties once it is done with it."""


class Town:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        stack.more = {"ABATE_STAFF_SESSION": str(stack.folder / "home" / "session")}
        self.plain = stack.script("sealed_town.py", "fill", "5")["plain"]

    def begin(self, *words: str, program: list[str] | None = None, **more: str) -> Child:
        return self.stack.begin(*(program or PROGRAM), "secrets", *words, **more)

    def did(self, *words: str) -> dict[str, Any]:
        child = self.begin(*words)
        out, wrong = child.communicate()
        assert child.returncode == 0, wrong
        return dict(json.loads(out))

    def kill(self, words: list[str], gap: str, fault: str = "") -> None:
        child = self.begin(
            "rotate-master", *words, program=["-c", CUT.replace("FAULT", fault)], ABATE_TEST_GAP=gap
        )
        _, wrong = child.communicate()
        assert child.returncode == -9, f"it never came to {gap}: {wrong}"

    def states(self) -> list[str]:
        document = json.loads((self.stack.data / "secrets.json").read_text())
        return ["present", *(one["state"] for one in document["other_masters"])]

    def check(self) -> dict[str, int]:
        """Every text that was there opens to what it was; returns how many lie under which master."""
        found = self.stack.script("sealed_town.py", "opened")
        for place, rows in self.plain.items():
            there = found["plain"][place]
            kept = {number: text for number, text in rows.items() if number in there or place not in EMPTIED}
            assert kept == {number: there.get(number) for number in kept}, place
        return dict(found["under"])


@pytest.fixture
def town() -> Iterator[Town]:
    with tempfile.TemporaryDirectory(prefix="abx-") as name:
        stack = Stack(Path(name))
        try:
            stack.create()
            yield Town(stack)
        finally:
            stack.stop()
            for data in Path(name).glob("new*"):
                private_postgres.stop(data)


def test_killed_in_each_gap_it_goes_on_and_every_text_opens(town: Town) -> None:
    for words, gap, states in STEPS:
        town.kill(words, gap)
        assert town.states() == states, gap
        under = town.check()
        if "batch" in gap:
            assert len(under) == 2, f"{gap}: some are under the former key and some under the present"
    (present,) = [one["id"] for one in town.did("show")["masters"] if one["state"] == "present"]
    assert set(under) == {present}


def test_a_key_that_is_dropped_before_the_last_batch_is_found(town: Town) -> None:
    town.did("rotate-master")
    child = town.begin(
        "rotate-master", "--copied", program=["-c", CUT.replace("FAULT", EARLY)], ABATE_TEST_GAP="none 1"
    )
    told, wrong = child.communicate()
    assert child.returncode == 0, wrong
    # What opens under no key stops no exchange (decision 0048): it is told, with how many there are of each place.
    assert sum(json.loads(told)["unreadable"].values()) > 0, told
    with pytest.raises(AssertionError, match="MasterMissing"):
        town.check()


class Applicant(threading.Thread):
    """Somebody who applies and brings paper after paper over HTTP: each is sealed by the server."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin, self.going, self.brought, self.fault = origin, True, 0, ""

    def run(self) -> None:
        try:
            body = asdict(PARTICULARS) | {
                "code": "rides-beside",
                "registration": registration(7),
                "contact": "b@example.org",
            }
            made = self._post("/v1/applications", json.dumps(body).encode(), "application/json")
            while self.going and self.brought < 38:
                self._post(
                    f"/v1/applications/{made['id']}/documents/registration?name=r.pdf&valid_until=2099-01-01",
                    PDF, "application/pdf", made["token"],
                )  # fmt: skip
                self.brought += 1
        except Exception as fault:
            self.fault = f"{fault!r} {getattr(fault, 'read', bytes)()!r}"

    def _post(self, at: str, body: bytes, media: str, token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": media} | ({"Authorization": f"Bearer {token}"} if token else {})
        asked = urllib.request.Request(self.origin + at, body, headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return dict(json.loads(answer.read()))


def test_a_server_goes_on_writing_and_a_second_command_is_refused(town: Town) -> None:
    town.stack.start_server()
    applicant = Applicant(town.stack.origin)
    town.did("rotate-master")
    with psycopg.connect(town.stack.url()) as keeper:
        # The first is held still at the last place, the server goes on meanwhile.
        keeper.execute("lock table people_recovery in exclusive mode")
        first = town.begin("rotate-master", "--copied")
        waits = "select count(*) from pg_locks where not granted and relation = 'people_recovery'::regclass"
        with psycopg.connect(town.stack.url(), autocommit=True) as eye:
            until("its waiting", lambda: eye.execute(waits).fetchone() == (1,) or first.poll() is not None)
        applicant.start()
        until("papers", lambda: applicant.brought > 5 or bool(applicant.fault))
        second = town.begin("rotate-master")
        _, wrong = second.communicate()
        assert second.returncode == 1 and wrong.startswith("exchange-under-way:"), wrong
        keeper.rollback()
    out, wrong = first.communicate()
    applicant.going = False
    applicant.join()
    assert first.returncode == 0 and not applicant.fault, wrong + applicant.fault
    assert set(town.check()) == {json.loads(out)["present"]}
    with psycopg.connect(town.stack.url()) as connection:
        papers = connection.execute(
            "select count(*) from joining_document where kind = 'registration'"
        ).fetchone()
    assert papers and papers[0] >= applicant.brought > 5


def test_yesterdays_backup_opens_and_is_sealed_anew(town: Town) -> None:
    folder = town.stack.folder / "copy"
    made = town.stack.abate("backup", str(folder), "--json")
    assert made.returncode == 0, made.stderr
    town.did("rotate-master")
    present = town.did("rotate-master", "--copied")["present"]
    new, told = restore(town.stack, folder)
    assert "run `abate secrets rotate-master`" in str(told["master_key"])
    back = Back(town, new)
    assert present not in back.check()
    # After a restore nobody is signed in.
    back.stack.script("sealed_town.py", "enter")
    done = back.did("rotate-master")
    assert done["present"] == present and sum(done["sealed_anew"].values()) > 10
    assert set(back.check()) == {present}


class Back(Town):
    """The town as it was restored."""

    def __init__(self, town: Town, new: Restored) -> None:
        self.plain, self.stack = town.plain, copy(town.stack)
        self.stack.environment = new.environment  # type: ignore[method-assign]
