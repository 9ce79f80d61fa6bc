"""Every refusal of the room. Each left everything as it was."""

from abate.platform.doors.errors import Problem


class InsufficientCredits(Problem):
    code = "insufficient-credits"
    status = 409
    zh = "绿色积分不足，没有扣减。"
    en = "There are not enough credits; none were taken."
    why_zh = "余额不能为负。"
    why_en = "A balance never goes below nothing."
    remedy_zh = "请选择所需积分更少的权益，或在积分增加后再兑换。"
    remedy_en = "Choose an offer that costs less, or come back when the balance has grown."


class OrderTaken(Problem):
    code = "order-taken"
    status = 409
    zh = "同一个编号已用于内容不同的操作，账户没有变化。"
    en = "This id already stands for another movement of this account. Nothing was booked."
    why_zh = "一个编号只对应一笔记账。"
    why_en = "An id stands for one movement."
    remedy_zh = "请为新的操作使用新的编号；重发时内容须与第一次相同。"
    remedy_en = "Give a new movement a new id; to ask for the same again, send the same content."


class NotAnAmount(Problem):
    code = "not-an-amount"
    status = 422
    zh = "数额必须是正整数。"
    en = "The amount must be a positive whole number."
    why_zh = "分录须为正整数。"
    why_en = "An entry moves a whole amount above nothing."
    remedy_zh = "请填写大于零的整数。"
    remedy_en = "Give a whole number above zero."


class NoEntry(Problem):
    code = "entry-unknown"
    status = 404
    zh = "该账户没有这一分录。"
    en = "This account has no such entry."
    why_zh = "只能查看或处理本账户的分录。"
    why_en = "An account shows and undoes its own entries only."
    remedy_zh = "请核对账户和分录编号。"
    remedy_en = "Check the account and the number of the entry."


class ReversedAlready(Problem):
    code = "reversed-already"
    status = 409
    zh = "该分录已经冲正，不能再次冲正。"
    en = "This entry has been reversed already; an entry is reversed once."
    why_zh = "重复冲正会多扣一次。"
    why_en = "A second reversal would take it twice."
    remedy_zh = "请查看账户流水中的冲正分录。"
    remedy_en = "The statement shows the reversing entry."


class NotReversible(Problem):
    code = "not-reversible"
    status = 409
    zh = "这类分录不能冲正；冲正分录本身也不能再冲正。"
    en = "Entries of this kind cannot be reversed; a reversal cannot be reversed either."
    why_zh = "冲正只针对原始入账。"
    why_en = "A reversal undoes an original entry only."
    remedy_zh = "如确有错误，请用调整分录更正，并写明依据。"
    remedy_en = "Where something is wrong, post an adjustment that names the decision."


class CarbonRetired(Problem):
    code = "carbon-retired"
    status = 409
    zh = "账户中的减排量不足：已注销（抵销）的减排量不能再动用。"
    en = "The account does not hold these milligrams any more: what was retired stays retired."
    why_zh = "已抵销的减排量不能再用一次。"
    why_en = "A reduction that was retired must not be used again."
    remedy_zh = "请核对账户余额和注销记录。"
    remedy_en = "Look at the balance and at what was retired."


class NoHold(Problem):
    code = "hold-unknown"
    status = 404
    zh = "该账户没有这一笔冻结。"
    en = "This account has no such hold."
    why_zh = "只能处理本账户的预留。"
    why_en = "An account settles its own holds only."
    remedy_zh = "请核对账户和冻结编号。"
    remedy_en = "Check the account and the number of the hold."


class HoldEnded(Problem):
    code = "hold-ended"
    status = 409
    zh = "这笔冻结已经结束（已结算、已释放或已超时），没有变化。"
    en = "This hold has ended: settled, released or timed out. Nothing was changed."
    why_zh = "同一笔预留只结束一次。"
    why_en = "A hold ends once."
    remedy_zh = "如仍需扣减，请重新冻结。"
    remedy_en = "Hold the credits again if they are still wanted."


class HoldTooLong(Problem):
    code = "hold-time"
    status = 422
    zh = "冻结的结束时间必须在现在之后。"
    en = "A hold must end later than now."
    why_zh = "已过期的预留不起作用。"
    why_en = "A hold that is over already would hold nothing."
    remedy_zh = "请给出将来的时间。"
    remedy_en = "Give a moment in the future."


class SamePerson(Problem):
    code = "same-person"
    status = 422
    zh = "不能向自己的账户转出积分。"
    en = "Credits cannot be transferred to the account they come from."
    why_zh = "转给自己不改变任何账目。"
    why_en = "It would move nothing."
    remedy_zh = "请选择另一个账户。"
    remedy_en = "Choose another account."


