from abate.platform.doors.errors import Problem


class CapTooLate(Problem):
    code = "cap-too-late"
    status = 409
    zh = "该日起已有行为计入，不能再追加上限。"
    en = "Behaviours of that day or later are counted already; a cap cannot be added to them."
    remedy_zh = "上限请从尚无行为计入的日期开始。"
    remedy_en = "Let the cap begin on a day of which nothing has been counted yet."


class NoRule(Problem):
    code = "no-credit-rule"
    status = 500
    zh = "该日没有有效的积分规则。"
    en = "No credit rule is in force on that day."
    remedy_zh = "在 credits_rule 中设定规则。"
    remedy_en = "Set a rule in credits_rule."
