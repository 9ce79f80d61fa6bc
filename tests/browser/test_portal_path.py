"""A partner in the sandbox, from a copied command to its own page: first event, conformance run, signed report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from allauth.mfa.totp.internal import auth as totp
from playwright.sync_api import Browser, Page
from tests.browser import looks
from tests.browser.conftest import Visitor
from tests.browser.test_joining_path import press
from tests.cli.test_sandbox import Sandbox
from tests.faults.stack import until

from abate.client import samples

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow]
CODE = "portal-rides"


@pytest.fixture
def window(chromium: Browser, sandbox: Sandbox) -> Iterator[Visitor]:
    context = chromium.new_context(viewport={"width": 360, "height": 800}, locale="zh-CN")
    yield Visitor(context.new_page(), sandbox.origin)
    context.close()


def look(window: Visitor, name: str, shots: str | None) -> None:
    """In both languages, on a phone and on a desk: it fits, can be read and can be hit."""
    page: Page = window.page
    here = page.url
    for language in ("en", "zh-hans"):
        page.context.add_cookies([{"name": "django_language", "value": language, "url": window.address}])
        page.goto(here)
        assert page.locator("html").get_attribute("lang") == language.replace("hans", "Hans")
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 800})
            if shots:
                page.screenshot(path=f"{shots}/portal-{name}-{language[:2]}-{width}.png", full_page=True)
            found = [looks.faint(page), looks.small(page), looks.overflow(page)]
            assert found == [[], [], 0], (name, language, width)


def in_a_shell(lines: str, folder: Path) -> str:
    ran = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=True, cwd=folder)
    return ran.stdout


@pytest.mark.clause("P-6.1-d", "P-6.2")
def test_from_the_copied_command_to_the_signed_report(
    window: Visitor, sandbox: Sandbox, tmp_path: Path, shots: str | None
) -> None:
    page = window.page
    window.go("/try")
    page.fill("#code", CODE)
    press(window, "main form button")
    first = page.locator("#first-event").inner_text()
    press(window, "#own-page")
    press(window, "main button")
    assert page.url == f"{sandbox.origin}/partner"
    look(window, "empty", shots)
    (result,) = json.loads(in_a_shell(first, tmp_path))["results"]
    assert result["outcome"] == "credited"
    window.go("/partner")
    assert page.locator("#sent li .chip.good").count() == 1
    look(window, "first-event", shots)

    window.go("/partner/checks")
    look(window, "checks-empty", shots)
    press(window, "main form button")
    failed = page.locator(".chip.bad").count()
    assert failed == 0, page.locator("main").inner_text()
    look(window, "passed", shots)
    with page.expect_download() as saved:
        page.click("#report")
    assert set(json.loads(Path(saved.value.path()).read_text())) == {"statement", "signature"}

    # Set up so that it cannot pass: one event a day, and that is used up.
    told = sandbox.abate("party", "limit", CODE, "--events-per-day", "1", "--sandbox")
    assert told.returncode == 0, told.stderr
    window.go("/partner/checks")
    press(window, "main form button")
    assert page.locator(".note-box.bad").count() == 1 and page.locator("#report").count() == 0
    look(window, "failed", shots)
    window.go("/partner/checks")
    assert page.locator("#runs ~ .rows li").count() == 2
    look(window, "checks", shots)


def with_app(window: Visitor) -> None:
    """An app with codes for whoever just opened a link: what brings files or makes keys asks whether it is them."""
    page = window.page
    window.go("/security/app")
    secret = "".join(page.locator("form p.mono").inner_text().split())
    counters = list(totp.yield_hotp_counters_from_time())
    now = counters[len(counters) // 2]
    page.fill("#code", totp.format_hotp_value(totp.hotp_value(secret, now)))
    press(window, "main form button")
    assert page.locator(".note-box.good").count() == 1, page.locator("main").inner_text()


def bring(window: Visitor, path: Path, *, judge: bool) -> None:
    window.go("/partner/files")
    window.page.set_input_files("#file", path)
    window.page.set_checked("input[name=dry_run]", judge)
    press(window, "main form button")


def through(window: Visitor) -> bool:
    window.page.reload()
    return window.page.locator(".page-head .chip.wait").count() == 0


def test_files_and_a_day_held_against_the_books(
    window: Visitor, sandbox: Sandbox, tmp_path: Path, shots: str | None
) -> None:
    page = window.page
    made = json.loads(sandbox.abate("party", "try", "filing-rides", "--json").stdout)
    page.goto(sandbox.abate("party", "invite", "filing-rides").stdout.strip())
    press(window, "main button")
    with_app(window)
    window.go("/partner/files")
    look(window, "files-empty", shots)
    # Yesterday's: a day is held against the books once it is over.
    at = datetime.now(UTC) - timedelta(days=1)
    events = [
        samples.meeting("filing-rides", made["subjects"][0], f"f-{n}", at - timedelta(hours=3 * n))
        for n in range(3)
    ]
    events[1]["data"]["home_address"] = "x"
    path = tmp_path / "meetings.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    for judge in (True, False):
        bring(window, path, judge=judge)
        until("the file is through", lambda: through(window), 30)
        text = page.locator("main").inner_text()
        assert "unknown_field:home_address" in text and page.locator("#counts ~ .rows .num").count() == 2
        look(window, f"file-{'judged' if judge else 'booked'}", shots)
    with page.expect_download() as saved:
        page.click("#back")
    assert "unknown_field:home_address" in Path(saved.value.path()).read_text()
    window.go("/partner?event=f-0")
    assert page.locator("#found .chip.good").count() == 1
    # A refused one is found too, with why.
    window.go("/partner?event=f-1")
    found = page.locator("#found")
    assert found.locator(".chip.good").count() == 0 and "unknown_field:home_address" in found.inner_text()
    window.go("/partner?event=f-9")
    assert page.locator("#found").count() == 0
    (tmp_path / "x.exe").write_bytes(b"MZ")
    bring(window, tmp_path / "x.exe", judge=True)
    assert page.locator("[role=alert]").count() == 1
    look(window, "files-refused", shots)

    window.go("/partner/reconciliation")
    look(window, "breaks-empty", shots)
    held = tmp_path / "day.csv"
    held.write_text("event\nf-0\nf-77\n")
    day = datetime.fromisoformat(events[0]["time"]).astimezone(timezone(timedelta(hours=8)))
    page.fill("#day", f"{day:%Y-%m-%d}")
    page.set_input_files("#file", held)
    press(window, "main form button")
    text = page.locator("main").inner_text()
    assert page.locator("#compared").count() == 1 and "f-77" in text, text
    window.go("/partner/reconciliation")
    look(window, "breaks", shots)
