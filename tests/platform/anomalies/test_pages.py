"""The queue, a case and the person's page: shown to whom they are for, decided through the door, and never run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from tests.platform.anomalies.watched import cases, way
from tests.platform.pipeline.acts import later, payment
from tests.platform.pipeline.world import World
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.cli.anomalies import command
from abate.demo import desk
from abate.platform import judging
from abate.platform.anomalies import actions, queries
from abate.platform.config import setup
from abate.platform.parties import webhooks
from abate.platform.parties.models import Message, Party
from abate.platform.review.models import Audit
from abate.platform.web import own_data, readers

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b", "P-6.1-g")]
Enter = Callable[..., Client]
AT = "2026-05-20T09:00:00+08:00"


def as_shown(*numbers: int) -> list[str]:
    """What the pages post of each case: which records it listed."""
    return [f"{number}:{queries.case(number).listed}" for number in numbers]


def page(browser: Client, path: str, status: int = 200, **given: Any) -> str:
    answer = browser.post(path, given) if given else browser.get(path)
    assert answer.status_code == status, answer.content.decode()[:400]
    return answer.content.decode()


def proposed(maker: Client, clerk: Client, phone: Client, world: World, both: tuple[int, int]) -> None:
    """One proposes to confirm two cases, of the second but for one record; another sees it, and their person does not."""
    person, party, (number, many) = world.people[0], world.sender.party_id, both
    why = f"/why?party={party}&event=above"
    page(maker, "/operator/anomalies/decide", 302, case=number, verdict="proposed", single="1", reason="far too fast",
         listed=as_shown(number), taken=f"{party}:above")  # fmt: skip
    page(maker, "/operator/anomalies/decide", 302, case=many, verdict="proposed", single="1", reason="three are one",
         listed=as_shown(many), taken=[f"{party}:p{n}" for n in range(3)])  # fmt: skip
    # What one proposes is no decision yet: its person is told that it is looked at, as before.
    assert (
        "This record is under review: too fast." in (told := page(phone, why)) and "far too fast" not in told
    )
    assert "found sound" not in page(phone, f"/why?party={party}&event=p3")
    assert {one["came"] for one in json.loads(own_data.as_json(own_data.gather(person)))["cases"]} == {""}
    queue = page(clerk, "/operator/anomalies")
    assert "Proposed to be confirmed: three are one (kept: 1, the others taken back)" in queue
    assert "Proposed to be confirmed: far too fast (kept: 0, the others taken back)" in queue
    shown = page(clerk, f"/operator/anomalies/{many}")
    assert "three are one" in shown and "found sound, and kept" in shown and 'name="taken"' not in shown
    assert "another-reviewer" in page(maker, "/operator/anomalies/decide", 403, case=number, verdict="confirmed",
                                      single="1", reason="x", listed=as_shown(number))  # fmt: skip


def listed(queue: str) -> None:
    """A rule is chosen by what it says, not by the name that it has in the file."""
    assert "too fast" in queue and "26 km/h, the limit being 25 km/h" in queue and "for tests" in queue
    assert '<option value="many-payments">too many</option>' in queue
    assert "<strong>too fast</strong>" in queue and ">fast</" not in queue.partition('id="rules"')[0]


def test_from_the_queue_to_the_appeal_and_back(world: World, enter: Enter) -> None:  # noqa: F811
    person, party = world.people[0], world.sender.party_id
    world.send(way(world, "above", AT, 60, 26), *(payment(world, f"p{n}", later(60 * n)) for n in range(4)))
    first, second = (desk.hire(f"made-up reviewer {n}", "entry") for n in range(2))
    maker = enter(desk.hire("made-up proposer", "entry"), "en")
    clerk, other, phone = enter(first, "en"), enter(second, "en"), enter(person.user, "en")
    assert "There is no such case." in page(clerk, "/operator/anomalies")
    actions.sweep()
    listed(page(clerk, "/operator/anomalies"))
    assert "26 km/h" not in page(clerk, "/operator/anomalies?rule=many-payments")
    assert "26 km/h" not in page(clerk, "/operator/anomalies?grade=strong")
    assert "26 km/h" in page(clerk, f"/operator/anomalies?party={world.sender.code}&grade=note")
    number = next(one.id for one in cases() if one.rule == "fast")
    many = next(one.id for one in cases() if one.rule == "many-payments")
    shown = page(clerk, f"/operator/anomalies/{number}")
    assert "distance_km" in shown and "above" in shown
    # What a record says is for those who may see what is personal; that it was opened is told to its person.
    seen = page(enter(desk.hire("made-up query", "query"), "en"), f"/operator/anomalies/{number}")
    assert "distance_km" not in seen and "withheld" in seen and "above" in seen
    assert [one.what for one in readers.opened_by_others(person)] == ["person.record"]
    why = f"/why?party={party}&event=above"
    assert "This record is under review: too fast." in page(phone, why)
    refused = page(
        clerk,
        "/operator/anomalies/decide",
        422,
        case=number,
        listed=as_shown(number),
        verdict="confirmed",
        reason=" ",
    )
    assert "case-reason-missing" in refused
    proposed(maker, clerk, phone, world, (number, many))
    page(clerk, "/operator/anomalies/decide", 302, case=number, verdict="confirmed", single="1", reason="<b>no</b>",
         listed=as_shown(number))  # fmt: skip
    page(clerk, "/operator/anomalies/decide", 302, case=many, verdict="confirmed", reason="three are one",
         listed=as_shown(many))  # fmt: skip
    assert "found sound, and kept" in page(clerk, f"/operator/anomalies/{many}")
    spared = page(phone, f"/why?party={party}&event=p3")
    assert "found sound and stays" in spared and "Appeal" not in spared
    assert "does not count" in page(phone, f"/why?party={party}&event=p0")
    told = page(phone, why)
    assert "taken back" in told and "&lt;b&gt;no&lt;/b&gt;" in told and "<b>no</b>" not in told
    assert "Not counted" in page(phone, "/feed") and "Reversed" in page(phone, "/entries")
    page(enter(world.people[1].user, "en"), f"/cases/{number}/appeal", 404, words="not mine")
    page(phone, f"/cases/{number}/appeal", 422, words=" ")
    page(phone, f"/cases/{number}/appeal", 302, words="<i>a motorcycle</i>", party=party, event="above")
    page(phone, f"/cases/{number}/appeal", 409, words="again")
    assert "&lt;i&gt;a motorcycle&lt;/i&gt;" in page(other, f"/operator/anomalies/{number}")
    again = {
        "case": [number, many],
        "listed": as_shown(number, many),
        "verdict": "overturned",
        "reason": "it is one",
    }
    mixed = page(clerk, "/operator/anomalies/decide", 409, **again)
    assert "another-reviewer" in mixed and "case-decided" in mixed
    mixed = page(other, "/operator/anomalies/decide", **again)
    assert "booked again" in mixed and "case-decided" in mixed
    told = page(phone, why)
    assert "Your appeal was granted" in told and "This record: booked again." in told and "Credited" in told
    decided = Audit.objects.filter(what="anomalies.decide")
    assert decided.filter(act="write").count() == 5
    assert {one.act for one in decided} == {"write", "refused"}, "what was refused to a reviewer is told too"
    copied = json.loads(own_data.as_json(own_data.gather(world.people[0])))["cases"]
    assert {(one["rule"], one["measured"], one["state"], one["appeal"]) for one in copied} == {
        ("fast", "26", "overturned", "<i>a motorcycle</i>"),
        ("many-payments", "4", "confirmed", ""),
    }


def test_a_number_that_is_none_and_words_that_mean_nothing(world: World, enter: Enter) -> None:  # noqa: F811
    clerk = enter(desk.hire("made-up reviewer", "entry"), "en")
    page(clerk, "/operator/anomalies/9", 404)
    page(clerk, f"/operator/anomalies/{2**80}", 404)
    page(clerk, "/operator/anomalies?grade=x&rule=none&party=x&before=-1&all=1")
    page(clerk, "/operator/anomalies/decide", 422, case="1", verdict="open", reason="x")
    page(clerk, "/operator/anomalies/decide", 422, case="x", verdict="confirmed", reason="x")
    page(clerk, "/operator/anomalies/decide", 404, case="9", verdict="confirmed", single="1", reason="x")


def test_a_decision_is_about_what_its_page_showed(world: World, enter: Enter) -> None:  # noqa: F811
    """The digest that each page carries is asked for; one that is old, missing or of another case changes nothing."""
    world.send(*(payment(world, f"p{n}", later(60 * n)) for n in range(4)), way(world, "above", AT, 60, 26))
    actions.sweep()
    many, fast = (next(one.id for one in cases() if one.rule == rule) for rule in ("many-payments", "fast"))
    clerk = enter(desk.hire("made-up reviewer", "entry"), "en")
    (old,), (other,) = as_shown(many), as_shown(fast)
    for path in ("/operator/anomalies", f"/operator/anomalies/{many}"):
        assert f'name="listed" value="{old}"' in page(clerk, path)
    world.send(payment(world, "p4", later(300)))
    actions.sweep()
    asked = {"case": many, "verdict": "proposed", "reason": "x"}
    for listed in ([old], [], [f"{many}:{other.partition(':')[2]}"], [str(many)]):
        assert "case-changed" in page(clerk, "/operator/anomalies/decide", 409, **asked, listed=listed)
    every = asked | {"case": [many, fast], "listed": as_shown(many, fast), "single": "1"}
    page(clerk, "/operator/anomalies/decide", 422, **every)
    assert {one.state for one in cases("open")} == {"open"} and len(cases()) == 2
    bulk = page(clerk, "/operator/anomalies/decide", **every | {"single": "0", "listed": [old, other]})
    assert "case-changed" in bulk and [one.id for one in cases()] == [many]


def test_the_partner_is_told(world: World, settings: Any) -> None:
    """One message for the event that does not count, one for the event that counts again."""
    settings.ABATE_WEBHOOK_LOOPBACK = True
    party = Party.objects.get(pk=world.sender.party_id)
    webhooks.add_endpoint(party, "http://127.0.0.1:9/hook")
    first, second = (desk.hire(f"made-up reviewer {n}", "entry") for n in range(2))
    world.send(way(world, "above", AT, 60, 26))
    actions.sweep()
    (one,) = cases()
    judging.decide(desk.hire("made-up proposer", "entry"), {one.id: one.listed}, "proposed", "w")
    judging.decide(first, {one.id: one.listed}, "confirmed", "x")
    actions.appeal(world.people[0], one.id, "y")
    judging.decide(second, {one.id: one.listed}, "overturned", "z")
    sent = [(row.kind, json.loads(row.body)["data"]) for row in Message.objects.order_by("id")]
    assert [kind for kind, _ in sent] == ["event.not_counted", "event.credited"]
    assert [data["id"] for _, data in sent] == ["above", "above"]
    assert sent[0][1]["reason"] == f"anomaly:P-7.3.3.3-b:fast:{one.id}" and sent[1][1]["entry"]


def test_the_commands_say_what_the_pages_say(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    world.send(way(world, "above", AT, 60, 26))
    told = [sweep_command(name) for name in ("rules", "sweep", "list")]
    assert [one["id"] for one in told[0]["rules"] if one["idle"]] == []
    assert (told[1]["opened"], told[1]["complete"]) == (1, True)
    (case,) = told[2]
    assert (case["records"], case["spared"], case["proposed_why"]) == (1, 0, None)
    assert (case["rule"], case["measured"], case["limit"], case["unit"]) == ("fast", "26", "25", "km/h")
    shown = sweep_command("show", str(case["case"]))
    assert [one["event"] for one in shown["records"]] == ["above"]
    made = CliRunner().invoke(command, ["decide", "confirmed", case["as_shown"], "--reason", "x"])
    assert made.exit_code == 1 and "not-signed-in" in made.output
    assert case["as_shown"] == shown["as_shown"] == as_shown(case["case"])[0]
    made = CliRunner().invoke(command, ["decide", "confirmed", str(case["case"]), "--reason", "x"])
    assert made.exit_code == 2 and "as_shown" in made.output


def sweep_command(*asked: str) -> Any:
    made = CliRunner().invoke(command, asked)
    assert made.exit_code == 0, made.output
    return json.loads(made.output)
