"""Data sharing from outside: what a party asks, what it is given and when it is not; the operator's pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.utils import DatabaseError
from django.test import Client
from tests.platform.pipeline.world import World
from tests.platform.reconciliation.test_addresses import token
from tests.platform.review.test_matrix import staff
from tests.platform.sharing.test_editions import AFTER, close, world
from tests.platform.web.conftest import enter

from abate.demo import desk
from abate.platform.config import grants
from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import changes
from abate.platform.review.errors import ArgumentsMalformed
from abate.platform.sharing import actions, errors, queries
from abate.platform.sharing.models import Read

pytestmark = [pytest.mark.platform]
__all__ = ["enter", "world"]
ADDRESS = "/v1/sharing/requests"
ASKED: dict[str, Any] = {
    "purpose": "出行评估 <script>alert(1)</script>",
    "ground": "统计授权",
    "fields": ["people", "acts", "carbon_mg", "credits"],
    "from_month": "2026-06",
    "to_month": "2026-07",
    "until": "2026-12-31",
}


@pytest.fixture
def bureau(world: World) -> Iterator[Party]:
    close()
    yield parties.create_party("bureau", "authority", "某局", "A bureau", [], made_up=True)


def ask(headers: dict[str, str], **changes: object) -> Any:
    body = {name: value for name, value in (ASKED | changes).items() if value is not None}
    return Client(enforce_csrf_checks=True).post(
        ADDRESS, json.dumps(body), content_type="application/json", headers=headers
    )


def grant(number: str) -> None:
    """Three people agree."""
    desk.decide("sharing.answer", request=number, granted=True)


def test_a_month_has_four_signs_of_year_whatever_the_year(bureau: Party) -> None:
    told = ask(token(bureau, ["sharing"]), from_month="0527-01", to_month="0527-02").json()
    assert (told["from_month"], told["to_month"]) == ("0527-01", "0527-02")


@pytest.mark.clause("P-8.5-b", "P-8.5-d")
def test_asked_granted_read_told_and_revoked(bureau: Party, client: Client) -> None:
    headers = token(bureau, ["sharing"])
    made = ask(headers)
    assert made.status_code == 201 and made.json()["state"] == "asked"
    number = made.json()["id"]
    figures = f"{ADDRESS}/{number}/figures"

    def refused(address: str = figures, headers: dict[str, str] = headers) -> tuple[int, str]:
        answer = client.get(address, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert refused() == (403, "sharing-not-granted")
    grant(number)
    assert refused(f"{figures}?from=2026-06&to=2026-07") == (409, "sharing-month-open")
    assert refused(f"{figures}?from=2026-05&to=2026-06") == (403, "sharing-outside-grant")
    assert refused(f"{figures}?from=2026-13") == (422, "sharing-request-malformed")
    assert not Read.objects.exists()

    answer = client.get(f"{figures}?to=2026-06", headers=headers)
    (month,) = answer.json()["months"]
    assert {one["behaviour"]: one["people"] for one in month["groups"]} == {"online-meeting": 12, "other": 11}
    (told,) = queries.reads(number)
    assert bytes(told.sha256) == hashlib.sha256(answer.content).digest()
    assert (told.cells, told.client_id) == (2, made.wsgi_request.headers["Authorization"].split()[1])
    assert client.get(f"{figures}?to=2026-06", headers=headers).content == answer.content
    assert client.get(f"{ADDRESS}/{number}", headers=headers).json()["answers"] == 2

    other = parties.create_party("other", "authority", "他局", "Another", [], made_up=True)
    assert refused(headers=token(other, ["sharing"])) == (404, "sharing-request-unknown")
    assert refused(headers=token(bureau, ["events"])) == (403, "scope-missing")
    assert refused(headers={}) == (401, "token-refused")
    assert refused(f"{ADDRESS}/{uuid4()}") == (404, "sharing-request-unknown")

    with clock.frozen(AFTER + timedelta(days=365)):
        late = token(bureau, ["sharing"])
        assert refused(headers=late) == (403, "sharing-not-granted")
        assert client.get(f"{ADDRESS}/{number}", headers=late).json()["state"] == "over"
    actions.revoke(number, "目的已变", "made-up account")
    assert refused() == (403, "sharing-not-granted")
    with pytest.raises(errors.NotGranted):
        actions.revoke(number, "", "again")
    with pytest.raises(errors.DecidedAlready):
        actions.answer(number, True, "again")
    assert Read.objects.count() == 2


def test_a_request_for_some_behaviours_is_not_told_of_the_others(bureau: Party, client: Client) -> None:
    headers = token(bureau, ["sharing"])
    number = ask(headers, behaviours=["online-meeting", "walking"], to_month="2026-06").json()["id"]
    grant(number)
    (month,) = client.get(f"{ADDRESS}/{number}/figures", headers=headers).json()["months"]
    assert [one["behaviour"] for one in month["groups"]] == ["online-meeting"]


@pytest.mark.clause("P-8.5-b")
def test_a_field_that_was_not_asked_for_is_not_given(bureau: Party, client: Client) -> None:
    headers = token(bureau, ["sharing"])
    made = ask(headers, fields=["carbon_mg", "people", "people"], to_month="2026-06").json()
    assert made["fields"] == ["people", "carbon_mg"]
    look = changes.action("sharing.answer").look({"request": made["id"]})
    assert look["fields"] == ["people", "carbon_mg"], "three people see what they grant"
    grant(made["id"])
    told = client.get(f"{ADDRESS}/{made['id']}/figures", headers=headers).json()
    assert told["fields"] == ["people", "carbon_mg"]
    groups = [group for month in told["months"] for group in month["groups"]]
    assert groups and all(
        set(group) == {"behaviour", "behaviours", "people", "carbon_mg", "sources"} for group in groups
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": " "}, "purpose"),
        ({"ground": "x" * 1001}, "ground"),
        ({"purpose": None}, "purpose"),
        ({"ground": "a\0b"}, "ground"),
        ({"behaviours": ["flying-carpet"]}, "behaviours"),
        ({"behaviours": "metro"}, "behaviours"),
        ({"fields": None}, "fields"),
        ({"fields": []}, "fields"),
        ({"fields": "people"}, "fields"),
        ({"fields": ["people", "name"]}, "fields"),
        ({"from_month": "2026-08"}, "from_month"),
        ({"from_month": "1900-01"}, "from_month"),
        ({"to_month": "2026-6-1"}, "to_month"),
        ({"until": "2026-06-30"}, "until"),
        ({"until": "soon"}, "until"),
        ({"party_id": 1}, "party_id"),
    ],
)
def test_a_bad_request_names_its_field(bureau: Party, changes: dict[str, object], field: str) -> None:
    answer = ask(token(bureau, ["sharing"]), **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "sharing-request-malformed")
    assert answer.json()["detail"].startswith(field)
    assert queries.requests() == []


@pytest.mark.clause("P-8.5-b")
def test_no_answer_without_its_row(bureau: Party) -> None:
    made = ask(token(bureau, ["sharing"]), to_month="2026-06").json()
    grant(made["id"])
    with connection.cursor() as cursor:
        cursor.execute("alter table sharing_read add constraint no_row check (cells < 0) not valid")
    try:
        with pytest.raises(DatabaseError, match="no_row"):
            actions.read(bureau.pk, made["id"], None, None, "key")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("alter table sharing_read drop constraint no_row")
    assert not Read.objects.exists()


def test_the_applications_role_changes_no_row(bureau: Party) -> None:
    made = ask(token(bureau, ["sharing"]), to_month="2026-06").json()
    grant(made["id"])
    actions.read(bureau.pk, made["id"], None, None, "key")
    grants.apply_grants(connection)
    for table in ("edition", "cell", "request", "decision", "read"):
        with connection.cursor() as cursor:
            cursor.execute("set role abate_app")
            try:
                with pytest.raises(DatabaseError, match="permission denied"):
                    cursor.execute(f"delete from sharing_{table}")
            finally:
                cursor.execute("reset role")


def test_the_pages_show_requests_and_end_a_grant(bureau: Party, enter: Callable[..., Client]) -> None:
    number = ask(token(bureau, ["sharing"]), to_month="2026-06").json()["id"]
    browser = enter(staff("approve"), "en")
    assert "A bureau" in browser.get("/operator/sharing").content.decode()
    page = browser.get(f"/operator/sharing/{number}").content.decode()
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "Revoke the grant" not in page
    grant(number)
    assert "Revoke the grant" in browser.get(f"/operator/sharing/{number}").content.decode()
    assert (
        enter(staff("query")).post(f"/operator/sharing/{number}/revoke", {"reason": "x"}).status_code == 403
    )
    assert (
        browser.post(f"/operator/sharing/{number}/revoke", {"reason": "No longer needed"}).status_code == 302
    )
    assert queries.request(number).state == "revoked"
    assert browser.get(f"/operator/sharing/{uuid4()}").status_code == 404
    assert browser.post(f"/operator/sharing/{number}/revoke", {"reason": "twice"}).status_code == 403


@pytest.mark.clause("P-8.5-b", "P-8.4-c")
def test_a_refusal_is_the_three_peoples_too(bureau: Party, client: Client) -> None:
    headers = token(bureau, ["sharing"])
    number = ask(headers, to_month="2026-06").json()["id"]
    desk.decide("sharing.answer", request=number, granted=False, reason="目的不明")
    told = client.get(f"{ADDRESS}/{number}", headers=headers).json()
    assert (told["state"], told["reason"]) == ("refused", "目的不明")
    assert client.get(f"{ADDRESS}/{number}/figures", headers=headers).json()["code"] == "sharing-not-granted"
    with pytest.raises(ArgumentsMalformed):
        desk.decide("sharing.answer", request="no id", granted=True)
    with pytest.raises(errors.RequestUnknown):
        desk.decide("sharing.answer", request=str(uuid4()), granted=True)


@pytest.mark.parametrize("name", ["purpose", "ground"])
@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
def test_a_sign_that_no_table_holds_is_refused(bureau: Party, name: str, sign: str) -> None:
    answer = ask(token(bureau, ["sharing"]), **{name: f"a{sign}b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "sharing-request-malformed")
