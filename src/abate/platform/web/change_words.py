"""Changes in words, as those read them who propose and decide: where something stands before and after, words that have one
of a few meanings, and how a form asks for an argument.
"""

from __future__ import annotations

from datetime import datetime

from abate.bookkeeping.kinds import Kind
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.joining.kinds import kinds
from abate.platform.parties import queries as parties
from abate.platform.review import rights
from abate.platform.web import amounts, marks, state_words, story
from abate.platform.web.argument_names import NAMES
from abate.platform.web.wording import Pair, english, pick, say
from abate.quantify.explain_words import CODED
from abate.quantify.factors import GRADES

DAYS = frozenset({"from_day", "to_day", "first_day", "last_day", "keep_until", "valid_from", "valid_until"})
MOMENTS = frozenset({"from_at", "to_at", "expires_at", "until"})
_STANDS: dict[str, Pair] = {
    "about": ("关于", "About"),
    "acts": ("一事不二计规则（摘要）", "Rules of one act (digest)"),
    "adjusted": ("调整", "Adjusted"),
    "agreement": ("协议", "Agreement"),
    "announcement": ("公告", "Announcement"),
    "anomalies": ("异常规则（摘要）", "Rules of anomalies (digest)"),
    "basis": ("计算依据", "Basis"),
    "booked": ("记账", "Booked"),
    "breaks": ("对账差异", "Breaks of reconciliation"),
    "cap": ("上限", "Cap"),
    "carbon_mg": ("减排量（毫克）", "Reduction (milligrams)"),
    "clause": ("条款", "Clause"),
    "codes": ("兑换码", "Voucher codes"),
    "counts": ("计入资质", "Counts"),
    "credits": ("积分", "Credits"),
    "day_before": ("前一条规则", "Rule of the day before"),
    "documents": ("资质文件", "Documents"),
    "duties": ("义务", "Duties"),
    "duty": ("留存义务", "Duty to keep"),
    "ended": ("提前结束", "Ended early"),
    "factors": ("因子文件（摘要）", "Factor files (digest)"),
    "fields": ("字段", "Fields"),
    "files": ("文件", "Files"),
    "floor": ("最低数据等级", "Lowest grade of figures"),
    "grants": ("准入类别", "Let in as"),
    "ground": ("依据", "Ground"),
    "holder": ("持有人", "Holder"),
    "in_order": ("审核合格", "In order"),
    "keyids": ("公钥编号", "Ids of public keys"),
    "keys": ("密钥数", "Keys, counted"),
    "later": ("之后的规则", "Later rules"),
    "listed": ("在架", "Listed"),
    "may_be_booked": ("可以入账", "May be booked"),
    "methodologies": ("方法学", "Methodologies"),
    "methods": ("方法学（摘要）", "Methodologies (digest)"),
    "months": ("月份", "Months"),
    "not_shared": ("不可共享的来源", "Sources that may not be shared"),
    "notices": ("通知", "Notices"),
    "offer": ("权益", "Offer"),
    "open": ("开通", "Open"),
    "pack": ("数据包", "Pack of the operator"),
    "party": ("机构", "Party"),
    "purpose": ("用途", "Purpose"),
    "quarantined": ("隔离中的事件", "Events kept back"),
    "region": ("地区", "Region"),
    "registration": ("登记号", "Registration"),
    "request": ("申请的状态", "How the request stands"),
    "reversed": ("已冲正", "Reversed"),
    "reviewed_by": ("审核账号", "Reviewed by (account)"),
    "roles": ("角色", "Roles"),
    "rule": ("规则", "Rule"),
    "seats": ("席位", "Seats"),
    "sha256": ("文件摘要 (SHA-256)", "Digest (SHA-256)"),
    "state": ("状态", "State"),
    "status": ("状态", "Status"),
    "terms": ("条款", "Terms"),
    "version": ("版本", "Version"),
    "what": ("更正内容", "What is corrected"),
    "zone": ("时区", "Time zone"),
}
"""What a state has beside the arguments, or calls otherwise than they do."""
_OF: dict[tuple[str, str], Pair] = {
    ("party.refuse", "reason"): ("告知申请方的理由", "Reason that the applicant is told"),
    ("sharing.answer", "reason"): ("告知申请方的理由", "Reason that the asker is told"),
    ("sharing.answer", "until"): ("使用至", "Used until"),
    ("sharing.answer", "kind"): ("用途类别", "Kind of purpose"),
    ("sharing.answer", "contact"): ("联系人", "Contact"),
    ("sharing.answer", "behaviours"): ("所申请的行为", "Behaviours asked about"),
    ("revalue.book", "what.events"): ("所查看的事件", "Events looked at"),
    ("revalue.book", "what.from"): ("行为首日", "First day of the acts"),
    ("revalue.book", "what.to"): ("行为末日", "Last day of the acts"),
    ("revalue.book", "what.factors_before"): ("更正前的因子", "Factors before"),
    ("revalue.book", "what.factors_after"): ("更正后的因子", "Factors after"),
    ("party.admit", "application.contact"): ("联系方式的摘要", "Digest of the contact"),
    ("party.contact", "contact"): ("联系方式的摘要", "Digest of the contact"),
}
"""What one change calls otherwise than the others do: the argument, or where it stands before and after."""
_LEFT_OPEN: Pair = ("仍未了结", "Still open")
"""What `open` means where a party leaves: there it has members, and an account's has none."""
_CHOICES: dict[str, dict[str, Pair]] = {
    "audience": {
        "people": ("个人用户", "people"),
        "partners": ("合作方", "partners"),
        "everybody": ("所有人", "everybody"),
    },
    "scope": {
        "person": ("每人", "a person"),
        "party": ("每家机构", "a party"),
        "object": ("每个标识对象", "an object that a field names"),
    },
    "period": {
        "day": ("每日", "a day"),
        "month": ("每月", "a month"),
        "ever": ("整个有效期", "all the days of the cap"),
    },
    "cause": {
        "probation": ("机构试用期", "a party on probation"),
        "data_fault": ("数据故障", "a fault of data"),
        "late": ("报送过迟", "sent too late"),
        "mark": ("政务数据标识", "a source's mark"),
    },
    "status": {
        "trial": ("试接入", "on trial"),
        "active": ("正常", "active"),
        "suspended": ("已暂停", "suspended"),
        "left": ("已退出", "left"),
    },
}
_BOOKED: dict[str, Pair] = {
    "cancel": ("注销积分", "give up credits"),
    "transfer": ("转给他人", "give to another"),
    "hold": ("冻结积分", "set credits aside"),
    "settle": ("结清冻结", "spend what was set aside"),
    "release": ("解冻", "free what was set aside"),
    "retire": ("核销减排量", "retire reductions"),
    "adjust": ("人工调整", "adjust by hand"),
}
_SEATS: dict[str, Pair] = {
    "acceptor": ("收银", "at the till"),
    "partner": ("机构经办", "looks after the party"),
}


