"""What is refused before a body is read: strangers, foreign hosts, bodies that do not come, keys revoked meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.platform.events.test_intake import BATCH, token, world  # noqa: F401 (a fixture is used by its name)
from tests.platform.pipeline.world import World

from abate.platform.config.asgi import application
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.web import intake

pytestmark = [pytest.mark.platform]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def request(receive: Receive, path: str = "/v1/events", **headers: str) -> tuple[int, dict[str, str], Any]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    given = {"host": "testserver", "content-type": BATCH, **headers}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw}
    asyncio.run(application(scope, receive, send))
    start, end = sent
    return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, json.loads(end["body"])


async def never_read() -> dict[str, Any]:
    raise AssertionError("the body of a refused request was read")


async def never_comes() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@pytest.mark.clause("P-6.1-b")
def test_a_stranger_is_refused_before_the_body_is_read(world: World) -> None:  # noqa: F811
    narrow = token(world, "log")
    for bearer, status, code in (
        ("Bearer nobody", 401, "token-refused"),
        ("Basic x", 401, "token-refused"),
        (f"Bearer {narrow}", 403, "scope-missing"),
    ):
        found, _, problem = request(never_read, authorization=bearer)
        assert (found, problem["code"]) == (status, code)
    assert request(never_read, **{"content-length": "5000001"})[2]["code"] == "too-large"


def test_a_body_that_does_not_come_ends_the_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.01)
    status, headers, problem = request(never_comes, authorization=f"Bearer {token(world)}")
    assert (status, problem["code"], headers["connection"]) == (408, "too-slow", "close")
    assert all(one == (0, 0, 0) for one in world.totals())


@pytest.mark.clause("P-6.1-b")
def test_a_key_revoked_while_its_body_comes_books_nothing(world: World) -> None:  # noqa: F811
    bearer = token(world)
    client_id = bearer.removeprefix("token-")
    parts = [b"[", json.dumps(world.meeting("m")).encode(), b"]"]

    async def receive() -> dict[str, Any]:
        if len(parts) == 2:
            await asyncio.to_thread(_revoke, client_id)
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    status, _, problem = request(receive, authorization=f"Bearer {bearer}")
    assert (status, problem["code"]) == (401, "token-refused")
    assert all(one == (0, 0, 0) for one in world.totals())
    assert queries.token_party(bearer) is None


def _revoke(client_id: str) -> None:
    from django.db import connection  # lazy: this thread's own connection, closed with it

    try:
        parties.revoke_client(client_id)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("host", ["", "evil.example", "testserver.evil.example", "testserver@evil.example"])
@pytest.mark.parametrize("path", ["/v1/events", "/", "/identity/o/api/token"])
def test_a_foreign_host_gets_nothing_and_leaves_no_line(
    host: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        status, _, problem = request(never_read, path, host=host)
    assert (status, problem["code"]) == (421, "wrong-host")
    # asyncio tells of its own selector; of us and Django there is not a line. The trail has its row (decision 26).
    assert [r for r in caplog.records if r.name.startswith(("abate", "django"))] == []
