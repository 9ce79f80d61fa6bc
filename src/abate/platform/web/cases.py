"""A case of anomalies in words: to those who decide about it, and to the person it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abate.platform.anomalies import queries
from abate.platform.anomalies.queries import CAME, CaseRow
from abate.platform.carbon import basis
from abate.platform.carbon.queries import Behaviour
from abate.platform.web import amounts
from abate.platform.web.wording import pick, say
from abate.quantify.anomalies import Rule

GRADES = {
    "note": ("提示", "A note", "none"),
    "suspicious": ("可疑", "Suspicious", "part"),
    "strong": ("确凿", "Strong", "bad"),
}
STATES = {
    "open": ("待核查", "Open", "wait"),
    "proposed": ("提议确认", "Proposed to be confirmed", "wait"),
    "confirmed": ("已确认", "Confirmed", "bad"),
    "dismissed": ("已排除", "Dismissed", "good"),
    "appealed": ("申诉中", "Appealed", "wait"),
    "upheld": ("申诉后维持", "Upheld", "bad"),
    "overturned": ("申诉后撤销", "Overturned", "good"),
}
VERDICTS = {
    "proposed": ("提议确认", "Propose to confirm"),
    "confirmed": ("确认异常并收回", "Confirm, and take it back"),
    "dismissed": ("排除", "Dismiss"),
    "upheld": ("维持原决定", "Uphold"),
    "overturned": ("撤销并重新入账", "Overturn, and book it again"),
}
KINDS = {
    "speed": ("平均速度", "average speed"),
    "distance": ("里程", "distance"),
    "cadence": ("间隔", "time between"),
    "day": ("当日合计", "sum of the day"),
    "month": ("当月合计", "sum of the month"),
    "identical": ("相同记录", "records alike"),
    "device": ("不同设备", "different devices"),
}
_UNITS = {
    "km/h": ("公里/小时", "km/h"),
    "km": ("公里", "km"),
    "min": ("分钟", "min"),
    "h": ("小时", "h"),
    "kg": ("公斤", "kg"),
    "act": ("条", "records"),
    "item": ("个", "things"),
}


def _amount(number: str, unit: str) -> str:
    return f"{number} {pick(_UNITS.get(unit, (unit, unit)))}"


def compared(row: CaseRow) -> str:
    """The number and the limit, side by side."""
    measured = _amount(row.shown, row.unit) if row.shown else say("没有用时", "no time at all")
    limit = _amount(row.limit, row.unit)
    return (
        say("{m}，至少应为 {l}", "{m}, where at least {l} is due", m=measured, l=limit)
        if row.below
        else say("{m}，界限 {l}", "{m}, the limit being {l}", m=measured, l=limit)
    )


def field_of(behaviour: str, name: str) -> str:
    """What the newest methodology calls a field of its record; empty where it has none of this name."""
    versions = basis.catalogue().methods.get(behaviour)
    fields = versions[-1].activity.fields if versions else ()
    return next((pick((one.meaning.zh, one.meaning.en)) for one in fields if one.name == name), "")


def rule(one: Rule) -> dict[str, object]:
    """A rule with its limit and where that comes from, or that it waits for the operator's."""
    return {
        "id": one.id,
        "says": pick((one.says.zh, one.says.en)),
        "kind": pick(KINDS[one.kind]),
        "limit": _amount(one.shown_limit, one.unit) if one.limit is not None else "",
        "source": pick((one.source.zh, one.source.en)) if one.source else "",
    }


def told(row: CaseRow, names: Mapping[int, str]) -> dict[str, object]:
    """A case for the reviewers; `names` are the titles of parties by number."""
    return {
        "row": row,
        "says": pick(row.says),
        "kind": pick(KINDS[row.kind]),
        "grade": pick(GRADES[row.grade][:2]),
        "grade_tone": GRADES[row.grade][2],
        "state": pick(STATES[row.state][:2]),
        "tone": STATES[row.state][2],
        "compared": compared(row),
        "source": pick(row.source),
        "senders": ("、" if say("zh", "en") == "zh" else ", ").join(
            names.get(one, str(one)) for one in row.parties
        ),
        "waits": row.state in queries.OPEN.states,
    }


@dataclass(frozen=True, slots=True)
class Told:
    """A case about one record, as its person is told it."""

    number: int
    state: str
    tone: str
    text: str
    compared: str
    reason: str
    until: str
    may_appeal: bool


_TEXTS = {
    "open": (
        "这条记录正在由工作人员核查：{says}。核查期间积分不变。",
        "This record is under review: {says}. Meanwhile nothing changes.",
    ),
    "dismissed": ("这条记录经核查无误：{says}。", "This record was looked at and found sound: {says}."),
    "confirmed": (
        "经核查，这条记录不计入，已入账的减排量和积分已收回：{says}。",
        "After a review this record does not count, and what was booked for it was taken back: {says}.",
    ),
    "appealed": (
        "您的申诉正由另一位工作人员审理：{says}。",
        "Your appeal waits for the decision of another reviewer: {says}.",
    ),
    "spared": (
        "案件已确认，但这条记录经核查无误，予以保留：{says}。",
        "The case was confirmed, but this record was found sound and stays: {says}.",
    ),
    "retired": (
        "经核查，这条记录有误；其减排量已注销，不再收回：{says}。",
        "After a review this record is not sound; its reductions were retired, and stay so: {says}.",
    ),
    "upheld": ("申诉后维持原决定：{says}。", "The decision was upheld on your appeal: {says}."),
    "overturned": (
        "申诉成立，原决定已撤销：{says}。",
        "Your appeal was granted, and the decision overturned: {says}.",
    ),
}


def of_record(found: Behaviour) -> list[Told]:
    """The cases about a person's record, the newest first."""
    return [_told(row) for row in queries.of_record(found.person_id, found.party_id, found.event_id)]


def _told(row: CaseRow) -> Told:
    state, spared = row.told_state, row.told_came == "spared"
    text = row.told_came if row.told_came in ("spared", "retired") and state != "overturned" else state
    became = ""
    if state == "overturned" and row.came in CAME and not spared:
        became = say("这条记录：{came}。", "This record: {came}.", came=pick(CAME[row.came]))
    return Told(
        row.id,
        pick(STATES[state][:2]),
        "good" if spared else STATES[state][2],
        " ".join(filter(None, (say(*_TEXTS[text], says=pick(row.says)), became))),
        compared(row),
        row.ended_why or row.decided_why,
        amounts.day(row.until) if row.until else "",
        row.may_appeal and not spared,
    )


def words_of(reason: str) -> str:
    """Of a quantity that does not count for a case (`clause:rule:case`): which case that is."""
    number = reason.rpartition(":")[2]
    return say(
        "经核查不计入（异常核查案件 {n}），见下。",
        "Not counted after a review (case {n}); see below.",
        n=number,
    )
