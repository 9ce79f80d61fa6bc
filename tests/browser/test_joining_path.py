"""A partner from its application to the first live credit: pages in Chromium, a sandbox of its own, real HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from tests.browser import looks
from tests.browser.conftest import Visitor
from tests.cli.test_sandbox import Sandbox
from tests.platform.joining import applicants
from tests.platform.web import city as stage

from abate.client import Client, Key, samples
from abate.demo import desk
from abate.platform import reaching
from abate.platform.ledger import queries as ledger
from abate.platform.parties.models import Party
from abate.platform.people import queries as people

pytestmark = [pytest.mark.browser, pytest.mark.platform]
CODE = "made-up-rides"


def press(window: Visitor, selector: str) -> None:
    with window.page.expect_navigation():
        window.page.locator(selector).first.click()


def agree_to_all(person: Visitor) -> None:
    for tick in person.page.locator("input[name=behaviour]").all():
        tick.check()
    press(person, "main form button")


def look(window: Visitor, name: str, shots: str | None) -> None:
    """The page fits, can be read and can be hit; a picture where one is wanted."""
    if shots:
        window.page.screenshot(path=f"{shots}/joining-{name}.png", full_page=True)
    assert [looks.faint(window.page), looks.small(window.page), looks.overflow(window.page)] == [[], [], 0], (
        name
    )


def apply(window: Visitor, shots: str | None) -> None:
    window.go("/")
    press(window, "a[href='/join']")
    page = window.page
    look(window, "join", shots)
    given = {"code": CODE, "title_zh": "虚构骑行", "title_en": "Made-up Rides", "contact_name": "经办人",
             "contact": "joining@example.org", "registration": applicants.registration()[:-1] + "I"}  # fmt: skip
    for name, text in given.items():
        page.fill(f"#{name}", text)
    page.check("input[name=grants][value=data]")
    page.locator("details summary").first.click()
    page.check("input[name=behaviours][value=online-meeting]")
    # A code that nobody can have is refused at its field, and nothing that was typed is lost.
    press(window, "form[action='/join'] button")
    assert page.locator("#registration-error").count() == 1 and page.input_value("#code") == CODE
    look(window, "join-refused", shots)
    page.fill("#registration", applicants.registration())
    press(window, "form[action='/join'] button")
    assert page.locator(".note-box.good").count() == 1


def come_by_the_link(window: Visitor, messages: Path) -> None:
    # Planned in one round, carried in the next.
    reaching.carry(), reaching.carry()
    told = json.loads(messages.read_text(encoding="utf-8").splitlines()[-1])
    link = re.search(r"https?://\S+", told["body"])
    assert link is not None and link[0].startswith(window.address)
    window.page.goto(link[0])
    press(window, "main button")
    assert window.page.url.endswith("/joining")


def bring_papers(window: Visitor, folder: Path, shots: str | None) -> None:
    page = window.page
    look(window, "empty", shots)
    press(window, "button[value=submit]")
    assert page.locator("[role=alert]").count() >= 1, "handed in without a paper and without the agreement"
    for kind in ("registration", "qualification", "privacy", "security"):
        paper = folder / f"{kind}.pdf"
        paper.write_bytes(applicants.PDF + kind.encode())
        form = page.locator(f"form:has(input[name=kind][value={kind}])")
        form.locator("input[type=file]").set_input_files(paper)
        form.locator("input[type=date]").fill(applicants.later().isoformat())
        with page.expect_navigation():
            form.locator("button").click()
    page.check("input[name=terms]")
    press(window, "button[value=submit]")
    assert page.locator("button[value=submit]").count() == 0
    look(window, "submitted", shots)


def review(window: Visitor, shots: str | None) -> str:
    """The clerk reads and finds every paper in order, and proposes; returns the address of the application."""
    page = window.page
    window.go("/operator/applications")
    look(window, "list", shots)
    press(window, "main .rows a")
    with page.expect_download() as saved:
        page.locator("a[href*='/documents/']:has-text('security.pdf')").click()
    assert Path(saved.value.path()).read_bytes() == applicants.PDF + b"security"
    page.fill("#why", "too early")
    press(window, "button[value=admit]")
    assert page.locator("[role=alert]").count() == 1, "proposed before anything was reviewed"
    while page.locator(".chip.wait + *, button[value=in_order]").count():
        waiting = page.locator("li:has(.chip.wait) button[value=in_order]")
        if not waiting.count():
            break
        with page.expect_navigation():
            waiting.first.click()
    page.fill("#why", "all four papers read")
    look(window, "reviewed", shots)
    press(window, "button[value=admit]")
    assert page.locator("[role=alert]").count() == 0
    return page.url.removeprefix(window.address)


def try_in_the_sandbox(window: Visitor, sandbox: Sandbox, folder: Path, shots: str | None) -> Path:
    """The first event by the copied command, then the kit by the copied command; returns the signed report."""
    page = window.page
    page.goto(f"{sandbox.origin}/try")
    look(window, "try", shots)
    page.fill("#code", CODE)
    press(window, "main form button")
    look(window, "try-made", shots)
    first, check = (page.locator(f"#{name}").inner_text() for name in ("first-event", "run-check"))
    ran = subprocess.run(["bash", "-c", first], capture_output=True, text=True, check=True)
    (result,) = json.loads(ran.stdout)["results"]
    assert result["outcome"] == "credited"
    exported = first.splitlines()[0]
    command = check.strip().replace("abate ", f"{sys.executable} -m abate ", 1)
    ran = subprocess.run(["bash", "-c", f"{exported}\n{command}"], capture_output=True, text=True, check=False,
                         cwd=folder, env=sandbox.environment() | {"PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # A second visitor gets no key of a code that is taken.
    page.goto(f"{sandbox.origin}/try")
    page.fill("#code", CODE)
    press(window, "main form button")
    assert page.locator("[role=alert]").count() == 1
    return folder / "report.json"


def by_the_link_alone(window: Visitor, token: str, shots: str | None) -> None:
    """Whoever came by the link is led to a first factor before any key."""
    asked = window.page.request.post(f"{window.address}/joining/key", form={"csrfmiddlewaretoken": token},
                                     headers={"referer": f"{window.address}/joining"})  # fmt: skip
    assert asked.url.endswith("/security")
    window.go("/security")
    assert window.page.locator(".note-box.bad").count() == 1
    look(window, "step-up", shots)
    window.prove()
    window.go("/joining")


@pytest.mark.clause("P-6.1-d", "P-6.2")
def test_from_application_to_the_first_live_credit(
    city: stage.City, visit, sandbox: Sandbox, tmp_path: Path, settings, shots: str | None
) -> None:
    messages = Path(django_settings.ABATE_DATA_DIR) / "messages.jsonl"
    messages.unlink(missing_ok=True)
    with urllib.request.urlopen(f"{sandbox.origin}/log/key") as answer:
        settings.ABATE_SANDBOX_KEY = answer.read().decode().strip()
    applicant = visit(360, "zh-CN", scripts=False)
    apply(applicant, shots)
    come_by_the_link(applicant, messages)
    bring_papers(applicant, tmp_path, shots)
    held = desk.staffed()
    clerk, checker, approver = (visit(1440, "en-GB") for _ in range(3))
    for window, role in ((clerk, "entry"), (checker, "check"), (approver, "approve")):
        window.sign_in(held[role])
    at = review(clerk, shots)
    press(clerk, "main a[href^='/operator/proposals/']")
    assert clerk.page.locator("button[value=check]").count() == 0, "the proposer is offered the own check"
    for window, step in ((checker, "check"), (approver, "approve")):
        window.go(at)
        press(window, "main a[href^='/operator/proposals/']")
        press(window, f"button[value={step}]")
        assert window.page.locator("[role=alert]").count() == 0
    approver.go(at)
    look(approver, "approved", shots)
    party = Party.objects.get(code=CODE)
    assert party.status == "trial"

    # No live key before conformance, whatever is sent.
    page = applicant.page
    applicant.go("/joining")
    look(applicant, "trial", shots)
    assert page.locator("form[action='/joining/key']").count() == 0
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    by_the_link_alone(applicant, token, shots)
    refused = page.request.post(f"{applicant.address}/joining/key", form={"csrfmiddlewaretoken": token},
                                headers={"referer": f"{applicant.address}/joining"})  # fmt: skip
    assert refused.status == 409

    report = try_in_the_sandbox(visit(360, "en-GB"), sandbox, tmp_path, shots)
    applicant.go("/joining")
    page.set_input_files("#report", report)
    press(applicant, "form[action='/joining/report'] button")
    party.refresh_from_db()
    assert party.status == "active"
    press(applicant, "form[action='/joining/key'] button")
    client_id, secret = page.locator("#client-id").inner_text(), page.locator("#client-secret").inner_text()
    look(applicant, "live", shots)
    assert not client_id.startswith("sandbox-") and secret not in page.reload().text()

    person = visit(360, "zh-CN", scripts=False)
    person.sign_in(city.person.user)
    person.go(f"/authorise/{CODE}")
    agree_to_all(person)
    subject = people.subject_for(city.person.pk, party.pk)
    assert subject is not None
    before = ledger.balance(city.person.pk)
    client = Client(applicant.address, CODE, Key(client_id, secret))
    # A meeting that begins after the person agreed.
    begins = datetime.now(UTC) + timedelta(hours=2, seconds=1)
    ((_, result),) = client.send([samples.meeting(CODE, subject, "first-live", begins)])
    assert result.outcome == "credited", result
    assert ledger.balance(city.person.pk).carbon_mg == before.carbon_mg + result.er_mg
    person.go("/feed")
    assert person.page.locator(".line a.stop").count() == 1
    applicant.go("/joining")
    assert page.locator("#quality + .rows li").count() == 1
    look(applicant, "joined", shots)
    found = [one for window in (applicant, clerk, checker, approver, person) for one in window.complaints]
    assert [one for one in found if "the server responded with" not in one] == []
