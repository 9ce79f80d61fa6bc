"""Why a party's file is refused, whole, and why a step on a break is."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class _FileRefused(Problem):
    status = 422
    remedy_zh = "整份文件未作处理，没有任何变化。请改正后重新发送整份文件。"
    remedy_en = "Nothing of the file was taken and nothing was changed. Mend it and send it whole again."


class FileUnreadable(_FileRefused):
    code = "reconciliation-unreadable"
    zh = "对账文件无法读取。"
    en = "The file cannot be read."
    why_zh = "无法读取的文件不能核对。"
    why_en = "What cannot be read cannot be compared."


class RowMalformed(_FileRefused):
    code = "reconciliation-malformed"
    zh = "对账文件中有不合规定的行。"
    en = "The file has rows that are not as described."
    why_zh = "读错的行会造成虚假差异。"
    why_en = "A row read wrongly would make a break that is none."


class RowsTwice(_FileRefused):
    code = "reconciliation-duplicate"
    zh = "对账文件中有重复的条目。"
    en = "The file names an item more than once."
    why_zh = "重复条目使数量无法核对。"
    why_en = "An item named twice cannot be counted."


class RowsForeign(_FileRefused):
    code = "reconciliation-foreign"
    zh = "对账文件中有其他机构或其他日期的行。"
    en = "The file has rows of another party or of another day."
    why_zh = "只能核对本机构当日的记录。"
    why_en = "A file is about one party and one day."


class FileTooLarge(_FileRefused):
    code = "reconciliation-too-large"
    status = 413
    zh = "对账文件超过上限。"
    en = "The file is larger than what is taken."
    why_zh = "过大的文件会占满服务。"
    why_en = "A file of any size would keep others waiting."
    remedy_zh = "经接口最大 32 MB；更大的文件由运营方用 abate reconcile partner 读入。"
    remedy_en = "32 MB at most over HTTP; the operator reads larger files with abate reconcile partner."


class DayNotOver(Problem):
    code = "reconciliation-day"
    status = 422
    zh = "只能对已经结束的日期对账。"
    en = "Only a day that is over can be reconciled."
    why_zh = "未结束的日期仍会有新的记录。"
    why_en = "More may still come for a day that is not over."
    remedy_zh = "请在该日结束后再发送。"
    remedy_en = "Send the file once the day is over."


class BreakUnknown(Problem):
    code = "reconciliation-break-unknown"
    status = 404
    zh = "没有这条差异。"
    en = "There is no such break."
    why_zh = "只能处理现有的差异。"
    why_en = "Only a break that exists can be settled."
    remedy_zh = "请核对编号；abate reconcile breaks 列出全部。"
    remedy_en = "Check its number; abate reconcile breaks lists them."


class BreakClosed(Problem):
    code = "reconciliation-break-closed"
    status = 409
    zh = "这条差异已经关闭。"
    en = "This break is closed already."
    why_zh = "已关闭的差异保留原有结论。"
    why_en = "A closed break keeps how it was settled."
    remedy_zh = "如仍有差异，下一份对账文件会重新打开它。"
    remedy_en = "The next file opens it again if it still differs."


class StepMalformed(Problem):
    code = "reconciliation-step"
    status = 422
    zh = "处理方式、责任方或说明不合规定。"
    en = "The resolution, the owner or the note is not as it must be."
    why_zh = "处理结果须能被他人理解。"
    why_en = "How a break was settled must be plain to others."
    remedy_zh = "处理方式：resent、reversed、corrected_there、accepted；说明和责任方不能为空，最长 500 字。"
    remedy_en = (
        "Resolutions: resent, reversed, corrected_there, accepted; a note or an owner has 1 to 500 signs."
    )


class SideRefused(Problem):
    code = "reconciliation-side"
    status = 422
    zh = "该机构不能按这一项对账。"
    en = "This party is not reconciled on this side."
    why_zh = "消纳方核对兑换码，有数据授权的机构核对事件；其他文件没有可比的账目。"
    why_en = "Acceptors hold codes, parties with the grant to provide data hold events; nothing is booked of the rest."
    remedy_zh = "side 为 codes 或 events，按本机构的类型和授权填写；可以不填。"
    remedy_en = "`side` is codes or events, as the party's kind and grants have it; it may be left out."


class NothingHeld(Problem):
    code = "reconciliation-nothing-held"
    status = 422
    zh = "该机构没有可对账的内容；没有保存文件。"
    en = "Nothing of this party's is reconciled here; the file was not kept."
    why_zh = "对账核对的是消纳方核销的兑换码和有数据授权的机构报送的事件；该机构两者都没有。"
    why_en = "Codes that acceptors burnt and events of parties with the grant to provide data are compared; it has neither."
    remedy_zh = "无需提交。如贵机构确实核销兑换码或报送数据，请以相应类别或授权申请入驻（/join）。"
    remedy_en = (
        "Nothing is to be sent. If you do burn codes or send data, apply for that kind or grant (/join)."
    )
