"""POST /v1/events as an ASGI route of its own: bytes in, one transaction, answers in the order sent.

It stands beside Django in the same process and touches none of its request machinery: what an event costs
here is little beside what it costs in the database. An answer leaves only after the commit.

A stranger is refused before a byte of his body is read; the token is asked for again once the body is there, so
that a key revoked in between books nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http.request import split_domain_port, validate_host

from abate.platform import pipeline
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Reader, Sender
from abate.platform.events.errors import (
    Busy,
    EmptyBatch,
    EncodingNotTaken,
    Fault,
    Malformed,
    TooLarge,
    TooManyEvents,
    TooSlow,
    UnsupportedMediaType,
    WrongHost,
)
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.events.reasons import REASONS
from abate.platform.parties import answers, limits
from abate.platform.parties.answers import Keep, Reply
from abate.platform.web import caller, refusals, shielding, turning_away
from abate.platform.web.caller import Call
from abate.platform.web.gate import MethodNotDeclared

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BYTES = 5_000_000
MAX_EVENTS = 1_000
BODY_SECONDS = 30.0
"""Our policy: 5 MB come through in this time at 1.4 Mbit/s; who is slower holds a connection, and sends less at once."""
SCOPE = "events"
_ONE, _BATCH, _EITHER = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
)
_log = logging.getLogger("abate.intake")
_read_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_one = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
write = msgspec.json.Encoder().encode
# Few threads: the work is the database's, and each thread holds a connection. Those that wait with a few events share a
# transaction (together.py).
pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="intake")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the one route."""
    headers = dict(scope["headers"])
    language = "en" if prefers_english(headers.get(b"accept-language", b"")) else "zh"
    more: list[tuple[bytes, bytes]] = []
    call = caller.from_scope(scope)
    try:
        if not names_us(headers):
            raise WrongHost
        shielding.require_encryption(scope, headers)
        if scope["method"] != "POST":
            raise MethodNotDeclared
        _check_length(headers)
        if headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
            raise EncodingNotTaken
        loop = asyncio.get_running_loop()
        more += await loop.run_in_executor(pool, _admit, call)
        body = await _in_time(receive)
        reply, repeated = await loop.run_in_executor(pool, _take, call, body, language)
        status, answer = reply.status, reply.body
        more += [(b"idempotent-replayed", b"true")] if repeated else []
    except Gone:
        return
    except Problem as problem:
        await turning_away.from_intake("events", call, problem, pool)
        status, answer, headers_too = refusal(problem, language)
        more += headers_too
    except Exception:  # noqa: BLE001 (a fault of ours: the partner still gets a problem document, the operator the trace)
        _log.exception("the intake failed")
        status, answer = Fault.status, problem_bytes(Fault(), language)
    await respond(send, status, answer, language, more)


class Gone(Exception):
    """The client hung up before the body was whole: nothing was read, nobody waits for an answer."""


