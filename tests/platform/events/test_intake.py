"""POST /v1/events, spoken to as a partner would: every problem has its type, every result its place."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Token
from django.db import connection
from tests.platform.pipeline.world import NOW, World, differences, make_world, state

from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.web import intake

pytestmark = [pytest.mark.platform]
BATCH = "application/cloudevents-batch+json"


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(2)
    # The intake's threads hold connections of their own: none may outlive the test's database.
    for _ in range(8):
        intake.pool.submit(lambda: connection.close()).result()


def token(world: World, scope: str = "events", minutes: int = 60) -> str:
    """An access token as the token endpoint would have written it."""
    client_id, _ = parties.issue_client(queries.party(world.sender.code), [scope])
    text = f"token-{client_id}"
    Token.objects.create(
        type=Token.Type.ACCESS_TOKEN,
        hash=get_adapter().hash_token(text),
        client_id=client_id,
        scopes=scope,
        expires_at=NOW + timedelta(minutes=minutes),
    )
    return text


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(method: str, body: bytes, headers: dict[str, str]) -> Answer:
    """One request through the ASGI application, the body in two parts."""
    sent: list[dict[str, Any]] = []
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in {"host": "testserver", **headers}.items()]
    scope = {"type": "http", "method": method, "path": "/v1/events", "headers": raw}
    asyncio.run(intake.app(scope, receive, send))
    start, end = sent
    return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, end["body"])


def post(body: object, bearer: str | None, kind: str = BATCH, **more: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": kind, **{name.replace("_", "-"): value for name, value in more.items()}}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    return call("POST", content, headers)


@pytest.mark.clause("P-7.3.3.3-a", "P-7.5.1")
def test_a_batch_is_answered_in_its_order_and_booked_when_answered(world: World) -> None:
    sent = [world.meeting("m"), world.ride("bad", km=-1), world.ride("r", who=1), world.meeting("m")]
    answer = post(sent, token(world), accept_language="en")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    results = answer.json()["results"]
    assert [r["id"] for r in results] == ["m", "bad", "r", "m"]
    assert [r["outcome"] for r in results] == ["credited", "refused", "credited", "exists"]
    assert results[0] == {
        "id": "m",
        "outcome": "credited",
        "er_mg": 2_712_694,
        "credits": 2712,
        "reason": None,
        "capped": False,
        "entry": results[0]["entry"],
    }
    assert results[1]["reason"] == "out_of_range:distance_km" and "abate methods show" in results[1]["remedy"]
    assert results[3]["stored"] == "credited" and results[3]["entry"] == results[0]["entry"]
    assert world.totals()[0][1] == 2712 and differences() == {}


@pytest.mark.parametrize("kind", ["application/cloudevents+json", "application/json; charset=UTF-8"])
def test_one_event_alone(world: World, kind: str) -> None:
    answer = post(world.meeting("m"), token(world), kind)
    assert [r["outcome"] for r in answer.json()["results"]] == ["credited"]


PROBLEMS: dict[str, tuple[dict[str, Any], int, str]] = {
    "malformed JSON": ({"body": b'[{"id": '}, 400, "malformed"),
    "NaN": ({"body": b'[{"id": "a", "data": {"distance_km": NaN}}]'}, 400, "malformed"),
    "not UTF-8": ({"body": b'[{"id": "\xff"}]'}, 400, "malformed"),
    "no list": ({"body": b'{"id": "a"}'}, 400, "malformed"),
    "nothing": ({"body": b""}, 400, "malformed"),
    "empty batch": ({"body": b"[]"}, 400, "empty-batch"),
    "1,001 events": ({"body": [{}] * 1001}, 413, "too-many-events"),
    "over 5 MB": ({"body": b"[" + b" " * 5_000_000 + b"]"}, 413, "too-large"),
    "another type": ({"body": b"[]", "kind": "text/csv"}, 415, "unsupported-media-type"),
    "another charset": ({"body": b"[]", "kind": BATCH + "; charset=gbk"}, 415, "unsupported-media-type"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_request_that_cannot_be_read_is_a_problem_of_its_own(world: World, name: str) -> None:
    request, status, code = PROBLEMS[name]
    before = state()
    answer = post(bearer=token(world), **request)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(code) and answer.json()["remedy"]
    english = post(bearer=token(world), accept_language="en-GB, zh;q=0.5", **request).json()
    assert english["title"] != answer.json()["title"]
    assert state() == before


def test_a_compressed_body_is_told_what_is_taken(world: World) -> None:
    body, before = gzip.compress(json.dumps([world.meeting("m")]).encode()), state()
    for encoding in ("gzip", "GZIP", "br, gzip"):
        answer = post(body, token(world), content_encoding=encoding)
        assert (answer.status_code, answer.json()["code"]) == (415, "content-encoding")
        assert answer.headers["accept-encoding"] == "identity" and answer.json()["remedy"]
    assert state() == before
    assert post([world.meeting("m")], token(world), content_encoding="identity").status_code == 200


def test_no_expired_foreign_or_narrow_token(world: World) -> None:
    body = [world.meeting("m")]
    for bearer in (None, "unknown", token(world, minutes=-1)):
        answer = post(body, bearer)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-refused")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = post(body, token(world, scope="log"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
    (result,) = post(body, token(make_world(1))).json()["results"]
    assert result["reason"] == "wrong_source:source"
    assert state()["events_seen"] == []


ENVELOPES: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"id": None}, "malformed:id"),
    "a long id": ({"id": "x" * 129}, "malformed:id"),
    "a control character": ({"id": "a\n"}, "malformed:id"),
    "another version": ({"specversion": "0.3"}, "malformed:specversion"),
    "no offset": ({"time": "2026-05-20T09:00:00"}, "malformed:time"),
    "a number for time": ({"time": 1}, "malformed:time"),
    "data is a list": ({"data": []}, "malformed:data"),
    "unknown attribute": ({"Trace_Id": "x"}, "unknown_attribute:Trace_Id"),
    "unknown behaviour": ({"type": "org.abate.behaviour.flying"}, "unknown_behaviour:type"),
    "another's type": ({"type": "com.example.ride"}, "unknown_behaviour:type"),
    "not granted": ({"type": "org.abate.behaviour.bus"}, "behaviour_not_granted:bus"),
    "1e400": (
        {"data": {"trip_id": "t", "start": "2026-05-20T09:00:00+08:00", "distance_km": 1}},
        "missing:end",
    ),
}


@pytest.mark.clause("P-7.3.3.3-c")
def test_each_bad_envelope_has_its_own_reason_and_stops_no_other(world: World) -> None:
    sent = []
    for number, (changes, _) in enumerate(ENVELOPES.values()):
        event = {**world.ride(f"e{number}"), **changes}
        sent.append({name: value for name, value in event.items() if value is not None})
    answer = post([*sent, {**world.ride("good"), "traceparent": "00-abc"}], token(world))
    *bad, good = answer.json()["results"]
    assert dict(zip(ENVELOPES, [r["reason"] for r in bad], strict=True)) == {
        name: reason for name, (_, reason) in ENVELOPES.items()
    }
    assert {r["outcome"] for r in bad} == {"refused"} and good["outcome"] == "credited"
    assert len(state()["events_seen"]) == 1


@pytest.mark.parametrize("lone", [True, False])
def test_numbers_that_no_machine_holds(world: World, lone: bool) -> None:
    texts = ["1e400", "-1e400", "123456789012345678901234567890.123", '"1e5"', "true", "[]"]
    bodies = []
    for number, text in enumerate(texts):
        event = json.dumps(world.ride(f"n{number}", km="@")).replace('"@"', text)
        bodies.append(event.encode())
    bearer = token(world)
    if lone:
        results = [post(b, bearer, "application/json").json()["results"][0] for b in bodies]
    else:
        results = post(b"[" + b",".join(bodies) + b"]", bearer).json()["results"]
    assert {r["outcome"] for r in results} == {"refused"}
    assert all(r["reason"].endswith(":distance_km") for r in results), [r["reason"] for r in results]


def test_another_method_is_told_the_ones_of_the_address(world: World) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        answer = call(method, b"", {})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST"), method


def test_a_database_that_is_away_is_an_honest_503(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = token(world)
    sent = [world.meeting("m")]

    def cut(*_: object, **__: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch:
        patch.setattr(intake.pipeline.ledger, "book", cut)
        answer = post(sent, bearer)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "2")
    assert state()["events_seen"] == []
    assert post(sent, bearer).json()["results"][0]["outcome"] == "credited"


def test_a_fault_of_ours_is_a_problem_document_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = token(world)

    def broken(*_: object, **__: object) -> None:
        raise ArithmeticError("a fault planted by the test")

    with monkeypatch.context() as patch:
        patch.setattr(intake.pipeline, "run_batch", broken)
        answer = post([world.meeting("m")], bearer)
    assert (answer.status_code, answer.json()["code"]) == (500, "fault")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "planted" not in str(answer.json())
    assert state()["events_seen"] == []
