"""What this room refuses, and what to do then."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class AnnouncementUnknown(Problem):
    code = "announcement-unknown"
    status = 404
    zh = "没有这个代码的公告。"
    en = "There is no announcement of this code."
    why_zh = "只有发布过的公告才能结束。"
    why_en = "Only what was announced can be ended."
    remedy_zh = "请核对代码；运营总览列出现有的公告。"
    remedy_en = "Check the code: the operator's overview lists what stands."


class AnnouncementUnfit(Problem):
    code = "announcement-unfit"
    status = 422
    zh = "公告内容不完整或不合要求。"
    en = "This is not what an announcement is."
    why_zh = "公告须有中英文、起止日期，且为纯文本，任何读者看到的都一样。"
    why_en = (
        "It is said in both languages, from one day to another, as plain text: every reader sees the same."
    )
    remedy_zh = "请按提示修改所指的字段。"
    remedy_en = "Mend the field that is named."
