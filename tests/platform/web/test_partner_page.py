"""The partner's page: its own keys, addresses and messages; a secret once; another party's things as if they were not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.platform.doors import clock
from abate.platform.joining import noticing
from abate.platform.joining import queries as joining
from abate.platform.parties import actions, queries, webhooks
from abate.platform.parties.models import Message
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]


@pytest.fixture
def page(city: stage.City, enter: Enter) -> Client:
    keeper = review.create_user("staff", made_up=True)
    actions.add_member(keeper, city.partner, "partner")
    return enter(keeper, "en")


def test_a_key_is_made_shown_once_rotated_and_revoked(city: stage.City, page: Client, settings: Any) -> None:
    settings.ABATE_SANDBOX = True
    made = page.post(
        "/partner/key", {"step": "new", "label": "<b>x</b>", "addresses": "10.0.0.0/8, 192.0.2.0/24"}
    )
    text = made.content.decode()
    (row,) = queries.keys(city.partner.pk)
    assert made.status_code == 200 and "no-store" in made["Cache-Control"]
    assert row.addresses == ("10.0.0.0/8", "192.0.2.0/24") and "<b>x</b>" not in text and "&lt;b&gt;x" in text
    secret = re.findall(rf"{row.client_id}</span><br><span class=\"mono\">([\w-]+)<", text)[0]
    assert secret not in page.get("/partner").content.decode()
    rotated = page.post("/partner/key", {"step": "rotate", "key": row.client_id})
    assert rotated.status_code == 200 and [one.state for one in queries.keys(city.partner.pk)] == [
        "live",
        "replaced",
    ]
    assert page.post("/partner/key/revoke", {"key": row.client_id}).status_code == 302
    assert queries.keys(city.partner.pk)[1].state == "revoked"
    wrong = page.post("/partner/key", {"step": "new", "addresses": "everywhere"})
    assert wrong.status_code == 422 and "CIDR" in wrong.content.decode()
    # On live three people of the operator's make a key; to revoke one the partner needs nobody.
    settings.ABATE_SANDBOX = False
    live = next(one for one in queries.keys(city.partner.pk) if one.state == "live")
    assert 'value="rotate"' not in page.get("/partner").content.decode()
    for step in ("new", "rotate"):
        assert page.post("/partner/key", {"step": step, "key": live.client_id}).status_code == 409
    assert page.post("/partner/key/revoke", {"key": live.client_id}).status_code == 302
    assert {one.state for one in queries.keys(city.partner.pk)} == {"revoked"}


def test_a_step_that_an_old_page_sends_is_refused_and_not_taken_for_another(
    city: stage.City, page: Client, settings: Any
) -> None:
    settings.ABATE_SANDBOX = True
    client_id, _ = actions.issue_client(city.partner)
    number, _ = webhooks.add_endpoint(city.partner, "https://partner.example/hook")
    for step in ("revoke", "", "Rotate"):
        for path, given in (("/partner/key", {"key": client_id}), ("/partner/webhook", {"hook": number})):
            answer = page.post(path, {"step": step, **given})
            assert answer.status_code == 422 and "no such step" in answer.content.decode(), (path, step)
    assert [one.state for one in queries.keys(city.partner.pk)] == ["live"]
    assert [one.ended_at for one in webhooks.endpoints(city.partner.pk)] == [None]


@pytest.mark.clause("P-8.4-c")
def test_another_party_s_things_are_not_there(city: stage.City, page: Client) -> None:
    other = actions.create_party("other", "data_provider", "他方", "Other", made_up=True)
    client_id, _ = actions.issue_client(other)
    number, _ = webhooks.add_endpoint(other, "https://other.example/hook")
    webhooks.note(other.pk, [("event.credited", "{}")], clock.now())
    message = Message.objects.get()
    Message.objects.update(next_at=None)
    for path, data in (
        ("/partner/key", {"step": "rotate", "key": client_id}),
        ("/partner/key/revoke", {"key": client_id}),
        ("/partner/webhook", {"step": "rotate", "hook": number}),
        ("/partner/webhook", {"step": "end", "hook": number}),
        (f"/partner/messages/{message.pk}", {}),
        (f"/partner/messages/{2**70}", {}),
    ):
        assert page.post(path, data).status_code == 404, path
    text = page.get("/partner").content.decode()
    assert client_id not in text and "other.example" not in text
    assert queries.keys(other.pk)[0].state == "live" and queries.is_hooked(other.pk)
    assert Message.objects.get().next_at is None


def test_addresses_are_added_rotated_and_ended_and_messages_sent_again(
    city: stage.City, page: Client
) -> None:
    added = page.post(
        "/partner/webhook", {"step": "add", "url": "https://app.example/hook", "kind": ["event.refused"]}
    )
    assert "whsec_" in added.content.decode()
    (one,) = webhooks.endpoints(city.partner.pk)
    assert one.kinds == ["event.refused"]
    assert page.post("/partner/webhook", {"step": "add", "url": "http://10.0.0.1/"}).status_code == 422
    webhooks.note(city.partner.pk, [("event.refused", "{}"), ("event.credited", "{}")], clock.now())
    message = Message.objects.get()
    Message.objects.update(next_at=None, tries=10)
    assert "given up" in page.get("/partner").content.decode()
    assert page.post(f"/partner/messages/{message.pk}").status_code == 302
    assert Message.objects.get().next_at is not None
    assert "whsec_" in page.post("/partner/webhook", {"step": "rotate", "hook": one.pk}).content.decode()
    assert one.former.count() == 1
    assert "whsec_" in page.post("/partner/webhook", {"step": "replace", "hook": one.pk}).content.decode()
    assert one.former.count() == 0
    assert page.post("/partner/webhook", {"step": "end", "hook": one.pk}).status_code == 302
    assert not queries.is_hooked(city.partner.pk)


@pytest.mark.clause("P-6.1-e", "P-6.2")
def test_quality_and_notices_stand_on_the_page_and_are_answered_there(city: stage.City, page: Client) -> None:
    event = stage.meeting(city.partner, city.person, "q-1", clock.now())
    stage.send(city.partner, [event, event | {"id": "q-2", "subject": "nobody"}])
    made = noticing.open_notice(city.partner, "Half refused", "Since Monday.", clock.today(), None)
    other = actions.create_party("other", "data_provider", "他方", "Other", made_up=True)
    theirs = noticing.open_notice(other, "Not yours", "Not yours.", clock.today(), None)
    text = page.get("/partner").content.decode()
    assert "Half refused" in text and "Not yours" not in text and "75" in text
    assert page.post(f"/partner/notices/{made.pk}", {"text": "A queue was stuck."}).status_code == 302
    assert joining.notice(made.pk).state == "answered"
    assert "A queue was stuck." in page.get("/partner").content.decode()
    assert page.post(f"/partner/notices/{theirs.pk}", {"text": "mine"}).status_code == 404
    assert page.post(f"/partner/notices/{made.pk}", {"text": " "}).status_code == 422
    assert joining.notice(theirs.pk).state == "open"


def test_who_looks_after_no_party_is_not_let_in(city: stage.City, enter: Enter) -> None:
    assert enter(city.person.user).get("/partner").status_code == 403
    assert enter(city.cashier).post("/partner/key", {"step": "new"}).status_code == 403
    assert Client().get("/partner").status_code == 302
