"""The words of explanations, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from abate.quantify.method import Method, Text
from abate.quantify.outcome import Outcome, Quantity, Refusal

OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.REFUSED: Text("记录被拒绝，未计算", "The record was refused; nothing was computed"),
    Outcome.NEEDS_FIGURE: Text(
        "缺少运营方数值，暂不能计算", "A figure of the operator is needed before this can be computed"
    ),
    Outcome.NOT_COUNTED: Text("不符合认定条件，不计入", "It does not qualify and is not counted"),
    Outcome.NOT_BELOW_BASELINE: Text(
        "排放不低于基准线，不计入积分", "Not below the baseline; it earns nothing"
    ),
    Outcome.COUNTED: Text("已计算减排量", "The reduction was computed"),
}

REMEDIES: Mapping[Refusal, Text] = {
    Refusal.MALFORMED: Text(
        "按方法学的活动记录格式发送一个对象", "send one object in the methodology's record format"
    ),
    Refusal.UNKNOWN_FIELD: Text("删去此字段后重新发送", "send the record again without this field"),
    Refusal.MISSING: Text("补上此字段后重新发送", "send the record again with this field"),
    Refusal.WRONG_TYPE: Text(
        "改正此字段的类型后重新发送", "correct the type of this field and send the record again"
    ),
    Refusal.TOO_MANY_DECIMALS: Text(
        "由提供方舍入到允许的小数位；本系统不替你舍入",
        "round it yourself to the decimals allowed; nothing is rounded here",
    ),
    Refusal.OUT_OF_RANGE: Text(
        "核对数值与单位后重新发送", "check the value and its unit, then send the record again"
    ),
    Refusal.END_BEFORE_START: Text(
        "核对起止时间后重新发送", "check start and end, then send the record again"
    ),
    Refusal.ONE_OF: Text("只保留其中一组数据，并补全该组", "keep one of the groups and make it whole"),
    Refusal.NO_METHOD_IN_FORCE: Text(
        "只有有效期内的行为可以计算", "only acts in the time of a version can be computed"
    ),
    Refusal.NO_FACTOR: Text("改用有因子的地区，或不设地区", "choose a region that has a factor, or none"),
    Refusal.FACTOR_PAST_REVIEW: Text(
        "导入新版因子集（abate factors import），重新估计（abate estimate），或由运营方提供新的数值",
        "import the newer set (abate factors import), estimate it again (abate estimate), or supply a newer figure "
        "of the operator",
    ),
}

SUPPLY = Text(
    "运营方在数据包中提供此参数（abate explain … --operator-pack 文件），并注明来源",
    "the operator supplies this parameter in a pack (abate explain … --operator-pack FILE) with its source",
)
REOPEN = Text(
    "见条款 P-7.2-c（7.2）；记录已保留，不计入减排量。名录由运营方在数据包的 catalogue 中按地区和日期开关",
    "see clause P-7.2-c (7.2); the record is kept and counts nothing. The operator opens and closes behaviours by "
    "region and date under `catalogue` of the pack",
)
ILLUSTRATION = Text(
    "本结果使用了示例数据包，仅作演示，不是真实减排量",
    "This result uses an illustration pack: it is a demonstration, not a real reduction",
)
CO2_ONLY = Text(
    "下列因子只含二氧化碳，按二氧化碳当量计为下限：",
    "These factors count CO2 only and stand for CO2e as a lower bound: ",
)

LABELS: Mapping[str, Text] = {
    "result": Text("结果", "Result"),
    "why": Text("原因", "Why"),
    "remedy": Text("处理办法", "What to do"),
    "method": Text("方法学", "Methodology"),
    "version": Text("版本", "version"),
    "standard": Text("标准", "Standard"),
    "baseline": Text("基准线情景", "Baseline scenario"),
    "project": Text("项目情景", "Project scenario"),
    "gases": Text("温室气体", "Gases"),
    "day": Text("行为日期", "Day of the act"),
    "setting": Text("计算设置", "Setting"),
    "region": Text("地区", "region"),
    "floor": Text("最低等级", "lowest grade"),
    "pack": Text("数据包", "pack"),
    "factors_by": Text("因子截至", "factors published by"),
    "national": Text("全国", "national"),
    "record": Text("活动记录", "Record"),
    "checks": Text("认定条件", "Recognition"),
    "rule": Text("适用的计算规则", "Rule that applied"),
    "steps": Text("计算过程", "Calculation"),
    "rounding": Text("取整", "Rounding"),
    "down": Text("向下取整", "rounded down"),
    "up": Text("向上取整", "rounded up"),
    "holds": Text("成立", "holds"),
    "fails": Text("不成立", "does not hold"),
    "otherwise": Text("若不成立，原因是：", "if it did not, the reason would be: "),
    "clause": Text("条款", "clause"),
    "document": Text("文件", "document"),
    "place": Text("位置", "place"),
    "period": Text("描述时期", "describes"),
    "published": Text("公布", "published"),
    "grade": Text("等级", "grade"),
    "kind": Text("类别", "kind"),
    "gas": Text("气体", "gas"),
    "seen": Text("查阅方式", "seen"),
    "chosen": Text("选择理由", "chosen because"),
    "printed": Text("原文数值", "as printed"),
    "review": Text("复核期限", "review by"),
    "overdue": Text("已过复核期限", "past its review date"),
    "illustration": Text("示例数据", "illustration"),
    "policy": Text("本项目的政策界限，非排放数据", "a limit of this project's policy, not emission data"),
    "missing": Text("所缺数值", "Figures needed"),
    "problems": Text("问题", "Problems"),
    "factors": Text("所用因子", "Factors used"),
    "notes": Text("说明", "Notes"),
    "hash": Text("本解释的散列值", "Hash of this explanation"),
}

# The closed words of the factor files, as people read them; JSON keeps the words themselves.
CODED: Mapping[str, Text] = {
    "emission-factor": Text("排放因子", "emission factor"),
    "carbon-footprint": Text("碳足迹因子", "carbon footprint"),
    "market-reporting": Text("市场核算用因子", "market-reporting figure"),
    "fossil-mix": Text("化石能源电力因子", "fossil-mix factor"),
    "residual-mix": Text("剩余电力因子", "residual-mix factor"),
    "gwp": Text("全球变暖潜势", "global warming potential"),
    "efficiency-limit": Text("能效限额", "efficiency limit"),
    "official-cn": Text("中国官方", "Chinese official"),
    "standard": Text("标准指定", "named by the standard"),
    "literature": Text("文献", "literature"),
    "foreign-official": Text("境外官方", "foreign official"),
    "programme": Text("其他平台公布", "published by another programme"),
    "survey": Text("调查", "survey"),
    "operator": Text("运营方提供", "supplied by the operator"),
    "seen-in-primary": Text("已见原文件", "in the document itself"),
    "seen-in-secondary": Text("仅见转载", "in a second-hand copy"),
}


def why_computed(quantity: Quantity, method: Method) -> Text:
    day = method.published.isoformat()
    if quantity.reason and quantity.reason.startswith("history:"):
        return Text(
            f"行为早于方法学公布日 {day}，仅作历史数据计算（P-7.2-d）",
            f"the act is older than the methodology, published {day}: computed as history (P-7.2-d)",
        )
    if quantity.outcome is Outcome.NOT_BELOW_BASELINE:
        return Text(
            "项目排放不低于基准线排放，减排量不大于 0（P-7.2-a）",
            "the project emission is not below the baseline: the reduction is 0 or less (P-7.2-a)",
        )
    return Text(
        f"按《{method.titles.zh}》方法学第 {method.version} 版计算",
        f"computed with the methodology “{method.titles.en}”, version {method.version}",
    )


def remedy_computed(quantity: Quantity) -> Text:
    if quantity.outcome is Outcome.NOT_BELOW_BASELINE:
        return Text("无需处理；记录已保留", "nothing to do; the record is kept")
    return Text("无需处理", "nothing to do")
