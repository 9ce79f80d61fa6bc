"""Leaves and openings: for a verifier with a token, record by record, every reading on record before it leaves."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Token
from django.db import DatabaseError, connection
from django.test import Client
from tests.platform.pipeline.world import NOW, World, make_world

from abate.bookkeeping import checkpoint, leaf, openings
from abate.bookkeeping.openings import Opened
from abate.bookkeeping.verify_log import verify_log
from abate.platform.doors import clock
from abate.platform.log import actions, export, queries
from abate.platform.log.errors import AccessMalformed, AccessUnknown, OtherHistory
from abate.platform.log.models import Reading
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.web import openings as assembling

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def world() -> Any:
    with clock.frozen(NOW):
        made = make_world()
        made.send(*[made.meeting(f"m-{n}", n % 3, f"2026-05-{10 + n}T09:00:00+08:00") for n in range(9)])
        actions.sequence()
        yield made


@pytest.fixture
def verifier(db: None) -> Party:
    return parties.create_party("verify-co", "verifier", "核查机构", "Verifier")


def token(party: Party, scopes: list[str] | None = None) -> dict[str, str]:
    client_id, _ = parties.issue_client(party, scopes)
    text = f"token-of-{client_id}"
    live = Token(type=Token.Type.ACCESS_TOKEN, client_id=client_id, hash=get_adapter().hash_token(text))
    live.expires_at = clock.now() + timedelta(hours=1)
    live.set_scopes(scopes or ["log"])
    live.save()
    return {"authorization": f"Bearer {text}"}


def shown() -> list[tuple[str, int, int]]:
    return [(row.what, row.first, row.last) for row in Reading.objects.order_by("id")]


def test_a_verifiers_key_carries_the_scope_of_the_log(verifier: Party) -> None:
    from allauth.idp.oidc.models import Client as OAuthClient

    client_id, _ = parties.issue_client(verifier)
    assert OAuthClient.objects.get(pk=client_id).get_scopes() == ["log"]


@pytest.mark.clause("P-8.5-e")
def test_a_bundle_for_a_verifier_holds_the_leaves_of_the_tile(
    world: World, verifier: Party, client: Client
) -> None:
    answer = client.get("/log/tile/entries/000.p/9", headers=token(verifier))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    data = answer.content
    leaves = [data[at + 2 : at + 157] for at in range(0, len(data), 157)]
    tile = client.get("/log/tile/0/000.p/9").content
    assert b"".join(map(leaf.leaf_hash, leaves)) == tile
    assert shown() == [("leaves", 0, 8)]
    assert client.get("/log/tile/entries/000.p/3", headers=token(verifier)).content == data[: 3 * 157]


@pytest.mark.parametrize(
    ("kind", "scopes", "status"),
    [("data_provider", ["log"], 403), ("verifier", ["events"], 403), ("merchant", ["events"], 403)],
)
def test_others_get_none(world: World, client: Client, kind: str, scopes: list[str], status: int) -> None:
    other = parties.create_party("other-co", kind, "某机构", "Other")
    for address in ("/log/tile/entries/000.p/9", "/log/opening/0"):
        answer = client.get(address, headers=token(other, scopes))
        assert (answer.status_code, answer.json()["code"]) == (status, "log-verifiers-only")
    assert shown() == []


def test_without_a_live_token_nothing_is_shown(world: World, verifier: Party, client: Client) -> None:
    headers = token(verifier)
    parties.suspend(verifier)
    refused = client.get("/log/tile/entries/000.p/9", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "party-suspended")
    for given in ({}, {"authorization": "Bearer nothing"}, {"authorization": "Basic x"}):
        answer = client.get("/log/tile/entries/000.p/9", headers=given)
        assert (answer.status_code, answer.json()["code"]) == (401, "log-token-needed")
        assert "Bearer" in answer["WWW-Authenticate"]
    assert shown() == []


@pytest.mark.parametrize("address", ["000", "001", "000.p/10", "000.p/0", "0", "x000/000", "999/999", ""])
def test_a_bundle_that_is_not_there(world: World, verifier: Party, client: Client, address: str) -> None:
    answer = client.get(f"/log/tile/entries/{address}", headers=token(verifier))
    assert answer.status_code == 404
    assert shown() == []


@pytest.mark.clause("P-8.5-e")
def test_an_entry_is_opened_to_whom_it_was_given_and_to_nobody_else(
    world: World, verifier: Party, client: Client
) -> None:
    headers = token(verifier)
    assert client.get("/log/opening/4", headers=headers).json()["code"] == "log-not-opened"
    access = actions.give_access(verifier.pk, 3, 5, "样本 2026-11", days=30)
    answer = client.get("/log/opening/4", headers=headers)
    assert answer.status_code == 200
    opened = openings.read(answer.content)
    public = leaf.decode(bytes(queries.Leaf.objects.get(idx=4).leaf))
    assert leaf.commitment(opened.opening.salt, opened.opening.personal) == public.commitment
    part = leaf.read_personal(opened.opening.personal)
    assert isinstance(part, leaf.AwardPart)
    assert part.er_mg == public.carbon_mg
    for outside in (2, 6, 2**70):
        assert client.get(f"/log/opening/{outside}", headers=headers).status_code == 403
    rival = parties.create_party("rival-co", "verifier", "另一机构", "Rival")
    assert client.get("/log/opening/4", headers=token(rival)).status_code == 403
    row = Reading.objects.get()
    assert (row.what, row.first, row.last, row.party_id, row.access_id) == (
        "openings",
        4,
        4,
        verifier.pk,
        access.pk,
    )
    with clock.frozen(NOW + timedelta(days=31)):
        assert queries.access_to(verifier.pk, 4) is None
    actions.end_access(access.pk)
    actions.end_access(access.pk)
    assert client.get("/log/opening/4", headers=headers).status_code == 403
    assert Reading.objects.count() == 1


def test_what_cannot_be_written_down_is_not_shown(
    world: World, verifier: Party, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.give_access(verifier.pk, 0, 8, "case", days=1)
    headers = token(verifier)

    def fail(**_: object) -> None:
        raise DatabaseError("the record of readings is not writable")

    monkeypatch.setattr(Reading.objects, "create", fail)
    client.raise_request_exception = False
    for address in ("/log/tile/entries/000.p/9", "/log/opening/0"):
        answer = client.get(address, headers=headers)
        assert answer.status_code == 500
        assert b"salt" not in answer.content
    assert shown() == []


@pytest.mark.parametrize(
    ("first", "last", "reason", "days"),
    [
        (5, 4, "case", 1),
        (-1, 4, "case", 1),
        (0, 4, " ", 1),
        (0, 4, "case", 0),
        (0, 4, "case", 367),
        (0, 2**40, "c", 1),
    ],
)
def test_an_access_without_bounds_or_reason_is_refused(
    verifier: Party, first: int, last: int, reason: str, days: int
) -> None:
    with pytest.raises(AccessMalformed):
        actions.give_access(verifier.pk, first, last, reason, days)
    with pytest.raises(AccessUnknown):
        actions.end_access(4711)


def test_an_erased_person_is_not_opened_any_more(world: World, verifier: Party, client: Client) -> None:
    actions.give_access(verifier.pk, 0, 8, "case", days=1)
    headers = token(verifier)
    assert [one.index for one in assembling.openings(0, 8)] == list(range(9))
    people.destroy(world.people[0])
    left = [one.index for one in assembling.openings(0, 8)]
    assert len(left) == 6
    gone = min(set(range(9)) - set(left))
    answer = client.get(f"/log/opening/{gone}", headers=headers | {"accept-language": "en"})
    # It said that there was no such address, and to look at it again.
    assert (answer.status_code, answer.json()["code"]) == (404, "log-nothing-opens")
    assert "/log/tile/" in answer.json()["remedy"]


def fetch_from(folder: Path) -> Any:
    return lambda path: (folder / path).read_bytes() if (folder / path).is_file() else None


def key() -> checkpoint.Key:
    return checkpoint.read_key(queries.public_key())


def test_an_export_grows_and_leaves_what_is_there_alone(world: World, tmp_path: Path, fill: Any) -> None:
    fill(1000, 1600)
    actions.sequence()
    assert export.write_files(tmp_path, entries=True) == 610
    full = tmp_path / "tile/0/000"
    stamp = full.stat().st_mtime_ns
    os.utime(full, ns=(stamp - 10**12, stamp - 10**12))
    fill(2000, 2300)
    actions.sequence()
    assert export.write_files(tmp_path, entries=True) == 911
    assert full.stat().st_mtime_ns == stamp - 10**12, "a full tile is written once"
    assert export.write_files(tmp_path, entries=True) == 911
    assert verify_log(fetch_from(tmp_path), key()).ok
    assert not list(tmp_path.rglob("*.part"))
    # A file lost below the checkpoint is brought back on request.
    full.unlink()
    assert export.write_files(tmp_path, entries=True, whole=True) == 911
    assert verify_log(fetch_from(tmp_path), key()).ok


def test_an_export_cut_off_before_its_checkpoint_is_made_good(
    world: World, tmp_path: Path, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.write_files(tmp_path, entries=True)
    fill(1000, 1600)
    actions.sequence()
    writes: list[str] = []
    really = Path.replace

    def stop(self: Path, target: Path) -> Path:
        if len(writes) == 4:
            raise OSError("the disk is full")
        writes.append(target.name)
        return really(self, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(OSError, match="disk is full"):
        export.write_files(tmp_path, entries=True)
    monkeypatch.undo()
    assert verify_log(fetch_from(tmp_path), key()).ok, "the old checkpoint still finds all its tiles"
    assert checkpoint.open_checkpoint((tmp_path / "checkpoint").read_bytes(), key()).size == 9
    assert export.write_files(tmp_path, entries=True) == 610
    assert verify_log(fetch_from(tmp_path), key()).ok


def test_an_export_over_another_history_is_refused(world: World, tmp_path: Path, fill: Any) -> None:
    export.write_files(tmp_path)
    kept = (tmp_path / "checkpoint").read_bytes()
    with connection.cursor() as cursor:
        for table in ("leaf", "tile", "checkpoint"):
            cursor.execute(f"delete from log_{table}")
    fill(1, 30)
    actions.sequence()
    with pytest.raises(OtherHistory):
        export.write_files(tmp_path)
    assert (tmp_path / "checkpoint").read_bytes() == kept
    (tmp_path / "checkpoint").write_text("no checkpoint")
    with pytest.raises(OtherHistory):
        export.write_files(tmp_path)


def test_openings_are_read_strictly(world: World) -> None:
    lines = [one.line() for one in assembling.openings(0, 8)]
    assert [one.index for one in openings.in_order(lines)] == list(range(9))
    first: Opened = openings.read(lines[0])
    assert openings.read(first.line()) == first
    document = json.loads(lines[0])
    for wrong in (
        [lines[1], lines[0]],
        [lines[0], lines[0]],
        ["{}"],
        ["nothing"],
        [json.dumps({**document, "index": -1})],
        [json.dumps({**document, "index": True})],
        [json.dumps({**document, "opening": None})],
        [json.dumps({**document, "more": 1})],
    ):
        with pytest.raises(openings.ReceiptError, match="line"):
            list(openings.in_order(wrong))