class NoPerson(Problem):
    code = "person-unknown"
    status = 404
    zh = "没有这个人，没有记账。"
    en = "There is no such person. Nothing was booked."
    why_zh = "记账须有对应的人。"
    why_en = "An entry belongs to a person."
    remedy_zh = "请核对人员编号。"
    remedy_en = "Check the number of the person."


class AccountErased(Problem):
    code = "account-erased"
    status = 409
    zh = "该账户已注销，不再转入或支出积分，也不再冲正；没有记账，任何一方的积分都没有变动。"
    en = "This person was erased: nothing arrives, is spent, held or undone any more. Nothing was booked for anyone."
    why_zh = "已注销的账户不再属于任何人。"
    why_en = "An erased account belongs to nobody, so nothing may move in it."
    remedy_zh = (
        "转入请选择另一个账户，其他平台已经寄出的积分由该平台退回；支出和冲正不再办理，余下的积分按期失效。"
    )
    remedy_en = (
        "For what arrives choose another account; what another platform sent is to be returned by that platform. "
        "Nothing can be spent or undone for an erased person; credits left over expire by their rule."
    )


class DayNotOver(Problem):
    code = "day-not-over"
    status = 409
    zh = "尚未结束的日期或月份不能结账。"
    en = "A day or month that is not over cannot be closed."
    why_zh = "未结束的日期仍会有新的记录。"
    why_en = "More may still come for a day that is not over."
    remedy_zh = "请在该期间结束后再结账。"
    remedy_en = "Close it once it is over."


class ClocksApart(Problem):
    code = "clocks-apart"
    status = 503
    zh = "本机与数据库服务器的时钟不一致，未作任何改动。"
    en = "The clocks of this machine and of the database server differ; nothing was changed."
    why_zh = "走快的时钟会使尚未结束的日期结账，使尚未到期的积分失效、尚未到期的记录被删除。"
    why_en = "A clock that runs ahead closes days that are not over, and lets credits expire and records go before their time."
    remedy_zh = "请在两台机器上运行时间服务，用 abate doctor 确认后再运行一次。"
    remedy_en = (
        "Run a time service on both machines, see with abate doctor that they agree, then run it again."
    )


class CloseWaitsForLog(Problem):
    code = "close-waits-for-log"
    status = 503
    zh = "该期间有分录尚未编入日志，结账尚未完成；该日已不再记账。"
    en = "Entries of this period have no number in the log yet, so the close is not complete; nothing more is booked on the day."
    why_zh = "结账须指明包含其全部分录的签名树头。"
    why_en = "A close names the signed head that covers all of its entries."
    remedy_zh = "请用 abate reconcile 查看缺少的是什么；日志恢复编号后，再运行一次 abate close。"
    remedy_en = "See with abate reconcile what is missing; once the log numbers again, run abate close again."


class MonthNotClosed(Problem):
    code = "month-days-open"
    status = 409
    zh = "该月还有未结账的日期。"
    en = "Days of this month are not closed yet."
    why_zh = "月结须以日结为基础。"
    why_en = "A month's sums are the sums of its closed days."
    remedy_zh = "请先结清该月的每一天：abate close --day。"
    remedy_en = "Close its days first: abate close --day."


class StatementTooLong(Problem):
    code = "statement-too-long"
    status = 422
    zh = "所选期间的流水超过一份对账单的上限（5,000 笔）。"
    en = "The period has more entries than one statement takes (5,000)."
    why_zh = "过长的对账单无法打印和核对。"
    why_en = "A longer statement can be neither printed nor checked."
    remedy_zh = "请选择更短的期间。"
    remedy_en = "Choose a shorter period."


class NothingToCollect(Problem):
    code = "nothing-to-collect"
    status = 409
    zh = "没有可领取的积分。"
    en = "There are no credits to collect."
    why_zh = "只有待领取的积分才能领取。"
    why_en = "Only credits that wait can be collected."
    remedy_zh = "可能已经领取，或已过领取期限；请查看账户流水。"
    remedy_en = "They may be collected already, or their time is over; see the account statement."


class DutyMalformed(Problem):
    code = "duty-malformed"
    status = 422
    zh = "留存义务须写明行为、起止日、留存至何日（不早于今日）和依据（1 至 300 字，中英文）。"
    en = (
        "A duty to keep names a behaviour, the first and last day of the acts, a day to come until which they are kept, "
        "and its ground in 1 to 300 signs of each language."
    )
    why_zh = "离开的人会看到理由和日期；没有依据就不能不删除。"
    why_en = "Whoever leaves is shown reason and date; without a ground nothing may be kept."
    remedy_zh = "补全后重新提交。"
    remedy_en = "Complete it and propose it again."
