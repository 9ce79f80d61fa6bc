from abate.platform.doors.errors import Problem


class InsufficientCredits(Problem):
    code = "insufficient-credits"
    status = 409
    zh = "绿色积分不足，没有扣减。"
    en = "There are not enough credits; none were taken."
    remedy_zh = "请选择所需积分更少的权益，或在积分增加后再兑换。"
    remedy_en = "Choose an offer that costs less, or come back when the balance has grown."
