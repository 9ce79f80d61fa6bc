"""A day of a made-up city in which every address that answers is asked once: what the interface's examples are held against."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

from django.test import Client, override_settings
from tests.platform.joining.test_conformance import RUN, leave_traces, lines
from tests.platform.people.townspeople import made_up_person
from tests.platform.reconciliation.test_addresses import token
from tests.platform.web import city as stage
from tests.platform.web.test_files import send as send_file

from abate.client import samples
from abate.demo import desk
from abate.platform import pipeline, releasing, spool
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Reader, Sender
from abate.platform.events.outcomes import Result
from abate.platform.joining import actions as joining
from abate.platform.joining import conformance, noticing, queries
from abate.platform.joining.kinds import kinds
from abate.platform.ledger import closing
from abate.platform.log import actions as log
from abate.platform.parties import webhooks
from abate.platform.parties.models import Message, Party
from abate.platform.people import actions as people
from abate.platform.people import groups
from abate.platform.people.models import Person
from abate.platform.review.models import User
from abate.platform.sharing import actions as sharing
from abate.platform.sharing import people as telling
from abate.platform.web.intake import answer_of

GIVEN = datetime(2026, 1, 5, 4, tzinfo=UTC)
MET = datetime(2026, 5, 11, 4, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
JSON = "application/json"
Enter = Callable[..., Client]


@dataclass
class Day:
    """`told`: the JSON of each answer, by method, address as the description has it, and status."""

    enter: Enter
    party: Party
    people: list[Person]
    subjects: list[str]
    told: dict[str, Any] = field(default_factory=dict)

    def call(self, browser: Client, label: str, status: int = 200, query: str = "", **given: Any) -> Any:
        """Ask an address; `given` fills its places, `body` is sent as JSON, `headers` as they are."""
        method, _, path = label.partition(" ")
        headers, body = given.pop("headers", {}), given.pop("body", None)
        media = given.pop("media", JSON)
        sent = {} if method == "GET" else {
            "data": body if isinstance(body, bytes | str) else json.dumps(body), "content_type": media}  # fmt: skip
        answer = getattr(browser, method.lower())(path.format(**given) + query, headers=headers, **sent)
        assert answer.status_code == status, (label, answer.content.decode())
        if body is not None:
            self.told[f"{label} {media}"] = dict(parse_qsl(body)) if "form" in media else text_of(body)
        told = answer.json() if "json" in answer["Content-Type"] else answer.content.decode(errors="replace")
        self.told[f"{label} {status}"] = told
        return told


def text_of(body: Any) -> Any:
    return body.decode() if isinstance(body, bytes) else body


def morning(enter: Enter) -> Day:
    """Twelve people who met online in a month that is closed, and their partner."""
    with clock.frozen(GIVEN):
        party = desk.create_party(
            "city-bikes", "data_provider", "城市单车", "City Bikes", stage.BEHAVIOURS, made_up=True
        )
        everybody = [made_up_person(n) for n in range(1, 13)]
        subjects = [people.authorise(one, party, stage.BEHAVIOURS, stage.NOTICE) for one in everybody]
        desk.add_rule(date(2026, 1, 6), ("领取规则", "to be collected"), claim_days=365)
    day = Day(enter, party, everybody, subjects)
    with clock.frozen(GIVEN):
        works = desk.create_party("city-works", "enterprise", "城市工坊", "City Works", [], made_up=True)
        code, _ = groups.invite_to_organisation(works, 50)
        for one in everybody:
            groups.join(one, code, stage.NOTICE)
    with clock.frozen(MET):
        stage.send(party, [meeting(day, n, MET) for n in range(12)])
    with clock.frozen(NOW):
        closing.close_day(date(2026, 5, 31))
        closing.close_month(date(2026, 5, 1))
    return day


def send(day: Day, events: list[dict[str, Any]]) -> list[Result]:
    """Book events as the intake does for a party with a server of its own."""
    sender = Sender(day.party.pk, day.party.code, frozenset(stage.BEHAVIOURS), hooked=True)
    reader = Reader(sender, catalogue().methods, clock.now())
    read = [reader.read(place, json.dumps(event).encode()) for place, event in enumerate(events)]
    digest = hashlib.sha256(json.dumps(events).encode()).digest()
    return pipeline.run_batch(Arrival(sender, "http", clock.now(), digest, len(events)), read)


def meeting(day: Day, who: int, at: datetime, **changes: Any) -> dict[str, Any]:
    return samples.meeting(day.party.code, day.subjects[who], f"meeting-{who + 1}", at) | changes


def of_a_partner(day: Day) -> None:
    mine, browser = token(day.party), Client()
    webhooks.add_endpoint(day.party, "https://hooks.example.org/abate")
    at = [meeting(day, 0, NOW, id="meeting-20"), meeting(day, 0, NOW, id="meeting-21", subject="nobody")]
    day.told["POST /v1/events application/cloudevents+json"] = at[0]
    day.told["POST /v1/events application/cloudevents-batch+json"] = at
    results = [answer_of(one, "zh") for one in send(day, at)]
    day.told["POST /v1/events 200"] = {"results": results}
    day.call(browser, "GET /v1/events", query="?limit=2", headers=mine)
    day.call(browser, "GET /v1/events/{event_id}", event_id="meeting-1", headers=mine)
    amounts = ["478000" if n == 2 else "478840" for n in range(1, 12)]
    lines_ = [f"meeting-{n},credited,{mg},478" for n, mg in enumerate(amounts, 1)]
    sent = "\n".join(["event,outcome,er_mg,credits", *lines_, ""])
    day.call(
        browser, "POST /v1/reconciliation", query="?day=2026-05-11", body=sent, media="text/csv", headers=mine
    )
    day.call(browser, "GET /v1/reconciliation/breaks", headers=mine)
    clerk = desk.staffed()["entry"]
    made = noticing.open_notice(day.party, "迟到的事件", "五月的事件有一半迟到。", date(2026, 6, 10), clerk)
    day.call(
        browser,
        "POST /v1/notices/{notice_id}/answer",
        notice_id=made.pk,
        body={"text": "已修正"},
        headers=mine,
    )
    day.call(browser, "GET /v1/notices", headers=mine)
    noticing.close(made.pk, "谢谢。", clerk)
    noticing.reopen(made.pk, "又有迟到。", clerk)
    of_files(day)
    client_id, secret = desk.issue_client(day.party)
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}&scope=events"
    form_media = "application/x-www-form-urlencoded"
    day.call(
        browser,
        "POST /identity/o/api/token",
        400,
        body=form.replace("client_credentials", "x"),
        media=form_media,
    )
    day.call(browser, "POST /identity/o/api/token", 401, body=form.replace(secret, "x"), media=form_media)
    day.call(browser, "POST /identity/o/api/token", body=form, media=form_media)
    leave_traces(day.party)
    with override_settings(ABATE_SANDBOX=True):
        signed = conformance.attest(day.party.pk, day.party.code, {"run": RUN, "lines": lines()})
    day.told["POST /v1/conformance 200"] = signed


def of_files(day: Day) -> None:
    """A table with one row that is wrong, sent, booked, and given back."""
    mine = token(day.party)
    rows = [f"ride-{n},online-meeting,{day.subjects[n]},2026-05-31T01:00:00Z,ride-{n},2026-05-31T01:00:00Z,60,3,{rate},30,0.2"
            for n, rate in enumerate(("0.5", "1.5"), 1)]  # fmt: skip
    head = "id,behaviour,subject,time,meeting_id,start,duration_min,participants,replacement_rate,pkm_rail,electricity_kwh"
    sent = "\n".join([head, *rows, ""]).replace("ride-", "meeting-4")
    day.told["POST /v1/files application/octet-stream"] = sent
    answer = send_file(sent.encode(), mine["authorization"].removeprefix("Bearer "), "meetings.csv")
    day.told["POST /v1/files 202"] = made = json.loads(answer.body)
    spool.Loader().round()
    one, browser = "GET /v1/files/{file_id}", Client()
    for label in ("GET /v1/files", one, f"{one}/errors"):
        day.call(browser, label, file_id=made["id"], headers=mine)
    back = browser.get(f"/v1/files/{made['id']}/back", headers=mine)
    assert back.status_code == 200
    day.told[f"{one}/back 200"] = b"".join(back.streaming_content).decode("utf-8-sig")


def of_messages(day: Day) -> None:
    """What a server of the party's would be told."""
    again = meeting(day, 3, NOW, id="meeting-4b") | {"corrects": "meeting-4", "correctedfor": "wrong_figure"}
    back = meeting(day, 2, NOW, id="back-3") | {
        "type": "org.abate.withdrawal",
        "data": {"event": "meeting-3", "reason": "returned"},
    }
    send(day, [again, back])
    for kind, body in Message.objects.order_by("-id").values_list("kind", "body"):
        day.told[kind] = json.loads(body)