def choices(action: str, name: str) -> dict[str, str]:
    """What the argument `name` of `action` may say, and what it means; empty where it says anything."""
    words: dict[str, Pair] = _CHOICES.get(name, {})
    match name, action:
        case "behaviour" | "behaviours" | "add" | "remove" | "held_behaviours", _:
            return {one: story.title_of(one) for one in sorted(basis.catalogue().methods)}
        case "floor", _:
            return {one: pick((CODED[one].zh, CODED[one].en)) for one in GRADES}
        case "uses", _:
            words = marks.USES
        case "grants", _:
            words = {one: role.title for one, role in kinds().grants.items()}
        case "duties", _:
            words = {one: duty.title for one, duty in kinds().duties.items()}
        case "scopes", _:
            words = state_words.SCOPES
        case "request", "party.contact":
            words = state_words.CONTACTS
        case "state", "party.admit" | "party.refuse":
            words = {one: word[:2] for one, word in state_words.APPLICATIONS.items()}
        case "state", "sharing.answer":
            words = {one: word[:2] for one, word in state_words.REQUESTS.items()}
        case "fields", "sharing.answer":
            words = state_words.FIGURES
        case "about", "sharing.answer":
            words = state_words.ABOUT
        case "kind", "sharing.answer":
            words = marks.PURPOSES
        case "kind", "ledger.book" | "ledger.adjust":
            words = _BOOKED
        case "kind", "entry.reverse":
            return {one.name.lower(): story.name_of(one) for one in Kind}
        case "kind", _:
            return {one: pick(role.title) for one, role in kinds().kinds.items()}
        case "role", "party.member":
            words = _SEATS
        case "role" | "roles", _:
            return {one: role.en if english() else role.zh for one, role in rights.rights().roles.items()}
    return {one: pick(word) for one, word in words.items()}


