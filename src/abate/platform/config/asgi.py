"""The one process: partners' events go to the intake, everything else to Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import django

django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402  (Django must be set up before its handlers are made)

from abate.platform.web import forwarded, intake, upload  # noqa: E402

Scope = dict[str, Any]
_pages = get_asgi_application()


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
