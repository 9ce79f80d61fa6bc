"""A partner's key gives a token over HTTP; the token tells who speaks, until it runs out or is taken away."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta

import pytest
from allauth.idp.oidc.models import Client as OAuthClient
from allauth.idp.oidc.models import Token
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from abate.platform.doors import clock
from abate.platform.parties import actions, queries
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party
from abate.platform.review.actions import create_user

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
TOKEN = "/identity/o/api/token"


@pytest.fixture
def party(db: None) -> Party:
    return actions.create_party("metro-app", "data_provider", "地铁应用", "Metro app", ["metro", "bus"])


def ask(client_id: str, secret: str, **more: str) -> HttpResponse:
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    body = {"grant_type": "client_credentials", **more}
    return Client().post(TOKEN, body, headers={"authorization": f"Basic {basic}"})


def token_of(party: Party) -> str:
    return str(ask(*actions.issue_client(party)).json()["access_token"])


@pytest.mark.clause("P-6.1-b")
def test_a_key_gives_a_token_that_names_its_party(party: Party) -> None:
    client_id, secret = actions.issue_client(party)
    answer = ask(client_id, secret)
    body = answer.json()
    assert answer.status_code == 200 and body["token_type"] == "Bearer"
    assert (body["scope"], body["expires_in"]) == ("events", 3600)
    found = queries.token_party(body["access_token"])
    assert found == queries.TokenParty(
        party.pk,
        "metro-app",
        client_id,
        frozenset({"events"}),
        frozenset({"metro", "bus"}),
        requests_per_minute=actions.REQUESTS_PER_MINUTE,
    )
    assert body["access_token"] not in Token.objects.get().hash


def test_the_key_may_also_stand_in_the_body(party: Party) -> None:
    client_id, secret = actions.issue_client(party)
    body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = Client().post(TOKEN, body)
    assert answer.status_code == 200 and queries.token_party(answer.json()["access_token"])


def test_a_token_is_one_query_on_its_index(party: Party) -> None:
    token = token_of(party)
    with CaptureQueriesContext(connection) as ran:
        assert queries.token_party(token)
    assert len(ran) == 1
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("explain " + queries._BY_DIGEST, [Token.objects.get().hash, clock.now()])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "((type)::text = 'at'::text) AND ((hash)::text" in plan


@pytest.mark.clause("P-6.1-b")
def test_wrong_keys_get_no_token_and_are_not_repeated(party: Party, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client_id, secret = actions.issue_client(party)
    other_id, _ = actions.issue_client(party)
    for answer in (
        ask(client_id, secret + "x"),
        ask(client_id, ""),
        ask("nobody", secret),
        ask(other_id, secret),
        Client().post(TOKEN, {"grant_type": "client_credentials"}),
    ):
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
    assert secret not in caplog.text and not Token.objects.exists()


def test_a_key_gives_only_its_own_scope_and_grant(party: Party) -> None:
    client_id, secret = actions.issue_client(party)
    for more in ({"scope": "openid"}, {"scope": "events openid"}, {"grant_type": "password"}):
        assert ask(client_id, secret, **more).status_code in {400, 401}
    for grant in ("authorization_code", "refresh_token"):
        assert ask(client_id, secret, grant_type=grant, code="x", refresh_token="x").status_code >= 400
    assert not Token.objects.exists()


def test_a_token_runs_out(party: Party) -> None:
    token, start = token_of(party), clock.now()
    with clock.frozen(start + timedelta(minutes=59)):
        assert queries.token_party(token)
    with clock.frozen(start + timedelta(minutes=61)):
        assert queries.token_party(token) is None


@pytest.mark.clause("P-6.1-b")
def test_a_suspended_party_and_a_revoked_key_are_out_at_once(party: Party) -> None:
    client_id, secret = actions.issue_client(party)
    token, other = str(ask(client_id, secret).json()["access_token"]), token_of(party)
    actions.suspend(party)
    with pytest.raises(PartySuspended):
        queries.token_party(token)
    actions.resume(party)
    assert queries.token_party(token)
    actions.revoke_client(client_id)
    assert queries.token_party(token) is None and queries.token_party(other)
    assert ask(client_id, secret).status_code == 401
    # A token that was being made while the key was revoked.
    late = Token(type="at", client_id=client_id, expires_at=clock.now() + timedelta(hours=1), scopes="events")
    late.set_value("a-late-token")
    late.save()
    assert queries.token_party("a-late-token") is None
    assert [c.revoked_at is None for c in queries.clients(party.pk)] == [True, False]


def test_a_behaviour_taken_away_is_gone_from_the_next_call(party: Party) -> None:
    token = token_of(party)
    actions.remove_behaviours(party, ["bus"])
    found = queries.token_party(token)
    assert found and found.behaviours == {"metro"}


def test_what_is_no_partners_access_token_names_nobody(party: Party) -> None:
    token = token_of(party)
    for text in ("", " ", token[:-1], token + "x", token.upper(), "x" * 100_000, "\x00", "令牌"):
        assert queries.token_party(text) is None
    assert queries.token_party(token, scope="files") is None
    Token.objects.update(type="rt")
    assert queries.token_party(token) is None
    Token.objects.update(type="at", expires_at=None)
    assert queries.token_party(token) is None


def test_a_person_has_no_business_with_a_partners_key() -> None:
    stranger = OAuthClient.objects.create(id="not-a-partner", name="x", owner=create_user("person"))
    token = Token(type="at", client=stranger, expires_at=clock.now() + timedelta(hours=1), scopes="events")
    token.set_value("a-token")
    token.save()
    assert queries.token_party("a-token") is None


@pytest.mark.parametrize("path", [TOKEN, "/identity/o/api/revoke", "/identity/o/api/device/code"])
def test_a_nul_sign_is_a_refusal_and_no_error_of_ours(party: Party, path: str) -> None:
    client_id, secret = actions.issue_client(party)
    basic = base64.b64encode(f"{client_id}\x00:{secret}".encode()).decode()
    grant, form = {"grant_type": "client_credentials"}, "application/x-www-form-urlencoded"
    calls = [
        Client().post(path, {**grant, "client_id": "a\x00b", "client_secret": secret}),
        Client().post(path, "client_id=a%00b&token=%00", content_type=form),
        Client().post(path, grant, headers={"authorization": f"Basic {basic}"}),
        Client().post(path + "?client_id=%00", {"token": "x"}),
    ]
    assert [(call.status_code, call.json()["error"]) for call in calls] == [(400, "invalid_request")] * 4


def test_a_parameter_sent_twice_or_in_the_address_gains_nothing(party: Party) -> None:
    (client_id, secret), (other, _) = (actions.issue_client(party) for _ in range(2))
    form, media = f"grant_type=client_credentials&client_id={client_id}", "application/x-www-form-urlencoded"
    asked = [
        (TOKEN + f"?client_id={client_id}&client_secret={secret}", "grant_type=client_credentials"),
        (TOKEN + f"?client_secret={secret}", form),
        (TOKEN + "?grant_type=client_credentials", f"client_id={client_id}&client_secret={secret}"),
        (TOKEN, form + f"&client_secret={secret}&client_secret=x"),
        (TOKEN, form + f"&client_secret={secret}&client_id={other}"),
        (TOKEN, form + f"&client_secret={secret}&scope=events&scope=log"),
    ]
    told = [Client().post(path, body, content_type=media).status_code for path, body in asked]
    assert all(status in (400, 401) for status in told), told
    assert not Token.objects.exists()
    # The last of a name counts, for who is asked for its secret and for whose conditions are looked at alike.
    actions.revoke_client(other)
    last = Client().post(
        TOKEN, f"client_id={other}&client_secret=x&{form}&client_secret={secret}", content_type=media
    )
    assert last.status_code == 200 and Token.objects.get().client_id == client_id
