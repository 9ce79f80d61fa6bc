"""What Django answers as a file leaves as it is read: nothing warns of it in the server's log, and memory holds a piece of it."""

from __future__ import annotations

import asyncio
import warnings
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import FileResponse
from tests.platform.events.test_bulk_files import made
from tests.platform.events.test_intake import token
from tests.platform.pipeline.world import World
from tests.platform.web.test_files import get, send, world

from abate.platform import spool
from abate.platform.config import asgi

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-a")]
__all__ = ["world"]
STATIC = "abate/abate.css"


def asked(path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """(status, body) of a call through the server's own door, where a warning is a fault."""
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        # The body is empty; after it nobody hangs up.
        if told_body:
            await asyncio.Event().wait()
        told_body.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def take(message: dict[str, Any]) -> None:
        told.append(message)

    told_body: list[bool] = []
    raw = [(name.encode(), value.encode()) for name, value in {"host": "testserver", **headers}.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b""}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="StreamingHttpResponse")
        asyncio.run(asgi.application(scope, receive, take))
    start, *rest = told
    return start["status"], b"".join(one.get("body", b"") for one in rest)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_of_the_pages_makes_no_warning(method: str) -> None:
    found = finders.find(STATIC)
    assert isinstance(found, str)
    body = Path(found).read_bytes() if method == "GET" else b""
    assert asked(f"/static/{STATIC}", method) == (200, body)


@pytest.mark.django_db(transaction=True)
def test_nor_does_a_file_that_is_given_back_with_its_errors(world: World, tmp_path: Path) -> None:
    bearer = token(world)
    address = send(made(world, tmp_path / "rides.csv").read_bytes(), bearer).headers["location"]
    spool.Loader().round()
    there, path = get(f"{address}/back", bearer), f"{address[address.index('/v1/') :]}/back"
    assert asked(path, authorization=f"Bearer {bearer}") == (200, b"".join(there.streaming_content))


def test_a_large_file_is_sent_while_it_is_read(tmp_path: Path) -> None:
    """It was read whole before the first of it left: so much memory for each who asks."""
    size, read = 5 * asgi._PIECE + 1, []
    (tmp_path / "large").write_bytes(b"x" * size)
    opened = (tmp_path / "large").open("rb")
    answer = FileResponse(opened)

    async def take(message: dict[str, Any]) -> None:
        if message.get("body"):
            read.append((opened.tell(), len(message["body"])))

    asyncio.run(asgi._Handler().send_response(answer, take))
    assert [length for _, length in read] == [asgi._PIECE] * 5 + [1]
    assert [at for at, _ in read] == [asgi._PIECE * n for n in range(1, 6)] + [size]
    answer.close()