def names_us(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the Host header names this installation, by the same list as for the pages."""
    domain, _ = split_domain_port(headers.get(b"host", b"").decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _check_length(headers: Mapping[bytes, bytes]) -> None:
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > 12 or int(declared) > MAX_BYTES:
        raise TooLarge


async def _in_time(receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _body(receive)
    except TimeoutError:
        raise TooSlow from None


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BYTES:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


@contextmanager
def database() -> Iterator[None]:
    """A thread's own database connection; its faults become `busy`: sending again is safe, by the ids."""
    try:
        connection.close_if_unusable_or_obsolete()
        yield
    except Busy as busy:
        _log.warning("events not booked: %s", busy.__cause__)
        connection.close()
        raise
    except (DatabaseError, InterfaceError) as fault:
        # Whether it was committed is not known here; the ids make sending it again safe.
        _log.warning("events not booked: %s", fault)
        connection.close()
        raise Busy from fault


def lines_of(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _admit(call: Call) -> list[tuple[bytes, bytes]]:
    """Whether this sender's body is to be read at all; headers that say how much it may send. (P-6.1-b)"""
    with database():
        _, left = caller.admitted(call, SCOPE)
    return lines_of(left)


def _take(call: Call, body: bytes, language: str) -> tuple[Reply, bool]:
    """The blocking part, in a thread of its own with its own database connection: (answer, whether it is repeated)."""
    with database():
        found = caller.sender(call, SCOPE, body=body)
        sender = Sender(found.party_id, found.code, found.behaviours, found.client_id, found.hooked)
        kind = call.headers.get("content-type", "")
        asked = caller.asked(call, found, body)

        def work(keep: Keep | None) -> Reply:
            raws = _events(kind, body)
            limits.take_events(found.party_id, found.events_per_day, len(raws))
            now = clock.now()
            reader = Reader(sender, catalogue().methods, now)
            read = [reader.read(place, raw) for place, raw in enumerate(raws)]
            arrival = Arrival(sender, "http", now, hashlib.sha256(body).digest(), len(raws))
            if keep is None:
                return _reply(pipeline.run_batch(arrival, read), language)
            told: list[Reply] = []

            def then(results: Sequence[Result]) -> None:
                told[:] = [_reply(results, language)]
                keep(told[0])

            pipeline.run_batch(arrival, read, then=then)
            return told[0]

        return answers.once(asked, work)


def _reply(results: Sequence[Result], language: str) -> Reply:
    return Reply(write({"results": [answer_of(result, language) for result in results]}))


def _events(media: str, body: bytes) -> list[bytes] | list[msgspec.Raw]:
    """The events of a body as JSON texts, still unread."""
    kind, _, parameters = media.partition(";")
    kind = kind.strip().lower()
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind not in (_ONE, _BATCH, _EITHER) or charset not in ("", "utf-8"):
        raise UnsupportedMediaType
    single = kind == _ONE or (kind == _EITHER and body.lstrip()[:1] != b"[")
    try:
        # Once for the whole body: the records inside go on as the text they are.
        body.decode()
        if single:
            _read_one(body)
            return [body]
        raws = _read_batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None
    if not raws:
        raise EmptyBatch
    if len(raws) > MAX_EVENTS:
        raise TooManyEvents(str(len(raws)))
    return raws


def answer_of(result: Result, language: str) -> dict[str, object]:
    """One element of `results`, as the contract names its members."""
    answer: dict[str, object] = {
        "id": result.id,
        "outcome": result.outcome.text,
        "er_mg": result.er_mg,
        "credits": result.credits,
        "entry": result.entry,
        "reason": result.reason,
    }
    if result.stored is not None:
        answer["stored"] = result.stored.text
    if result.outcome == Outcome.CREDITED or result.stored == Outcome.CREDITED:
        answer["capped"] = result.capped
    if result.undone is not None:
        answer["undone"] = result.undone
    if result.withdrawn_by is not None:
        answer["withdrawn_by"] = result.withdrawn_by
    if result.source is not None:
        answer["source"] = result.source
    known = REASONS.get((result.reason or "").partition(":")[0])
    if known is not None:
        answer["detail"] = known.text(language)
        answer["remedy"] = known.remedy_text(language)
    return answer


def problem_bytes(problem: Problem, language: str) -> bytes:
    return write(refusals.document(problem, language))


def refusal(problem: Problem, language: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and headers of a refusal."""
    more = lines_of(caller.challenge(problem))
    if isinstance(problem, EncodingNotTaken):
        # What would be taken (RFC 9110 section 15.5.16).
        more.append((b"accept-encoding", b"identity"))
    if seconds := refusals.retry_after(problem):
        more.append((b"retry-after", str(seconds).encode()))
    return problem.status, problem_bytes(problem, language), more


async def respond(
    send: Send,
    status: int,
    body: bytes,
    language: str,
    more: Sequence[tuple[bytes, bytes]],
    media: bytes = b"application/problem+json",
) -> None:
    headers = [
        (b"content-type", b"application/json" if status < 300 else media),
        (b"content-length", str(len(body)).encode()),
        (b"content-language", b"en" if language == "en" else b"zh"),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept-language"),
        *shielding.beside_django(),
        *more,
    ]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD, POST"))
    elif status == TooSlow.status:
        # The rest of the body may still come: it is not to be taken for the next request.
        headers.append((b"connection", b"close"))
    elif status == 503 and not any(name == b"retry-after" for name, _ in more):
        headers.append((b"retry-after", b"2"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def prefers_english(accepted: bytes) -> bool:
    """Chinese unless English is asked for before it."""
    for wanted in accepted.decode("latin-1").lower().split(","):
        tag = wanted.split(";")[0].strip()
        if tag.startswith(("zh", "en")):
            return tag.startswith("en")
    return False
