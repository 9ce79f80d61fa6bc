"""A stored behaviour or entry as it is told to its person: a title, a state, a reason, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.urls import reverse

from abate.bookkeeping.kinds import Counter, Kind
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import revaluing
from abate.platform.carbon.basis import acts as rules_of_acts
from abate.platform.carbon.basis import catalogue
from abate.platform.carbon.queries import Behaviour, Withdrawn
from abate.platform.credits import queries as rules
from abate.platform.credits.queries import CutBy
from abate.platform.doors import clock
from abate.platform.events.outcomes import DISMISSED, LAPSED, QUARANTINE, Outcome
from abate.platform.events.reasons import REASONS
from abate.platform.events.withdrawals import CAUSES, CORRECTED, read_entry_cause
from abate.platform.ledger.queries import EntryRow
from abate.platform.parties import queries as parties
from abate.platform.parties.queries import PartyRow
from abate.platform.web import amounts, cases, held
from abate.platform.web.wording import Pair, pick, say
from abate.quantify.anomalies import ANOMALY
from abate.quantify.method import Method, Text


@dataclass(frozen=True, slots=True)
class Stop:
    """One behaviour on the feed. `tone` colours it: good, part, wait or none."""

    title: str
    state: str
    tone: str
    why: str
    href: str
    present: str
    """Where the present result is, if this one was superseded."""
    party: Pair
    event_id: str
    occurred_at: datetime
    counted: date | None
    """Its day as it was counted, where days are those of another zone since."""
    received_at: datetime
    er_mg: int | None
    eligible_mg: int
    credits: int
    credited: bool
    rate: int | None
    """Credits a kilogram, where the list has several rates; see `own_rates`."""
    method: str
    method_title: str
    version: int
    made_up: bool
    illustration: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the statement."""

    id: int
    title: str
    at: datetime
    carbon_mg: int
    credits: int
    carbon_after: int
    credits_after: int
    cause: str
    account: str
    rate: int | None


def _pair(text: Text) -> str:
    return pick((text.zh, text.en))


def title_of(behaviour: str) -> str:
    """A behaviour's name; its id where no methodology is shipped for it any more."""
    versions = catalogue().methods.get(behaviour)
    return _pair(versions[-1].titles) if versions else behaviour


def _method(behaviour: str, version: int) -> Method | None:
    return next((m for m in catalogue().methods.get(behaviour, ()) if m.version == version), None)


def _state(found: Behaviour) -> tuple[str, str]:
    if found.superseded:
        return say("已由重新计算取代", "Superseded"), "none"
    if found.withdrawn:
        if found.withdrawn.kind == CORRECTED:
            return say("已更正", "Corrected"), "none"
        return say("已撤回", "Withdrawn"), "none"
    match found.outcome:
        case Outcome.CREDITED if found.capped:
            return say("已计入，达到上限", "Credited, cap reached"), "part"
        case Outcome.CREDITED:
            return say("已计入", "Credited"), "good"
        case Outcome.NOT_BELOW_BASELINE:
            return say("未低于基准", "Not below the baseline"), "none"
        case Outcome.NOT_COUNTED:
            return say("不计入", "Not counted"), "none"
        case Outcome.NEEDS_FIGURE:
            return say("等待数值", "Waiting for a figure"), "wait"
        case _:
            return say("审核中", "Under review"), "wait"


