"""Which device a session has, said in words to who decides whether to end it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import translation
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.web import devices

pytestmark = pytest.mark.platform
_GECKO = "AppleWebKit/537.36 (KHTML, like Gecko)"
EDGE = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_GECKO} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"


@pytest.mark.parametrize(
    ("agent", "zh", "en"),
    [
        (EDGE, "Edge（Windows）", "Edge on Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {_GECKO} Chrome/131.0.0.0 Safari/537.36", "Chrome（Linux）", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox（macOS）",
         "Firefox on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
         "Mobile/15E148 Safari/604.1", "Safari（iPhone）", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14; 2311) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/122.0 Mobile "
         "Safari/537.36 MicroMessenger/8.0.50", "微信（Android）", "WeChat on Android"),
        ("curl/8.5.0", "curl", "curl"),
        ("Mozilla/5.0 (Linux; Android 14)", "未知浏览器（Android）", "An unknown browser on Android"),
        ("", "未知浏览器或程序", "An unknown browser or program"),
        ("<b>x</b>", "未知浏览器或程序", "An unknown browser or program"),
    ],
)  # fmt: skip
def test_browser_and_system_are_told_by_name(agent: str, zh: str, en: str) -> None:
    with translation.override("zh-hans"):
        assert devices.words(agent) == zh
    with translation.override("en"):
        assert devices.words(agent) == en


@pytest.mark.django_db
def test_open_sessions_are_listed_in_words_with_the_text_itself_beside_them() -> None:
    browser = Client(headers={"accept-language": "zh", "user-agent": EDGE})
    browser.force_login(desk.staffed()["entry"], backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    page = browser.get("/security").content.decode()
    assert "<strong>Edge（Windows）</strong>" in page
    assert f'<span class="break mono">{EDGE}</span></details>' in page