def asked(action: str, name: str) -> dict[str, str]:
    """The choices that a form offers: `adjust` is a change of its own, and nobody proposes how a party stands."""
    return {one: word for one, word in choices(action, name).items() if one != "adjust"}


def meaning(action: str, where: str, value: object) -> str | None:
    """`value`, which stands at `where`, in words with itself in brackets; None where it says anything, and for an empty one."""
    name = where.rpartition(".")[2]
    if name in MOMENTS and isinstance(value, str):
        return _stamp(value)
    if found := _figure(name, value):
        return found
    told = [value] if isinstance(value, str) else value
    if name == "documents" and isinstance(value, list):
        return " / ".join(_paper(one) for one in value) or None
    if name == "seats" and isinstance(value, list):
        return ", ".join(_seat(one) for one in value) or None
    if not isinstance(told, list) or not told or not all(isinstance(one, str) for one in told):
        return None
    known = _parties(told) if name in ("party", "code") else choices(action, name)
    if not all(one in known for one in told):
        return None
    return ", ".join(f"{known[one]} ({one})" for one in told)


def _figure(name: str, value: object) -> str | None:
    """A number as figures are written; an id stays as it is, and 0 is none of them."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    if name in ("hold", "request", "entry"):
        return str(value) if value else "—"
    return amounts.exact(value) if name in ("max_mg", "carbon_mg") else amounts.count(value)


def _paper(one: dict[str, object]) -> str:
    """A document by its members, its kind in words."""
    kind = kinds().documents.get(str(one.get("kind")))
    return text(one | {"kind": f"{pick(kind.title)} ({kind.name})"} if kind else one)


def _seat(told: str) -> str:
    """`code role`, the party by its name and the role in words."""
    code, _, role = told.partition(" ")
    return f"{_parties([code]).get(code, code)} ({code}) {pick(_SEATS[role]) if role in _SEATS else role}"


def _parties(codes: list[str]) -> dict[str, str]:
    """What the parties of these codes are called."""
    return {one.code: pick((one.title_zh, one.title_en)) for one in parties.called(codes)}


def _stamp(text: str) -> str | None:
    """A moment by the platform's clock; None for a day, and for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return amounts.stamp(found) if found.tzinfo else None


def text(value: object) -> str:
    """Any value as it is read: lists by their members, what has members by their names."""
    match value:
        case None | "" | []:
            return "—"
        case bool():
            return say("是", "yes") if value else say("否", "no")
        case list():
            return " / ".join(text(one) for one in value)
        case dict():
            return "; ".join(f"{place(name)}: {text(one)}" for name, one in value.items()) or "—"
    return str(value)


def argument(action: str, name: str) -> str:
    """What an argument of `action` is called."""
    return pick(_OF.get((action, name)) or NAMES.get(name, (name, name)))


def place(where: str, action: str = "") -> str:
    """The path of something in a state, member by member, as the reader calls them; `action` may call it otherwise."""
    if own := _OF.get((action, where)):
        return pick(own)
    if where.startswith(("basis.factors.", "basis.methods.")):
        parts = where.split(".", 2)
    else:
        parts = where.split(".")
    named = [_STANDS.get(one) or NAMES.get(one) for one in parts]
    if where.startswith("open."):
        named[0] = _LEFT_OPEN
    return " · ".join(pick(word) if word else one for one, word in zip(parts, named, strict=True))


def input_type(name: str, value: str) -> str:
    """How a form asks for `name`: a day and a moment by the browser's calendar, unless it could not show the `value`."""
    type_ = "date" if name in DAYS else "datetime-local" if name in MOMENTS else "text"
    try:
        shown = not value or (datetime.fromisoformat(value).tzinfo is None)
    except ValueError:
        shown = False
    return type_ if shown else "text"


def moment(text: str) -> str:
    """A moment as a form's clock gives it, with the offset that the platform's zone has then; anything else as it is."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if found.tzinfo else found.replace(tzinfo=clock.zone()).isoformat()
