"""The n-th database call fails, for every n, over the actions that tests do: never a half of one (every_call.py).

Each door is tried by a test that goes through it with success (through_files.txt), or by name in a file beside this one
(DIRECT); which are not tried, and why, stands in NOT_TRIED.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from tests.faults import commands
from tests.faults.every_call import EveryCall
from tests.faults.failing import LOST_AFTER
from tests.faults.functions import BESIDE_SERVER, functions
from tests.platform.events.test_intake import post, token, world
from tests.platform.pipeline.world import World, differences
from tests.platform.web import city as stage
from tests.platform.web.conftest import BACKEND

from abate.demo import desk
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import posting
from abate.platform.log.sequencer import Sequencer
from abate.platform.review import changes

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.5.3-3")]
__all__ = ["world"]
ROOT = Path(__file__).resolve().parents[2]
SERVE = ROOT / "src" / "abate" / "cli" / "serve.py"
ENDPOINTS = ROOT / "src" / "abate" / "platform" / "web" / "endpoints.csv"


@pytest.fixture
def run() -> EveryCall:
    return EveryCall(set())


def clean(run: EveryCall, *doors: str, least: int = 11, even: bool = True) -> None:
    """These doors were tried, each call (so many at least) of each in each way, and nothing was found."""
    told = run.report()
    wrong = {name: one["wrong"] for name, one in told.items() if one["wrong"]}
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
    # What is lost behind a commit is lost once in a request. How many calls one makes is not always the same: what is
    # kept for some seconds is asked for anew.
    assert all(
        told[name]["effect"]
        and all(
            told[name]["tries"].get(kind, 0) >= (1 if kind == LOST_AFTER else least) for kind in run.faults
        )
        for name in doors
    ), told
    assert not even or differences() == {}


@contextmanager
def tried(door: str, *, least: int = 5, again: bool = True, even: bool = True) -> Iterator[None]:
    """What goes through this one door meanwhile is tried, and nothing is found. Not `again`: each time is meant to do it anew.
    Not `even`: what the test laid down does not reconcile.
    """
    run = EveryCall({door}, again=again)
    with run.doors():
        yield
    clean(run, door, least=least, even=even)


def browser_of(city: stage.City) -> Client:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(city.person.user, backend=BACKEND)
    stage.prove(browser)
    return browser


def waiting(city: stage.City) -> None:
    today = clock.today()
    with clock.frozen(clock.now() - timedelta(days=2)):
        credits.add_rule(today, ("七日内领取", "Collect within seven days"), claim_days=7)
    stage.book_every_outcome(city.partner, city.person)


def test_events_by_http_at_whichever_call(run: EveryCall, world: World) -> None:
    bearer, sent = token(world), [world.meeting("m"), world.ride("bad", km=-1), world.ride("r", who=1)]
    with run.doors():
        answer = post(sent, bearer, idempotency_key="once")
    assert [one["outcome"] for one in answer.json()["results"]] == ["credited", "refused", "credited"]
    clean(run, "POST /v1/events")


def test_collecting_redeeming_adjusting_and_the_log_at_whichever_call(
    transactional_db: None, run: EveryCall
) -> None:
    city = stage.build()
    waiting(city)
    browser, once = browser_of(city), EveryCall(set(), ("disk full",))
    with run.doors():
        assert browser.post("/v1/me/collect").status_code == 200
    # In every way the slow tier tries these too.
    with once.doors():
        desk.adjust(city.person.pk, 1000, "gift")
        assert browser.post(f"/offers/{city.offer}/redeem", {"order_id": str(uuid4())}).status_code == 302
        Sequencer().round()
    clean(run, "POST v1:collect")
    clean(once, "approve ledger.adjust", "POST redeem", "Sequencer.round")


def test_a_commit_planted_in_the_middle_is_found(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = stage.build()
    waiting(city)
    post_all = posting.post

    def planted(*args: Any, **more: Any) -> Any:
        made = post_all(*args, **more)
        connection.connection.commit()
        return made

    monkeypatch.setattr(posting, "post", planted)
    browser, run = browser_of(city), EveryCall({"POST v1:collect"}, ("serialization",))
    with run.doors():
        browser.post("/v1/me/collect")
    wrong = run.report()["POST v1:collect"]["wrong"]
    assert any("between" in one for one in wrong), wrong


# --- every action -----------------------------------------------------------------------------------------------------
_LEFT = {
    "what it changes is a session, whose rows are not judged": "POST family-back,POST family-enter,POST language,POST sign-out",
    "needs a key that a browser holds": "POST security-passkey,POST sign-in-passkey",
    "keeps nothing": "POST idp:oidc:userinfo,POST giving-look",
    "counts that a failing database may lose (decision 26), told once and gone from memory": "review.turned_away.tell_counts",
}
NOT_TRIED = {name: why for why, names in _LEFT.items() for name in names.split(",")}
"""Doors that are not tried, and why."""
DIRECT = (
    "test_every_call_doors.py",
    "test_every_call_jobs.py",
    "test_every_call_money.py",
    "test_every_call_seats.py",
)
"""Beside this file, where doors are tried that no test goes through by itself with success: they say which by name."""


def direct() -> set[str]:
    texts = [(Path(__file__).parent / name).read_text(encoding="utf-8") for name in DIRECT]
    named = [one for text in texts for one in re.findall(r"(?:tried\(|EveryCall\(\{)([^)}]+)", text)]
    return {door for one in named for door in re.findall(r'"([^"]+)"', one)}


def through_files() -> dict[str, str]:
    """Doors by name, and a test that goes through each with success: the slow tier tries it there."""
    text = (Path(__file__).parent / "through_files.txt").read_text(encoding="utf-8")
    return dict(csv.reader(text.splitlines(), delimiter="\t"))


def wanted() -> set[str]:
    """Every door that changes something: the addresses that take a POST, the changes by three people, the functions, and what
    the rounds beside the server and the commands go through."""
    with ENDPOINTS.open(encoding="utf-8") as file:
        posts = {f"POST {row['endpoint']}" for row in csv.DictReader(file) if row["method"] == "POST"}
    made = posts | {"POST /v1/events"} | {f"approve {name}" for name in changes.actions()} | set(functions())
    chained = [*BESIDE_SERVER.values(), *commands.DOORS.values()]
    return made | {door.partition(" (")[0] for doors in chained for door in doors}


def uncovered(doors: set[str]) -> dict[str, set[str]]:
    """What is wrong with what is said of these doors; nothing where each is tried somewhere, or says why not."""
    tried = direct() | {door.partition(" (")[0] for door in through_files()}
    return {
        "neither tried nor named": doors - tried - set(NOT_TRIED),
        "tried and named": tried & set(NOT_TRIED),
        "named and no door": set(NOT_TRIED) - doors,
        "tried and no door": tried - doors,
    }


def test_every_door_is_tried_or_says_why_not() -> None:
    assert not any(uncovered(wanted()).values()), uncovered(wanted())
    assert all(NOT_TRIED.values())
    # A new address, action, function, round or command is missed at once.
    assert uncovered(wanted() | {"POST made-up"})["neither tried nor named"] == {"POST made-up"}


def test_the_page_on_reliability_says_how_many_are_tried() -> None:
    page = (ROOT / "docs/explain/reliability.md").read_text(encoding="utf-8")
    assert f"| {len(through_files())} doors, each through a test of its own choice" in page
    assert (
        f"one for each of {len(through_files())} doors" in page and f"{len(direct())} doors by name" in page
    )


def test_the_test_of_each_door_is_there() -> None:
    gone = {test for test in through_files().values() if not _is_there(test)}
    assert not gone
    assert not _is_there("tests/faults/test_every_call.py::test_made_up")


def _is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    return f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_command_and_every_round_is_named_with_its_doors() -> None:
    assert set(commands.leaves()) == set(commands.WHY) | set(commands.DOORS)
    assert not set(commands.WHY) & set(commands.DOORS)
    assert rounds_of(SERVE.read_text(encoding="utf-8")) == set(BESIDE_SERVER)
    assert rounds_of("workers = (Rounds('x', made.up),)") == {"made.up"}


def rounds_of(program: str) -> set[str]:
    """What `abate serve` begins: the class, the name, or what a Rounds calls."""
    (begun,) = [
        node.value
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "workers"
    ]
    assert isinstance(begun, ast.Tuple)
    return {
        ast.unparse(one.args[1] if one.args else one.func) if isinstance(one, ast.Call) else ast.unparse(one)
        for one in begun.elts
    }


@pytest.mark.slow
def test_every_action_at_whichever_call(tmp_path: Path) -> None:
    """In one run; or, with EVERY_CALL_REPORT naming a file and EVERY_CALL_MINUTES, a part of it, to be called again."""
    report = Path(os.environ.get("EVERY_CALL_REPORT") or tmp_path / "report.json")
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "tests.faults.every_call_plugin"]
    command += ["--every-call-report", str(report), "--show-capture=no"]
    command += ["--every-call-minutes", os.environ.get("EVERY_CALL_MINUTES") or "0"]
    command += ["--every-call-only", ",".join(through_files()), *dict.fromkeys(through_files().values())]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DJANGO_", "PYTEST_"))}
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        command, cwd=ROOT, env=kept | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    told = json.loads(report.read_text("utf-8"))["doors"]
    wrong = {name: one["wrong"] for name, one in told.items() if one["wrong"]}
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
    if "the minutes are over" in done.stdout:
        # A part of it, and good so far: the same command goes on.
        print(f"{len(told)} doors were met so far")
        return
    # 5: every test of it was passed in a part before.
    assert done.returncode in (0, 5), done.stdout[-5000:]
    assert {name for name, one in told.items() if one["effect"]} >= set(through_files())
