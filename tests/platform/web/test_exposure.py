"""What an installation shows to whoever walks along its addresses: its pages, and nothing of how it is made."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from abate.platform.config import settings as written

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/.git/config",
            "/.git/HEAD",
            "/.svn/entries",
            "/.env",
            "/pyproject.toml",
            "/secrets.json",
            "/settings.env",
        ),
        *("/static/../settings.py", "/static/%2e%2e/settings.py", "/static/..%2f..%2fsettings.py"),
        *("/docs", "/v1/docs", "/admin/", "/__debug__/", "/debug", "/console"),
    ],
)
def test_no_source_no_setting_and_no_tool_of_the_makers_is_served(path: str) -> None:
    answer = Client(raise_request_exception=False).get(path)
    assert (
        answer.status_code == 404
        and b"Traceback" not in answer.content
        and b"urlpatterns" not in answer.content
    )


@pytest.mark.parametrize("path", ["/static/", "/static/abate/", "/static/verify/"])
def test_no_folder_is_listed(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404 and b"passkey.js" not in answer.content


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT"])
def test_no_request_is_sent_back(method: str) -> None:
    answer = Client().generic(method, "/sign-in", headers={"x-planted": "sent back"})
    assert answer.status_code == 405 and b"sent back" not in answer.content


def test_no_switch_makes_it_tell_its_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEBUG", "DJANGO_DEBUG", "ABATE_DEBUG"):
        monkeypatch.setenv(name, "1")
    read = runpy.run_path(written.__file__)
    assert read["DEBUG"] is False and "debug" not in read["TEMPLATES"][0]["OPTIONS"]


def test_these_addresses_alone_ask_for_no_token_of_a_form() -> None:
    """Each goes by a key's token or signature, or makes a draft. The interface (v1:) looks for a page's token itself where a
    session asks, and the endpoints of OpenID Connect (idp:) take no session for a key."""
    found = {name for name, view in named(get_resolver()) if getattr(view, "csrf_exempt", False)}
    own = {name for name in found if not name.startswith(("v1:", "idp:"))}
    assert own == {
        *(
            "application-document",
            "application-make",
            "application-mend",
            "application-submit",
            "conformance",
        ),
        *("notice-answer", "reconciliation-send", "sharing-ask"),
    }


def named(resolver: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """(name, view) of every address."""
    for one in resolver.url_patterns:
        if hasattr(one, "url_patterns"):
            yield from named(one, f"{before}{one.namespace}:" if one.namespace else before)
        else:
            yield f"{before}{one.name}", one.callback
