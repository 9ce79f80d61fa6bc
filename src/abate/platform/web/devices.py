"""Which browser and system a session or a registered browser has, in words: what a browser calls itself is for programs.

By the few signs that today's browsers still send; whatever has none of them is told as unknown, and the page keeps the text
itself beside it. Nothing rests on it: anybody can send any text.
"""

from __future__ import annotations

import re

from abate.platform.web.wording import Pair, pick, say

_BROWSERS: tuple[tuple[str, Pair], ...] = (
    ("MicroMessenger/", ("微信", "WeChat")),
    ("AlipayClient/", ("支付宝", "Alipay")),
    ("DingTalk/", ("钉钉", "DingTalk")),
    (r"HuaweiBrowser/", ("华为浏览器", "Huawei Browser")),
    (r"MiuiBrowser/", ("小米浏览器", "Mi Browser")),
    (r"M?QQBrowser/", ("QQ 浏览器", "QQ Browser")),
    (r"UC?Browser/", ("UC 浏览器", "UC Browser")),
    (r"SamsungBrowser/", ("三星浏览器", "Samsung Internet")),
    (r"Edg(e|A|iOS)?/", ("Edge", "Edge")),
    (r"OPR/|OPiOS/", ("Opera", "Opera")),
    (r"Firefox/|FxiOS/", ("Firefox", "Firefox")),
    (r"HeadlessChrome/|Chrome/|CriOS/|Chromium/", ("Chrome", "Chrome")),
    (r"Version/[\d.]+ .*Safari/", ("Safari", "Safari")),
    (r"^curl/", ("curl", "curl")),
)
"""The first that is found: nearly all of them call themselves Chrome and Safari too."""
_SYSTEMS: tuple[tuple[str, str], ...] = (
    (r"OpenHarmony|HarmonyOS", "HarmonyOS"),
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows NT|Windows Phone", "Windows"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"CrOS", "ChromeOS"),
    (r"Linux|X11", "Linux"),
)


def words(agent: str) -> str:
    """`agent` as its owner knows the device: "Firefox, Windows"."""
    browser = next((pick(name) for sign, name in _BROWSERS if re.search(sign, agent)), "")
    system = next((name for sign, name in _SYSTEMS if re.search(sign, agent)), "")
    if browser and system:
        return say("{b}（{s}）", "{b} on {s}", b=browser, s=system)
    if browser:
        return browser
    if system:
        return say("未知浏览器（{s}）", "An unknown browser on {s}", s=system)
    return say("未知浏览器或程序", "An unknown browser or program")
