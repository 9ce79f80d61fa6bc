"""A real Chromium against the real ASGI application, in the same process, on the test database."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, connections
from playwright.sync_api import Browser, Page, sync_playwright
from tests.cli.test_sandbox import Sandbox, serving
from tests.platform.web import city as stage

from abate.platform.config.asgi import application
from abate.platform.credits.models import Rule
from abate.platform.review import actions as review
from abate.platform.review.models import User
from abate.platform.signin import proofs

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEADLINE = 20


def program() -> str:
    """Chromium's path."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "the browser tests need Chromium: install Debian's `chromium`, or set CHROMIUM to its path"
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright's loop runs in this thread, until the module ends; Django would refuse our own database calls beside it.
    # Beside it this thread has a connection of its own; the one from before would be cut with the server's (see below).
    connections.close_all()
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def city(transactional_db: None) -> stage.City:
    # A test that commits empties every table afterwards, also of what the migrations put in.
    values = {"credits_per_kg": 1000, "title_zh": "每克 1 分", "title_en": "one per gram"}
    Rule.objects.get_or_create(from_day=date(2000, 1, 1), defaults=values)
    return stage.build()


@pytest.fixture
def address(city: stage.City, settings: object) -> Iterator[str]:
    """The address of a running platform."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(application, port=port, log_config=None, log_level="error", lifespan="on")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + DEADLINE
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.01)
    settings.ABATE_ORIGIN = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(DEADLINE)
    # The server's threads keep their connections, with which the test database could not be dropped.
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own beside a live installation, for all the tests of this folder that visit one."""
    with serving(copied=True) as running:
        yield running


@dataclass
class Visitor:
    """A browser window. What the console complained of is collected; a test ends with none of it."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> int:
        answer = self.page.goto(self.address + path)
        assert answer is not None
        return answer.status

    def sign_in(self, user: User) -> None:
        """By a link, and as if the second factor had been shown (test_passkeys.py shows one)."""
        self.go(f"/sign-in/link/{review.issue_link(user)}")
        self.page.locator("main button").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        self.prove()
        self.go("/")

    def prove(self) -> None:
        """As if the second factor had just been shown."""
        (key,) = [
            c["value"]
            for c in self.page.context.cookies()
            if c["name"] == django_settings.SESSION_COOKIE_NAME
        ]
        session = SessionStore(key)
        proofs.note(session, proofs.TOTP)
        session.save()


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Callable[..., Visitor]]:
    """Opens windows. The pages need no scripts: a test of the main path switches them off."""
    contexts = []

    def open_window(
        width: int = 360, language: str = "zh-CN", scheme: str = "light", scripts: bool = True
    ) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            locale=language,
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
            device_scale_factor=2 if width < 600 else 1,
        )
        contexts.append(context)
        visitor = Visitor(context.new_page(), address)
        visitor.page.set_default_timeout(DEADLINE * 1000)
        visitor.page.on("console", lambda m: visitor.complaints.append(m.text) if m.type == "error" else None)
        visitor.page.on("pageerror", lambda fault: visitor.complaints.append(str(fault)))
        return visitor

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture
def shots() -> str | None:
    """A folder for pictures of every page, where one is wanted: `ABATE_SHOTS=folder pytest tests/browser`."""
    folder = os.environ.get("ABATE_SHOTS")
    if folder:
        os.makedirs(folder, exist_ok=True)
    return folder
