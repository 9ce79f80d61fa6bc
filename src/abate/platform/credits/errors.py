from abate.platform.doors.errors import Problem


class CapTooLate(Problem):
    code = "cap-too-late"
    status = 409
    zh = "该日起已有行为计入，不能再追加上限。"
    en = "Behaviours of that day or later are counted already; a cap cannot be added to them."
    why_zh = "已入账的数量不因新上限改变。"
    why_en = "What is booked does not change under a new cap."
    remedy_zh = "上限请从尚无行为计入的日期开始。"
    remedy_en = "Let the cap begin on a day of which nothing has been counted yet."


class CapExists(Problem):
    code = "cap-exists"
    status = 409
    zh = "同范围、同周期、同行为的上限已从该日开始。"
    en = "A cap of that scope, period, behaviour and field begins on that day already."
    why_zh = "同一规则出现两次时，无法确定适用哪一条。"
    why_en = "With two rules of one kind nobody could say which applies."
    remedy_zh = "请从另一日开始；较晚的上限自其开始日起取代较早的。"
    remedy_en = (
        "Let it begin on another day: a later cap takes the place of an earlier one from its first day on."
    )


class NotACap(Problem):
    code = "cap-unsound"
    status = 422
    zh = "上限的描述不成立。"
    en = "That does not describe a cap."
    why_zh = "含义不清的上限会错误扣减积分。"
    why_en = "A cap that can be read in two ways would cut credits wrongly."
    remedy_zh = (
        "范围为 person、party 或 object，周期为 day、month 或 ever；object 须给出行为及其各版本中必填的记录字段；"
        "按月的上限从每月一日开始、在月末结束；数量不为负；理由须有中英文。"
    )
    remedy_en = (
        "Scope is person, party or object; period is day, month or ever. An object needs a behaviour and a field that "
        "all its versions require. A cap by the month begins on the first and ends on the last day of a month. The "
        "amount is not negative, and the reason is given in both languages."
    )


class NoRule(Problem):
    code = "no-credit-rule"
    status = 500
    zh = "该日没有有效的积分规则。"
    en = "No credit rule is in force on that day."
    why_zh = "没有规则就不能把减排量换成积分。"
    why_en = "Without a rule milligrams cannot become credits."
    remedy_zh = "在 credits_rule 中设定规则。"
    remedy_en = "Set a rule in credits_rule."


class RuleTooLate(Problem):
    code = "rule-too-late"
    status = 409
    zh = "积分规则只能从将来的、尚未记账的日期开始。"
    en = "A credit rule begins on a future day that nothing is booked on: what is booked follows the rule of its day."
    why_zh = "已入账的积分不因新规则改变。"
    why_en = "What is booked does not change under a new rule."
    remedy_zh = "请把开始日期设在明天或以后，且晚于最后记账日。"
    remedy_en = "Let it begin tomorrow or later, and after the last day that is booked on."


class RuleExists(Problem):
    code = "rule-exists"
    status = 409
    zh = "已有积分规则从该日开始。"
    en = "A credit rule begins on that day already."
    why_zh = "同一日有两条规则时，无法确定适用哪一条。"
    why_en = "With two rules of one day nobody could say which applies."
    remedy_zh = "请从另一日开始：较晚的规则自其首日起取代较早的。"
    remedy_en = (
        "Let it begin on another day: a later rule takes the place of an earlier one from its first day on."
    )


class RateUnfit(Problem):
    code = "rule-rate"
    status = 422
    zh = "换算率须为每千克 1 至 1,000,000 个积分的整数。"
    en = "A rate is a whole number of credits a kilogram, from 1 to 1,000,000."
    why_zh = "账户以百万分之一积分精确累计；其他换算率会产生舍入误差。"
    why_en = (
        "Accounts count exactly, in millionths of a credit; with any other rate they would have to round."
    )
    remedy_zh = "请给出每千克减排量对应的积分数，例如每克 1 分为 1000。"
    remedy_en = "Give how many credits a kilogram makes: one for each gram is 1000."


class TwoExpiries(Problem):
    code = "rule-not-one"
    status = 422
    zh = "一条规则只能有一种有效期。"
    en = "A rule has one kind of expiry."
    why_zh = "两种到期规则互相矛盾。"
    why_en = "Two kinds of expiry contradict each other."
    remedy_zh = "请只给出天数、年数或“永久有效”中的一个。"
    remedy_en = "Give one of a number of days, of years, or that credits never expire."


class ReceivingCodeUnknown(Problem):
    """The same whether the code was never given, used, too old, or of somebody who left: nothing is told about people."""

    code = "receiving-code-unknown"
    status = 404
    zh = "收分码不正确、已用过或已过期。"
    en = "The receiving code is wrong, used, or has expired."
    why_zh = "积分只转给出示收分码的人。"
    why_en = "Credits go only to who showed a code for them."
    remedy_zh = "请对方重新生成一个收分码。"
    remedy_en = "Ask for a new code."


class TooManyReceivingCodes(Problem):
    code = "too-many-receiving-codes"
    status = 409
    zh = "还有二十个收分码未用。"
    en = "Twenty receiving codes of yours are still open."
    why_zh = "未用的收分码越多，越容易被弄错。"
    why_en = "The more of them lie about, the sooner one is mistaken for another."
    remedy_zh = "先使用已有的收分码，或等其过期。"
    remedy_en = "Use those there are, or wait until they expire."