def _why(found: Behaviour, cut: CutBy | None, kept: str = "") -> str:
    """Why it counted as it did: the rule and its clause, the missing figure, the cap; `kept`: why it is in quarantine."""
    if found.superseded and found.outcome == Outcome.QUARANTINED:
        return say(
            "审核已于 {day} 结束：{why}。",
            "Its review ended on {day}: {why}.",
            day=amounts.day(clock.day(found.superseded.at)),
            why=pick(found.superseded.why),
        )
    if found.superseded:
        return say(
            "这是原来的结果，已于 {day} 重新计算并由新的分录取代：{why}。原分录已冲正，其回执仍可验证。",
            "This is what it came to before. It was computed again on {day}, and a new entry stands in its place: {why}. "
            "This one was reversed; its receipt still verifies.",
            day=amounts.day(clock.day(found.superseded.at)),
            why=pick(found.superseded.why),
        )
    if found.withdrawn:
        return _gone(found.withdrawn)
    code, _, rest = (found.reason or "").partition(":")
    method = _method(found.behaviour, found.version)
    match found.outcome:
        case Outcome.CREDITED if found.capped:
            return _cut_words(cut)
        case Outcome.CREDITED:
            return ""
        case Outcome.NOT_BELOW_BASELINE:
            return say(
                "排放没有低于基准情景，记录保留，不计积分（T/CECA-G 0203，7.2）。",
                "No less was emitted than in the baseline scenario: kept, no credits (T/CECA-G 0203, 7.2).",
            )
        case Outcome.NEEDS_FIGURE:
            parameter = method.parameters.get(rest or code) if method else None
            name = _pair(parameter.meaning) if parameter else rest or code
            return say(
                "缺少够等级的数值：{name}。补上后才能计算。",
                "A figure of sufficient grade is missing: {name}. It is computed once that is given.",
                name=name,
            )
        case Outcome.NOT_COUNTED:
            return _rule_words(method, code, rest)
        case _:
            return " ".join(filter(None, (pick(REASONS[QUARANTINE].what), kept)))


# What a cap is per, as far as its person is concerned.
_PER = {
    "person": ("您本人", "of your own"),
    "party": ("该数据方全部用户", "of all users of that partner"),
    "object": ("该设备或订单", "of that device or order"),
}
_PERIODS = {"day": ("当日", "for the day"), "month": ("当月", "for the month"), "ever": ("累计", "in total")}


def _cut_words(cut: CutBy | None) -> str:
    """Which cap was reached, what it is per, and the operator's reason for it."""
    if cut is None:
        return ""
    return say(
        "已达积分上限（{per}，{period}）：{reason}。减排量照常入账，超出部分不计积分。",
        "A cap on credits was reached ({per}, {period}): {reason}. The reduction is booked in full; what lies above the "
        "cap earns no credits.",
        per=pick(_PER[cut.scope]),
        period=pick(_PERIODS[cut.period]),
        reason=pick((cut.reason_zh, cut.reason_en)),
    )


def _corrected(found: Behaviour) -> str:
    """That it was computed again, and why."""
    if found.corrected is None or (found.reason or "").startswith((ANOMALY, DISMISSED, LAPSED)):
        # Of what is not counted for a case, the case is shown instead; of what was in quarantine, what the reason says.
        return ""
    why = pick(found.corrected)
    return say("已重新计算并更正：{why}。", "Computed again and corrected: {why}.", why=why)


def _gone(taken: Withdrawn) -> str:
    cause = pick(CAUSES[taken.cause])
    if taken.kind == CORRECTED:
        return say(
            "合作方已更正：{cause}。原入账已冲正，由事件 {by} 代替。",
            "The partner corrected it: {cause}. Its entry was reversed; event {by} stands in for it.",
            cause=cause,
            by=taken.by_id,
        )
    return say(
        "合作方已撤回：{cause}。已入账的减排量和积分已冲正；已花掉的积分由以后的积分抵还。",
        "The partner took it back: {cause}. What was booked for it was reversed; credits spent already are "
        "settled by later ones.",
        cause=cause,
    )


def _rule_words(method: Method | None, code: str, clause: str) -> str:
    if code in {"history", "before_publication"}:
        return pick(REASONS["before_publication"].what)
    if code in (DISMISSED, LAPSED):
        return pick(REASONS[code].what)
    if code == "same_act":
        return _same_act_words(clause)
    if code == "anomaly":
        return cases.words_of(clause)
    known = {rule.id: rule for rule in method.recognition} if method else {}
    words = _pair(known[code].why) if code in known else code
    words = words[:1].upper() + words[1:]
    return words + (say("（条款 {c}）", " (clause {c})", c=clause) if clause else "")


