"""The zone of days is changed by three people: an export tells it, and every award is held against the rate of its own day."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.test_log import run
from tests.cli.test_log import world as world
from tests.platform.pipeline.world import NOW, World
from tests.platform.review import shell

from abate.cli import verify
from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.log import actions, queries

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-e", "P-7.4")]
RULE = NOW + timedelta(days=9)
"""The rule begins on this day, 10 June 2026: at 16:00 UTC of the day before in Shanghai."""


@pytest.fixture
def exported(world: World, settings: Any, tmp_path: Path) -> Path:
    """Awards on both sides of the midnight of Shanghai, then of UTC, by a rule of 4500 credits a kilogram."""
    desk.decide(
        "rule.add", from_day=RULE.date().isoformat(), credits_per_kg=4500, title_zh="试", title_en="tried"
    )
    with clock.frozen(RULE):
        sent = world.send(
            world.meeting("old day", 0, "2026-06-09T15:30:00Z"),
            world.meeting("new day", 1, "2026-06-09T16:30:00Z"),
        )
    assert sent[1].credits == 4500 * (sent[1].er_mg or 0) // 10**6 > sent[0].credits
    settings.ABATE_ZONE = "UTC"
    with clock.frozen(RULE + timedelta(days=1)):
        desk.decide("basis.adopt")
    with clock.frozen(RULE + timedelta(days=2)):
        world.send(
            world.meeting("still old", 2, "2026-06-09T16:45:00Z"),
            world.meeting("new in UTC", 2, "2026-06-10T00:30:00Z"),
        )
        actions.sequence()
        (tmp_path / "log.pub").write_text(queries.public_key())
        shell.sign_in(desk.staffed()["entry"])
        assert run("export", tmp_path / "log", "--openings").exit_code == 0
    return tmp_path / "log"


def verified(folder: Path) -> Result:
    return CliRunner().invoke(verify.command, [str(folder), "--key", str(folder.parent / "log.pub")])


def test_every_award_is_of_the_day_that_was_counted_then(exported: Path) -> None:
    found = verified(exported)
    assert found.exit_code == 0, found.output
    assert "4500 from 2026-06-10 by days of Asia/Shanghai and UTC" in found.output
    lines = [json.loads(line) for line in (exported / "openings.jsonl").read_text().splitlines()]
    zones = [line["setting"]["zone"] for line in lines if line["setting"]]
    assert zones == ["Asia/Shanghai"] * 11 + ["UTC"] * 2


@pytest.mark.parametrize("change", ["later", "left out", "another"])
def test_zones_that_the_log_does_not_tell_are_refused(exported: Path, change: str) -> None:
    file = exported / "zones.jsonl"
    told = json.loads(file.read_text())
    if change == "later":
        told["at"] = told["at"].replace("2026-06-11", "2026-06-12")
    elif change == "another":
        told["document"] = told["document"].replace('"zone":"UTC"', '"zone":"Pacific/Kiritimati"')
    file.write_text("" if change == "left out" else f"{json.dumps(told)}\n")
    found = verified(exported)
    assert found.exit_code == 1, found.output
    assert (
        "zones.jsonl" in found.output or "no moment in UTC of a log whose days are those of" in found.output
    )
