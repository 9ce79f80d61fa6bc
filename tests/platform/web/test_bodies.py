"""What is sent to a page or to a view of the interface is bounded before Django writes any of it down, whoever sends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from abate.platform.config import asgi
from abate.platform.review import turned_away
from abate.platform.review.models import Audit
from abate.platform.web import bodies, intake, reconciliation

pytestmark = [
    pytest.mark.platform,
    pytest.mark.clause("P-8.5-a"),
    pytest.mark.django_db(transaction=True),
]
PART = 500_000


@pytest.fixture(autouse=True)
def _connections() -> Iterator[None]:
    turned_away.forget()
    yield
    for _ in range(8):
        intake.pool.submit(lambda: connection.close()).result()


def send(path: str, parts: int, declared: int | None = None, method: str = "POST") -> tuple[int, Any, int]:
    """(status, code, parts that were taken) of a stranger's body in so many parts."""
    told: list[dict[str, Any]] = []
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken == parts:
            await asyncio.Event().wait()
        taken += 1
        return {"type": "http.request", "body": b"a" * PART, "more_body": taken < parts}

    async def take(message: dict[str, Any]) -> None:
        told.append(message)

    headers = [
        (b"host", b"testserver"),
        (b"content-type", b"multipart/form-data; boundary=b"),
        (b"accept-language", b"en"),
    ]
    if declared is not None:
        headers.append((b"content-length", str(declared).encode()))
    scope = {
        "type": "http", "method": method, "path": path, "headers": headers, "query_string": b"",
        "client": ("203.0.113.9", 1),
    }  # fmt: skip
    asyncio.run(asgi.application(scope, receive, take))
    start, *rest = told
    body = b"".join(one.get("body", b"") for one in rest)
    names = {name.lower() for name, _ in start["headers"]}
    told_code = json.loads(body)["type"].rpartition("/")[2] if b"problem+json" in dict(start["headers"]).get(
        b"content-type", b""
    ) else ""  # fmt: skip
    assert start["status"] != 413 or b"connection" in names
    return start["status"], told_code, taken


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/sign-in", "/v1/sharing", "/no-such-address"])
def test_a_stranger_sends_two_gigabytes_and_none_is_taken(path: str, method: str) -> None:
    assert send(path, 200, 2_000_000_000, method) == (413, "body-too-large", 0)


@pytest.mark.parametrize("declared", [None, 10])
def test_one_who_does_not_say_how_much_is_stopped_at_the_bound(declared: int | None) -> None:
    status, code, taken = send("/join", 200, declared)
    assert (status, code) == (413, "body-too-large")
    assert taken == settings.FILE_UPLOAD_MAX_MEMORY_SIZE // PART + 1


def test_a_reconciliation_file_has_the_bound_that_its_refusal_names() -> None:
    status, code, taken = send(reconciliation.ADDRESS, 200)
    assert (status, code) == (413, "reconciliation-too-large")
    assert taken == reconciliation.LARGEST // PART + 1


def test_one_who_goes_on_too_slowly_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PART_SECONDS", 0.05)

    async def slow() -> tuple[int, dict[bytes, bytes]]:
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        async def take(message: dict[str, Any]) -> None:
            told.append(message)

        headers = [(b"host", b"testserver"), (b"content-length", b"100")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/sign-in",
            "headers": headers,
            "query_string": b"",
        }
        await asgi.application(scope, receive, take)
        return told[0]["status"], dict(told[0]["headers"])

    status, headers = asyncio.run(slow())
    assert status == 408
    assert headers[b"connection"] == b"close"


