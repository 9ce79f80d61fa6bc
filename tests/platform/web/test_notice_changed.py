"""A new version of the notice: everybody whom it concerns is asked where they are, and what they agreed to before goes on."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from tests.platform.people.test_guardians import NOW, NUMBER, opened
from tests.platform.web import city as stage

from abate.platform.doors import clock
from abate.platform.people import consents, queries
from abate.platform.people.models import Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-b")]
ASKED = "The notice has changed"
LATER = NOW + timedelta(days=2)


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """From LATER on there is another notice, to people and to guardians, with a purpose more."""
    folder = Path(shutil.copytree(consents._FOLDER, tmp_path / "notices"))
    for about in ("", "children-"):
        text = (folder / f"{about}2026-11-22.toml").read_text()
        text = re.sub(r"^from_day = .*$", f"from_day = {LATER.date()}", text, flags=re.MULTILINE)
        more = '\n[purposes.study]\nzh = "研究"\nen = "To study"\ndata_zh = "行为"\ndata_en = "acts"\nsensitive = false\n'
        (folder / f"{about}of-later.toml").write_text(
            text.replace("\n[[authorising", f"{more}\n[[authorising", 1)
        )
    monkeypatch.setattr(consents, "_FOLDER", folder)
    consents.notices.cache_clear()
    yield "of-later"
    consents.notices.cache_clear()


def asked(browser: Client) -> bool:
    return ASKED in browser.get("/").content.decode()


def test_who_agreed_before_is_asked_on_the_first_page_and_events_go_on(
    enter: Callable[..., Client], changed: str
) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        consents.give(city.person, consents.current().version)
        assert not asked(enter(city.person.user, "en"))
    with clock.frozen(LATER):
        browser = enter(city.person.user, "en")
        assert asked(browser)
        event = stage.meeting(city.partner, city.person, "meanwhile", LATER - timedelta(hours=2))
        assert stage.send(city.partner, [event])[0].outcome.text == "credited"

        page = browser.post(
            "/privacy/agree", {"notice": changed, "purpose": ["account", "identity"]}, follow=True
        )
        assert "Not each purpose was ticked" in page.content.decode() and asked(browser)
        live = [one for one in consents.of(city.person.pk) if one.withdrawn_at is None]
        assert {one.notice_version for one in live} == {"2026-11"}
        browser.post("/privacy/agree", {"notice": changed, "purpose": ["account", "identity", "study"]})
        assert not asked(browser)
        given = [row for row in queries.authorisations(city.person.pk) if row.live]
        assert given, "what partners may send stays as it was given"


def test_a_guardian_is_asked_for_the_child_on_the_childs_pages(
    enter: Callable[..., Client], changed: str
) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        consents.give(city.person, consents.current().version)
        child: Person = opened(city.person, NUMBER)
    with clock.frozen(LATER):
        consents.give(city.person, changed)
        browser = enter(city.person.user, "en")
        assert not asked(browser)
        browser.post(f"/family/{child.pk}/enter")
        assert asked(browser)
        agreed = {"notice": f"children-{changed}", "purpose": ["account", "identity", "study"]}
        browser.post("/privacy/agree", agreed)
        assert not asked(browser)
        live = [one for one in consents.of(child.pk) if one.withdrawn_at is None]
        assert {one.given_by_id for one in live} == {city.person.pk} and len(live) == 3
