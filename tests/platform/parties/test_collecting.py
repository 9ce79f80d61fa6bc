"""A key that three people approved: its secret is its party's alone, once, in time, after a fresh proof."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.idp.oidc.models import Client as OAuthClient
from click.testing import CliRunner, Result
from django.contrib.auth.hashers import check_password
from django.db import OperationalError, transaction
from django.test import Client
from tests.platform.people.townspeople import at_once
from tests.platform.review import shell
from tests.platform.web import city as stage

from abate.cli import party
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock, secret_file
from abate.platform.notices.models import Notice
from abate.platform.parties import actions, collecting, queries
from abate.platform.parties.collecting import NothingToCollect
from abate.platform.parties.models import Party
from abate.platform.review import actions as review
from abate.platform.review import changes, proposing
from abate.platform.review.models import Audit, Step, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
BACK = "https://app.example/back"


@pytest.fixture
def sender(db: None) -> Party:
    return desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["walking"])


@pytest.fixture
def keeper(sender: Party) -> User:
    user = review.create_user("staff", made_up=True)
    actions.add_member(user, sender, "partner")
    return user


def enter(user: User) -> Client:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def approved(party: Party) -> list[dict[str, Any]]:
    """What the approvals of a key, its successor and a binding key told."""
    first = desk.decide("party.client", code=party.code)
    _, secret = collecting.collect(party.pk, first["client_id"])
    second = desk.decide("party.rotate", client_id=first["client_id"], overlap_hours=72)
    assert works(first["client_id"], secret), "the old one stays good for its overlap"
    return [first, second, desk.decide("party.binding", code=party.code, redirects=[BACK])]


def works(client_id: str, secret: str) -> bool:
    return check_password(secret, OAuthClient.objects.get(pk=client_id).secret)


def test_those_who_approve_are_told_no_secret(sender: Party) -> None:
    for told in approved(sender):
        assert set(told) == {"party", "client_id", "collect_by"}
        assert told["collect_by"][:10] == (clock.now() + collecting.WITHIN).date().isoformat()
    # A page of those who approve has nothing that would sign in as the party, nor has any row.
    people = desk.staffed()
    number = proposing.propose(people["entry"], "party.client", {"code": sender.code}, "x").pk
    proposing.check(people["check"], number)
    browser = enter(people["approve"])
    page = browser.post("/operator/proposals/decide", {"step": "approve", "number": number}).content.decode()
    (newest, *_) = queries.keys(sender.pk)
    assert newest.client_id in page and newest.state == "waiting"
    texts = re.findall(r"[\w-]{30,}", page)
    assert not any(works(newest.client_id, text) for text in texts)


def test_the_party_collects_once_on_its_page_after_a_fresh_proof(sender: Party, keeper: User) -> None:
    key = desk.decide("party.client", code=sender.code)["client_id"]
    assert Notice.objects.filter(user=keeper, kind="party.key").exists()
    browser = enter(keeper)
    assert "to collect" in browser.get("/partner").content.decode()
    stale = browser.session
    stale.pop("proofs", None)
    stale.save()
    assert browser.post("/partner/key/collect", {"key": key})["Location"].startswith("/confirm")
    stage.prove(browser)
    made = browser.post("/partner/key/collect", {"key": key})
    (secret,) = re.findall(rf'{key}</span><br><span class="mono">([\w-]+)<', made.content.decode())
    assert works(key, secret) and "no-store" in made["Cache-Control"]
    again = browser.post("/partner/key/collect", {"key": key})
    assert again.status_code == 409 and works(key, secret)
    assert Audit.objects.filter(what="party.collect", subject=key, account=keeper.handle).count() == 1
    assert secret not in browser.get("/partner").content.decode()


def test_another_party_s_key_is_not_there(sender: Party, keeper: User) -> None:
    other = desk.create_party("other-app", "data_provider", "他", "Other", ["walking"])
    key = desk.decide("party.client", code=other.code)["client_id"]
    browser = enter(keeper)
    assert browser.post("/partner/key/collect", {"key": key}).status_code == 409
    assert queries.keys(other.pk)[0].state == "waiting"


def test_what_nobody_collected_in_time_never_gets_a_secret(sender: Party) -> None:
    key = desk.decide("party.client", code=sender.code)["client_id"]
    with clock.frozen(clock.now() + collecting.WITHIN):
        with pytest.raises(NothingToCollect):
            collecting.collect(sender.pk, key)
        assert queries.keys(sender.pk)[0].state == "lapsed"
    actions.revoke_client(key)
    with pytest.raises(NothingToCollect):
        collecting.collect(sender.pk, key)


@pytest.mark.clause("P-6.1-b")
def test_the_overlap_of_a_rotated_key_begins_when_its_successor_is_collected(
    sender: Party, keeper: User
) -> None:
    old = desk.decide("party.client", code=sender.code)["client_id"]
    collecting.collect(sender.pk, old)
    start = clock.now()
    first, second = (
        desk.decide("party.rotate", client_id=old, overlap_hours=24)["client_id"] for _ in range(2)
    )

    def ends(key: str) -> datetime | None:
        return next(one.expires_at for one in queries.keys(sender.pk) if one.client_id == key)

    assert f"the old key {old} is good for 24 hours" in enter(keeper).get("/partner").content.decode()
    late = start + collecting.WITHIN - timedelta(hours=1)
    with clock.frozen(late):
        assert ends(old) is None, "approved and not collected: the party has nothing to go on with"
        collecting.collect(sender.pk, second)
        assert ends(old) == late + timedelta(hours=24) and ends(second) is None
    # Who collects another successor later does not make the old key's time longer.
    with clock.frozen(late + timedelta(minutes=30)):
        collecting.collect(sender.pk, first)
    assert ends(old) == late + timedelta(hours=24)


def test_a_rotation_proposed_before_the_upgrade_is_refused_by_name_and_the_others_go_on(
    sender: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, people = desk.decide("party.client", code=sender.code)["client_id"], desk.staffed()
    fields = {"client_id": (str, changes.REQUIRED), "until": (str, changes.REQUIRED)}
    before = replace(changes.action("party.rotate"), fields=fields, normal=lambda given: given)
    with monkeypatch.context() as patched:
        patched.setitem(changes._ACTIONS, "party.rotate", before)
        given = {"client_id": key, "until": "2026-07-01T00:00:00+08:00"}
        checked, fresh = (
            proposing.propose(people["entry"], "party.rotate", given, why).pk for why in ("x", "y")
        )
        proposing.check(people["check"], checked)
    other = proposing.propose(people["entry"], "party.suspend", {"code": sender.code}, "x").pk
    told, _ = proposing.decide_all(people["check"], Step.CHECK, [fresh, other])
    assert [one.code for one in told] == ["proposal-outdated", ""]
    told, _ = proposing.decide_all(people["approve"], Step.APPROVE, [checked, other])
    assert [one.code for one in told] == ["proposal-outdated", ""]
    assert told[0].problem is not None and told[0].problem.detail == "party.rotate: overlap_hours, until"
    told, _ = proposing.decide_all(people["check"], Step.REJECT, [checked, fresh], "proposed anew")
    assert [one.code for one in told] == ["", ""] and len(queries.keys(sender.pk)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_collect_at_once_one_has_the_key() -> None:
    sender = desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["walking"])
    key = desk.decide("party.client", code=sender.code)["client_id"]
    told = at_once(4, lambda place: collecting.collect(sender.pk, key))
    won = [one for one in told if isinstance(one, tuple)]
    assert len(won) == 1 and works(*won[0])


def at_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))


def waiting_at_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Party, str]:
    """A key that waits to be collected, and the system administrator signed in."""
    at_a_shell(monkeypatch, tmp_path)
    sender = desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["walking"])
    key = desk.decide("party.client", code=sender.code)["client_id"]
    shell.sign_in(desk.staffed()["system_admin"])
    return sender, key


def test_for_a_party_without_people_the_system_administrator_has_a_sealed_file(
    sender: Party, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_a_shell(monkeypatch, tmp_path)
    people = desk.staffed()
    key = desk.decide("party.client", code=sender.code)["client_id"]
    file = tmp_path / "adapter.json"

    def run(*words: object) -> Result:
        return CliRunner().invoke(party.command, ["key", "collect", *map(str, words)])

    assert "not-signed-in" in run(key, file).stderr
    for role in ("approve", "security_admin"):
        shell.sign_in(people[role])
        assert "no-right" in run(key, file).stderr and not file.exists()
    shell.sign_in(people["system_admin"])
    made = run(key, file)
    assert made.exit_code == 0 and stat.S_IMODE(file.stat().st_mode) == 0o600
    told = json.loads(file.read_text())
    assert works(key, told["client_secret"]) and told["client_secret"] not in made.output
    assert run(key, file).exit_code == 2 and run(key, tmp_path / "again.json").exit_code == 1
    assert [one.name for one in tmp_path.glob("**/*.json")] == ["adapter.json"]
    # A party that has people of its own collects itself.
    actions.add_member(review.create_user("staff", made_up=True), sender, "partner")
    other = desk.decide("party.client", code=sender.code)["client_id"]
    assert "key-collected-by-party" in run(other, tmp_path / "b.json").stderr


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answers", [True, False])
def test_a_key_that_was_collected_keeps_its_file_when_the_answer_is_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: bool
) -> None:
    _, key = waiting_at_a_shell(monkeypatch, tmp_path)
    file, own = tmp_path / "key.json", transaction.get_connection()

    def gone(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patched:
        commit = own._commit

        def lost() -> None:
            commit()
            if file.exists():
                patched.setattr(own, "_commit", commit)
                if not answers:
                    patched.setattr(own, "connect", gone)
                gone()

        patched.setattr(own, "_commit", lost)
        made = CliRunner().invoke(party.command, ["key", "collect", key, str(file)])
    assert works(key, json.loads(file.read_text())["client_secret"])
    if answers:
        assert made.exit_code == 0 and json.loads(made.stdout)["file"] == str(file)
    else:
        assert made.exit_code == 1 and "was left" in made.stderr


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["full", "folder", "commit", "stopped"])
def test_a_key_whose_file_cannot_be_kept_waits_on_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    sender, key = waiting_at_a_shell(monkeypatch, tmp_path)
    folder = tmp_path / "adapters"
    folder.mkdir()
    file = folder / "key.json"

    def broken(*_: object) -> None:
        raise KeyboardInterrupt if fault == "stopped" else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def gone() -> None:
        raise OperationalError("the server closed the connection")

    def run() -> Result:
        return CliRunner().invoke(party.command, ["key", "collect", key, str(file)])

    with monkeypatch.context() as patched:
        if fault == "full":
            patched.setattr(os, "fsync", broken)
        elif fault == "commit":
            patched.setattr(transaction.get_connection(), "_commit", gone)
        else:
            patched.setattr(secret_file, "_keep_name", broken)
        made = run()
    assert made.exit_code != 0 and not list(folder.iterdir()), made.output
    assert queries.keys(sender.pk)[0].state == "waiting"
    assert run().exit_code == 0
    assert works(key, json.loads(file.read_text())["client_secret"])


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_secret_file_on_a_disk_without_second_names_is_new_and_sealed_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    file = tmp_path / "key.json"
    secret_file.write_new(file, "secret")
    assert file.read_text() == "secret\n" and stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        secret_file.write_new(file, "another")
    assert file.read_text() == "secret\n" and [one.name for one in tmp_path.iterdir()] == ["key.json"]
