"""Records that nobody decided about: an alarm for each rule of quarantine, from the operator's number of days on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.platform.alarms.test_alarms import later, opened, prepared, rules, states
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform import releasing
from abate.platform.config import alarming, doctor
from abate.platform.doors import clock
from abate.platform.quarantine import queries as quarantine

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-6.1-e")]
__all__ = ["prepared"]


def said() -> str:
    return " ".join(one.what for one in doctor.examine() if one.name == "old quarantine")


def test_they_are_one_cause_a_rule_and_without_a_limit_none(
    city: stage.City, settings: Any, tmp_path: Path
) -> None:
    days = {"valid_from": clock.today().isoformat(), "valid_until": clock.today().isoformat()}
    desk.decide(
        "quarantine.rule", rule="weeks", cause="data_fault", reason_zh="示例", reason_en="made up", **days
    )
    acts = [stage.meeting(city.partner, city.person, one, clock.now()) for one in ("a", "b")]
    assert {one.outcome.text for one in stage.send(city.partner, acts)} == {"quarantined"}
    with later(days=40):
        assert states("old quarantine") == [("", "ok")] and "Idle until you give its limit" in said()
    limit = 'limit = 3\nwhy_zh = "内部约定"\nwhy_en = "as agreed"'
    rules(tmp_path, settings, lambda text: text.replace("operator = true\nunit_zh", f"{limit}\nunit_zh"))
    with later(days=40):
        assert states("old quarantine") == [("weeks", "warning")]
        assert "decision: 2; the oldest for 40 days" in said()
        alarming.look()
        assert opened("old quarantine") == [("weeks", "entry", "warning")]
    with later(days=3):
        assert states("old quarantine") == [("", "ok")]
    # What is proposed waits on; what is decided does not.
    numbers = [one.id for one in quarantine.records()]
    made = releasing.propose(desk.hire("made-up clerk", "entry"), numbers, "dismiss", "made up")
    with later(days=4):
        assert states("old quarantine") == [("weeks", "warning")]
    releasing.decide(desk.hire("made-up second", "check"), made, accepted=True, reason="made up")
    with later(days=4):
        assert states("old quarantine") == [("", "ok")]
