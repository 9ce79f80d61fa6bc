"""What this room refuses, and what to do then."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class NothingHeld(Problem):
    code = "nothing-held"
    status = 409
    zh = "所列记录不全在隔离中，没有任何变动。"
    en = "Not all of these records wait in quarantine; nothing was changed."
    why_zh = "有的已有申请或已决定，有的已撤回，有的不存在。"
    why_en = "One of them is proposed or decided already, was withdrawn, or is not there."
    remedy_zh = "请重新列出隔离中的记录后再申请。"
    remedy_en = "List what waits again, and propose for what is there."


class HeldTooMany(Problem):
    code = "held-too-many"
    status = 422
    zh = "一次申请的记录过多，或一条也没有。"
    en = "A proposal is about one record at least, and not about so many."
    why_zh = "一次决定在一个事务内生效。"
    why_en = "A decision takes effect in one transaction."
    remedy_zh = "请分成每次最多 5000 条。"
    remedy_en = "Make several of at most 5,000 records each."


class HeldProposalUnknown(Problem):
    code = "held-proposal-unknown"
    status = 404
    zh = "没有这个隔离处理申请。"
    en = "There is no such proposal about quarantined records."
    why_zh = "编号无法对应任何申请。"
    why_en = "The number names none."
    remedy_zh = "请核对编号；待决定的申请见隔离页面。"
    remedy_en = "Check the number; the page of quarantine lists those that wait."


class HeldDecided(Problem):
    code = "held-decided"
    status = 409
    zh = "该申请已经决定，没有任何变动。"
    en = "The proposal is decided already; nothing was changed."
    why_zh = "一项申请只决定一次，先办的有效。"
    why_en = "A proposal is decided once; the first decision counts."
    remedy_zh = "请查看已作的决定。"
    remedy_en = "Look at what was decided."


class SameHuman(Problem):
    code = "held-same-human"
    status = 403
    zh = "申请须由另一位工作人员决定，换用另一账号也不行。"
    en = "Somebody else decides than proposed, under whatever account."
    why_zh = "任何人不得批准自己的申请（GB/T 22239）。"
    why_en = "Nobody approves their own entry (GB/T 22239)."
    remedy_zh = "请由另一位有权的工作人员决定。"
    remedy_en = "Somebody else with the right has to decide."


class OwnRecords(Problem):
    code = "held-own-record"
    status = 403
    zh = "您与其中的记录有关，不得申请或决定。"
    en = "You have a part in one of these records, so you have no say in it."
    why_zh = "本人、其监护人或被监护人，以及为报送机构办事的人，都不得处理该记录。"
    why_en = "Its person, their guardian or ward, or who acts for the party that sent it, does not decide about it."
    remedy_zh = "请由另一位工作人员办理。"
    remedy_en = "Somebody else has to do it."


class HeldReasonMissing(Problem):
    code = "held-reason-missing"
    status = 422
    zh = "请写明理由（不超过 1000 字）。"
    en = "Say why, in up to 1000 characters."
    why_zh = "决定须有理由，并留痕。"
    why_en = "A decision has its reason, which is kept."
    remedy_zh = "补充理由后重试。"
    remedy_en = "Write the reason and try again."


class HeldVerdictUnknown(Problem):
    code = "held-verdict-unknown"
    status = 422
    zh = "没有这种处理。"
    en = "There is no such verdict."
    why_zh = "只有列明的处理有明确的后果。"
    why_en = "Only the verdicts that are listed have a known effect."
    remedy_zh = "申请用 release（放行）或 dismiss（不计入）。"
    remedy_en = "Write release or dismiss."
