"""Why a request for figures is refused, and why there is no answer to one."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class RequestMalformed(Problem):
    code = "sharing-request-malformed"
    status = 422
    zh = "数据共享申请填写不完整或不正确。"
    en = "The request for data is not complete or not right."
    why_zh = "申请须写明目的、依据、对象、行为、数据项、月份和有效期（T/CECA-G 0203，8.5）。"
    why_en = (
        "A request names purpose, legal ground, what it is about, behaviours, fields, months and its last day "
        "(T/CECA-G 0203, 8.5)."
    )
    remedy_zh = "按所指的字段改正后重新提交。"
    remedy_en = "Mend the field that is named and send it again."


class RequestUnknown(Problem):
    code = "sharing-request-unknown"
    status = 404
    zh = "没有这份数据共享申请。"
    en = "There is no such request for data."
    why_zh = "只能使用本机构自己的申请；他人的申请同样如此回答。"
    why_en = "A party uses its own requests; another's is answered in the same way."
    remedy_zh = "核对申请编号。"
    remedy_en = "Check the id of the request."


class NotGranted(Problem):
    code = "sharing-not-granted"
    status = 403
    zh = "该申请目前没有有效的批准。"
    en = "The request has no live grant."
    why_zh = "未批准、已撤销或已过期的申请不提供数据。"
    why_en = "Nothing is given on a request that was not granted, was revoked, or is past its last day."
    remedy_zh = "等待批准，或重新申请。"
    remedy_en = "Wait for the decision, or ask again."


class OutsideGrant(Problem):
    code = "sharing-outside-grant"
    status = 403
    zh = "所要的月份不在批准的范围内。"
    en = "The months asked for are not within the grant."
    why_zh = "只提供批准时写明的内容。"
    why_en = "What was granted is what the request named."
    remedy_zh = "按申请中的月份查询，或为其他月份另行申请。"
    remedy_en = "Ask for months that the request names, or make another request."


class OtherSubject(Problem):
    code = "sharing-other-subject"
    status = 409
    zh = "该申请的对象不同：汇总数与个人数据各有接口。"
    en = "The request is about something else: figures of groups and data of people have an address each."
    why_zh = "只提供申请时写明的那一种。"
    why_en = "What was granted is what the request named."
    remedy_zh = "汇总数请用 figures，个人数据请用 people。"
    remedy_en = "Ask `figures` for groups, `people` for single people."


class ToldOtherwise(Problem):
    code = "sharing-told-otherwise"
    status = 403
    zh = "本机构已获取过这些月份的另一种数据。"
    en = "The party was told of these months in another way."
    why_zh = "群体汇总数减去同意者的数据或本机构成员的合计，会暴露其余的人。"
    why_en = "Figures of a group, less those of who agreed or of the party's own members, would tell of the others in it."
    remedy_zh = "同一个月只能获取群体汇总数、个人数据、成员合计中的一种；请就其他月份另行申请。"
    remedy_en = "Of one month a party is told figures of groups, data of people, or sums of its members; ask for other months."


class PlaceUnknown(Problem):
    code = "sharing-cursor"
    status = 422
    zh = "翻页标记不是本平台为这份申请给出的。"
    en = "The cursor is none that was given for this request."
    why_zh = "翻页标记只对同一份申请有效。"
    why_en = "A cursor is good for the same request only."
    remedy_zh = "原样使用 next_cursor；否则从第一页重新开始。"
    remedy_en = "Use next_cursor as it was given, or begin again at the first page."


class NotAsked(Problem):
    code = "sharing-not-asked"
    status = 404
    zh = "没有机构就此申请获取您的信息。"
    en = "No party asks to be told of you so."
    why_zh = "只有已获批准、仍在有效期内、且您已授权的机构的申请才会出现。"
    why_en = (
        "Shown is what was granted, is not past its last day, and comes from a party that you authorised."
    )
    remedy_zh = "请从“我的授权”中打开。"
    remedy_en = "Open it from My authorisations."


class SourceWithheld(Problem):
    code = "sharing-source-withheld"
    status = 403
    zh = "所要的数据来自不允许向本机构或为该目的共享的来源。"
    en = "What was asked for holds data of sources that may not be shared with this party, or not for this purpose."
    why_zh = "政务数据只在其标识允许的对象和目的内共享（T/CECA-G 0203，8.5）。"
    why_en = "Public data is shared only with whom and for what its mark permits (T/CECA-G 0203, 8.5)."
    remedy_zh = "请所列来源的提供方扩大共享范围，或改为申请其他行为。"
    remedy_en = (
        "Ask the providers of the sources that are named to widen their terms, or ask for other behaviours."
    )


class MonthOpen(Problem):
    code = "sharing-month-open"
    status = 409
    zh = "该月尚未结账，没有可共享的数据。"
    en = "The month is not closed, so it has no figures to share."
    why_zh = "未结账的数字仍会变化；两次不同的答复会暴露个人。"
    why_en = "Its figures still move, and two answers that differ would tell of a person."
    remedy_zh = "该月结账后再查询。"
    remedy_en = "Ask again once the month is closed (abate close --month)."


class DecidedAlready(Problem):
    code = "sharing-decided"
    status = 409
    zh = "该申请已有决定。"
    en = "The request was decided before."
    why_zh = "每份申请只决定一次，每次批准只撤销一次。"
    why_en = "A request is decided once, and a grant revoked once."
    remedy_zh = "需要改变时请对方另行申请。"
    remedy_en = "Let the party make another request where something else is wanted."
