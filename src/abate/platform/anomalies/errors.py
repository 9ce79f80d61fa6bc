"""What this room refuses, and what to do then."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class CaseUnknown(Problem):
    code = "case-unknown"
    status = 404
    zh = "没有这个异常核查案件。"
    en = "There is no such case."
    why_zh = "他人的案件同样如此回答。"
    why_en = "Another's case is answered in the same way."
    remedy_zh = "请核对编号；待核查的案件见异常核查页面。"
    remedy_en = "Check its number; the page of anomalies lists the cases that wait."


class CaseDecided(Problem):
    code = "case-decided"
    status = 409
    zh = "案件在当前状态下不能这样处理，没有任何变动。"
    en = "The case is in another state by now; nothing was changed."
    why_zh = "每一步只办一次，先办的有效。"
    why_en = "Each step is taken once; the first one counts."
    remedy_zh = "请打开案件查看已作的决定。"
    remedy_en = "Open the case to see what was decided."


class CaseChanged(Problem):
    code = "case-changed"
    status = 409
    zh = "案件列出的记录与您看到的不同，没有任何变动。"
    en = "The case lists other records than those you were shown; nothing was changed."
    why_zh = "巡查会把新记录加入待核查的案件；决定只能针对看过的记录。"
    why_en = (
        "A sweep adds records to a case that is open, and nobody decides about records they have not seen."
    )
    remedy_zh = "请重新打开案件，看过全部记录后再决定。"
    remedy_en = "Open the case again, look at all of its records, and then decide."


class AnotherReviewer(Problem):
    code = "another-reviewer"
    status = 403
    zh = "您已在该案件中办过一步，其余由另一位工作人员决定，换用另一账号也不行。"
    en = "You took a step in this case: what follows is decided by somebody else, under whatever account."
    why_zh = "任何人不得确认自己的提议，也不得审理对自己决定的申诉。"
    why_en = "Nobody confirms what they proposed, or judges an appeal against their own decision."
    remedy_zh = "请由另一位有权的工作人员决定。"
    remedy_en = "Somebody else with the right has to decide."


class OwnCase(Problem):
    code = "own-case"
    status = 403
    zh = "您与该案件有关，不得决定。"
    en = "You have a part in this case, so you have no say in it."
    why_zh = "本人、监护人或被监护人、轨迹相同的另一人，以及为报送机构办事的人，都不得审理该案件。"
    why_en = (
        "Its person, their guardian or ward, somebody who has the same trace, or who acts for the party that sent the records "
        "does not judge it."
    )
    remedy_zh = "请由另一位工作人员决定。"
    remedy_en = "Somebody else has to decide."


class CaseReasonMissing(Problem):
    code = "case-reason-missing"
    status = 422
    zh = "请写明决定的理由（不超过 1000 字）。"
    en = "Say why, in up to 1000 characters."
    why_zh = "决定会告知本人，须说明理由。"
    why_en = "The person is told, and has to know what to answer."
    remedy_zh = "补充理由后重试。"
    remedy_en = "Write the reason and try again."


class VerdictUnknown(Problem):
    code = "verdict-unknown"
    status = 422
    zh = "没有这种决定。"
    en = "There is no such verdict."
    why_zh = "只有列明的决定有明确的后果。"
    why_en = "Only the verdicts that are listed have a known effect."
    remedy_zh = "先由一人 proposed（提议确认），再由另一人 confirmed；排除用 dismissed，对申诉用 upheld 或 overturned。"
    remedy_en = (
        "One writes proposed, to have a case confirmed, and another confirmed; dismissed takes one person, and an appeal is "
        "upheld or overturned."
    )


class AppealTooLate(Problem):
    code = "appeal-too-late"
    status = 409
    zh = "申诉期限已过。"
    en = "The time for an appeal is over."
    why_zh = "期限写在异常规则中，决定时已经告知。"
    why_en = "The rules of anomalies say how long it is, and the decision told so."
    remedy_zh = "如有新的事实，请在隐私中心提出投诉。"
    remedy_en = "Where there is something new, complain on the privacy page."


class AppealWordsMissing(Problem):
    code = "appeal-words-missing"
    status = 422
    zh = "请写明申诉的理由（不超过 2000 字）。"
    en = "Say what is wrong with the decision, in up to 2000 characters."
    why_zh = "另一位工作人员据此审理。"
    why_en = "Another reviewer decides by it."
    remedy_zh = "补充理由后重试。"
    remedy_en = "Write it and try again."
