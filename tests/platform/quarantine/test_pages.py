"""The queue, a proposal, the interface, the command and the pages of partner and person: each through its own door."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import connection
from django.test import Client
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import World
from tests.platform.quarantine.kept_back import came, proposed, rule, staff, stands
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.cli.quarantine import command
from abate.demo import desk
from abate.platform import releasing
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.events import queries_files as files
from abate.platform.events.outcomes import Outcome
from abate.platform.parties.models import Party
from abate.platform.quarantine import queries
from abate.platform.web import story
from abate.platform.web.pages import quarantine as pages

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.1-e")]
Enter = Callable[..., Client]
QUEUE = "/operator/quarantine"


def page(browser: Client, path: str, status: int = 200, **given: Any) -> str:
    answer = browser.post(path, given) if given else browser.get(path)
    assert answer.status_code == status, answer.content.decode()[:400]
    return answer.content.decode()


def test_from_the_queue_to_the_decision(world: World, enter: Enter) -> None:  # noqa: F811
    clerk, checker = (enter(user, "en") for user in staff())
    assert "There is no such record." in page(clerk, QUEUE) and "There is no rule" in page(clerk, QUEUE)
    rule(world)
    world.send(world.ride("held-ride"), world.meeting("talk", who=1))
    queue = page(clerk, QUEUE)
    assert (
        "made up" in queue
        and "probation of a new partner" in queue
        and "held-ride" in queue
        and "talk" in queue
    )
    assert "talk" in page(clerk, f"{QUEUE}?rule=new-partner&cause=probation&party={world.sender.code}")
    for other in ("rule=other", "cause=late", "party=nobody", "behaviour=walking"):
        assert "There is no such record." in page(clerk, f"{QUEUE}?{other}")
    (ride,) = [one.id for one in queries.records() if one.event_id == "held-ride"]
    assert "propose" not in page(checker, QUEUE).split("Records kept back")[1].split("Rules")[0].lower()
    page(clerk, f"{QUEUE}/propose", 422, record=ride, verdict="release", reason=" ")
    page(clerk, f"{QUEUE}/propose", 302, record=ride, verdict="release", reason="<b>sound</b>")
    page(
        clerk,
        f"{QUEUE}/propose",
        302,
        everything="1",
        rule="new-partner",
        verdict="dismiss",
        reason="not sound",
    )
    second, first = queries.proposals()
    assert (first.verdict, first.count, second.verdict, second.count) == ("release", 1, "dismiss", 1)
    shown = page(checker, f"{QUEUE}/{first.id}")
    assert "&lt;b&gt;sound&lt;/b&gt;" in shown and "<b>sound</b>" not in shown and "held-ride" in shown
    assert "Accept and carry out" in shown and "Accept and carry out" not in page(
        clerk, f"{QUEUE}/{first.id}"
    )
    page(clerk, f"{QUEUE}/decide", 403, number=first.id, accepted="yes", reason="mine")
    page(checker, f"{QUEUE}/decide", 404, number=first.id, accepted="perhaps", reason="x")
    page(checker, f"{QUEUE}/decide", 302, number=first.id, accepted="yes", reason="seen")
    page(checker, f"{QUEUE}/decide", 302, number=second.id, accepted="yes", reason="seen")
    page(checker, f"{QUEUE}/decide", 409, number=second.id, accepted="no", reason="seen")
    assert came() == {"held-ride": "booked", "talk": "dismissed"}
    assert "not counted" in page(checker, f"{QUEUE}/{second.id}")
    assert (
        "held-ride" in page(clerk, f"{QUEUE}?all=1")
        and "held-ride" not in page(clerk, QUEUE).split("Rules")[0]
    )
    page(clerk, f"{QUEUE}/9999", 404)


def test_of_more_than_one_proposal_holds_the_oldest_are_proposed(
    world: World,
    enter: Enter,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule(world, held_behaviours=["cycling"])
    world.send(*(world.ride(name, start=f"2026-05-2{n}T10:30:00+08:00") for n, name in enumerate("abc")))
    clerk, given = enter(staff()[0], "en"), {"everything": "1", "verdict": "release", "reason": "x"}
    monkeypatch.setattr(pages, "MOST", 2)
    for rows, left in ((["b", "a"], True), (["c"], False)):
        answer = clerk.post(f"{QUEUE}/propose", given | {"rule": "new-partner"}, follow=True)
        assert ("Still waiting under this filter: 1" in answer.content.decode()) == left
        assert [one.event_id for one in queries.of_proposal(queries.proposals()[0].id)] == rows
    page(clerk, f"{QUEUE}/propose", 422, **given)


def test_the_person_is_told_that_it_is_under_review_and_what_came_of_it(world: World, enter: Enter) -> None:  # noqa: F811
    rule(world)
    world.send(world.ride("ride"), world.meeting("talk"))
    phone = enter(world.people[0].user, "en")
    why = f"/why?party={world.sender.party_id}&event="
    assert "Under review" in page(phone, "/feed")
    assert "under review; it is not counted yet" in page(phone, why + "ride")
    assert "正在审核" in page(enter(world.people[0].user), why + "ride")
    numbers: dict[str, int] = {}
    for name, verdict in (("ride", "release"), ("talk", "dismiss")):
        (record,) = [one.id for one in queries.records() if one.event_id == name]
        numbers[verdict] = proposed(verdict, record)
        releasing.decide(staff()[1], numbers[verdict], accepted=True, reason="made up")
    assert "After a review the record does not count." in page(phone, why + "talk")
    told = page(phone, why + "ride")
    assert "not counted yet" not in told, "what counts says nothing of a review that is over"
    assert (
        "Credited" in told
        and f"released after a review (decision {numbers['release']} of quarantine)" in told
    )
    assert (
        story.stop(stands(world, "ride"), None, None).credited
        and stands(world, "ride").outcome == Outcome.CREDITED
    )


def test_the_person_is_told_why_since_when_what_comes_next_and_how_to_ask(world: World, enter: Enter) -> None:  # noqa: F811
    rule(world, held_behaviours=["cycling"], reason_en="secret of the reviewers")
    own = {"told_zh": "这几天的会议记录先核对", "told_en": "<i>meetings</i> are looked at first"}
    rule(world, "talks", held_behaviours=["online-meeting"], cause="data_fault", **own)
    world.send(world.ride("ride"), world.meeting("talk"))
    phone, why = enter(world.people[0].user, "en"), f"/why?party={world.sender.party_id}&event="
    told = page(phone, why + "ride")
    assert "has only begun to send" in told and "Kept back since" in told and "1 Jun 12:00" in told
    assert "Until then it is neither counted nor lost." in told and 'href="/privacy#requests"' in told
    assert "secret of the reviewers" not in told
    talk = page(phone, why + "talk")
    assert "&lt;i&gt;meetings&lt;/i&gt; are looked at first" in talk and "may be wrong" not in talk
    feed = page(phone, "/feed")
    assert "has only begun to send" in feed and "are looked at first" in feed
    chinese = page(enter(world.people[0].user), why + "talk")
    assert "这几天的会议记录先核对" in chinese and "保留自" in chinese and "试用期" not in chinese
    numbers = {one.event_id: one.id for one in queries.records()}
    made = proposed("dismiss", numbers["talk"])
    assert "another decides" in page(phone, why + "ride")
    assert "has proposed what becomes of it" in page(phone, why + "talk")
    releasing.decide(staff()[1], made, accepted=True, reason="made up")
    after = page(phone, why + "talk")
    assert "Its review ended" in after and "Not counted" in after and "Under review" not in after
    # Another's record, and one that no rule keeps: no word of it.
    other = page(enter(world.people[1].user, "en"), "/feed")
    assert "looked at" not in other


def test_what_its_partner_took_back_is_not_said_to_be_under_review(world: World, enter: Enter) -> None:  # noqa: F811
    rule(world)
    days = {"waits": 20, "proposed": 21, "wrong": 22}
    rides = {
        name: world.ride(name, start=f"2026-05-{day}T10:30:00+08:00", km=9) for name, day in days.items()
    }
    world.send(*rides.values())
    proposed("release", next(one.id for one in queries.records() if one.event_id == "proposed"))
    world.send(*(withdrawal(world, f"back-{name}", name) for name in ("waits", "proposed")))
    world.send(correction(world.ride("right", start="2026-05-22T10:30:00+08:00"), "wrong"))
    phone, why = enter(world.people[0].user, "en"), f"/why?party={world.sender.party_id}&event="
    for name, state in (("waits", "Withdrawn"), ("proposed", "Withdrawn"), ("wrong", "Corrected")):
        told = page(phone, why + name)
        assert state in told and "Under review" not in told and "neither counted" not in told, name
    assert "Under review" in page(phone, why + "right")


def test_a_decided_proposal_shows_its_records_as_its_decision_left_them(world: World, enter: Enter) -> None:  # noqa: F811
    rule(world)
    world.send(world.ride("one"), world.ride("two", who=1), world.ride("gone", who=2))
    checker = enter(staff()[1], "en")
    numbers = {one.event_id: one.id for one in queries.records()}
    refused = proposed("dismiss", *numbers.values())
    assert "As the decision left them" not in page(checker, f"{QUEUE}/{refused}")
    world.send(withdrawal(world, "w1", "gone", who=2))
    releasing.decide(staff()[1], refused, accepted=False, reason="made up")
    second = proposed("release", numbers["one"], numbers["two"])
    releasing.decide(staff()[1], second, accepted=True, reason="made up")
    with clock.frozen(clock.now() + timedelta(hours=1)):
        world.send(withdrawal(world, "w2", "two", who=1))

    def left(number: int) -> dict[str, tuple[str, str]]:
        return {one.event_id: (one.state, one.came) for one in queries.of_proposal(number)}

    kept = left(refused), left(second)
    waits = ("waiting", "")
    assert left(refused) == {"one": waits, "two": waits, "gone": ("waiting", "withdrawn")}
    assert left(second) == {"one": ("decided", "booked"), "two": ("decided", "booked")}
    shown = page(checker, f"{QUEUE}/{refused}")
    assert "As the decision left them" in shown and shown.count("Waiting") == 3 and "booked" not in shown
    assert page(checker, f"{QUEUE}/{second}").count(">booked<") == 2
    # Of decisions from before this was kept: filled in from what their records still say.
    fill = import_module("abate.platform.quarantine.migrations.0002_words_and_decisions")._FILL
    with connection.cursor() as cursor:
        cursor.execute("update quarantine_proposal set came = null")
        cursor.execute(fill)
    assert (left(refused), left(second)) == kept
    # What stands today is on the queue's own page.
    assert "its partner took it back" in page(checker, f"{QUEUE}?all=1")


def test_the_interface_asks_for_the_same_rights_and_says_the_same(world: World, enter: Enter) -> None:  # noqa: F811
    rule(world)
    world.send(world.ride("ride"))
    clerk, checker = (enter(user, "en") for user in staff())
    (row,) = clerk.get("/v1/quarantine").json()
    assert (row["event_id"], row["party"], row["rule"], row["reason"]["en"]) == (
        "ride", world.sender.code, "new-partner", "made up",
    )  # fmt: skip
    assert "person_id" not in row and clerk.get("/v1/quarantine?rule=other").json() == []
    assert clerk.get("/v1/quarantine?party=nobody").status_code == 404

    def post(browser: Client, path: str, **body: Any) -> Any:
        return browser.post(f"/v1/quarantine/{path}", json.dumps(body), content_type="application/json")

    asked = {"verdict": "release", "records": [row["id"]], "reason": "made up"}
    assert post(checker, "propose", **asked).status_code == 403
    assert post(clerk, "propose", **asked | {"verdict": "let-go"}).status_code == 422
    made = post(clerk, "propose", **asked).json()
    assert [one["id"] for one in clerk.get("/v1/quarantine/proposals").json()] == [made["id"]]
    decision = {"proposal": made["id"], "accepted": True, "reason": "made up"}
    assert post(clerk, "decide", **decision).status_code == 403
    assert post(checker, "decide", **decision).json()["records"] == {str(row["id"]): "booked"}
    assert post(checker, "decide", **decision).json()["code"] == "held-decided"
    assert clerk.get("/v1/quarantine").json() == clerk.get("/v1/quarantine/proposals").json() == []
    assert [one["came"] for one in clerk.get("/v1/quarantine?all=true").json()] == ["booked"]


def test_the_partner_sees_the_outcome_and_the_reason(world: World, enter: Enter) -> None:  # noqa: F811
    rule(world)
    world.send(world.ride("ride"))
    keeper = desk.hire("made-up keeper")
    desk.add_member(keeper, Party.objects.get(pk=world.sender.party_id), "partner")
    shown = page(enter(keeper, "en"), "/partner/events?outcome=quarantined")
    assert "ride" in shown and files.told("quarantined", "quarantine:new-partner") is not None


def test_the_commands_say_what_the_pages_say(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    rule(world)
    world.send(world.ride("ride"))
    (row,), (one,) = said("list", "--rule", "new-partner"), said("rules")
    assert (row["event_id"], row["party"], one["code"], one["live"]) == (
        "ride",
        world.sender.code,
        "new-partner",
        True,
    )
    assert said("list", "--rule", "other") == [] and said("proposals") == []
    for asked in (["propose", "release", str(row["id"])], ["decide", "accept", "1"],
                  ["rule", "x", "--cause", "data_fault", "--reason-zh", "甲", "--reason-en", "a", "--from", "2026-06-01",
                   "--until", "2026-06-02"]):  # fmt: skip
        made = CliRunner().invoke(command, [*asked, *([] if asked[0] == "rule" else ["--reason", "x"])])
        assert made.exit_code == 1 and "not-signed-in" in made.output, made.output


def said(*asked: str) -> Any:
    made = CliRunner().invoke(command, asked)
    assert made.exit_code == 0, made.output
    return json.loads(made.output)
