"""Where the origin is https: cookies of this host alone, the same headers on every answer, no program led on from plain HTTP."""

from __future__ import annotations

import asyncio
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import add_message, constants
from django.contrib.messages.storage import default_storage
from django.http import HttpResponse
from django.test import Client, RequestFactory
from tests.platform.web import city as stage

from abate.platform.config import asgi
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.parties.errors import AddressRefused
from abate.platform.review import actions as review
from abate.platform.web import caller, flash
from abate.platform.web.forwarded import PROTOCOL, Forwarded

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
ROOT = Path(__file__).resolve().parents[3]
SETTINGS = ROOT / "src/abate/platform/config/settings.py"
FOLLOWS = ("_COOKIE_NAME", "_COOKIE_SECURE", "SECURE_")


def under(monkeypatch: pytest.MonkeyPatch, origin: str, **more: str) -> dict[str, Any]:
    """The settings of an installation at `origin` that have to do with HTTPS."""
    for name in ("ABATE_HSTS_SUBDOMAINS", "ABATE_BEHIND_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"ABATE_ORIGIN": origin, **more}.items():
        monkeypatch.setenv(name, value)
    found = runpy.run_path(str(SETTINGS))
    return {name: value for name, value in found.items() if any(part in name for part in FOLLOWS)}


@pytest.fixture
def https(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    found = under(monkeypatch, "https://testserver", ABATE_HSTS_SUBDOMAINS="1", ABATE_BEHIND_PROXY="1")
    for name, value in found.items():
        setattr(settings, name, value)
    return settings


def call(path: str, *said: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of a POST as it reaches the server, behind no proxy or with its word in `headers`; `said`: what
    stands in each `X-Forwarded-Proto` of several."""
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    several = [("x-forwarded-proto", one) for one in said]
    raw = [(name.encode(), value.encode()) for name, value in [*headers.items(), *several]]
    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"testserver"), *raw]}
    asyncio.run(asgi.application(scope, receive, send))
    given = {name.decode().lower(): value.decode() for name, value in told[0]["headers"]}
    return told[0]["status"], given, told[1]["body"]


@pytest.mark.clause("P-8.4-a")
def test_every_cookie_is_kept_by_this_host_alone(city: stage.City, https: Any) -> None:
    browser = Client()
    browser.get("/sign-in", secure=True)
    browser.post(f"/sign-in/link/{review.issue_link(city.operator)}", secure=True)
    browser.post("/language", {"language": "en"}, secure=True)
    names = set(browser.cookies)
    assert {"__Host-abate_session", "__Host-csrftoken", "__Host-django_language"} <= names
    for name, cookie in browser.cookies.items():
        assert name.startswith("__Host-") and cookie["secure"] and cookie["path"] == "/", name
        assert not cookie["domain"] and cookie["httponly"] and cookie["samesite"] == "Lax", name


def test_words_for_the_next_page_too(city: stage.City, https: Any) -> None:
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    request._messages = default_storage(request)  # type: ignore[attr-defined]
    assert isinstance(request._messages, flash.Flash)  # type: ignore[attr-defined]
    add_message(request, constants.INFO, "x")
    answer = HttpResponse()
    request._messages.update(answer)  # type: ignore[attr-defined]
    assert list(answer.cookies) == ["__Host-messages"]


def test_without_tls_the_names_are_plain_for_a_browser_would_keep_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = under(monkeypatch, "http://127.0.0.1:8000", ABATE_HSTS_SUBDOMAINS="1")
    assert {found["SESSION_COOKIE_NAME"], found["CSRF_COOKIE_NAME"]} == {"abate_session", "csrftoken"}
    assert not found["SESSION_COOKIE_SECURE"] and found["SECURE_HSTS_SECONDS"] == 0
    assert not found["SECURE_HSTS_INCLUDE_SUBDOMAINS"]


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8001", "https://sandbox.example.org"])
def test_the_sandbox_of_the_same_host_takes_no_session_of_live(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    """A browser sends a host's cookies to every port of it, and Django deletes a session cookie that it does not know."""
    monkeypatch.delenv("ABATE_SANDBOX", raising=False)
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "ABATE_FLASH_COOKIE_NAME")
    live = under(monkeypatch, origin)
    beside = under(monkeypatch, origin, ABATE_SANDBOX="1")
    assert not {live[name] for name in names} & {beside[name] for name in names}
    assert all(beside[name].startswith("__Host-") == live[name].startswith("__Host-") for name in names)


def test_names_below_are_included_where_the_operator_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not under(monkeypatch, "https://a.example")["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert under(monkeypatch, "https://a.example", ABATE_HSTS_SUBDOMAINS="1")[
        "SECURE_HSTS_INCLUDE_SUBDOMAINS"
    ]


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/static/abate/abate.css", "/v1/openapi.json", "/livez", "/sign-in"]
)
def test_every_answer_carries_the_headers(city: stage.City, https: Any, path: str) -> None:
    answer = Client().get(path, secure=True)
    told = answer["Strict-Transport-Security"]
    assert told == "max-age=31536000; includeSubDomains"
    assert answer["X-Content-Type-Options"] == "nosniff" and answer["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer
    kind = answer["Content-Type"]
    assert "json" in kind or "charset" in kind, kind
    for part in ("frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'", "default-src 'self'"):
        assert part in answer["Content-Security-Policy"]


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize("path", ["/v1/events", "/v1/files"])
def test_so_do_the_doors_beside_django(transactional_db: None, https: Any, path: str) -> None:
    status, headers, body = call(path, **{"x-forwarded-proto": "https"})
    assert status in (400, 401) and json.loads(body)["code"] != "not-encrypted"
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize("said", [{}, {"x-forwarded-proto": "http"}])
def test_a_program_without_tls_is_refused_and_not_led_on(
    transactional_db: None, https: Any, said: dict[str, str]
) -> None:
    for path in ("/v1/events", "/v1/files"):
        status, headers, body = call(path, **said)
        assert (status, json.loads(body)["code"]) == (403, "not-encrypted") and "location" not in headers
    for path in ("/v1/proposals/new", "/identity/o/api/token"):
        answer = Client(headers=said).post(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-encrypted")
    for path in ("/log/opening/0", "/log/tile/entries/000", "/log/checkpoint"):
        answer = Client(headers=said | {"authorization": "Bearer secret"}).get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-encrypted")


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize(
    "said",
    [
        ("https", "http"),
        ("http", "https"),
        ("https", "https"),
        ("https, http",),
        ("http,https",),
        ("https,",),
        ("https", ""),
    ],
)
def test_what_says_two_protocols_is_not_encrypted(
    transactional_db: None, https: Any, said: tuple[str, ...]
) -> None:
    """A sender's own word before or behind the proxy's; the pages hear it through the same door."""
    for path in ("/v1/events", "/v1/files"):
        status, _, body = call(path, *said)
        assert (status, json.loads(body)["code"]) == (403, "not-encrypted")
    heard: list[Any] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        heard.extend(name for name, _ in scope["headers"])

    for behind in (True, False):
        scope = {
            "type": "http",
            "headers": [(PROTOCOL, one.encode()) for one in said],
            "client": ("127.0.0.1", 5),
        }
        asyncio.run(Forwarded(inside, behind=behind, named=[])(scope, None, None))
    assert heard == []


@pytest.mark.parametrize("problem", ["area", "address"])
def test_what_the_token_endpoint_refuses_by_itself_has_them_too(
    city: stage.City, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    client_id, secret = parties.issue_client(city.partner)
    if problem == "area":
        monkeypatch.setattr(caller, "of_other_area", lambda _: True)
    else:
        monkeypatch.setattr(queries, "may_use", refused)
    given = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = Client().post("/identity/o/api/token", given)
    assert answer.status_code in (401, 403) and "access_token" not in answer.content.decode()
    assert answer["Cache-Control"] == "private, no-store" and answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"] and answer["Permissions-Policy"]


def test_keys_of_the_other_area_are_counted_by_their_address(city: stage.City, settings: Any) -> None:
    settings.ABATE_ADDRESS_PER_MINUTE = 3
    given = {"grant_type": "client_credentials", "client_id": "sandbox-x", "client_secret": "x"}
    answers = [Client().post("/identity/o/api/token", given) for _ in range(4)]
    assert [one.status_code for one in answers] == [401, 401, 401, 429]
    assert answers[-1]["Retry-After"] and answers[-1].json()["code"] == "limit-reached"


def refused(*_: object) -> None:
    raise AddressRefused


def test_what_the_address_of_the_database_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/x?options=-c%20search_path%3Dabate")
    monkeypatch.setenv("ABATE_DB_ROLE", "abate_app")
    given = runpy.run_path(str(SETTINGS))["DATABASES"]["default"]["OPTIONS"]["options"]
    assert given == "-c search_path=abate -c temp_buffers=64MB -c role=abate_app"


def test_a_person_without_tls_is_led_on(db: None, https: Any) -> None:
    answer = Client().get("/sign-in")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/sign-in")