def test_bodies_that_are_left_open_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """One holds what there is to hold: a second large one comes again later, a form goes through, and after it all is free."""
    monkeypatch.setattr(bodies, "AT_A_TIME", 2 * PART)
    monkeypatch.setattr(bodies, "OF_ONE", 2 * PART)

    async def sent(parts: int, size: int, open_: asyncio.Event | None = None) -> int:
        told: list[dict[str, Any]] = []
        taken = 0

        async def receive() -> dict[str, Any]:
            nonlocal taken
            if taken == parts:
                await (open_ or asyncio.Event()).wait()
                return {"type": "http.disconnect"}
            taken += 1
            return {
                "type": "http.request",
                "body": b"a" * size,
                "more_body": taken < parts or open_ is not None,
            }

        async def take(message: dict[str, Any]) -> None:
            told.append(message)

        headers = [(b"host", b"testserver"), (b"content-type", b"text/plain")]
        scope = {"type": "http", "method": "POST", "path": "/join", "headers": headers, "query_string": b""}
        await asgi.application(scope, receive, take)
        return told[0]["status"] if told else 0

    async def day() -> tuple[int, int, int, int]:
        over = asyncio.Event()
        first = asyncio.create_task(sent(2, PART, over))
        for _ in range(5):
            await asyncio.sleep(0)
        second, form = await sent(2, PART), await sent(1, 1_000)
        over.set()
        return await first, second, form, await sent(2, PART)

    first, second, form, later = asyncio.run(day())
    assert (first, second, form, later) == (0, 503, 403, 403)
    assert bodies._Held.size == 0


def test_one_address_has_its_share_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "OF_ONE", 2 * PART)

    async def first_and_others() -> list[int]:
        over, told = asyncio.Event(), []
        waiting = asyncio.create_task(_call(_parts(2, over), "203.0.113.9"))
        for _ in range(5):
            await asyncio.sleep(0)
        told.append(await _call(_parts(2), "203.0.113.9"))
        told.append(await _call(_parts(2), "203.0.113.10"))
        over.set()
        await waiting
        told.append(await _call(_parts(2), "203.0.113.9"))
        return told

    assert asyncio.run(first_and_others()) == [503, 403, 403]
    assert bodies._Held.size == 0 and not bodies._Held.by


def test_a_byte_now_and_then_holds_nothing_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part comes in time, and the whole never would."""
    monkeypatch.setattr(bodies, "PART_SECONDS", 0.2)

    async def dripping() -> tuple[int, int]:
        parts = 0

        async def receive() -> dict[str, Any]:
            nonlocal parts
            parts += 1
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b"a", "more_body": True}

        return await _call(receive), parts

    status, parts = asyncio.run(asyncio.wait_for(dripping(), 20))
    assert status == 408 and parts > 1


def _parts(count: int, over: asyncio.Event | None = None) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A body of so many parts; with `over`, one that stays open until it is set, and is hung up."""
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken == count:
            await (over or asyncio.Event()).wait()
            return {"type": "http.disconnect"}
        taken += 1
        return {"type": "http.request", "body": b"a" * PART, "more_body": taken < count or over is not None}

    return receive


async def _call(receive: Callable[[], Awaitable[dict[str, Any]]], address: str = "") -> int:
    told: list[dict[str, Any]] = []

    async def take(message: dict[str, Any]) -> None:
        told.append(message)

    headers = [(b"host", b"testserver"), (b"content-type", b"text/plain")]
    scope = {
        "type": "http", "method": "POST", "path": "/join", "headers": headers, "query_string": b"",
        "client": (address, 1),
    }  # fmt: skip
    await asgi.application(scope, receive, take)
    return told[0]["status"] if told else 0


def test_who_tried_is_in_the_trail_by_the_address_of_the_page() -> None:
    send("/sign-in", 1, 2_000_000_000)
    send("/no-such-address", 1, 2_000_000_000)
    rows = Audit.objects.filter(act="refused").order_by("id")
    assert [(one.what, json.loads(one.detail)["code"], one.via) for one in rows] == [
        ("door.sign-in", "body-too-large", "page"),
        ("door.body", "body-too-large", "page"),
    ]


