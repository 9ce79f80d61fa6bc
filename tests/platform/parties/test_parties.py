"""Parties: made once, suspended at once, and who acts for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test import Client
from tests.platform.people.townspeople import at_once

from abate.cli import party as cli
from abate.platform.config import setup
from abate.platform.parties import actions, queries
from abate.platform.parties.errors import (
    BehaviourMalformed,
    PartyCodeTaken,
    PartyMalformed,
    PartySuspended,
    PartyUnknown,
)
from abate.platform.parties.models import Party
from abate.platform.review.actions import create_user, deactivate

pytestmark = pytest.mark.platform


def make(code: str = "metro-app", *behaviours: str) -> Party:
    return actions.create_party(code, "data_provider", "地铁应用", "Metro app", behaviours)


@pytest.mark.django_db
def test_a_party_is_listed_with_what_it_may_send() -> None:
    party = make("metro-app", "metro", "bus", "metro")
    actions.add_behaviours(party, ["walking", "bus"])
    actions.remove_behaviours(party, ["metro"])
    (row,) = queries.parties()
    assert (row.code, row.behaviours, row.status) == ("metro-app", ("bus", "walking"), "active")
    assert queries.party("metro-app") == party and queries.behaviours(party.pk) == ("bus", "walking")
    with pytest.raises(PartyUnknown):
        queries.party("nobody")


@pytest.mark.parametrize("code", ["", "a", "A-app", "1app", "a" * 41, "a app", "a/b", "a\n", "地铁"])
@pytest.mark.django_db
def test_a_malformed_code_makes_nothing(code: str) -> None:
    with pytest.raises(PartyMalformed):
        make(code)
    assert not Party.objects.exists()


@pytest.mark.django_db
def test_a_malformed_kind_title_or_behaviour_makes_nothing() -> None:
    with pytest.raises(PartyMalformed, match="kind"):
        actions.create_party("metro-app", "wizard", "地铁", "Metro")
    with pytest.raises(PartyMalformed, match="title"):
        actions.create_party("metro-app", "merchant", " ", "Metro")
    with pytest.raises(BehaviourMalformed):
        make("metro-app", "metro", "Bus!")
    assert not Party.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_with_one_code_one_is_made() -> None:
    results = at_once(16, lambda _: make())
    assert sum(isinstance(r, Party) for r in results) == 1
    assert sum(isinstance(r, PartyCodeTaken) for r in results) == 15


@pytest.mark.django_db
def test_members_act_in_their_role_while_user_and_party_are_active() -> None:
    party, user = make(), create_user("staff")
    actions.add_member(user, party, "acceptor")
    actions.add_member(user, party, "acceptor")
    assert queries.is_member(user, party.pk, "acceptor") and not queries.is_member(user, party.pk, "partner")
    assert queries.parties_of(user, "acceptor") == [party] and queries.parties_of(user, "partner") == []
    actions.suspend(party)
    assert queries.parties_of(user, "acceptor") == [] and not queries.is_member(user, party.pk, "acceptor")
    actions.resume(party)
    deactivate(user)
    user.refresh_from_db()
    assert queries.parties_of(user, "acceptor") == [] and not queries.is_member(user, party.pk, "acceptor")
    actions.remove_member(user, party, "acceptor")
    with pytest.raises(PartyMalformed, match="role"):
        actions.add_member(user, party, "owner")


@pytest.mark.django_db
def test_a_suspended_party_gets_no_key() -> None:
    party = make()
    actions.suspend(party)
    with pytest.raises(PartySuspended):
        actions.issue_client(party)


@pytest.mark.django_db
def test_the_commands_of_the_sandbox_make_a_party_and_show_its_secret_once(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    """What takes three people on live is done at once in the sandbox, by the same actions."""
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_ORIGIN", "http://127.0.0.1:8001")
    settings.ABATE_SANDBOX = True

    def run(*words: str) -> tuple[int, str, str]:
        sandbox = () if words[0] in ("try", "invite") else ("--sandbox",)
        result = CliRunner().invoke(cli.command, [*words, *sandbox])
        return result.exit_code, result.stdout, result.stderr

    words = ["create", "metro-app", "--title-zh", "地铁应用", "--title-en", "Metro", "--behaviour", "metro"]
    assert run(*words)[0] == 0
    assert run(*words)[:2] == (0, "{}\n"), "what is so already stays so"
    status, _, err = run(*words[:-1], "walking")
    assert status == 1 and "party-code-taken" in err and "abate party list" in err
    status, out, _ = run("key", "new", "metro-app", "--label", "a server", "--address", "10.0.0.0/8")
    key = json.loads(out)
    assert status == 0 and set(key) == {"client_id", "client_secret"}
    with connection.cursor() as cursor:
        cursor.execute("select c::text from allauth_idp_oidc_client c")
        assert key["client_secret"] not in cursor.fetchone()[0]
    assert json.loads(run("list", "--json")[1])[0]["behaviours"] == ["metro"]
    assert run("key", "new", "nobody")[0] == 1
    assert run("key", "new", "metro-app", "--address", "everywhere")[0] == 1
    assert run("key", "new", "metro-app", "--expires", "soon")[0] == 2
    successor = json.loads(run("key", "rotate", key["client_id"], "--overlap", "24h")[1])
    assert run("key", "change", successor["client_id"], "--label", "b", "--requests-per-minute", "9")[0] == 0
    new, old = json.loads(run("key", "list", "metro-app", "--json")[1])
    assert (new["label"], new["addresses"], new["state"], new["requests_per_minute"]) == ("b", [], "live", 9)
    assert (old["label"], old["addresses"], old["state"]) == ("a server", ["10.0.0.0/8"], "replaced")
    assert "10.0.0.0/8" in run("key", "list", "metro-app")[1]
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(pem)
    signing = json.loads(run("key", "sign", successor["client_id"], str(tmp_path / "public.pem"))[1])
    assert signing["keyid"].startswith(successor["client_id"])
    assert run("key", "unsign", signing["keyid"])[0] == 0 and run("key", "unsign", signing["keyid"])[0] == 1
    assert run("key", "revoke", key["client_id"])[0] == 0
    assert run("key", "revoke", key["client_id"])[0] == 1
    assert run("limit", "metro-app", "--requests-per-minute", "60")[0] == 0
    assert run("limit", "metro-app", "--events-per-day", "0")[0] == 1
    tried = json.loads(run("try", "metro-app", "--json")[1])
    assert tried["client_id"].startswith("sandbox-") and len(set(tried["subjects"])) == 3
    assert json.loads(run("try", "metro-app", "--json")[1])["subjects"] == tried["subjects"]
    link = run("invite", "metro-app")[1].strip()
    assert Client().post(link[link.index("/sign-in") :]).status_code == 302
    hook = json.loads(run("hook", "add", "metro-app", "https://a.example/", "--json")[1])
    assert run("hook", "add", "metro-app", "http://a.example/")[0] == 1
    assert run("hook", "rotate", str(hook["webhook"]), "--overlap", "1h")[1].startswith("whsec_")
    assert "https://a.example/" in run("hook", "list", "metro-app")[1]
    assert run("hook", "log", "metro-app")[:2] == (0, "") and run("hook", "resend", "1")[0] == 1
    assert run("hook", "end", str(hook["webhook"]))[0] == 0
    assert run("hook", "end", str(hook["webhook"]))[0] == 1
    settings.ABATE_SANDBOX = False
    assert run("try", "metro-app")[0] == 1 and run("invite", "metro-app")[0] == 1