def of_those_who_ask(day: Day) -> None:
    """An authority, an organisation and its members, an applicant."""
    browser = Client()
    bureau = desk.create_party("city-bureau", "authority", "城市统计局", "City Bureau", [], made_up=True)
    asking = token(bureau, ["sharing"])
    asked = {"purpose": "月度低碳出行评估", "ground": "《地方气候变化应对条例》授权的统计",
             "fields": ["people", "carbon_mg"],
             "from_month": "2026-05", "to_month": "2026-05", "until": "2026-12-31"}  # fmt: skip
    number = day.call(browser, "POST /v1/sharing/requests", 201, body=asked, headers=asking)["id"]
    desk.decide("sharing.answer", request=number, granted=True)
    one = "GET /v1/sharing/requests/{request_id}"
    day.call(browser, f"{one}/figures", request_id=number, headers=asking)
    day.call(browser, one, request_id=number, headers=asking)
    asked = sharing.ask(day.party.pk, purpose="通勤补贴核算", kind="service", ground="本人同意", about="people",
                        contact="privacy@partner.example", behaviours=["online-meeting"],
                        fields=["month", "behaviour", "acts", "carbon_mg"], from_month=date(2026, 5, 1),
                        to_month=date(2026, 5, 1), until=date(2026, 12, 31), known=catalogue().methods)  # fmt: skip
    desk.decide("sharing.answer", request=str(asked.id), granted=True)
    telling.agree(day.people[0], asked.id)
    day.call(browser, f"{one}/people", request_id=asked.id, headers=token(day.party, ["sharing"]))
    works = token(Party.objects.get(code="city-works"))
    day.call(browser, "GET /v1/members/figures", query="?from=2026-05", headers=works)
    given = {"code": "city-walks", "kind": "data_provider", "title_zh": "城市步行", "title_en": "City Walks",
             "registration": "91999999000000000G", "contact_name": "经办人", "contact": "joining@example.org",
             "grants": ["data"], "behaviours": ["walking"]}  # fmt: skip
    made = day.call(browser, "POST /v1/applications", 201, body=given)
    mine = {"authorization": f"Bearer {made['token']}"}
    at = "/v1/applications/{application_id}"
    day.call(browser, f"POST {at}/documents/{{kind}}", 201, "?name=a.pdf&valid_until=2027-05-31", body=PDF,
             media="application/pdf", application_id=made["id"], kind="registration", headers=mine)  # fmt: skip
    day.call(browser, f"GET {at}", application_id=made["id"], headers=mine)
    draft = joining.apply(joining.particulars(given | {"code": "city-runs", "registration": "91999999000000001E"[:17]
        + joining.credit_code_sign("91999999000000001")}), catalogue().methods, proved=True)  # fmt: skip
    for kind in queries.required(draft[0]):
        dated = kinds().documents[kind].dated
        joining.add_document(draft[0], kind, f"{kind}.pdf", PDF, date(2027, 5, 31) if dated else None)
    day.call(browser, f"POST {at}/submit", application_id=draft[0].pk, body={"terms": kinds().terms},
             headers={"authorization": f"Bearer {draft[1]}"})  # fmt: skip
    joining.send_back(draft[0], "名称与营业执照不一致", desk.staffed()["entry"])
    named = {name: value for name, value in given.items() if not name.startswith("contact")}
    named |= {
        "code": "city-runs",
        "registration": draft[0].registration,
        "title_zh": "城市跑步",
        "title_en": "City Runs",
    }
    day.call(browser, f"POST {at}/mend", application_id=draft[0].pk, body=named,
             headers={"authorization": f"Bearer {draft[1]}"})  # fmt: skip


