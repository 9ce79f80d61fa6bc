"""How much a page, or an address of the interface that is a view, is sent: known before Django sees any of it.

Django writes a whole body down, past some megabytes into a file, before it asks who sends it: without this a stranger fills
the disk with one form. The intake and the upload have bounds of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.utils import translation
from django.utils.http import parse_header_parameters

from abate.platform.doors.errors import Problem
from abate.platform.doors.origin import sender
from abate.platform.events.errors import TooSlow
from abate.platform.web import caller, intake, reconciliation, refusals, turning_away
from abate.platform.web.gate import BodiesWait, BodyTooLarge, ContentTypeUnreadable
from abate.platform.web.intake import Receive, Scope, Send
from abate.platform.web.upload import PART_SECONDS
from abate.platform.web.wording import english

AT_A_TIME = 256 * 1024 * 1024
"""Bytes of larger bodies that are taken at a time, in all calls of this process together: our policy, some fifty documents.
Whoever opens many connections and leaves each one's body open would otherwise fill the memory. Django keeps a copy or two beside.
"""
OF_ONE = AT_A_TIME // 8
"""The most of it that one address has, so that nobody alone keeps the others out: one file of a reconciliation."""
SMALL = 64 * 1024
"""Of each body so much is not counted: forms go through while others send files."""
SLOWEST = 20_000
"""Bytes a second after the first PART_SECONDS: who sends a byte now and then would hold their share for days."""
_CHARSETS = frozenset({"utf-8", "utf8"})
App = Callable[[Any, Receive, Send], Awaitable[None]]


def json_object(body: bytes, most: int) -> dict[str, Any] | None:
    """The JSON object that `body` is; None where it is larger than `most` bytes or is none."""
    try:
        given = json.loads(body.decode()) if len(body) <= most else None
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _most(path: str) -> tuple[int, type[Problem]]:
    """Bytes that an address takes, and what is said of more."""
    if path == reconciliation.ADDRESS:
        return reconciliation.LARGEST, reconciliation.FileTooLarge
    # No more than is held in memory: a form may bring a document of an applicant, which no disk sees in clear.
    return settings.FILE_UPLOAD_MAX_MEMORY_SIZE, BodyTooLarge


def _check_type(scope: Scope) -> None:
    """Raises ContentTypeUnreadable. Django fails at a parameter that it cannot read, before it has a way to say so, and reads
    a form by whatever codec it is told, of which some give no text, or half signs."""
    given = b",".join(value for name, value in scope["headers"] if name == b"content-type")
    try:
        _, parameters = parse_header_parameters(given.decode("latin-1"))
    except (ValueError, LookupError):
        raise ContentTypeUnreadable from None
    if parameters.get("charset", "utf-8").lower() not in _CHARSETS:
        raise ContentTypeUnreadable


def _page(scope: Scope, problem: Problem) -> tuple[str, bytes]:
    """A refusal for whoever sent a form: the language that their pages are in, and the page."""
    # Without the header that Django may fail at: what it says of the body is asked by nobody here.
    headers = [one for one in scope["headers"] if one[0] != b"content-type"]
    told = translation.get_language_from_request(ASGIRequest({**scope, "headers": headers}, BytesIO()))
    with translation.override(told):
        return ("en" if english() else "zh"), refusals.bare(problem).content


class _Held:
    """How much of AT_A_TIME is taken, and by whom; counted by the one loop of the server."""

    size = 0
    by: ClassVar[Counter[str]] = Counter()

    @classmethod
    def take(cls, address: str, more: int) -> None:
        """Raises BodiesWait."""
        if more and (cls.size + more > AT_A_TIME or cls.by[address] + more > OF_ONE):
            raise BodiesWait
        cls.give(address, -more)

    @classmethod
    def give(cls, address: str, back: int) -> None:
        cls.size -= back
        cls.by[address] -= back
        if not cls.by[address]:
            del cls.by[address]


def bounded(app: App) -> App:
    """`app`, which sees no more of a body than its address takes, all of it in time and while there is room; 413, 408 or
    503 otherwise."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        most, refused = _most(scope["path"])
        read, held, whole = 0, 0, False
        address, begun = sender((scope.get("client") or ("",))[0]), asyncio.get_running_loop().time()

        async def in_bounds() -> dict[str, Any]:
            nonlocal read, held, whole
            if whole:
                return await receive()  # what is left to come is that somebody hung up
            try:
                async with asyncio.timeout_at(begun + PART_SECONDS + read / SLOWEST):
                    message = await receive()
            except TimeoutError:
                raise TooSlow from None
            read += len(message.get("body", b""))
            if read > most:
                raise refused
            more = max(0, read - SMALL) - held
            _Held.take(address, more)
            held += more
            whole = not message.get("more_body")
            return message

        try:
            declared = headers.get(b"content-length", b"0")
            if not declared.isdigit() or len(declared) > 12 or int(declared) > most:
                raise refused
            _check_type(scope)
            await app(scope, in_bounds, send)
        except Problem as problem:
            call = caller.from_scope(scope)
            await turning_away.before_a_view(scope["path"], call, problem, intake.pool)
            language = "en" if intake.prefers_english(headers.get(b"accept-language", b"")) else "zh"
            status, answer, more = intake.refusal(problem, language)
            media = b"application/problem+json"
            if b"text/html" in headers.get(b"accept", b"") and not refusals.of_programs(scope["path"]):
                language, answer = await sync_to_async(_page)(scope, problem)
                media = b"text/html; charset=utf-8"
            if status != TooSlow.status:
                # The rest of the body may still come: it is not to be taken for the next request.
                more.append((b"connection", b"close"))
            await intake.respond(send, status, answer, language, more, media)
        finally:
            _Held.give(address, held)

    return called
