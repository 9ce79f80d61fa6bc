"""Quota, limits, signatures and pages of lists hold at every door of a partner's, not at the first alone."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from tests.platform.events.test_bulk_files import flat, made, write
from tests.platform.events.test_intake import post, token
from tests.platform.parties.test_signatures import Partner
from tests.platform.pipeline.world import NOW, World, state
from tests.platform.reconciliation.test_addresses import token as scoped
from tests.platform.web.test_files import get, kept, send, world

from abate.cli.load import load
from abate.platform import spool, streaming
from abate.platform.doors import clock
from abate.platform.doors.broker import Message
from abate.platform.events import actions_files
from abate.platform.events.errors import Busy
from abate.platform.events.models import File
from abate.platform.joining import noticing, queries
from abate.platform.parties import actions as parties
from abate.platform.parties import queries as known
from abate.platform.parties.models import Nonce
from abate.platform.review import actions as review
from abate.platform.web import files, notices

pytestmark = [pytest.mark.platform]
__all__ = ["world"]


def limited(world: World, *, events: int | None = None, requests: int | None = None) -> str:
    parties.set_limits(known.party(world.sender.code), requests_per_minute=requests, events_per_day=events)
    return token(world)


@pytest.mark.clause("P-7.3.3.3-a")
def test_a_file_over_the_quota_waits_by_name_and_goes_on_by_itself(world: World, tmp_path: Path) -> None:
    bearer, loader = limited(world, events=30), spool.Loader()
    # Half of the quota goes by message, so a file of twenty rows passes it.
    assert post([world.meeting(f"m{n}") for n in range(15)], bearer).status_code == 200
    address = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer).headers["location"]
    loader.round()
    held = get(address, bearer).json()
    assert (held["state"], held["rows"]) == ("open", 15)
    assert held["refusal"] == {"code": "file-over-quota", "detail": "row 15"}
    loader.round()
    assert get(address, bearer).json()["rows"] == 15
    # What comes back within minutes is used, although it is less than a chunk.
    with clock.frozen(NOW + timedelta(days=1) / 30 * 2):
        loader.round()
        assert get(address, token(world, minutes=200)).json()["rows"] == 17
    assert post([world.meeting("late")], bearer).json()["code"] == "limit-reached"
    with clock.frozen(NOW + timedelta(days=1)):
        # Another process, as after a restart, goes on at the same row.
        spool.Loader().round()
        bearer = token(world, minutes=2_000)
        told = get(address, bearer).json()
        assert (told["state"], told["counts"], told["refusal"]) == (
            "done",
            {"credited": 18, "refused": 2},
            None,
        )
        # A rehearsal and what the operator loads count towards nothing.
        assert post([world.meeting(f"n{n}") for n in range(10)], bearer).status_code == 200
        path = write(flat(world), tmp_path / "again.csv")
        assert load(path, world.sender.code, 20) == {"exists": 18, "refused": 2}


def test_a_higher_quota_holds_for_a_file_that_waits(world: World, tmp_path: Path) -> None:
    bearer, loader = limited(world, events=10), spool.Loader()
    address = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer).headers["location"]
    loader.round()
    assert get(address, bearer).json()["rows"] == 10
    parties.set_limits(known.party(world.sender.code), requests_per_minute=None, events_per_day=100_000)
    with clock.frozen(NOW + timedelta(seconds=spool.LONGEST_WAIT)):
        loader.round()
    assert get(address, bearer).json()["state"] == "done"


@pytest.mark.clause("P-7.3.3.3-a")
def test_what_is_tried_again_uses_the_quota_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bearer, loader = limited(world, events=20), spool.Loader()
    address = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer).headers["location"]

    def away(*_: object) -> None:
        raise Busy

    with monkeypatch.context() as planted:
        planted.setattr(actions_files, "advance", away)
        for _ in range(10):
            with pytest.raises(Busy):
                loader.round()
    loader.round()
    told = get(address, bearer).json()
    assert (told["state"], told["counts"]) == ("done", {"credited": 18, "refused": 2})
    assert post([world.meeting("over")], bearer).json()["code"] == "limit-reached"


def test_a_broker_s_messages_use_the_same_quota_and_none_is_given_up_meanwhile(world: World) -> None:
    bearer = limited(world, events=20)
    assert post([world.meeting(f"m{n}") for n in range(19)], bearer).status_code == 200
    given: list[int] = []

    class Waiting:
        def take(self, most: int, wait: float) -> list[Message]:
            return [Message(json.dumps([world.ride("a"), world.ride("b")]).encode(), {}, None)]

        def done(self, messages: object) -> None:
            given.append(1)

        def close(self) -> None:
            pass

    class Stopping:
        """Asked to stop once it was told to wait for the quota."""

        def __init__(self) -> None:
            self.pauses: list[float] = []

        def wait(self, seconds: float) -> bool:
            self.pauses.append(seconds)
            return seconds > 5

    stopping = Stopping()
    found = streaming.consume(
        Waiting,
        world.sender.code,
        most=5,
        wait=0.1,
        stopping=stopping,  # type: ignore[arg-type]
    )
    # Together they pass it: both wait, and the message with them.
    assert found == Counter() and given == [] and max(stopping.pauses) == streaming.LONGEST_PAUSE


def test_a_quota_that_is_lowered_while_a_message_waits_holds_up_nothing(world: World) -> None:
    bearer = limited(world, events=40)
    assert post([world.meeting(f"m{n}") for n in range(39)], bearer).status_code == 200
    message = Message(json.dumps([world.ride("a"), world.ride("b"), world.ride("c")]).encode(), {}, None)
    given: list[int] = []

    class Once:
        def take(self, most: int, wait: float) -> list[Message]:
            return [] if given else [message]

        def done(self, messages: object) -> None:
            given.append(1)

        def close(self) -> None:
            pass

    with contextlib.ExitStack() as later:

        class Lowering:
            """The quota becomes less than the message holds, and each pause is as long as a day."""

            waits = 0

            def wait(self, seconds: float) -> bool:
                if seconds > 5:
                    self.waits += 1
                    limited(world, events=2)
                    later.enter_context(clock.frozen(NOW + timedelta(days=self.waits)))
                return self.waits > 4

        found = streaming.consume(
            Once, world.sender.code, most=5, wait=0.1, stopping=Lowering(), until_empty=True,  # type: ignore[arg-type]
        )  # fmt: skip
    assert given == [1] and sum(found.values()) == 3


def test_every_address_of_a_key_has_limits_and_says_them(world: World) -> None:
    bearer = {"authorization": f"Bearer {limited(world, requests=3)}"}
    unknown = uuid4()
    for minute, path in enumerate((
        "/v1/files", f"/v1/files/{unknown}", f"/v1/files/{unknown}/errors", f"/v1/files/{unknown}/back",
        "/v1/members/figures?from=2026-01", "/v1/notices", "/v1/reconciliation/breaks",
    ), 1):  # fmt: skip
        with clock.frozen(NOW + timedelta(minutes=2 * minute)):
            told = [Client().get(path, headers=bearer) for _ in range(4)]
        assert told[3].status_code == 429 and told[2].status_code != 429, path
        assert told[3].json()["code"] == "limit-reached" and told[3]["Retry-After"]
        if told[0].status_code == 200:
            assert told[0]["RateLimit"].startswith('"requests";r=2')
    sharing = {"authorization": f"Bearer {_sharing(world)}"}
    with clock.frozen(NOW + timedelta(minutes=20)):
        for path in (f"/v1/sharing/requests/{unknown}", f"/v1/sharing/requests/{unknown}/figures"):
            assert Client().get(path, headers=sharing).status_code == 404
        answer = Client().post("/v1/sharing/requests", "{}", content_type="application/json", headers=sharing)
        assert answer.status_code == 422
        assert Client().get(f"/v1/sharing/requests/{unknown}", headers=sharing).status_code == 429
        # Of the same bucket as the party's other calls.
        assert Client().get(f"/v1/sharing/requests/{unknown}/people", headers=sharing).status_code == 429
    with clock.frozen(NOW + timedelta(minutes=22)):
        told = [Client().get(f"/v1/sharing/requests/{unknown}/people", headers=sharing) for _ in range(4)]
        assert [one.status_code for one in told] == [404, 404, 404, 429]


def _sharing(world: World) -> str:
    return scoped(known.party(world.sender.code), ["sharing"])["authorization"].removeprefix("Bearer ")


@pytest.mark.clause("P-6.1-b", "P-7.3.3.3-b")
def test_a_key_that_must_sign_sends_files_and_reads_them(world: World, tmp_path: Path) -> None:
    partner = Partner(world, must_sign=True)
    body = made(world, tmp_path / "rides.csv").read_bytes()
    target = "/v1/files?name=rides.csv"
    taken = send(body, None, signed=partner.headers(body, target=target))
    assert taken.status_code == 202, taken.body
    spool.Loader().round()
    path = taken.json()["address"].partition("testserver")[2] or "/v1/files/" + taken.json()["id"]
    for target in ("/v1/files", path, f"{path}/errors", f"{path}/back", "/v1/notices"):
        signed = partner.headers(b"", target=target, method="GET", covered=("@method", "@target-uri"))
        signed.pop("content-type")
        assert Client().get(target, headers=signed).status_code == 200, target
        assert Client().get(target, headers=signed).json()["code"] == "signature-replayed"


@pytest.mark.clause("P-8.3")
def test_a_file_that_is_not_what_was_signed_is_not_kept(world: World, tmp_path: Path) -> None:
    partner, before = Partner(world, must_sign=True), state()
    body, target = made(world, tmp_path / "rides.csv").read_bytes(), "/v1/files?name=rides.csv"
    signed = partner.headers(body, target=target)
    answer = send(body + b"x", None, signed=signed)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature-digest")
    assert send(body, None, signed=signed).json()["code"] == "signature-replayed"
    # What cannot be a digest is refused before the body is read, and without a digest there is no content signed.
    bad = partner.headers(body, target=target, covered=("@method", "@target-uri"))
    answer = send(body, None, signed=bad)
    assert answer.json()["code"] == "signature-uncovered" and answer.unread  # type: ignore[attr-defined]
    assert Nonce.objects.count() == 1 and kept() == [] and not File.objects.exists() and state() == before


def test_a_list_goes_on_after_its_first_page_and_loses_none(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PAGE", 2)
    monkeypatch.setattr(notices, "_PAGE", 2)
    bearer = token(world)
    sent = {send(f"id,n\n{n}".encode(), bearer, name=f"f{n}.csv").json()["id"] for n in range(5)}
    assert _all(bearer, "/v1/files", "files") == sent
    party, clerk = known.party(world.sender.code), review.create_user("staff", made_up=True)
    made_ = [noticing.open_notice(party, f"n{n}", "x", clock.today(), clerk).pk for n in range(5)]
    for number in made_[1:]:
        noticing.answer(number, party.pk, "so", clerk)
        noticing.close(number, "good", clerk)
    assert _all(bearer, "/v1/notices", "notices") == set(made_)
    # The oldest is the open one: the closed ones before it do not hide it.
    (only,) = get("/v1/notices?open=1", bearer).json()["notices"]
    assert only["id"] == made_[0] and [row.id for row in queries.notices(closed=False, limit=1)] == [made_[0]]


def _all(bearer: str, path: str, name: str) -> set[Any]:
    found: list[Any] = []
    ask: Callable[[str], Any] = lambda more: get(path + more, bearer).json()  # noqa: E731
    page = ask("")
    while True:
        found += [one["id"] for one in page[name]]
        if page["next_before"] is None:
            break
        page = ask(f"?before={page['next_before']}")
    assert len(found) == len(set(found))
    return set(found)
