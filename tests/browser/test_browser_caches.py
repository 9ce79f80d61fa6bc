"""What a browser keeps on its disk of what a person saw: nothing that is theirs. Chromium's own files, searched."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.browser.conftest import ARGUMENTS, Visitor, program
from tests.platform.people.canaries import forms

from abate.platform.people import actions, identity
from abate.platform.people.models import Person
from abate.platform.web import shielding

pytestmark = [pytest.mark.platform, pytest.mark.browser]
NAME, MAIL = "鑫鼎羲甲", "canary-of-a-browser@example.org"
PAGES = (
    "/",
    "/feed",
    "/entries",
    "/statement",
    "/privacy",
    "/groups",
    "/family",
    "/notices",
    "/authorisations",
)
COPY = "/privacy/copy.json"
"""The fullest answer there is: name, number and contacts in clear."""


def files_of_a_visit(chromium: Browser, address: str, person: Person, folder: Path) -> dict[str, list[bytes]]:
    """Sign in, look at every page of one's own, and leave; which files of the browser hold what is the person's."""
    number = identity.made_up_number(date(1977, 7, 7), 1)
    wanted = [form for plain in (NAME, MAIL, number) for form in forms(plain)]
    kind = chromium.browser_type
    context = kind.launch_persistent_context(folder, executable_path=program(), args=ARGUMENTS)
    try:
        visitor = Visitor(context.new_page(), address)
        visitor.sign_in(person.user)
        for path in PAGES:
            assert visitor.go(path) == 200, path
        told = visitor.page.evaluate("path => fetch(path).then(answer => answer.text())", COPY)
        assert NAME in told and MAIL in told
        assert visitor.page.evaluate("caches.keys()") == []
    finally:
        context.close()
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if seen := [form for form in wanted if form in data]:
                found[str(path.relative_to(folder))] = seen
    return found


@pytest.mark.clause("P-8.4-b")
def test_a_browser_keeps_nothing_of_a_person_on_its_disk(
    chromium: Browser, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = identity.made_up_number(date(1977, 7, 7), 1)
    person = actions.register(NAME, number, [MAIL], "notice-1", True)
    assert files_of_a_visit(chromium, address, person, tmp_path / "browser") == {}
    # An answer that says that it may be kept is found there.
    monkeypatch.setattr(shielding, "NOWHERE", "private, max-age=600")
    kept = files_of_a_visit(chromium, address, person, tmp_path / "planted")
    assert any("Cache" in name for name in kept), kept
