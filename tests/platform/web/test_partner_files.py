"""A partner's files, reconciliation and events on its page: over the same actions as by key, and of its own alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.platform import spool
from abate.platform.carbon import sent
from abate.platform.doors import clock
from abate.platform.events.models import File
from abate.platform.ledger.models import Entry
from abate.platform.parties import actions
from abate.platform.people import queries as people
from abate.platform.reconciliation import queries as reconciliation
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]


@pytest.fixture
def page(city: stage.City, enter: Enter, settings: Any, tmp_path: Any) -> Client:
    settings.ABATE_DATA_DIR = str(tmp_path)
    keeper = review.create_user("staff", made_up=True)
    actions.add_member(keeper, city.partner, "partner")
    return enter(keeper, "en")


def meetings(city: stage.City, *names: str, **more: object) -> list[dict[str, Any]]:
    at = clock.now()
    return [stage.meeting(city.partner, city.person, name, at) | more for name in names]  # type: ignore[misc]


def upload(events: list[dict[str, Any]], name: str = "meetings.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "".join(json.dumps(one) + "\n" for one in events).encode())


@pytest.mark.clause("P-6.2")
def test_a_file_is_judged_booked_and_given_back(city: stage.City, page: Client) -> None:
    events = meetings(city, "f-1", "f-2")
    events[1]["data"] = events[1]["data"] | {"home_address": "x"}
    for judge, booked in (("1", False), ("0", True)):
        before = Entry.objects.count()
        answer = page.post("/partner/files", {"file": upload(events), "dry_run": judge})
        assert answer.status_code == 302, answer.content.decode()
        assert "at work" in page.get(answer["Location"]).content.decode().lower()
        spool.Loader().round()
        text = page.get(answer["Location"]).content.decode()
        assert "unknown_field:home_address" in text and "Line 2" in text
        assert (Entry.objects.count() > before) == booked
        assert ("nothing booked" in text) != booked
        given = page.get(answer["Location"] + "/back")
        told = [json.loads(line) for line in b"".join(given.streaming_content).splitlines()]
        assert given["Content-Disposition"].startswith("attachment") and len(told) == 2
        assert "home_address" in json.dumps(told[1])
    assert page.get("/partner/files").content.decode().count("meetings.jsonl") == 2


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 400),
        ({"file": SimpleUploadedFile("x.exe", b"MZ")}, 415),
        ({"file": SimpleUploadedFile(".csv", b"a,b")}, 400),
        ({"file": SimpleUploadedFile("a.csv", b"id\n1\n"), "declaration": "{"}, 422),
    ],
    ids=["none", "kind", "hidden", "declaration"],
)
def test_what_is_no_file_is_refused_and_nothing_lies_about(
    page: Client, given: dict[str, object], status: int
) -> None:
    answer = page.post("/partner/files", given)
    assert answer.status_code == status and 'role="alert"' in answer.content.decode()
    assert list(spool.folder().iterdir()) == [] and not File.objects.exists()


def test_a_party_that_is_suspended_brings_no_file(city: stage.City, page: Client) -> None:
    city.partner.status = "suspended"
    city.partner.save()
    assert page.post("/partner/files", {"file": upload([])}).status_code == 403
    assert not File.objects.exists()


@pytest.mark.clause("P-7.3.3.3-a")
def test_the_page_s_files_have_the_limits_of_the_party_s_keys(city: stage.City, page: Client) -> None:
    actions.set_limits(city.partner, requests_per_minute=1, events_per_day=1)
    with clock.frozen(clock.now()):
        address = page.post("/partner/files", {"file": upload(meetings(city, "q-1", "q-2"))})["Location"]
        late = page.post("/partner/files", {"file": upload(meetings(city, "q-3"))})
        assert late.status_code == 429 and File.objects.count() == 1
        spool.Loader().round()
        text = page.get(address).content.decode()
        assert "Waits for its quota" in text and "file-over-quota:row 1" in text
    with clock.frozen(clock.now() + timedelta(days=1)):
        spool.Loader().round()
    assert File.objects.get().counts == {"credited": 2} and File.objects.get().refusal is None


@pytest.mark.clause("P-8.4-c")
def test_another_party_s_files_events_and_breaks_are_not_there(
    city: stage.City, page: Client, enter: Enter
) -> None:
    (mine,) = stage.send(city.partner, meetings(city, "mine-1"))
    assert mine.outcome.text == "credited"
    page.post("/partner/files", {"file": upload(meetings(city, "f-9"))})
    page.post(
        "/partner/reconciliation",
        {"day": clock.today().isoformat(), "file": SimpleUploadedFile("d.csv", b"event\nf-77\n")},
    )
    file = File.objects.get()
    other = actions.create_party("other", "data_provider", "他方", "Other", made_up=True)
    keeper = review.create_user("staff", made_up=True)
    actions.add_member(keeper, other, "partner")
    theirs = enter(keeper, "en")
    for path in (f"/partner/files/{file.pk}", f"/partner/files/{file.pk}/back"):
        assert theirs.get(path).status_code == 404
    assert "meetings.jsonl" not in theirs.get("/partner/files").content.decode()
    assert "f-77" not in theirs.get("/partner/reconciliation").content.decode()
    assert 'id="found"' not in theirs.get("/partner?event=mine-1").content.decode()
    assert 'id="found"' in page.get("/partner?event=mine-1").content.decode()


@pytest.mark.clause("P-6.2")
def test_an_event_is_looked_up_by_its_id_and_names_nobody(
    city: stage.City, page: Client, settings: Any
) -> None:
    (event,) = meetings(city, "seen-1")
    stage.send(city.partner, [event])
    text = page.get("/partner?event=seen-1").content.decode()
    assert "credited" in text and str(event["subject"]) not in text
    found = sent.event_of_party(city.partner.pk, "seen-1")
    assert found is not None and found.er_mg and found.credits and found.withdrawn_by is None
    back = event | {
        "id": "back-1",
        "type": "org.abate.withdrawal",
        "data": {"event": "seen-1", "reason": "returned"},
    }
    stage.send(city.partner, [back])
    text = page.get("/partner?event=seen-1").content.decode()
    assert "withdrawn" in text and "back-1" in text
    # The newest stand there in both areas, the refused among them.
    for settings.ABATE_SANDBOX in (False, True):
        name = f"bad-{settings.ABATE_SANDBOX}"
        stage.send(city.partner, meetings(city, name, time="2999-01-01T00:00:00Z"))
        text = page.get("/partner").content.decode()
        assert "future" in text and name in text and "seen-1" in text and 'id="sent"' in text
    assert people.subject_for(city.person.pk, city.partner.pk) not in text


@pytest.mark.clause("P-6.2")
def test_a_day_is_held_against_the_books_on_the_page(city: stage.City, page: Client) -> None:
    # Of a day that is over, whatever the hour.
    then = clock.now() - timedelta(days=2)
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "day-1", then)])
    day = str(clock.day(then))
    file = SimpleUploadedFile("day.csv", b"event\nday-1\nday-2\n")
    text = page.post("/partner/reconciliation", {"day": day, "file": file}).content.decode()
    assert 'id="compared"' in text and "day-2" in text and "Missing here" in text
    assert reconciliation.open_breaks(city.partner.pk)[0] >= 1
    for given in (
        {"day": "x", "file": file},
        {"day": day},
        {"day": day, "file": SimpleUploadedFile("a.pdf", b"x")},
    ):
        assert page.post("/partner/reconciliation", given).status_code in (415, 422)
