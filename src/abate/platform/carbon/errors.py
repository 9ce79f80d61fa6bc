from abate.platform.doors.errors import Problem


class NotReproducible(Problem):
    code = "not-reproducible"
    status = 500
    zh = "重新计算的结果与已入账的数字不一致。"
    en = "The figure computed again is not the figure that was booked."
    why_zh = "不能逐位复算的数字不可信。"
    why_en = "A figure that cannot be recomputed cannot be trusted."
    remedy_zh = "请立即通知运营方：方法学文件、因子文件或数据包在发布后被改动。"
    remedy_en = "Tell the operator at once: a methodology, factor or pack file was changed after its release."


class RecordDropped(Problem):
    code = "record-dropped"
    status = 410
    zh = "这条行为没有计入；其原始记录已过保存期限，已经删除。"
    en = "This behaviour credited nothing, and its record has had its time and was deleted."
    why_zh = "不再需要的原始数据按期限删除（T/CECA-G 0203，7.3.3.3）。"
    why_en = "Raw data that nothing needs any more are deleted on their day (T/CECA-G 0203, 7.3.3.3)."
    remedy_zh = "结果和原因仍在；原始记录无法恢复。"
    remedy_en = "The outcome and its reason are still there; the record cannot be brought back."


class QuantityUnknown(Problem):
    code = "quantity-unknown"
    status = 404
    zh = "没有这条行为记录。"
    en = "There is no such behaviour."
    why_zh = "只能显示已记录的行为。"
    why_en = "Only a behaviour that is on record can be shown."
    remedy_zh = "请从账户明细重新进入。"
    remedy_en = "Open it again from the account's list."


class StateChanged(Problem):
    code = "revaluation-changed"
    status = 409
    zh = "待入账的内容与所展示的不一致：此后有新事件、冲正、注销或另一次重新计算。"
    en = "What would be booked is not what was shown: an event, a reversal, an erasure or a revaluation came since."
    why_zh = "批准的内容与将要入账的内容须一致。"
    why_en = "What is booked must be what was approved."
    remedy_zh = "请重新运行 abate revalue 查看影响，再按新的摘要批准。"
    remedy_en = "Run abate revalue again, look at the effect, and book the digest that it prints."


class BasisNotInForce(Problem):
    code = "basis-not-in-force"
    status = 503
    zh = "方法学、因子、数据包或设置与已批准生效的不一致，暂不计量。"
    en = (
        "The methodologies, factors, pack or setting of this installation are not the ones that were put in force, "
        "so nothing is quantified."
    )
    why_zh = "入账的数字须依据三人批准的方法学、因子和设置。"
    why_en = "What is booked rests on figures that three people put in force."
    remedy_zh = "由三人提出、复核、审批变更 basis.adopt，或恢复原来的文件和设置。"
    remedy_en = "Let three people propose, check and approve the change basis.adopt, or put the files and settings back."
