"""A partner's files over HTTP: taken as they come, booked by the thread, answered with what was wrong; nobody else's."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from tests.platform.events.test_bulk_files import flat, made, read, write
from tests.platform.events.test_hostile_packed import add, workbook
from tests.platform.events.test_intake import Answer, token
from tests.platform.pipeline.world import NOW, World, differences, make_world, state

from abate.platform import loading, spool
from abate.platform.doors import clock
from abate.platform.events import actions_files
from abate.platform.events.models import File
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.parties.models import Party
from abate.platform.review.models import Audit
from abate.platform.web import intake, upload

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-a", "P-8.5-a")]


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    settings.ABATE_DATA_DIR = str(tmp_path / "data")
    (tmp_path / "data").mkdir()
    with clock.frozen(NOW):
        yield make_world(2)
    for _ in range(8):
        intake.pool.submit(lambda: connection.close()).result()


def send(
    body: bytes,
    bearer: str | None,
    name: str = "rides.csv",
    method: str = "POST",
    *,
    signed: dict[str, str] | None = None,
    **asked: str,
) -> Answer:
    sent: list[dict[str, Any]] = []
    length = asked.pop("length", str(len(body)))
    parts = [body[:1000], body[1000:]]

    async def receive() -> dict[str, Any]:
        assert parts, "read on after the end"
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def answer(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = {"host": "testserver", "content-length": length, "accept-language": "en"}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    raw = [(key.encode(), value.encode()) for key, value in {**headers, **(signed or {})}.items()]
    query = urlencode({"name": name, **asked}).encode()
    scope = {"type": "http", "method": method, "path": "/v1/files", "query_string": query, "headers": raw}
    asyncio.run(upload.app(scope, receive, answer))
    start, end = sent
    told = Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, end["body"])
    told.unread = parts  # type: ignore[attr-defined]
    return told


def get(address: str, bearer: str) -> Any:
    path = address[address.index("/v1/") :]
    return Client().get(path, headers={"authorization": f"Bearer {bearer}", "accept-language": "en"})


def kept() -> list[str]:
    return sorted(path.name for path in spool.folder().iterdir())


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "jsonl"])
def test_a_file_is_taken_booked_and_given_back(world: World, tmp_path: Path, kind: str) -> None:
    path, bearer = made(world, tmp_path / f"rides.{kind}"), token(world)
    taken = send(path.read_bytes(), bearer, f"骑行.{kind}")
    assert taken.status_code == 202, taken.body
    address = taken.headers["location"]
    assert taken.json()["address"] == address and taken.json()["state"] == "open"
    (lying,) = spool.folder().iterdir()
    assert stat.S_IMODE(lying.stat().st_mode) == 0o600 and lying.read_bytes() == path.read_bytes()
    assert get(f"{address}/back", bearer).status_code == 404, "not through yet"
    spool.Loader().round()
    found = get(address, bearer).json()
    assert (found["state"], found["rows"], found["counts"]) == ("done", 20, {"credited": 18, "refused": 2})
    errors = get(f"{address}/errors", bearer).json()
    assert [one["id"] for one in errors["errors"]] == ["r4", "r11"] and errors["next_after"] is None
    assert all(one["remedy"] and one["reason"] == "out_of_range:distance_km" for one in errors["errors"])
    back = get(f"{address}/back", bearer)
    assert back.status_code == 200 and back["Content-Disposition"].startswith("attachment")
    # The name that the partner gave, as RFC 6266 writes what is not ASCII.
    assert back["Content-Disposition"].endswith(f"filename*=utf-8''errors-%E9%AA%91%E8%A1%8C.{kind}")
    copy = tmp_path / f"back.{kind}"
    copy.write_bytes(b"".join(back.streaming_content))
    assert [bool(row.get("abate_error")) for row in read(copy)].count(True) == 2
    assert get("/v1/files", bearer).json()["files"][0]["id"] == found["id"] and differences() == {}


def test_nobody_else_sees_it(world: World, tmp_path: Path) -> None:
    other = make_world(1)
    mine, theirs = token(world), token(other)
    taken = send(made(world, tmp_path / "rides.csv").read_bytes(), mine)
    spool.Loader().round()
    address = taken.headers["location"]
    unknown = address.replace(taken.json()["id"], str(uuid4()))
    for more in ("", "/errors", "/back"):
        assert get(address + more, mine).status_code == 200
        foreign, missing = get(address + more, theirs), get(unknown + more, theirs)
        assert foreign.status_code == 404 and foreign.content == missing.content, "one answer for both"
        assert get(address + more, "nothing").status_code == 401
    assert get("/v1/files", theirs).json() == {"files": [], "next_before": None}
    # A place of another party's list, or of none, is not the beginning of one's own.
    send(b"id,n\n1", theirs, "own.csv")
    for place in (taken.json()["id"], str(uuid4()), "x"):
        answer = get(f"/v1/files?before={place}", theirs)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor-invalid"), place
    for line in ("x", "-1", "9" * 30):
        answer = get(f"{address}/errors?after={line}", mine)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor-invalid"), line


def test_a_rehearsal_books_nothing(world: World, tmp_path: Path) -> None:
    before, bearer = state(), token(world)
    taken = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer, dry_run="1")
    spool.Loader().round()
    found = get(taken.headers["location"], bearer).json()
    assert found["dry_run"] and found["counts"] == {"credited": 18, "refused": 2} and state() == before


def test_a_stop_in_between_is_gone_on_with(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK", 6)
    bearer = token(world)
    body = made(world, tmp_path / "rides.csv").read_bytes()
    taken = send(body, bearer)
    loader, really = spool.Loader(), loading._book

    def once(*arguments: Any) -> None:
        really(*arguments)
        loader._stopping.set()

    with monkeypatch.context() as patch:
        patch.setattr(loading, "_book", once)
        loader.round()
    found = get(taken.headers["location"], bearer).json()
    assert (found["state"], found["rows"]) == ("open", 6)
    # Sent again because no answer came: the same file, not a second one.
    again = send(body, bearer)
    assert again.json()["id"] == taken.json()["id"] and len(kept()) == 1
    spool.Loader().round()
    found = get(taken.headers["location"], bearer).json()
    assert (found["state"], found["rows"], found["counts"]) == ("done", 20, {"credited": 18, "refused": 2})
    assert differences() == {}


def test_what_is_refused_before_a_byte_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    bearer, other_scope = token(world), token(world, scope="log")
    before, body = state(), b"x" * 5000
    asked: list[tuple[int, str, dict[str, Any]]] = [
        (401, "token-refused", {"bearer": None}),
        (401, "token-refused", {"bearer": "nothing"}),
        (403, "scope-missing", {"bearer": other_scope}),
        (413, "file-too-large", {"bearer": bearer, "length": str(2 * 1024**3)}),
        (413, "file-too-large", {"bearer": bearer, "length": "9" * 30}),
        (400, "file-name", {"bearer": bearer, "name": "../secrets.csv"}),
        (415, "file-kind", {"bearer": bearer, "name": "rides.xlsm"}),
        (422, "file-declaration", {"bearer": bearer, "declaration": '{"charset": "utf-7"}'}),
        (400, "file-name", {"bearer": bearer, "path": "/etc"}),
        (405, "method-not-allowed", {"bearer": bearer, "method": "PUT"}),
    ]
    for status, code, how in asked:
        answer = send(body, **how)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert len(answer.unread) == 2 and answer.json()["remedy"]  # type: ignore[attr-defined]
    monkeypatch.setattr(spool, "SPARE", 10**15)
    assert send(body, bearer).json()["code"] == "file-no-room"
    assert kept() == [] and state() == before and File.objects.count() == 0


def test_a_body_that_grows_beyond_its_word_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LARGEST", 3000)
    answer = send(b"x" * 5000, token(world), length="10")
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    assert kept() == [] and File.objects.count() == 0


def test_a_key_revoked_while_the_body_comes_books_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bearer, really = token(world), upload._to_disk
    (client,) = queries.clients(world.sender.party_id)

    async def late(*arguments: Any) -> bytes:
        done = await really(*arguments)
        await asyncio.to_thread(lambda: (parties.revoke_client(client.client_id), connection.close()))
        return done

    monkeypatch.setattr(upload, "_to_disk", late)
    answer = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer)
    assert answer.status_code == 401 and kept() == [] and File.objects.count() == 0


def test_a_party_past_its_papers_holds_up_no_other(world: World, tmp_path: Path) -> None:
    other = make_world(2)
    lapsed, mine = token(world), token(other)
    assert send(write(flat(world, 2, ()), tmp_path / "a.csv").read_bytes(), lapsed).status_code == 202
    assert send(write(flat(other, 3, ()), tmp_path / "b.csv").read_bytes(), mine).status_code == 202
    Party.objects.filter(pk=world.sender.party_id).update(valid_until=clock.today() - timedelta(days=1))
    spool.Loader().round()
    first, second = (File.objects.get(party_id=one.sender.party_id) for one in (world, other))
    assert first.refusal.startswith("party-documents-expired") and second.rows == 3


def test_a_file_that_breaks_the_program_holds_up_no_other(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bearer, really = token(world), spool.Loader._book
    for rows in (2, 3):
        assert send(write(flat(world, rows, ()), tmp_path / "a.csv").read_bytes(), bearer).status_code == 202
    first, second = File.objects.order_by("at", "pk")

    def book(loader: spool.Loader, file: File) -> None:
        if file.pk == first.pk:
            raise ArithmeticError("planted")
        really(loader, file)

    monkeypatch.setattr(spool.Loader, "_book", book)
    spool.Loader().round()
    first.refresh_from_db(), second.refresh_from_db()
    assert first.state == File.OPEN and second.state == File.DONE and "planted" in caplog.text


def test_one_partner_waits_for_its_own(world: World, tmp_path: Path) -> None:
    bearer = token(world)
    for number in range(spool.WAITING):
        rows = flat(world, 2 + number, ())
        assert send(write(rows, tmp_path / "a.csv").read_bytes(), bearer).status_code == 202
    assert send(b"more", bearer).json()["code"] == "files-waiting"
    spool.Loader().round()
    assert send(b"more", bearer).status_code == 202


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("a.csv", "id,subject,time,behaviour\n骑行,1,2,3\n".encode("gb18030"), "file-encoding"),
        ("a.csv", b"id,time\n", "file-columns"),
        ("a.xlsx", b"PK\x03\x04", "file-unreadable"),
        ("a.parquet", b"PAR1", "file-unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(
    world: World, name: str, body: bytes, code: str
) -> None:
    bearer = token(world)
    taken = send(body, bearer, name)
    spool.Loader().round()
    found = get(taken.headers["location"], bearer).json()
    assert (found["state"], found["refusal"]["code"]) == ("refused", code)
    assert get(f"{taken.headers['location']}/back", bearer).status_code == 404


@pytest.mark.clause("P-8.4-c")
@pytest.mark.parametrize("what", ["a zip bomb", "an external link", "a path in a name", "a document type"])
@pytest.mark.parametrize("via", ["http", "page", "command"])
def test_what_is_hostile_inside_is_told_in_the_trail(
    world: World, tmp_path: Path, what: str, via: str
) -> None:
    path, bearer = workbook(tmp_path / "rides.xlsx"), token(world)
    members = {
        "an external link": ("xl/externalLinks/a.xml", b"x"),
        "a path in a name": ("../../etc/cron.d/x", b"x"),
        "a document type": ("xl/_rels/a.rels", b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'),
        "a zip bomb": ("xl/_rels/a.rels", b" " * (5 * 1024**2)),
    }
    add(path, *members[what])
    if via != "command":
        send(path.read_bytes(), bearer, "rides.xlsx")
        if via == "page":
            File.objects.update(client_id=loading.PAGE)
        spool.Loader().round()
    else:
        party = queries.party(world.sender.code)
        file = actions_files.open_file(
            party_id=party.pk, name="rides.xlsx", sha256=loading.sha256_of(path), size=path.stat().st_size,
            declaration="{}", rehearsal=False, via="command",
        )  # fmt: skip
        assert loading.load(file, path, party)
    (file,) = File.objects.all()
    assert file.state == File.REFUSED
    (row,) = Audit.objects.filter(act="refused")
    by = {
        "http": (bearer.removeprefix("token-"), "interface", "key"),
        # Who of the party brought it is not kept with the file: no key is named that does not exist.
        "page": ("", "page", "partner"),
        "command": ("", "system", ""),
    }[via]
    assert (row.what, row.subject) == ("file.unpacked", str(file.pk))
    assert (row.account, row.via, row.role) == by
    code = "file-unpacks-too-far" if what == "a zip bomb" else "file-reaches-out"
    assert json.loads(row.detail) == {"code": code, "party": world.sender.code}


@pytest.mark.clause("P-8.4-c")
def test_a_hostile_file_ends_with_its_row_or_goes_on_waiting(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "rides.xlsx")
    add(path, "xl/connections.xml", b"x")
    send(path.read_bytes(), token(world), "rides.xlsx")
    with monkeypatch.context() as broken:
        broken.setattr(loading, "note", fails)
        spool.Loader().round()
    assert File.objects.get().state == File.OPEN and not Audit.objects.filter(act="refused").exists()
    spool.Loader().round()
    assert File.objects.get().state == File.REFUSED and Audit.objects.filter(act="refused").count() == 1


def fails(*_: object, **__: object) -> None:
    raise RuntimeError("planted")


def test_what_is_merely_wrong_leaves_no_row(world: World) -> None:
    send(b"PK\x03\x04", token(world), "a.xlsx")
    spool.Loader().round()
    assert File.objects.get().state == File.REFUSED and not Audit.objects.filter(act="refused").exists()


def test_bytes_go_after_their_time_and_what_was_wrong_stays(world: World, tmp_path: Path) -> None:
    bearer = token(world)
    taken = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer)
    spool.Loader().round()
    (spool.folder() / "cut-off.part").write_bytes(b"x")
    assert len(kept()) == 3
    newest = max(path.stat().st_mtime for path in spool.folder().iterdir())
    with clock.frozen(datetime.fromtimestamp(newest, UTC) + spool.KEPT + timedelta(hours=1)):
        spool.sweep()
    assert kept() == []
    errors = get(f"{taken.headers['location']}/errors", bearer).json()["errors"]
    assert len(errors) == 2 and json.dumps(errors)


def test_an_upload_that_ends_while_old_bytes_are_looked_for_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spool.folder() / "cut-off.part").write_bytes(b"x")
    listed = Path.iterdir
    # Its name was read, and it has another when it is looked at.
    monkeypatch.setattr(Path, "iterdir", lambda place: iter([place / "ended.part", *listed(place)]))
    with clock.frozen(datetime.now(UTC) + timedelta(days=2)):
        spool.sweep()
    assert not (spool.folder() / "cut-off.part").exists()


def test_bytes_of_a_file_that_waits_stay_and_its_time_begins_when_it_ends(
    world: World, tmp_path: Path
) -> None:
    bearer = token(world)
    send(made(world, tmp_path / "rides.csv").read_bytes(), bearer)
    lying, later = kept(), NOW + 2 * spool.KEPT
    for path in spool.folder().iterdir():
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    with clock.frozen(later):
        spool.sweep()
        assert kept() == lying
        File.objects.update(state=File.DONE, ended_at=later)
    with clock.frozen(later + spool.KEPT - timedelta(hours=1)):
        spool.sweep()
        assert kept() == lying
    with clock.frozen(later + spool.KEPT + timedelta(hours=1)):
        spool.sweep()
    assert kept() == []
