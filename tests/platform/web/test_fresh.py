"""What an operator sees at the start page before anything is set up, and that it is gone once people have their posts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from abate.demo import desk
from abate.platform.carbon import actions as carbon
from abate.platform.web import fresh

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def page(language: str) -> str:
    return Client(headers={"accept-language": language}).get("/").content.decode()


def test_the_start_page_says_what_is_missing_until_the_system_is_opened(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.ABATE_BACKUP = str(tmp_path)
    for language, words in (
        ("zh-CN", ("尚未启用", "abate setup --check", "未完成")),
        ("en", ("not set up yet", "Missing")),
    ):
        shown = page(language)
        assert (
            all(word in shown for word in words) and str(tmp_path) not in shown and '/sign-in"' not in shown
        )
    assert fresh.done() == {
        "settings": True,
        "secrets": True,
        "database": True,
        "people": False,
        "basis": False,
        "backup": False,
    }
    (tmp_path / "base-20260101T000000Z").mkdir()
    desk.staffed()
    assert all(fresh.done().values()) and "尚未启用" not in page("zh-CN") and "每一克减排" in page("zh-CN")
    settings.ABATE_ZONE = "Asia/Tokyo"
    assert not fresh.done()["basis"]
    carbon.adopt()
    assert fresh.done()["basis"]


@pytest.mark.parametrize("name", ["ABATE_DEMO", "ABATE_SANDBOX"])
def test_a_demo_and_a_sandbox_are_never_fresh(name: str, settings) -> None:  # type: ignore[no-untyped-def]
    assert fresh.is_fresh()
    setattr(settings, name, True)
    assert not fresh.is_fresh() and "每一克减排" in page("zh-CN")