def of_a_person(day: Day) -> None:
    browser = day.enter(day.people[0].user)
    # The close of May gave what it covers a signed head; what is collected now waits for the next one.
    entry = day.call(browser, "GET /v1/me/entries")["entries"][-1]["id"]
    day.call(browser, "POST /v1/me/collect")
    one = "GET /v1/me/entries/{entry_id}"
    newest = day.call(browser, "GET /v1/me/entries")["entries"][0]["id"]
    day.call(browser, f"{one}/receipt", 202, entry_id=newest)
    log.sequence()
    day.call(browser, f"{one}/receipt", entry_id=entry)
    day.call(browser, f"{one}/explanation", entry_id=entry)
    day.call(browser, "GET /v1/me/account")
    day.call(browser, "GET /v1/me/account/at", query="?moment=2026-05-31T12:00:00%2B08:00")
    day.call(browser, "GET /v1/me/entries")
    day.call(browser, "GET /v1/me/groups")
    day.call(browser, "GET /v1/me/statement", query="?first=2026-05-01&last=2026-05-31")
    for path in ("/readyz", "/livez", "/metrics", "/log/checkpoint", "/log/key"):
        day.call(Client(), f"GET {path}")
    size = int(day.told["GET /log/checkpoint 200"].splitlines()[1])
    tile = Client().get(f"/log/tile/0/000.p/{size}")
    data = base64.b64encode(tile.content).decode()
    day.told["GET /log/tile/{address} 200"] = f"data:application/octet-stream;base64,{data}"


