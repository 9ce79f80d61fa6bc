"""What this room refuses."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class KindUnknown(Problem):
    code = "notice-kind-unknown"
    status = 422
    zh = "没有这种通知或渠道。"
    en = "There is no such kind of notice or channel."
    why_zh = "偏好只能针对存在的通知和渠道。"
    why_en = "A preference is about what there is."
    remedy_zh = "请从通知设置页选择。"
    remedy_en = "Choose on the page of notices."


class Compulsory(Problem):
    code = "notice-compulsory"
    status = 409
    zh = "这种通知不能关闭。"
    en = "This notice cannot be switched off."
    why_zh = "它告知账户安全、信息泄露或同意的变化，法律要求或保护您本人。"
    why_en = "It tells of the account's safety, of a leak or of a change of consent: the law asks for it, or it protects you."
    remedy_zh = "可以关闭其他通知。"
    remedy_en = "Other notices can be switched off."


class BrowserRefused(Problem):
    code = "notice-browser-refused"
    status = 422
    zh = "无法在这个浏览器接收通知。"
    en = "This browser cannot be told here."
    why_zh = "订阅信息不完整，或已有五个浏览器订阅。"
    why_en = "What it sent is no subscription, or five browsers are subscribed already."
    remedy_zh = "请先移除不用的浏览器，再重试。"
    remedy_en = "Remove a browser that is not used any more, then try again."


class NoticeUnsent(Problem):
    code = "notice-not-waiting"
    status = 404
    zh = "没有这条通知，或它已没有可发送的地方。"
    en = "There is no such notice, or no place left to send it to."
    why_zh = "只有仍在发件箱中的通知可以重发。"
    why_en = "Only what is still in the outbox is sent again."
    remedy_zh = "`abate notices list` 列出所有通知。"
    remedy_en = "`abate notices list` lists them."


class IncidentUnfit(Problem):
    code = "incident-unfit"
    status = 422
    zh = "事件说明不完整或不合要求。"
    en = "This does not say what an incident is told by."
    why_zh = "须以中英文写明发生了什么、涉及哪些信息、可能的影响、已采取的措施、可以做什么和联系人（个人信息保护法第五十七条）。"
    why_en = (
        "It is said in both languages what happened, which data, what may follow, what was done, what one can do, "
        "and whom to ask (PIPL article 57)."
    )
    remedy_zh = "请按提示修改所指的字段。"
    remedy_en = "Mend the field that is named."


class IncidentTold(Problem):
    code = "incident-told"
    status = 409
    zh = "这个编号的事件已按另一说明告知。"
    en = "People were told of an incident under this number, in other words."
    why_zh = "同一编号下所有人看到的须一致。"
    why_en = "Everybody reads the same under one number."
    remedy_zh = "请沿用原来的说明，或换一个编号。"
    remedy_en = "Use the words of then, or another number."
