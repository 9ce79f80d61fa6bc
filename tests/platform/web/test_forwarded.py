"""Whose address a request has: a trusted proxy's word counts, a forged one never, and `abate doctor` says what it sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.platform.events.test_intake import BATCH, world
from tests.platform.pipeline.world import NOW, World
from tests.platform.reconciliation.test_addresses import token

from abate.platform.config import asgi, doctor
from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.parties import queries
from abate.platform.parties.models import Client as Key
from abate.platform.signin import actions as signing
from abate.platform.web import forwarded, intake
from abate.platform.web.forwarded import Forwarded

pytestmark = [pytest.mark.platform]
__all__ = ["world"]
OURS, PROXY, SOMEBODY = "203.0.113.7", "10.0.0.5", "198.51.100.9"


@pytest.fixture
def folder(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.ABATE_DATA_DIR = str(tmp_path)
    yield


def status(world: World, peer: str, header: str | None, *, behind: bool = True) -> int:
    """Of a batch by a key that may be used from OURS alone."""
    bearer = token(queries.party(world.sender.code))
    Key.objects.update(addresses=[OURS])
    body, told = json.dumps([world.meeting(f"m{Key.objects.count()}")]).encode(), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    given = {"host": "testserver", "content-type": BATCH, **bearer}
    given |= {"x-forwarded-for": header} if header is not None else {}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": "/v1/events", "headers": raw, "client": (peer, 5)}
    asyncio.run(Forwarded(intake.app, behind=behind, named=["10.0.0.0/24"])(scope, receive, send))  # type: ignore[arg-type]
    return int(told[0]["status"])


@pytest.mark.clause("P-6.1-b")
@pytest.mark.parametrize(
    ("peer", "header", "behind", "expected"),
    [
        (PROXY, OURS, True, 200),
        (f"::ffff:{PROXY}", OURS, True, 200),
        ("127.0.0.1", OURS, True, 200),
        # What its sender wrote itself stands before what the proxy adds.
        (PROXY, f"{OURS}, {SOMEBODY}", True, 403),
        (PROXY, None, True, 403),
        (SOMEBODY, OURS, True, 403),
        ("10.0.1.5", OURS, True, 403),
        (PROXY, OURS, False, 403),
        ("127.0.0.1", OURS, False, 403),
        (OURS, SOMEBODY, True, 200),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    world: World,
    folder: None,
    peer: str,
    header: str | None,
    behind: bool,
    expected: int,
) -> None:
    assert status(world, peer, header, behind=behind) == expected
    believed = behind and peer in (PROXY, f"::ffff:{PROXY}", "127.0.0.1")
    assert (forwarded.noted() is None) == (believed or header is None)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"::ffff:{OURS}", OURS),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("[2001:DB8::7]:4711", "2001:db8::7"),
        (OURS, OURS),
    ],
)
def test_one_address_has_one_spelling_whoever_forwards_it(folder: None, header: str, expected: str) -> None:
    """Else whoever is shut out by a limit comes again as another."""
    came: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        came.append(scope["client"][0])

    scope = {"type": "http", "headers": [(b"x-forwarded-for", header.encode())], "client": (PROXY, 5)}
    asyncio.run(Forwarded(app, behind=True, named=["10.0.0.0/24"])(scope, None, None))
    assert came == [expected]


def test_the_doctor_says_when_a_proxy_is_not_trusted_or_stands_for_everybody(
    world: World,
    folder: None,
    settings: Any,
) -> None:
    def said() -> tuple[str, str]:
        (found,) = doctor.proxies()
        assert found.zh[0] == "代理服务器" and found.zh[1] and bool(found.zh[2]) == bool(found.remedy)
        return found.state, found.what

    assert said()[0] == "ok"
    for place in range(doctor.SUSPICIOUS):
        signing.count_try(f"a{place}", "172.18.0.1")
    assert said()[0] == "warning" and "one address" in said()[1]
    signing.count_try("another", SOMEBODY)
    assert said()[0] == "ok"
    for peer, named in (("172.18.0.1", "172.18.0.1"), ("8.8.8.8", "a public address")):
        status(world, peer, OURS)
        assert said()[0] == "warning" and named in said()[1] and "8.8.8.8" not in said()[1]
    with clock.frozen(NOW + timedelta(days=2)):
        assert said()[0] == "ok"
    settings.ABATE_TRUSTED_PROXIES = ["10.0.0.5", "the-proxy"]
    assert said() == ("fault", said()[1]) and "the-proxy" in said()[1]


def test_what_is_no_address_is_refused_and_the_server_goes_by_the_list() -> None:
    for text in ("*", "10.0.0.0/33", "proxy.example.org", "10.0.0.1/8"):
        with pytest.raises(SetupError, match="ABATE_TRUSTED_PROXIES"):
            forwarded.networks([text])
    assert isinstance(asgi.application, Forwarded)
