"""Notices answered over the interface, by key: the party's own, once under a key of the call, until they are closed."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Token
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import Client
from tests.platform.web import city as stage

from abate import platform
from abate.demo import desk
from abate.platform.config import grants
from abate.platform.doors import clock
from abate.platform.joining import noticing, queries
from abate.platform.joining.models import NoticeStep
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Member, Party
from abate.platform.review.errors import ConcernsOneself
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def bearer(party: Party, *scopes: str) -> dict[str, str]:
    client_id, _ = parties.issue_client(party, list(scopes or ("events",)))
    text = f"token-{client_id}"
    Token.objects.create(
        type=Token.Type.ACCESS_TOKEN,
        hash=get_adapter().hash_token(text),
        client_id=client_id,
        scopes=" ".join(scopes or ("events",)),
        expires_at=clock.now() + timedelta(hours=1),
    )
    return {"authorization": f"Bearer {text}", "accept-language": "en"}


def post(number: int, text: object, headers: dict[str, str]) -> Any:
    body = json.dumps({"text": text} if isinstance(text, str) else text)
    return Client().post(
        f"/v1/notices/{number}/answer", body, content_type="application/json", headers=headers
    )


@pytest.mark.clause("P-6.1-e")
def test_a_notice_is_read_and_answered_by_key(db: None) -> None:
    city = stage.build()
    mine, clerk = bearer(city.partner), desk.staffed()["entry"]
    made = noticing.open_notice(
        city.partner, "Late", "Half of them.", clock.today() + timedelta(days=3), clerk
    )
    (told,) = Client().get("/v1/notices", headers=mine).json()["notices"]
    assert (told["id"], told["state"], told["steps"]) == (made.pk, "open", [])
    keyed = mine | {"idempotency-key": '"answer-1"'}
    first, again = (post(made.pk, "A queue was stuck.", keyed) for _ in range(2))
    assert first.status_code == 200 and first.json()["state"] == "answered"
    assert again.content == first.content and again["Idempotent-Replayed"] == "true"
    (step,) = NoticeStep.objects.all()
    assert step.user is None and step.client_id and step.text == "A queue was stuck."
    noticing.close(made.pk, "Thank you.", clerk)
    assert Client().get("/v1/notices?open=1", headers=mine).json() == {"notices": [], "next_before": None}
    refused = post(made.pk, "one more", mine)
    assert (refused.status_code, refused.json()["code"]) == (409, "notice-closed")
    assert queries.notice(made.pk).state == "closed"


@pytest.mark.clause("P-8.4-c")
def test_another_party_s_notice_is_not_there_and_no_key_answers_none(db: None) -> None:
    city = stage.build()
    other = parties.create_party("other", "data_provider", "他方", "Other", made_up=True)
    made = noticing.open_notice(city.partner, "Late", "Half.", clock.today(), None)
    theirs = bearer(other)
    assert Client().get("/v1/notices", headers=theirs).json() == {"notices": [], "next_before": None}
    for number in (made.pk, 2**70):
        assert post(number, "mine", theirs).status_code == 404
    assert post(made.pk, "x", {}).status_code == 401 and Client().get("/v1/notices").status_code == 401
    mine = bearer(city.partner)
    for text in ("", " ", "x" * 2_001, "a\0b", {}, {"text": 1}, {"text": "x", "kind": "closed"}, []):
        assert post(made.pk, text, mine).json()["code"] == "notice-malformed"
    assert not NoticeStep.objects.exists()


@pytest.mark.clause("P-6.1-e")
def test_a_list_goes_on_only_from_a_notice_of_the_party_s_own(db: None) -> None:
    city = stage.build()
    other = parties.create_party("other", "data_provider", "他方", "Other", made_up=True)
    first, last = (
        noticing.open_notice(city.partner, name, "Half.", clock.today(), None) for name in ("Late", "Later")
    )
    theirs = noticing.open_notice(other, "Late", "Half.", clock.today(), None)
    mine = bearer(city.partner)
    told = Client().get(f"/v1/notices?before={last.pk}", headers=mine).json()
    assert [one["id"] for one in told["notices"]] == [first.pk]
    for before in (theirs.pk, 2**70, "x", "-1", "²", "9" * 5_000, last.pk + 1_000):
        answer = Client().get("/v1/notices", {"before": before}, headers=mine)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor-invalid"), before


@pytest.mark.clause("P-6.1-e")
def test_it_is_answered_closed_and_reopened_by_the_application_s_own_database_role(db: None) -> None:
    city, clerk = stage.build(), desk.staffed()["entry"]
    grants.apply_grants(connection)
    with connection.cursor() as cursor:
        cursor.execute("set role abate_app")
        try:
            made = noticing.open_notice(city.partner, "Late", "Half.", clock.today(), clerk)
            assert noticing.answer(made.pk, city.partner.pk, "Stuck.", "a-key").state == "answered"
            assert noticing.reopen(made.pk, "Since when?", clerk).state == "open"
            assert noticing.answer(made.pk, city.partner.pk, "Monday.", clerk).state == "answered"
            assert noticing.close(made.pk, "Thank you.", clerk).state == "closed"
        finally:
            cursor.execute("reset role")


def test_nothing_locks_a_row_that_its_role_may_not_change() -> None:
    """`for update` asks for the right to update some column, which the application has not got on append-only tables."""
    kept = {
        model.__name__
        for model in apps.get_models()
        if getattr(model, "append_only", False) and not getattr(model, "may_change", ())
    }
    # Two rooms have a model of this name, and one of them may change columns of it.
    kept -= {model.__name__ for model in apps.get_models() if getattr(model, "may_change", ())}
    assert {"Notice", "Agreement", "Seen", "Group"} <= kept
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(platform.__file__).parent.rglob("*.py")
    )
    locked = set(re.findall(r"(\w+)\.objects(?:\s*\.\w+\([^()]*\))*\s*\.select_for_update\(", text))
    assert {"Party", "Application"} <= locked and locked & kept == set()


def test_a_step_is_an_account_s_or_a_key_s_and_only_an_answer_is_a_key_s(db: None) -> None:
    city = stage.build()
    made = noticing.open_notice(city.partner, "Late", "Half.", clock.today(), None)
    for who in ({}, {"client_id": "k", "kind": "closed"}, {"client_id": "k", "user": city.cashier}):
        with pytest.raises(IntegrityError), transaction.atomic():
            NoticeStep.objects.create(notice=made, text="x", at=clock.now(), **{"kind": "answered", **who})


@pytest.mark.clause("P-8.5-a")
@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
def test_a_sign_that_no_table_holds_is_refused(sign: str) -> None:
    """JSON writes a NUL, or half of a sign, as an escape: sound as JSON, and an error of ours once it came to a statement."""
    city = stage.build()
    mine, clerk = bearer(city.partner), desk.staffed()["entry"]
    made = noticing.open_notice(city.partner, "Late", "Half.", clock.today() + timedelta(days=3), clerk)
    answer = post(made.pk, f"We{sign}looked.", mine)
    assert (answer.status_code, answer.json()["code"]) == (422, "notice-malformed")
    assert NoticeStep.objects.filter(notice=made).count() == 0


def test_nobody_opens_closes_or_reopens_a_notice_to_their_own_party(db: None) -> None:
    """Under the account of the staff itself: their part is found by who they are, and the trail tells of each try."""
    city, clerk = stage.build(), desk.staffed()["entry"]
    made = noticing.open_notice(city.partner, "Late", "Half.", clock.today(), clerk)
    noticing.answer(made.pk, city.partner.pk, "Seen.", city.cashier)
    Member.objects.create(user=clerk, party=city.partner, role="partner", since=clock.now())
    for work in (
        lambda: noticing.open_notice(city.partner, "Late", "Half.", clock.today(), clerk),
        lambda: noticing.close(made.pk, "Good.", clerk),
        lambda: noticing.reopen(made.pk, "Bad.", clerk),
    ):
        before = Audit.objects.filter(act="refused").count()
        with pytest.raises(ConcernsOneself):
            work()
        assert Audit.objects.filter(act="refused").count() == before + 1
    assert queries.notice(made.pk).state == "answered" and len(queries.notices(city.partner.pk)) == 1
    other = desk.staffed()["check"]
    assert noticing.close(made.pk, "Good.", other).state == "closed"