def of_the_staff(day: Day, clerk: User, checker: User) -> None:
    theirs, second = day.enter(clerk), day.enter(checker)
    asked = {"action": "party.limits", "arguments": {"code": "city-bikes", "requests_per_minute": 600, "events_per_day": None},
             "why": "试点扩大"}  # fmt: skip
    number = day.call(theirs, "POST /v1/proposals/new", body=asked)["number"]
    day.call(theirs, "GET /v1/proposals")
    day.call(second, "POST /v1/proposals/decide", body={"step": "check", "numbers": [number], "reason": ""})
    desk.decide("quarantine.rule", rule="new-partner", party="city-bikes", cause="probation", reason_zh="试用期",
                reason_en="on probation", valid_from="2026-05-01", valid_until="2026-06-30")  # fmt: skip
    send(day, [meeting(day, 1, NOW, id="meeting-30")])
    (row,) = day.call(theirs, "GET /v1/quarantine")
    asked = {"verdict": "release", "records": [row["id"]], "reason": "已核对原始记录"}
    made = day.call(theirs, "POST /v1/quarantine/propose", body=asked)
    day.call(theirs, "GET /v1/quarantine/proposals")
    decision = {"proposal": made["id"], "accepted": True, "reason": "同意"}
    day.call(second, "POST /v1/quarantine/decide", body=decision)
    send(day, [meeting(day, 4, NOW, id="meeting-31")])
    (row,) = theirs.get("/v1/quarantine").json()
    number = releasing.propose(clerk, [row["id"]], "dismiss", "重复发送")
    releasing.decide(checker, number, accepted=True, reason="同意")
    desk.decide("quarantine.rule", rule="new-partner", party="city-bikes", cause="probation", reason_zh="试用期",
                reason_en="on probation", valid_from="2026-05-01", valid_until="2026-05-02")  # fmt: skip


def spent(enter: Enter) -> dict[str, Any]:
    """The whole day: what every address told."""
    day = morning(enter)
    with clock.frozen(NOW):
        of_a_partner(day)
        of_those_who_ask(day)
        of_a_person(day)
        of_the_staff(
            day,
            desk.hire("made-up clerk of examples", "entry"),
            desk.hire("made-up checker of examples", "check"),
        )
        of_messages(day)
    return json.loads(json.dumps(day.told))
