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


class RowMalformed(_FileRefused):
    code = "reconciliation-malformed"
    zh = "对账文件中有不合规定的行。"
    en = "The file has rows that are not as described."


class RowsTwice(_FileRefused):
    code = "reconciliation-duplicate"
    zh = "对账文件中有重复的条目。"
    en = "The file names an item more than once."


class RowsForeign(_FileRefused):
    code = "reconciliation-foreign"
    zh = "对账文件中有其他机构或其他日期的行。"
    en = "The file has rows of another party or of another day."


class FileTooLarge(_FileRefused):
    code = "reconciliation-too-large"
    status = 413
    zh = "对账文件超过上限。"
    en = "The file is larger than what is taken."
    remedy_zh = "经接口最大 32 MB；更大的文件由运营方用 abate reconcile partner 读入。"
    remedy_en = "32 MB at most over HTTP; the operator reads larger files with abate reconcile partner."


class DayNotOver(Problem):
    code = "reconciliation-day"
    status = 422
    zh = "只能对已经结束的日期对账。"
    en = "Only a day that is over can be reconciled."
    remedy_zh = "请在该日结束后再发送。"
    remedy_en = "Send the file once the day is over."


class BreakUnknown(Problem):
    code = "reconciliation-break-unknown"
    status = 404
    zh = "没有这条差异。"
    en = "There is no such break."
    remedy_zh = "请核对编号；abate reconcile breaks 列出全部。"
    remedy_en = "Check its number; abate reconcile breaks lists them."


class BreakClosed(Problem):
    code = "reconciliation-break-closed"
    status = 409
    zh = "这条差异已经关闭。"
    en = "This break is closed already."
    remedy_zh = "如仍有差异，下一份对账文件会重新打开它。"
    remedy_en = "The next file opens it again if it still differs."


class StepMalformed(Problem):
    code = "reconciliation-step"
    status = 422
    zh = "处理方式、责任方或说明不合规定。"
    en = "The resolution, the owner or the note is not as it must be."
    remedy_zh = "处理方式：resent、reversed、corrected_there、accepted；说明和责任方不能为空，最长 500 字。"
    remedy_en = (
        "Resolutions: resent, reversed, corrected_there, accepted; a note or an owner has 1 to 500 signs."
    )
