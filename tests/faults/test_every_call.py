"""The n-th database call fails, for every n, over the actions that tests do: never a half of one (every_call.py).

Which doors are left open, and why, stands in NOT_TRIED.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from tests.faults.every_call import EveryCall, functions
from tests.faults.failing import LOST_AFTER
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
ENDPOINTS = ROOT / "src" / "abate" / "platform" / "web" / "endpoints.csv"


@pytest.fixture
def run() -> EveryCall:
    return EveryCall(set())


def clean(run: EveryCall, *doors: str, least: int = 11) -> None:
    """These doors were tried, each call (so many at least) of each in each way, and nothing was found."""
    told = run.report()
    assert {name: one["wrong"] for name, one in told.items() if one["wrong"]} == {}
    # What is lost behind a commit is lost once in a request. How many calls one makes is not always the same: what is
    # kept for some seconds is asked for anew.
    assert all(
        told[name]["effect"]
        and all(
            told[name]["tries"].get(kind, 0) >= (1 if kind == LOST_AFTER else least) for kind in run.faults
        )
        for name in doors
    ), told
    assert differences() == {}


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
FILES = [
    "anomalies/test_deciding.py",
    "anomalies/test_pages.py",
    "credits/test_rules.py",
    "credits/test_taking_under_caps.py",
    "events/test_intake.py",
    "incentives/test_burn.py",
    "incentives/test_ending.py",
    "incentives/test_giving_back.py",
    "incentives/test_redeem.py",
    "joining/test_interface.py",
    "joining/test_joining.py",
    "joining/test_leaving.py",
    "joining/test_notices_interface.py",
    "joining/test_pages.py",
    "joining/test_standing.py",
    "ledger/test_actions.py",
    "ledger/test_collecting.py",
    "ledger/test_erasing.py",
    "ledger/test_expired_awards.py",
    "ledger/test_keeping.py",
    "notices/test_callers.py",
    "notices/test_channels.py",
    "parties/test_collecting.py",
    "parties/test_keys.py",
    "parties/test_revoking.py",
    "parties/test_tokens.py",
    "parties/test_webhooks.py",
    "people/test_changing_a_contact.py",
    "people/test_correcting.py",
    "people/test_recovering.py",
    "quarantine/test_pages.py",
    "quarantine/test_releasing.py",
    "reconciliation/test_addresses.py",
    "reconciliation/test_codes.py",
    "reconciliation/test_files.py",
    "revaluing/test_revaluing.py",
    "review/test_commands.py",
    "review/test_proposing.py",
    "sharing/test_addresses.py",
    "signin/test_second_factor.py",
    "web/test_access.py",
    "web/test_binding.py",
    "web/test_checks_page.py",
    "web/test_collect.py",
    "web/test_family.py",
    "web/test_files.py",
    "web/test_groups_page.py",
    "web/test_partner_files.py",
    "web/test_partner_page.py",
    "web/test_privacy.py",
    "web/test_proving.py",
    "web/test_sign_in.py",
]
"""Of tests/platform: what their tests do with success is tried, each door the first time it has an effect."""
_SESSION = "what it changes is a session, whose rows are not judged"
_KEY = "needs a key that a browser holds"
_YET = "not yet: no test of FILES was seen to do it with success"
_LEFT = {
    _SESSION: "POST family-back,POST family-enter,POST language,POST sign-out",
    _KEY: "POST security-passkey,POST sign-in-passkey",
    "only a sandbox signs a run": "POST conformance",
    "keeps nothing": "POST idp:oidc:userinfo,POST try",
    "tried in test_every_call_money.py": "approve entry.reverse,approve revalue.book,incentives.actions.reverse,"
    "ledger.closing.close_day,ledger.closing.close_month,parties.webhooks.send_due,revaluing.book,Loader.round",
    _YET: "POST application-finding,POST groups-join,POST idp:oidc:revoke,POST joining-key,POST joining-report,"
    "POST joining-submit,POST partner-checks,POST privacy-agree,POST register,POST security-recovery,"
    "POST security-remove,POST told-browser,POST told-browser-end,approve party.conditions,approve party.limits,"
    "approve party.sign",
}
NOT_TRIED = {name: why for why, names in _LEFT.items() for name in names.split(",")}
"""Doors that no test of FILES does with success. One that is tried by now has to leave this list."""


def wanted() -> set[str]:
    """Every door that changes something: the addresses that take a POST, the changes by three people, the functions."""
    with ENDPOINTS.open(encoding="utf-8") as file:
        posts = {f"POST {row['endpoint']}" for row in csv.DictReader(file) if row["method"] == "POST"}
    return posts | {"POST /v1/events"} | {f"approve {name}" for name in changes.actions()} | set(functions())


def test_what_is_not_tried_is_a_door_and_says_why() -> None:
    assert set(NOT_TRIED) <= wanted() and all(NOT_TRIED.values())


@pytest.mark.slow
def test_every_action_at_whichever_call(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "tests.faults.every_call_plugin"]
    command += ["--every-call-report", str(report), *(f"tests/platform/{name}" for name in FILES)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DJANGO_", "PYTEST_"))}
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        command, cwd=ROOT, env=kept | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    told = json.loads(report.read_text("utf-8"))
    assert {name: one["wrong"] for name, one in told.items() if one["wrong"]} == {}
    tried = {name.partition(" (")[0] for name, one in told.items() if one["effect"]}
    assert wanted() - tried <= set(NOT_TRIED)
    assert not set(NOT_TRIED) & tried
