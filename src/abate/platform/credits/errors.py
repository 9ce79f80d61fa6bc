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


class RuleTooLate(Problem):
    code = "rule-too-late"
    status = 409
    zh = "积分规则只能从将来的日期开始。"
    en = "A credit rule begins on a day in the future: what is booked already follows the rule of its day."
    remedy_zh = "请把开始日期设在明天或以后。"
    remedy_en = "Let it begin tomorrow or later."


class TwoExpiries(Problem):
    code = "rule-not-one"
    status = 422
    zh = "一条规则只能有一种有效期。"
    en = "A rule has one kind of expiry."
    remedy_zh = "请只给出天数或年数中的一个。"
    remedy_en = "Give either a number of days or of years."