UNREADABLE = (
    "text/plain; x*=nope''%ff", "multipart/form-data; boundary=b; charset=rot13", "multipart/form-data; charset=utf-7",
    "application/x-www-form-urlencoded; charset=unicode_escape", "text/plain; charset=idna", "a/b; charset*=nope''%ff",
)  # fmt: skip


@pytest.mark.parametrize("given", UNREADABLE)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/livez"), ("POST", "/sign-in"), ("POST", "/identity/o/api/token")]
)
def test_a_content_type_that_gives_no_text_is_refused(given: str, method: str, path: str) -> None:
    """Each was a fault inside Django, told with a trace, to whoever cared to send it."""
    assert typed(method, path, given)[:2] == (415, "content-type")
    if path == "/sign-in":
        status, _, page = typed(method, path, given, accept="text/html")
        assert status == 415 and page.startswith(b"<!doctype html>") and b"UTF-8" in page


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"'])
def test_forms_in_utf_8_are_read(charset: str) -> None:
    status, code, body = typed("POST", "/identity/o/api/token", f"application/x-www-form-urlencoded{charset}")
    assert code != "content-type" and status in (400, 401) and b"unsupported_grant_type" in body


def typed(method: str, path: str, given: str, accept: str = "*/*") -> tuple[int, str, bytes]:
    """(status, code, body) of a small form under this Content-Type."""
    told: list[dict[str, Any]] = []
    parts = [{"type": "http.request", "body": b"grant_type=%5Cud800&client_id=a&client_secret=b"}]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()
        return parts.pop()

    async def take(message: dict[str, Any]) -> None:
        told.append(message)

    headers = [(b"host", b"testserver"), (b"content-type", given.encode()), (b"accept", accept.encode())]
    scope = {
        "type": "http", "method": method, "path": path, "headers": headers, "query_string": b"",
        "client": ("203.0.113.9", 1),
    }  # fmt: skip
    asyncio.run(asgi.application(scope, receive, take))
    body = b"".join(one.get("body", b"") for one in told[1:])
    problem = b"problem+json" in dict(told[0]["headers"]).get(b"content-type", b"")
    return told[0]["status"], json.loads(body)["type"].rpartition("/")[2] if problem else "", body


@pytest.mark.parametrize(
    ("cookie", "accepted", "lang", "words"),
    [
        (b"", b"en", "en", "A file on a page has 5 MB at most, the whole form 6 MB"),
        (b"django_language=zh-hans", b"en", "zh", "页面上的文件最大 5 MB，整个表单最大 6 MB"),
    ],
)
def test_who_sends_a_form_that_is_too_large_reads_a_page_in_their_language(
    cookie: bytes, accepted: bytes, lang: str, words: str
) -> None:
    def of(path: str) -> tuple[dict[bytes, bytes], str]:
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"a" * PART, "more_body": True}

        async def take(message: dict[str, Any]) -> None:
            told.append(message)

        headers = [
            (b"host", b"testserver"), (b"content-type", b"multipart/form-data; boundary=b"), (b"cookie", cookie),
            (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8"), (b"accept-language", accepted),
        ]  # fmt: skip
        scope = {
            "type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"",
            "client": ("203.0.113.9", 1),
        }  # fmt: skip
        asyncio.run(asgi.application(scope, receive, take))
        assert told[0]["status"] == 413
        return dict(told[0]["headers"]), b"".join(one["body"] for one in told[1:]).decode()

    headers, page = of("/join")
    assert (
        headers[b"content-type"] == b"text/html; charset=utf-8"
        and headers[b"content-language"] == lang.encode()
    )
    assert words in page and "body-too-large" in page and "<!doctype html>" in page
    assert f"{settings.FILE_UPLOAD_MAX_MEMORY_SIZE // 1_000_000} MB" in page
    # A program's address goes on answering as programs read it, whatever it says that it takes.
    headers, document = of("/v1/sharing")
    assert headers[b"content-type"] == b"application/problem+json" and json.loads(document)["status"] == 413
