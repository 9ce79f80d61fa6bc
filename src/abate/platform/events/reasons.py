"""Every reason an event can be refused for, in words: what happened and what to do. A closed list.

Reasons of the engine (`abate.quantify.outcome.Refusal`) stand here too, for the partner sees one list.
"""

from __future__ import annotations

from dataclasses import dataclass

from abate.platform.events.outcomes import DISMISSED, LAPSED, QUARANTINE
from abate.platform.events.withdrawals import CAUSES


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is stable. Texts are (Chinese, English); the field or clause follows the code after a colon."""

    code: str
    what: tuple[str, str]
    why: tuple[str, str]
    remedy: tuple[str, str]

    def text(self, language: str) -> str:
        return self.what[0 if language.startswith("zh") else 1]

    def why_text(self, language: str) -> str:
        return self.why[0 if language.startswith("zh") else 1]

    def remedy_text(self, language: str) -> str:
        return self.remedy[0 if language.startswith("zh") else 1]


_EXACT = ("数值必须能逐位复算。", "Every figure must recompute to the last digit.")
_MINIMUM = (
    "只接收方法学所需的字段（T/CECA-G 0203，7.3.3.3）。",
    "Only what the methodology needs is taken in (T/CECA-G 0203, 7.3.3.3).",
)
_SCHEMA = ("`abate methods show <行为>` 列出字段。", "`abate methods show <behaviour>` lists the fields.")

_ALL = (
    Reason(
        "malformed",
        ("事件或活动记录的格式不正确。", "The event or its record is not well formed."),
        ("无法确定它说的是什么。", "It cannot be told what it says."),
        (
            "按 CloudEvents 1.0 发送：specversion 为 1.0；id、subject 为 1 至 128 个可见字符；"
            "time 为带时区的 RFC 3339 时间；data 为 JSON 对象。",
            "Send CloudEvents 1.0: specversion 1.0; id and subject of 1 to 128 printable characters; time in "
            "RFC 3339 with an offset; data a JSON object.",
        ),
    ),
    Reason(
        "name_twice",
        ("JSON 对象中同一名称出现两次。", "A name stands twice in a JSON object."),
        ("无法确定哪个值算数。", "It cannot be told which value was meant."),
        ("每个名称只写一次。", "Write each name once."),
    ),
    Reason(
        "too_many_cells",
        ("该行的单元格多于列名。", "The row has more cells than the table has columns."),
        ("无法确定每个单元格属于哪一列。", "It cannot be told which column each cell belongs to."),
        ("小数用小数点；含逗号的内容加双引号。", "Write decimal points; put what holds a comma in quotes."),
    ),
    Reason(
        "unknown_attribute",
        ("事件含有不允许的属性。", "The event has an attribute that is not allowed."),
        _MINIMUM,
        (
            "删除该属性；扩展属性名只能用 1 至 20 个小写字母和数字。",
            "Remove it; an extension attribute has a name of 1 to 20 lower-case letters and digits.",
        ),
    ),
    Reason(
        "wrong_source",
        ("source 不是本令牌所属的机构。", "The source is not the party this token belongs to."),
        ("机构只能替自己发送。", "A party speaks for itself only."),
        ("把 source 写成本机构的代码。", "Write your own party code as source."),
    ),
    Reason(
        "unknown_source",
        ("本机构没有登记这个数据来源。", "Your party has declared no such source."),
        (
            "政务数据的标识、分级和允许用途随数据流转。",
            "Mark, classification and permitted uses of public data travel with it.",
        ),
        (
            "source 写成 机构代码/来源代码；来源由三人登记（source.declare）。",
            "Write PARTY/SOURCE; sources are declared through three people (source.declare).",
        ),
    ),
    Reason(
        "source_ended",
        ("该数据来源今天不在有效期内。", "The source is not in force today."),
        ("有效期之外不再接收该来源的数据。", "Outside its days nothing of a source is taken."),
        ("请运营方登记新的版本。", "Let the operator declare a new version of it."),
    ),
    Reason(
        "source_use",
        ("该数据来源不允许用于量化或入账。", "The source may not be used to quantify or to credit."),
        ("数据只用于其登记允许的用途。", "Data is used for what its source permits and for nothing else."),
        (
            "不要发送；或由数据提供方扩大允许用途后重新登记。",
            "Do not send it, or let its provider permit the use and declare it anew.",
        ),
    ),
    Reason(
        "unknown_behaviour",
        ("没有这种行为。", "There is no such behaviour."),
        ("没有方法学就无法量化。", "Without a methodology nothing can be quantified."),
        (
            "type 为 org.abate.behaviour.<行为>；`abate methods list` 列出全部。",
            "The type is org.abate.behaviour.<behaviour>; `abate methods list` shows all of them.",
        ),
    ),
    Reason(
        "behaviour_not_granted",
        ("本机构未获准发送这种行为。", "This party may not send this behaviour."),
        ("可发送的行为由运营方核准。", "What a party may send is granted by the operator."),
        ("请运营方为本机构增加该行为。", "Ask the operator to grant it to your party."),
    ),
    Reason(
        "not_authorised",
        (
            "该用户没有对本机构和这种行为的有效授权。",
            "There is no live authorisation of this person for this party and behaviour.",
        ),
        (
            "行为发生时与入账时都须有有效授权（T/CECA-G 0203，4.3）。",
            "One must be live when the act happens, and one when it is booked (T/CECA-G 0203, 4.3).",
        ),
        (
            "核对 subject；请用户在授权页授权后，再发送此后发生的行为。",
            "Check the subject; let the person authorise you, then send what happens after that.",
        ),
    ),
    Reason(
        "future",
        ("事件的时间在未来。", "The event lies in the future."),
        ("尚未发生的行为不能计入。", "What has not happened cannot be counted."),
        ("核对时钟与时区；等行为结束后再发送。", "Check clock and time zone; send it when it is over."),
    ),
    Reason(
        "time_mismatch",
        ("time 与活动记录中的时间不一致。", "The event's time is not the time in its record."),
        ("每日上限与因子按这一时间确定。", "Caps and factors go by this time."),
        (
            "time 应等于活动记录的计时字段；该字段为日期时，应在同一天。",
            "Let time equal the field that dates the record; where that is a date, the same day.",
        ),
    ),
    Reason(
        "unknown_field",
        ("活动记录含有方法学没有的字段。", "The record has a field that the methodology does not know."),
        _MINIMUM,
        ("删除该字段。" + _SCHEMA[0], "Remove it. " + _SCHEMA[1]),
    ),
    Reason(
        "missing",
        ("活动记录缺少必需的字段。", "The record lacks a field that it must have."),
        ("缺失不等于零。", "Missing is not zero."),
        ("补上该字段。" + _SCHEMA[0], "Add it. " + _SCHEMA[1]),
    ),
    Reason(
        "wrong_type",
        ("字段的类型不对。", "A field has the wrong type."),
        _EXACT,
        (
            "数字写成 JSON 数字或十进制字符串；时间写成带时区的 RFC 3339。",
            "Write numbers as JSON numbers or decimal strings, times in RFC 3339 with an offset.",
        ),
    ),
    Reason(
        "too_many_decimals",
        ("小数位数超过规定。", "A number has more decimals than declared."),
        _EXACT,
        ("按规定的小数位数发送。" + _SCHEMA[0], "Send no more decimals than declared. " + _SCHEMA[1]),
    ),
    Reason(
        "out_of_range",
        ("数值超出允许范围。", "A value lies outside its range."),
        ("范围之外的数值不合情理或无法精确计算。", "Beyond it a value is implausible or cannot be exact."),
        ("核对数值与单位。" + _SCHEMA[0], "Check value and unit. " + _SCHEMA[1]),
    ),
    Reason(
        "end_before_start",
        ("结束早于开始。", "The end lies before the start."),
        ("时长必须为非负。", "A duration cannot be negative."),
        ("核对两个时间及其时区。", "Check both times and their offsets."),
    ),
    Reason(
        "one_of",
        ("若干组字段中必须且只能给出一组。", "Of several groups of fields exactly one must be given."),
        ("两组数据会给出两个结果。", "Two groups would give two results."),
        ("只保留其中一组。" + _SCHEMA[0], "Keep one of them. " + _SCHEMA[1]),
    ),
    Reason(
        "no_method_in_force",
        ("该日没有有效的方法学版本。", "No version of the methodology is in force on that day."),
        ("每个数字都要指明其方法学版本。", "Every figure names the version it follows."),
        ("核对日期。" + _SCHEMA[0], "Check the date. " + _SCHEMA[1]),
    ),
    Reason(
        "no_factor",
        ("该日没有可用的排放因子。", "There is no factor for that day."),
        ("没有来源的因子不能使用。", "A factor without a source is not used."),
        ("核对日期与地区；`abate factors list` 列出全部。", "Check day and region: `abate factors list`."),
    ),
    Reason(
        "factor_past_review",
        ("所用因子已过复核期限。", "The factor is past its review date."),
        (
            "方法学规定逾期未复核的因子不得采用。",
            "The methodology does not take a factor that was not reviewed in time.",
        ),
        (
            "由运营方导入新版因子集，或提供自有数值，然后重新发送。",
            "The operator imports the newer set or supplies its own figure; then send it again.",
        ),
    ),
    Reason(
        "other_content",
        ("这个 id 已用于另一内容。", "This id stands for another content already."),
        (
            "同一 id 永远只代表一个事件；已入账的不会被改写。",
            "An id means one event for ever; what was booked is not rewritten.",
        ),
        (
            "若是另一事件，请换 id；若要更正，请发送更正事件（corrects）。",
            "Give another event another id; to correct one, send an event with `corrects`.",
        ),
    ),
    Reason(
        "closed",
        (
            "该行为当日在本地区未开放，保留但不计积分。",
            "This behaviour is not open in this region on that day; it is kept and credits nothing.",
        ),
        (
            "平台按地区和技术条件选取并调整行为名录（T/CECA-G 0203，7.2）。",
            "A platform chooses and adapts its list by region and technology (T/CECA-G 0203, 7.2).",
        ),
        ("请运营方在名录中开放该行为。", "Ask the operator to open it in the catalogue."),
    ),
    Reason(
        "before_publication",
        (
            "行为早于方法学公布之日，保留但不计积分。",
            "It happened before the methodology was published; it is kept and credits nothing.",
        ),
        (
            "基准情景须事先确定（T/CECA-G 0203，7.2）。",
            "The baseline must be identified beforehand (T/CECA-G 0203, 7.2).",
        ),
        ("无需处理。", "Nothing is to be done."),
    ),
    Reason(
        "unknown_cause",
        ("没有这种撤回原因。", "There is no such cause for taking an event back."),
        ("原因会告知本人。", "The person is told the cause."),
        ("使用其中之一：" + "、".join(CAUSES) + "。", "Use one of: " + ", ".join(CAUSES) + "."),
    ),
    Reason(
        "event_unknown",
        ("本机构没有发送过这个事件，或它未被接收。", "Your party has no accepted event of this id."),
        ("机构只能撤回自己发送的事件。", "A party takes back only what it sent itself."),
        (
            "核对事件 id；尚未得到答复的事件请先重发。",
            "Check the id; send an event that has no answer yet first.",
        ),
    ),
    Reason(
        "other_person",
        ("该事件属于另一用户。", "The event is another person's."),
        (
            "撤回须指明同一用户，以免误撤。",
            "Event and withdrawal name the same person, so that none is taken by mistake.",
        ),
        ("subject 应与原事件相同。", "Let subject be that of the event."),
    ),
    Reason(
        "withdrawn_already",
        ("该事件已经撤回或更正过。", "The event was taken back or corrected before."),
        ("一个事件只撤回一次。", "An event is taken back once."),
        (
            "如更正本身有误，请更正那一更正事件。",
            "Where a correction is wrong, correct the event that corrected.",
        ),
    ),
    Reason(
        "not_withdrawable",
        ("撤回本身不能撤回。", "A withdrawal is not withdrawn."),
        ("冲正不能再冲正。", "A reversal is not reversed."),
        ("如行为确实成立，请用新的 id 重新发送。", "Where the act stands after all, send it under a new id."),
    ),
    Reason(
        "reversed_already",
        ("该事件的分录已由运营方冲正。", "The operator reversed its entry already."),
        ("一笔分录只冲正一次。", "An entry is reversed once."),
        ("无需处理。", "Nothing is to be done."),
    ),
    Reason(
        "person_erased",
        ("该用户已注销。", "The person was erased."),
        ("已注销账户不再变动。", "The account of an erased person does not move any more."),
        ("无需处理。", "Nothing is to be done."),
    ),
    Reason(
        "total_too_large",
        (
            "该账户的累计减排量将超出可记账的最大值（2^63-1 毫克）。",
            "The account would come to hold more than can be booked: 2^63-1 milligrams.",
        ),
        ("累计量须能逐毫克记账。", "Every total is kept to the milligram."),
        (
            "核对活动数据的单位和数量级；数值确实无误的，请联系运营方。",
            "Check unit and size of the record; where they are right, ask the operator.",
        ),
    ),
    Reason(
        "same_act",
        (
            "与已计入的另一条记录是同一次行为，只计一次。",
            "It is the same act as another record that counts; an act counts once.",
        ),
        (
            "同一行为不得重复计算，无论由哪一方、以哪种行为报送（T/CECA-G 0203，7.2）。",
            "No act is counted twice, whoever reports it and as whichever behaviour (T/CECA-G 0203, 7.2).",
        ),
        (
            "无需处理。原因之后依次是条款、规则和已计入的行为；如已计入的一条被撤回，请用新的 id 重新发送。",
            "Nothing is to be done. After the code stand clause, rule and the behaviour that counts; where that one is taken "
            "back, send this one again under a new id.",
        ),
    ),
    Reason(
        "anomaly",
        (
            "经核查，该记录不计入；已入账的已冲正。",
            "After a review the record does not count; what was booked for it was reversed.",
        ),
        (
            "第三方数据须可靠、可追溯（T/CECA-G 0203，7.3.3.3）。",
            "Data of third parties are reliable and traceable (T/CECA-G 0203, 7.3.3.3).",
        ),
        (
            "原因之后依次是条款、规则和案件编号；请核对同类记录，确有错误的请更正，本人可以申诉。",
            "After the code stand clause, rule and the number of the case; check records like it and correct what is wrong; "
            "its person may appeal.",
        ),
    ),
    Reason(
        "carbon_retired",
        (
            "该减排量已注销（抵销），无法撤回。",
            "The reductions were retired: the account does not hold them any more.",
        ),
        ("已注销的减排量不能再动用。", "What was retired stays retired."),
        ("请联系运营方处理。", "Ask the operator to settle it."),
    ),
    Reason(
        QUARANTINE,
        ("记录已保留，正在审核，尚未计入。", "The record is kept and under review; it is not counted yet."),
        (
            "运营方为查清数据问题，在限定期间内先保留再入账（T/CECA-G 0203，6.1）。",
            "For a limited time the operator looks at such records before they are booked (T/CECA-G 0203, 6.1).",
        ),
        (
            "无需处理，也不要重发；结果会告知。原因之后是规则。",
            "Nothing is to be done or to be sent again: you are told what becomes of it. After the code stands the rule.",
        ),
    ),
    Reason(
        DISMISSED,
        ("经审核，该记录不计入。", "After a review the record does not count."),
        (
            "第三方数据须可靠、可追溯（T/CECA-G 0203，7.3.3.3）。",
            "Data of third parties are reliable and traceable (T/CECA-G 0203, 7.3.3.3).",
        ),
        (
            "原因之后是规则；如数据有误，请更正后用新的 id 发送。",
            "After the code stands the rule; where the data was wrong, send what is right under a new id.",
        ),
    ),
    Reason(
        LAPSED,
        ("记录已放行，但届时已不能入账。", "The record was released, but could not be booked by then."),
        (
            "行为发生时与入账时都须有有效授权（T/CECA-G 0203，4.3），数据须仍允许使用。",
            "An authorisation must be live at the act and at the booking (T/CECA-G 0203, 4.3), and the data may still be used.",
        ),
        (
            "规则之后是原因：not_authorised 为授权已结束，ended 为数据来源的使用期限已过。",
            "After the rule stands why: not_authorised, the authorisation has ended; ended, the use of its source is over.",
        ),
    ),
)

REASONS = {reason.code: reason for reason in _ALL}