def _same_act_words(rest: str) -> str:
    """By which rule it is one act with another record, and which behaviour that is: not who sent it."""
    clause, rule, counts = (*rest.split(":"), "", "")[:3]
    acts = rules_of_acts()
    says = acts.says(rule) if acts else None
    return say(
        "与已计入的“{counts}”是同一次行为，只计一次：{says}（条款 {c}）。",
        "The same act as “{counts}”, which counts; an act counts once: {says} (clause {c}).",
        counts=title_of(counts),
        says=_pair(says) if says else rule,
        c=clause,
    )


def stop(
    found: Behaviour, sender: PartyRow | None, cut: CutBy | None, kept: str = "", rate: int | None = None
) -> Stop:
    """`rate`: the credits a kilogram that it says beside its own, None for none."""
    state, tone = _state(found)
    method = _method(found.behaviour, found.version)
    event = f"{reverse('why')}?{urlencode({'party': found.party_id, 'event': found.event_id})}"
    href = reverse("entry", kwargs={"entry_id": found.entry_id}) if found.entry_id is not None else event
    return Stop(
        title=title_of(found.behaviour),
        state=state,
        tone=tone,
        why=" ".join(filter(None, (_why(found, cut, kept), _corrected(found)))),
        href=href,
        present=event if found.superseded else "",
        party=(sender.title_zh, sender.title_en) if sender else (found.party_code, found.party_code),
        event_id=found.event_id,
        occurred_at=found.occurred_at,
        counted=found.day if found.day != clock.day(found.occurred_at) else None,
        received_at=found.received_at,
        er_mg=found.er_mg,
        eligible_mg=found.eligible_mg,
        credits=found.credits,
        credited=_credited(found),
        rate=rate if _credited(found) else None,
        method=found.behaviour,
        method_title=_pair(method.titles) if method else found.behaviour,
        version=found.version,
        made_up=bool(sender and sender.made_up),
        illustration=found.illustration,
    )


def _credited(found: Behaviour) -> bool:
    return found.outcome == Outcome.CREDITED and found.withdrawn is None


def own_rates(days: Collection[date]) -> dict[date, int]:
    """Day of an act -> credits a kilogram that it earned at; nothing where all are today's, which the page says once."""
    asked = {*days, clock.today()}
    found = rules.rates_of(asked)
    return found if len({found.get(day) for day in asked}) > 1 else {}


def tell(found: Iterable[Behaviour]) -> list[Stop]:
    """Each behaviour in words, with the partner that sent it, the cap that took part of it, why it is kept back, and the rate
    that it earned at where that is not the same for all and today.
    """
    told = list(found)
    senders = {row.code: row for row in parties.parties()}
    capped = {one.entry_id: one.person_id for one in told if one.capped and one.entry_id is not None}
    cuts: dict[int, CutBy] = {}
    for person in set(capped.values()):
        cuts |= rules.cuts(person, [entry for entry, who in capped.items() if who == person])
    kept = held.reasons(one for one in told if one.outcome == Outcome.QUARANTINED and not one.superseded)
    rates = own_rates({one.day for one in told if _credited(one)})
    return [
        stop(
            one,
            senders.get(one.party_code),
            cuts.get(one.entry_id or 0),
            kept.get((one.person_id, one.party_id, one.event_id), ""),
            rates.get(one.day),
        )
        for one in told
    ]


def lines(rows: Sequence[EntryRow]) -> list[Line]:
    """Entries of one person as the statement shows them: an award under the name of its behaviour, with the rate that it earned
    at where that is not the same for all and today.
    """
    if not rows:
        return []
    acts = carbon.acts_of_entries(rows[0].person_id, [row.id for row in rows if row.kind == Kind.AWARD])
    rates = own_rates({day for _, day in acts.values()})
    told = {number: (title_of(name), rates.get(day)) for number, (name, day) in acts.items()}
    return [line(row, *told.get(row.id, ("", None))) for row in rows]


