"""The one process: partners' events go to the intake, everything else to Django."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import django
from asgiref.sync import sync_to_async

django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402  (Django must be set up before its handlers are made)
from django.http import FileResponse  # noqa: E402

from abate.platform.web import bodies, forwarded, intake, upload  # noqa: E402

Scope = dict[str, Any]
_PIECE = 64 * 1024


class _Handler(ASGIHandler):
    """Django's own, which sends a file as it is read: by itself it would read all of it into memory first, and warn of it."""

    async def send_response(self, response: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Send what Django answered; a file in pieces of 64 KiB."""
        if response.streaming and not response.is_async:
            if isinstance(response, FileResponse):
                response.block_size = _PIECE
            response.streaming_content = _pieces(response.streaming_content)
        await super().send_response(response, send)


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    one = sync_to_async(next)
    while (piece := await one(pieces, None)) is not None:
        yield piece


_pages = bodies.bounded(_Handler())


async def _one(
    scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """ASGI 3. Lifespan messages are answered here, so that a server sees a clean start and stop."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    elif scope["type"] == "http" and (
        (scope["path"] == "/v1/events" and scope["method"] not in {"GET", "HEAD"})
        or not intake.names_us(dict(scope["headers"]))
    ):
        # The intake refuses a foreign Host for all: Django's own answer is a trace in the log for every such call.
        await intake.app(scope, receive, send)
    elif scope["type"] == "http" and scope["path"] == "/v1/files" and scope["method"] == "POST":
        # Django would take the whole body before it asks who sends it.
        await upload.app(scope, receive, send)
    else:
        await _pages(scope, receive, send)


application = forwarded.Forwarded(
    _one, behind=settings.ABATE_BEHIND_PROXY, named=settings.ABATE_TRUSTED_PROXIES
)
