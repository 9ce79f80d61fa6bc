"""What is said of limits that can be no limits, and of what can never be had within one."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class LimitMalformed(Problem):
    code = "limit-malformed"
    status = 422
    zh = "限额须为正整数，或留空表示不限。"
    en = "A limit is a whole number above nothing, or none at all."
    why_zh = "为零的限额等于停用，停用须用暂停或撤销。"
    why_en = "A limit of nothing would be a suspension that does not say so."
    remedy_zh = "请填写正整数；停用请用暂停机构或撤销密钥。"
    remedy_en = "Give a number above nothing; to stop a party, suspend it or revoke its key."


class BatchAboveQuota(Problem):
    code = "batch-above-quota"
    status = 413
    zh = "这一批的事件数超过了贵机构一天的总额；本次未作处理。"
    en = "There are more events in this batch than your party may send in a day; nothing of it was done."
    why_zh = "整批超过日限额，等多久都不会被接受。"
    why_en = "A batch above the whole day's quota could never be taken, however long it waits."
    remedy_zh = (
        "请分成较小的批次分日发送，或以文件发送到 /v1/files（会按限额逐日处理）；需要更高限额请联系运营方。"
    )
    remedy_en = (
        "Send it in smaller batches over the days, or as a file to /v1/files, which goes on as the quota allows; "
        "ask the operator for a higher limit."
    )