OUTCOMES = {
    "credited": ("已计入", "Credited", "good"),
    "not_below_baseline": ("未低于基准", "Not below the baseline", "none"),
    "not_counted": ("不计入", "Not counted", "none"),
    "needs_figure": ("等待数值", "Waiting for a figure", "wait"),
    "quarantined": ("审核中", "Under review", "wait"),
    "withdrawn": ("已撤回", "Taken back", "none"),
    "refused": ("拒收", "Refused", "bad"),
}
"""What became of an event, in words, and its colour."""
STATES = {name: words[:2] for name, words in OUTCOMES.items()} | {"corrected": ("已更正", "Corrected")}
"""The same as its party is told it, one that was corrected apart."""

_TITLES = {
    Kind.REDEEM: ("积分兑换", "Credits spent"),
    Kind.CANCEL: ("积分注销", "Credits given up"),
    Kind.EXPIRE: ("积分到期", "Credits expired"),
    Kind.TRANSFER: ("积分转让", "Credits transferred"),
    Kind.HOLD: ("积分冻结", "Credits held"),
    Kind.SETTLE: ("冻结积分已支付", "Held credits spent"),
    Kind.RELEASE: ("解除冻结", "Held credits freed"),
    Kind.REVERSE: ("冲正", "Reversed"),
    Kind.ADJUST: ("调整", "Adjusted"),
    Kind.EXCHANGE_OUT: ("转出到其他平台", "Moved to another platform"),
    Kind.EXCHANGE_IN: ("由其他平台转入", "Came from another platform"),
    Kind.RETIRE: ("减排量注销（抵销）", "Reductions retired"),
    Kind.COLLECT: ("积分领取", "Credits collected"),
    Kind.LAPSE: ("积分逾期未领取", "Credits not collected in time"),
    Kind.RESTORE: ("到期积分转回冲正", "Expired credits put back for a reversal"),
    Kind.ERASED: ("个人信息已删除", "Personal part erased"),
}
_ACCOUNTS = {
    Counter.NONE: ("无：账户余额不变", "None: no balance changes"),
    Counter.ISSUANCE: ("发放账户", "The issuance account"),
    Counter.CANCELLATION: (
        "注销账户：只进不出，这些积分不能再被任何人使用",
        "The cancellation account, which only receives: nobody can spend them again",
    ),
    Counter.EXPIRY: ("到期账户：只进不出", "The expiry account, which only receives"),
    Counter.CLEARING: ("两位用户之间的清算账户", "The clearing account between two persons"),
    Counter.EXCHANGE: ("与其他平台的往来账户", "The account with other platforms"),
    Counter.CORRECTION: ("更正账户", "The correction account"),
    Counter.RETIREMENT: ("抵销账户：只进不出", "The retirement account, which only receives"),
}


def name_of(kind: int) -> str:
    """A kind of entry in words."""
    return pick(_TITLES[Kind(kind)]) if kind in _TITLES else say("低碳行为入账", "Behaviour booked")


def reason_of(kind: int, cause: str) -> str:
    """The cause as people read it: what names another entry begins with that entry's leaf hash."""
    if kind not in {Kind.REVERSE, Kind.RESTORE, Kind.SETTLE, Kind.RELEASE}:
        return cause
    taken = read_entry_cause(cause[65:])
    if taken is None:
        again = revaluing.read_entry_cause(cause[65:])
        return say("重新计算：{why}", "computed again: {why}", why=pick(again)) if again else cause[65:]
    verb, code, by = taken
    words = (
        ("合作方更正", "corrected by the partner")
        if verb == CORRECTED
        else ("合作方撤回", "taken back by the partner")
    )
    return say(
        "{verb}：{cause}（{by}）", "{verb}: {cause} ({by})", verb=pick(words), cause=pick(CAUSES[code]), by=by
    )


def line(row: EntryRow, behaviour: str = "", rate: int | None = None) -> Line:
    return Line(
        row.id,
        behaviour or name_of(row.kind),
        row.at,
        row.carbon_mg,
        row.credits,
        row.carbon_after,
        row.credits_after,
        reason_of(row.kind, row.cause),
        pick(_ACCOUNTS[Counter(row.counter)]),
        rate,
    )
