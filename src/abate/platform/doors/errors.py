"""What every refusal of the platform is made of: a code, what and where, why it matters, what to do."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

Words = tuple[str, str]
"""(Chinese, English)."""


@lru_cache(maxsize=1)
def setup_words() -> dict[str, dict[str, str]]:
    """The texts of each SetupError by its code: zh, en, why_zh, why_en, remedy_zh, remedy_en."""
    return tomllib.loads(Path(__file__).with_name("setup_errors.toml").read_text(encoding="utf-8"))


class SetupError(Exception):
    """The installation is not set up as it must be. Shown by `abate doctor` and at start, in both languages.

    `code` is one of setup_errors.toml; `fields` fill its texts, one that is (Chinese, English) each in its own. `words` are
    the texts by `what`, `why` and `remedy`.
    """

    def __init__(self, code: str, /, **fields: object) -> None:
        told = setup_words()[code]

        def said(zh: str, en: str) -> Words:
            return told[zh].format(**in_language(0, fields)), told[en].format(**in_language(1, fields))

        self.code = code
        self.words = {
            "what": said("zh", "en"),
            "why": said("why_zh", "why_en"),
            "remedy": said("remedy_zh", "remedy_en"),
        }
        zh, en = zip(*self.words.values(), strict=True)
        super().__init__("\n  ".join([*en, "".join(zh)]))


def in_language(place: int, fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a text, those that are (Chinese, English) by `place`: 0 or 1."""
    return {name: one[place] if isinstance(one, tuple) else one for name, one in fields.items()}


class Problem(Exception):
    """An expected refusal. `code` is stable and becomes the end of the RFC 9457 `type`; nothing was changed.

    Each class says what, why and what to do, in both languages: `/problems/CODE` shows it (web/problems.py).

    Subclasses set the class attributes; `detail` may name the field or value (never personal data); half of a sign,
    which no answer can be written with, is told by its number.
    """

    code = "refused"
    status = 400
    zh = "请求被拒绝。"
    en = "The request was refused."
    why_zh = "拒绝都须说明原因。"
    why_en = "Every refusal says why."
    remedy_zh = "请检查后重试。"
    remedy_en = "Check the request and try again."

    def __init__(self, detail: str = "") -> None:
        detail = detail.encode(errors="backslashreplace").decode()
        super().__init__(f"{self.code}: {self.en}" + (f" ({detail})" if detail else ""))
        self.detail = detail

    def text(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en

    def remedy(self, language: str) -> str:
        return self.remedy_zh if language.startswith("zh") else self.remedy_en


class DatabaseUnreachable(Problem):
    """Met by commands: a server that answers nothing meets it before it serves, and requests as DatabaseAway."""

    code = "database-unreachable"
    status = 503
    retry_after = 30
    zh = "无法连接数据库；此前未提交的内容没有生效。"
    en = "The database cannot be reached; what was not committed before this is not done."
    why_zh = "账目全部保存在数据库中，没有它什么也不能读写。"
    why_en = "Everything is kept there: without it nothing is read or written."
    remedy_zh = (
        "请检查 DATABASE_URL（及 ABATE_OWNER_URL）中的主机、端口、库名、登录名和密码，确认数据库已建立、服务器在运行，"
        "然后重新执行该命令。"
    )
    remedy_en = (
        "Check host, port, database, login and password in DATABASE_URL (and ABATE_OWNER_URL), that the database exists and "
        "its server runs; then run the command again."
    )


class DatabaseAway(Problem):
    code = "database-away"
    status = 503
    retry_after = 2
    zh = "数据库暂时不可用，本次操作是否完成不确定。"
    en = "The database is away; it is not certain whether this was done."
    why_zh = "一次操作要么全部完成，要么什么也没有改变。"
    why_en = "It was done wholly or not at all, never by half."
    remedy_zh = "请稍后查看；如未完成，请再提交一次。"
    remedy_en = "Look in a while; if it was not done, send it again."
