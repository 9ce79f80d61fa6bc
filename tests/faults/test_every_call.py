"""The n-th database call fails, for every n, over every action that changes something: never a half of it (every_call.py)."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from tests.faults.every_call import EveryCall
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
def run() -> Iterator[EveryCall]:
    yield EveryCall(set())


def clean(run: EveryCall, *doors: str) -> None:
    """These doors were tried, each call of each, and nothing was found."""
    told = run.report()
    assert {name: one["wrong"] for name, one in told.items() if one["wrong"]} == {}
    assert all(told[name]["effect"] and told[name]["tries"] > 3 * told[name]["calls"] > 12 for name in doors), told
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
    browser = browser_of(city)
    with run.doors():
        assert browser.post("/v1/me/collect").status_code == 200
        desk.adjust(city.person.pk, 1000, "gift")
        assert browser.post(f"/offers/{city.offer}/redeem", {"order_id": str(uuid4())}).status_code == 302
        Sequencer().round()
    clean(run, "POST v1:collect", "approve ledger.adjust", "POST redeem", "job: sequencer")


def test_a_commit_planted_in_the_middle_is_found(
    transactional_db: None, run: EveryCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = stage.build()
    waiting(city)
    post_all = posting.post

    def planted(*args: Any, **more: Any) -> Any:
        made = post_all(*args, **more)
        connection.connection.commit()
        return made

    monkeypatch.setattr(posting, "post", planted)
    browser = browser_of(city)
    with run.doors():
        browser.post("/v1/me/collect")
    wrong = run.report()["POST v1:collect"]["wrong"]
    assert any("between" in one for one in wrong), wrong
