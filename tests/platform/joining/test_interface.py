"""Joining over HTTP and on the command line: the same refusals by name, another's application as if it were not there."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.platform.joining import applicants
from tests.platform.joining.applicants import PARTICULARS, PDF, later

from abate.platform import reaching
from abate.platform.joining import actions, mending, queries
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, Document, Revision
from abate.platform.notices.models import Delivery
from abate.platform.parties.errors import LimitReached

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
JSON = "application/json"
ORGANISATION = ("code", "kind", "title_zh", "title_en", "registration", "grants", "behaviours")


def given(**changes: object) -> str:
    return json.dumps(asdict(PARTICULARS) | changes, ensure_ascii=False)


def make(**changes: object) -> tuple[dict[str, Any], dict[str, str]]:
    answer = Client().post("/v1/applications", given(**changes), content_type=JSON)
    assert answer.status_code == 201, answer.content
    assert "no-store" in answer["Cache-Control"]
    body = answer.json()
    return body, {"authorization": f"Bearer {body['token']}"}


@pytest.mark.clause("P-6.1-d")
def test_an_organisation_applies_over_http() -> None:
    messages = Path(django_settings.ABATE_DATA_DIR) / "messages.jsonl"
    messages.unlink(missing_ok=True)
    made, mine = make()
    at = f"/v1/applications/{made['id']}"
    assert made["state"] == "draft" and {one["state"] for one in made["documents"]} == {"missing"}
    for one in made["documents"]:
        query = f"?name={one['kind']}.pdf" + (f"&valid_until={later()}" if one["dated"] else "")
        answer = Client().post(
            f"{at}/documents/{one['kind']}{query}", PDF, content_type="application/pdf", headers=mine
        )
        assert answer.status_code == 201, answer.content
    refused = Client().post(f"{at}/submit", json.dumps({"terms": "2026-1"}), content_type=JSON, headers=mine)
    assert refused.json()["code"] == "application-contact-unproved"
    # The link that went to the contact proves it; opening it spends nothing.
    reaching.carry(), reaching.carry()
    told = json.loads(messages.read_text(encoding="utf-8").splitlines()[-1])
    assert told["to"] == PARTICULARS.contact
    link = told["body"].split("/sign-in/link/")[1].split()[0]
    browser = Client()
    browser.get(f"/sign-in/link/{link}")
    assert Application.objects.get().proved_at is None
    browser.post(f"/sign-in/link/{link}")
    answer = Client().post(f"{at}/submit", json.dumps({"terms": "2026-1"}), content_type=JSON, headers=mine)
    assert answer.status_code == 200 and answer.json()["state"] == "submitted"
    assert Client().get(at, headers=mine).json()["state"] == "submitted"


@pytest.mark.clause("P-6.1-d")
def test_what_was_returned_is_mended_over_http() -> None:
    made, mine = make()
    one, at = Application.objects.get(), f"/v1/applications/{made['id']}"
    said = {name: made[name] for name in ORGANISATION}
    assert said == {name: json.loads(given())[name] for name in ORGANISATION}

    def mend(**changes: object) -> tuple[int, dict[str, Any]]:
        answer = Client().post(f"{at}/mend", json.dumps(said | changes), content_type=JSON, headers=mine)
        return answer.status_code, answer.json()

    assert mend(title_en="Mended Rides")[1]["code"] == "application-closed"
    actions.prove(one.user)
    applicants.bring(one)
    actions.submit(one, kinds().terms)
    actions.send_back(one, "the name is not the licence's", applicants.reviewer())
    for changes, named in (
        ({"title_en": ""}, "title_en"),
        ({"registration": "x"}, "registration"),
        ({"other": "x"}, "other"),
        # Whoever has the token does not choose who holds the account.
        ({"contact": "thief@example.org"}, "contact"),
        ({"contact_name": "A thief"}, "contact_name"),
    ):
        status, refused = mend(**changes)
        assert (status, refused["code"]) == (422, "application-malformed") and named in refused["detail"]
    assert not Revision.objects.filter(kind=Revision.MENDED).exists()
    status, told = mend(title_en="Mended Rides")
    assert status == 200 and told["title_en"] == "Mended Rides" and told["state"] == "returned"
    assert {paper["state"] for paper in told["documents"]} == {"new"}
    row = Revision.objects.get(kind=Revision.MENDED)
    assert row.changed == {"title_en": [PARTICULARS.title_en, "Mended Rides"]}
    kept = queries.contact(Application.objects.get())
    assert kept == {"name": PARTICULARS.contact_name, "reach": PARTICULARS.contact}
    # The same again changes nothing, and the token goes on: it hands in.
    assert (
        mend(title_en="Mended Rides")[0] == 200 and Revision.objects.filter(kind=Revision.MENDED).count() == 1
    )
    answer = Client().post(f"{at}/submit", json.dumps({"terms": "2026-1"}), content_type=JSON, headers=mine)
    assert answer.json()["state"] == "submitted"
    assert mend()[1]["code"] == "application-closed"


def test_it_is_mended_so_often_a_day_over_http_too() -> None:
    made, mine = make()
    one = Application.objects.get()
    actions.prove(one.user)
    applicants.bring(one)
    actions.submit(one, kinds().terms)
    actions.send_back(one, "the name is not the licence's", applicants.reviewer())
    said, at = {name: made[name] for name in ORGANISATION}, f"/v1/applications/{made['id']}/mend"
    answers = [
        Client().post(at, json.dumps(said | {"title_en": f"Rides {turn}"}), content_type=JSON, headers=mine)
        for turn in range(mending.A_DAY + 1)
    ]
    assert [answer.status_code for answer in answers] == [200] * mending.A_DAY + [429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_another_s_application_is_not_there() -> None:
    made, _ = make()
    _, other = make(code="made-up-other", registration=applicants.registration(2))
    at = f"/v1/applications/{made['id']}"
    for headers in ({}, other, {"authorization": "Bearer x"}, {"authorization": "Basic " + made["token"]}):
        assert Client().get(at, headers=headers).json()["code"] == "application-unknown"
        for path in ("/submit", "/mend", "/documents/registration?name=x.pdf"):
            answer = Client().post(at + path, "{}", content_type=JSON, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "application-unknown")
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"state": "admitted"},
        {"party": 1},
        {"proved_at": "2026-01-01"},
        {"user": 1},
        {"id": "x"},
        {"status": "active"},
    ],
)
def test_fields_of_the_platform_s_own_are_refused(more: dict[str, object]) -> None:
    answer = Client().post("/v1/applications", given(**more), content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "application-malformed")
    assert not Application.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "{", "[" * 40_000, '{"code": 1}', given(title_zh="a\0b")])
def test_what_is_no_application_is_refused(body: str) -> None:
    answer = Client().post("/v1/applications", body, content_type=JSON)
    assert answer.json()["code"] == "application-malformed"


def test_a_document_over_http_is_bound_by_name_type_size_and_day() -> None:
    made, mine = make()
    at = f"/v1/applications/{made['id']}/documents/"
    for path, body in (
        (f"registration?name=../../secrets.json&valid_until={later()}", PDF),
        (f"registration?name=x.pdf&valid_until={later()}", b"PK\x03\x04"),
        (f"registration?name=x.pdf&valid_until={later()}", PDF + bytes(5_000_000)),
        ("registration?name=x.pdf", PDF),
        ("registration?name=x.pdf&valid_until=2020-01-01", PDF),
        ("registration?name=x.pdf&valid_until=soon", PDF),
        (f"mandate?name=x.pdf&valid_until={later()}", PDF),
    ):
        answer = Client().post(at + path, body, content_type="application/pdf", headers=mine)
        assert (answer.status_code, answer.json()["code"]) == (422, "document-refused"), path
    assert not Document.objects.exists()


def test_a_link_is_sent_again_and_nothing_tells_whether_there_was_one(
    settings: Any,
) -> None:
    messages = Path(django_settings.ABATE_DATA_DIR) / "messages.jsonl"
    make()
    reaching.carry(), reaching.carry()
    before, told, work = len(messages.read_text(encoding="utf-8").splitlines()), [], []
    for contact in ("nobody@example.org", "JOINING@example.org"):
        with CaptureQueriesContext(connection) as asked:
            answer = Client().post("/join/link", {"contact": contact})
        told.append((answer.status_code, re.sub(rb'csrf[^>]*value="[^"]*"', b"", answer.content)))
        # Statement by statement, without the values and the types that their length gives them.
        value = r"(E?'[^']*'|s\d+_x\d+|\d+|NULL)(::\w+(\[\])?)*"
        work.append([re.sub(value, "?", one["sql"]) for one in asked.captured_queries])
    assert told[0] == told[1] and work[0] == work[1] and told[0][0] == 200
    reaching.carry(), reaching.carry()
    lines = messages.read_text(encoding="utf-8").splitlines()
    assert len(lines) == before + 1 and json.loads(lines[-1])["to"] == PARTICULARS.contact
    # With mail down too: what waits is the outbox's.
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Mail"
    for contact in ("no@example.org", PARTICULARS.contact):
        assert Client().post("/join/link", {"contact": contact}).status_code == 200


def test_one_contact_is_not_flooded_with_links() -> None:
    make()
    for _ in range(actions.LINKS - 1):
        actions.send_links(PARTICULARS.contact)
    with pytest.raises(LimitReached):
        actions.send_links(PARTICULARS.contact)
    answer = Client().post("/v1/applications", given(code="another"), content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (429, "limit-reached")
    actions.send_links("somebody-else@example.org")


def test_an_application_is_kept_while_its_link_waits_for_a_way(settings: Any) -> None:
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Mail"
    answer = Client().post("/v1/applications", given(contact="13900000001"), content_type=JSON)
    assert answer.status_code == 201 and Application.objects.get().state == "draft"
    reaching.carry(), reaching.carry()
    (waiting,) = Delivery.objects.all()
    assert waiting.channel == "phone" and waiting.sent_at is None and waiting.said
