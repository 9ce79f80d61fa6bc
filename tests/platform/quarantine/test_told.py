"""Who is told: the partner by webhook, when an event is kept back and when it is decided; the person in the copy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import World
from tests.platform.quarantine.kept_back import decided, proposed, rule

from abate.platform.parties import webhooks
from abate.platform.parties.models import Message, Party
from abate.platform.quarantine import queries
from abate.platform.web import own_data, own_data_pdf

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-e")]


def told() -> list[tuple[str, dict[str, Any]]]:
    return [(one.kind, json.loads(one.body)["data"]) for one in Message.objects.order_by("id")]


def test_kept_back_released_and_dismissed_are_told(world: World) -> None:
    webhooks.add_endpoint(Party.objects.get(pk=world.sender.party_id), "https://example.org/told")
    world.sender = replace(world.sender, hooked=True)
    rule(world)
    world.send(world.ride("r"), world.ride("d", who=1), world.ride("a", who=2))
    assert [(kind, data["id"], data["reason"]) for kind, data in told()] == [
        ("event.quarantined", name, "quarantine:new-partner") for name in "rda"
    ]
    by_event = {one.event_id: one.id for one in queries.records()}
    decided(proposed("release", by_event["r"]))
    kind, data = told()[-1]
    assert (kind, data["id"], data["outcome"]) == ("event.credited", "r", "credited") and data["entry"]
    decided(proposed("dismiss", by_event["d"]))
    kind, data = told()[-1]
    assert (kind, data["id"], data["outcome"], data["reason"]) == (
        "event.not_counted", "d", "not_counted", "quarantine_dismissed:new-partner",
    )  # fmt: skip
    decided(proposed("release", by_event["a"]), accepted=False)
    assert len(told()) == 5


def test_released_and_not_below_the_baseline_is_told_too(world: World) -> None:
    webhooks.add_endpoint(Party.objects.get(pk=world.sender.party_id), "https://example.org/told")
    world.sender = replace(world.sender, hooked=True)
    rule(world)
    (kept,) = world.send(world.meeting("m", pkm_coach=0))
    decided(proposed())
    kind, data = told()[-1]
    assert (kept.outcome.text, kind, data["outcome"]) == (
        "quarantined",
        "event.not_counted",
        "not_below_baseline",
    )


@pytest.mark.clause("P-8.4-b")
def test_a_person_s_copy_says_what_was_kept_back_and_what_became_of_it(world: World) -> None:
    rule(world, told_zh="起初的记录先核对", told_en="looked at first")
    world.send(world.ride("a"), world.ride("b", start="2026-05-21T10:30:00+08:00"), world.ride("o", who=1))
    decided(proposed("dismiss", next(one.id for one in queries.records() if one.event_id == "b")))
    held = own_data.gather(world.people[0])["quarantine"]
    assert isinstance(held, list)
    moment = queries.proposals(open_only=False)[0].decided_at
    assert moment and held[0]["held_at"]
    same = {"party": world.sender.code, "behaviour": "cycling", "held_at": held[0]["held_at"]}
    same |= {"cause": "probation", "reason": ["起初的记录先核对", "looked at first"]}
    assert held == [
        same | {"event_id": "a", "state": "waiting", "came": "", "decided_at": None, "decided_why": ""},
        same | {"event_id": "b", "state": "decided", "came": "dismissed", "decided_at": moment.isoformat(),
                "decided_why": "made up"},
    ]  # fmt: skip
    assert "试用期" not in json.dumps(held, ensure_ascii=False), "what its reviewers are told"
    assert "quarantine" in own_data_pdf.TITLES


@pytest.mark.clause("P-8.4-b")
def test_a_person_s_copy_says_what_the_partner_took_back_and_not_that_it_waits(world: World) -> None:
    rule(world)
    days = {"w": 20, "p": 21, "b": 22, "o": 23}
    world.send(*(world.ride(name, start=f"2026-05-{day}T10:30:00+08:00") for name, day in days.items()))
    numbers = {one.event_id: one.id for one in queries.records()}
    proposed("dismiss", numbers["p"])
    decided(proposed("release", numbers["b"]))
    world.send(*(withdrawal(world, f"back-{name}", name) for name in "wpb"))
    held = own_data.gather(world.people[0])["quarantine"]
    assert isinstance(held, list)
    told = {one["event_id"]: (one["state"], one["came"], one["decided_at"] is None) for one in held}
    gone = ("decided", "withdrawn", True)
    assert told == {"w": gone, "p": gone, "b": ("decided", "booked", False), "o": ("waiting", "", True)}
