"""The partner's client inside this process: the same calls against the very application that is served, without a socket.

A sandbox may not reach its own public address (a proxy, a name that only the outside knows), so its page goes this way.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from abate.client import Client, Reply

HERE = "127.0.0.1"


class Inside(Client):
    """A client of this installation's own. Its calls are HTTP requests in all but the wire."""

    def open(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        # In a context of its own: the call is no part of the request that is being answered, nor of its thread.
        return contextvars.Context().run(asyncio.run, _asked(method, target, body, headers))


async def _asked(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    parts, path = urlsplit(settings.ABATE_ORIGIN), urlsplit(target)
    given = {"host": parts.netloc, "content-length": str(len(body))} | {
        k.lower(): v for k, v in headers.items()
    }
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": path.path,
        "raw_path": path.path.encode(),
        "query_string": path.query.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": (HERE, 0),
        "server": (parts.hostname, parts.port),
    }
    told: list[dict[str, Any]] = []
    left = [{"type": "http.request", "body": body, "more_body": False}]
    over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if left:
            return left.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await import_string(settings.ASGI_APPLICATION)(scope, receive, send)
    over.set()
    start = next(one for one in told if one["type"] == "http.response.start")
    found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Reply(start["status"], found, b"".join(one.get("body", b"") for one in told))
