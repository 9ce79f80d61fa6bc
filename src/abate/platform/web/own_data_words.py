"""How the copy of a person's data is told on paper: each field by its name, each value as people read it.

The JSON of the copy keeps what is stored: names of fields, milligrams, moments in UTC.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from abate.bookkeeping.kinds import Kind
from abate.platform.anomalies.queries import CAME as CASES_CAME
from abate.platform.notices.kinds import kinds as notice_kinds
from abate.platform.parties import queries as parties
from abate.platform.people import consents
from abate.platform.quarantine.queries import CAME as KEPT_CAME
from abate.platform.web import amounts, cases, story
from abate.platform.web.readers import OPENED
from abate.platform.web.wording import Pair, pick, say

NAMES: Mapping[str, Pair] = {
    "added_at": ("添加于", "Added"),
    "advice": ("您可以做什么", "What you can do"),
    "answer": ("答复", "Answer"),
    "answered_at": ("答复于", "Answered"),
    "appeal": ("您的申诉", "Your appeal"),
    "appealed_at": ("申诉于", "Appealed"),
    "asked_at": ("提出于", "Asked"),
    "at": ("时间", "When"),
    "batch_id": ("批次", "Batch"),
    "be_mg": ("基准线排放", "Baseline emissions"),
    "began_at": ("开始于", "Began"),
    "behaviour": ("行为", "Behaviour"),
    "behaviours": ("行为", "Behaviours"),
    "beside": ("并列的记录", "Records beside"),
    "burnt_at": ("核销于", "Used"),
    "by": ("谁", "By whom"),
    "by_id": ("由哪条记录", "By which record"),
    "came": ("由来", "How it came"),
    "capped": ("受上限限制", "Held by a cap"),
    "carbon_after": ("之后的减排量余额", "Avoided emissions after it"),
    "carbon_mg": ("减排量", "Avoided emissions"),
    "cause": ("缘由", "Cause"),
    "cause_party": ("来自", "From"),
    "channel": ("渠道", "Channel"),
    "contact": ("联系人", "Whom to ask"),
    "corrected": ("已更正为", "Corrected by"),
    "corrects": ("更正的记录", "Record it corrects"),
    "corrects_cause": ("更正的缘由", "Why it was corrected"),
    "created_at": ("添加于", "Added"),
    "credits": ("积分", "Credits"),
    "credits_after": ("之后的积分余额", "Credits after it"),
    "data": ("涉及您的哪些信息", "Which of your data"),
    "day": ("日期", "Day"),
    "decided_at": ("决定于", "Decided"),
    "decided_why": ("决定的理由", "Why it was decided so"),
    "device": ("设备", "Device"),
    "done": ("已采取的措施", "What was done"),
    "dropped_at": ("原始记录删除于", "Record deleted"),
    "due": ("答复期限", "Answer due"),
    "eligible_mg": ("其中折算积分的减排量", "Of it counted for credits"),
    "ended_at": ("结束于", "Ended"),
    "ended_why": ("结束的理由", "Why it ended"),
    "ends_at": ("有效期至", "Ends"),
    "entries": ("分录数", "Entries"),
    "entry_id": ("分录", "Entry"),
    "er_mg": ("减排量", "Avoided emissions"),
    "event_id": ("合作方的记录号", "The partner's name for it"),
    "expires_at": ("有效期至", "Expires"),
    "factors": ("排放因子", "Emission factors"),
    "field": ("内容", "What"),
    "fields": ("提供的内容", "What is told"),
    "follows": ("可能的影响", "What may follow"),
    "from_month": ("起始月", "From month"),
    "given_at": ("同意于", "Agreed"),
    "grade": ("级别", "Grade"),
    "grade_floor": ("因子最低级别", "Lowest grade of factors"),
    "granted_at": ("授权于", "Granted"),
    "ground": ("依据", "Ground"),
    "group": ("分组", "Group"),
    "happened": ("发生了什么", "What happened"),
    "held_at": ("隔离于", "Kept back"),
    "id": ("编号", "Number"),
    "issued_at": ("发放于", "Issued"),
    "joined_at": ("加入于", "Joined"),
    "kind": ("类别", "Kind"),
    "last_used_at": ("上次使用", "Last used"),
    "le_mg": ("泄漏", "Leakage"),
    "leaf_hash": ("叶子摘要", "Hash of its leaf"),
    "left": ("尚未使用", "Not used yet"),
    "left_at": ("退出于", "Left"),
    "level": ("数据级别", "Level of the data"),
    "limit": ("界限", "Limit"),
    "made_up": ("虚构的示例", "Made-up sample"),
    "mark": ("标识", "Mark"),
    "measured": ("测得", "Measured"),
    "measured_at": ("量化于", "Quantified"),
    "members": ("成员数", "Members"),
    "name": ("姓名或名称", "Name"),
    "notice_version": ("告知书版本", "Version of the notice"),
    "number": ("号码", "Number"),
    "occurred_at": ("发生于", "When it happened"),
    "offer": ("兑换项目", "Offer"),
    "opened_at": ("开户于", "Opened"),
    "order_id": ("订单号", "Order"),
    "outcome": ("结果", "Outcome"),
    "pack": ("因子包", "Factor pack"),
    "pack_hash": ("因子包摘要", "Hash of the factor pack"),
    "part": ("部分", "Part"),
    "parties": ("合作方", "Partners"),
    "party": ("机构", "Party"),
    "party_code": ("合作方", "Partner"),
    "party_status": ("合作方状态", "State of the partner"),
    "pe_mg": ("项目排放", "Project emissions"),
    "pseudonym": ("账户（假名）", "Account (pseudonym)"),
    "purpose": ("目的", "Purpose"),
    "reason": ("原因", "Reason"),
    "received_at": ("收到于", "Received"),
    "record": ("合作方送来的原始记录", "The record as the partner sent it"),
    "records": ("记录数", "Records"),
    "region": ("地区", "Region"),
    "relation": ("关系", "Relation"),
    "replaced_at": ("更正于", "Corrected"),
    "request": ("申请", "Request"),
    "retention_days": ("保留天数", "Days kept"),
    "roles": ("身份", "Who"),
    "rule": ("规则", "Rule"),
    "says": ("规则的内容", "What the rule says"),
    "seen_at": ("最近使用", "Last seen"),
    "shared_with": ("可提供给", "May be given to"),
    "since": ("自", "Since"),
    "source": ("来源", "Source"),
    "spared": ("未涉及的记录", "Records left alone"),
    "state": ("状态", "State"),
    "subject": ("代号", "Name"),
    "superseded": ("重新计算", "Computed again"),
    "text": ("内容", "Text"),
    "title": ("名称", "Title"),
    "titles": ("名称", "Title"),
    "to_month": ("截止月", "To month"),
    "told_at": ("告知于", "Told"),
    "unit": ("单位", "Unit"),
    "until": ("截止", "Until"),
    "use_until": ("可用至", "Used until"),
    "uses": ("用途", "Uses"),
    "valid_from": ("生效于", "Valid from"),
    "valid_until": ("有效期至", "Valid until"),
    "value": ("内容", "Value"),
    "version": ("版本", "Version"),
    "wanted": ("是否接收", "Wanted"),
    "went": ("送达", "How it went"),
    "what": ("内容", "What"),
    "why": ("原因", "Why"),
    "withdrawn": ("撤回", "Taken back"),
    "withdrawn_at": ("撤回于", "Withdrawn"),
}
"""The fields of the copy. A pair `x_zh`, `x_en` is told as `x`, in the language of the paper alone."""

REQUESTS: Mapping[str, Pair] = {
    "correction": ("更正或补充", "Correct or complete"),
    "explanation": ("解释处理规则", "Explain how it is processed"),
    "restriction": ("限制或拒绝处理", "Restrict or object"),
    "complaint": ("投诉", "Complain"),
}
RELATIONS: Mapping[str, Pair] = {"parent": ("父母", "Parent"), "other": ("其他监护人", "Other guardian")}
CHANNELS: Mapping[str, Pair] = {
    "email": ("邮件", "e-mail"),
    "phone": ("短信", "SMS"),
    "push": ("浏览器通知", "browser"),
}

_WORDS: Mapping[str, Mapping[str, Pair]] = {
    "relation": RELATIONS,
    "channel": CHANNELS,
    "grade": {name: words[:2] for name, words in cases.GRADES.items()},
    "party_status": {
        "trial": ("试运行", "on trial"),
        "active": ("正常", "active"),
        "suspended": ("已暂停", "suspended"),
        "left": ("已退出", "has left"),
    },
}
_KINDS: Mapping[str, Mapping[str, Pair]] = {
    "requests": REQUESTS,
    "contacts": {"phone": ("手机", "Phone"), "email": ("邮箱", "E-mail")},
    "groups": {"household": ("家庭", "household"), "organisation": ("单位", "organisation")},
    "sign_in": {
        "webauthn": ("通行密钥", "passkey"),
        "totp": ("动态口令应用", "app with codes"),
        "recovery_codes": ("恢复码", "recovery codes"),
    },
    "cases": cases.KINDS,
}
_STATES: Mapping[str, Mapping[str, Pair]] = {
    "cases": {name: words[:2] for name, words in cases.STATES.items()},
    "codes": {
        "active": ("可用", "good"),
        "burnt": ("已核销", "used"),
        "cancelled": ("已取消", "cancelled"),
        "expired": ("已过期", "expired"),
    },
}
_CAME: Mapping[str, Mapping[str, Pair]] = {"cases": CASES_CAME, "quarantine": KEPT_CAME}
_LANGUAGES = ("_zh", "_en")
UNTOLD = frozenset({"person_id", "party_id"})
"""Numbers within the database: what they stand for is told beside them."""


@dataclass(frozen=True)
class Teller:
    """Tells the rows of the copy in the present language; names of parties are read once."""

    parties: Mapping[str, Pair]

    @classmethod
    def now(cls) -> Teller:
        return cls({row.code: (row.title_zh, row.title_en) for row in parties.parties()})

    def pairs(self, table: str, row: Mapping[str, object]) -> list[list[str]]:
        """(name, value) of what a row has, in its order."""
        found = []
        for name, value in row.items():
            own, language = (name[:-3], name[-2:]) if name.endswith(_LANGUAGES) else (name, "")
            if value in (None, "", [], {}) or language == say("en", "zh") or name in UNTOLD:
                continue
            told = self._value(table, own, value)
            found.append([label(own), _UNBROKEN.sub(lambda long: long[0] + "\u200b", told)])
        return found

    def _value(self, table: str, name: str, value: object) -> str:
        if isinstance(value, bool):
            return say("是", "yes") if value else say("否", "no")
        if isinstance(value, Mapping):
            return "; ".join(f"{key}: {told}" for key, told in self.pairs(table, value))
        if isinstance(value, list):
            return self._listed(table, name, value)
        if isinstance(value, int):
            return _number(table, name, value)
        return self._text(table, name, value) if isinstance(value, str) else json.dumps(value)

    def _listed(self, table: str, name: str, value: list[object]) -> str:
        pair = len(value) == 2 and all(isinstance(one, str) for one in value)
        if pair and name in ("says", "reason", "titles", "why", "source"):
            return pick((str(value[0]), str(value[1])))
        told = [self._value(table, _ONE_OF.get(name, name), one) for one in value]
        return say("、", ", ").join(told)

    def _text(self, table: str, name: str, value: str) -> str:
        if name in ("party", "party_code", "cause_party", "by") and value in self.parties:
            return f"{pick(self.parties[value])} ({value})"
        if name == "by" and value == "operator":
            return say("平台运营方", "the operator")
        if name == "behaviour":
            return f"{story.title_of(value)} ({value})"
        if name == "record":
            return _record(value)
        words = _TOLD[name](table, value) if name in _TOLD else _WORDS.get(name, {}).get(value)
        if words is not None:
            return pick(words)
        moment = _moment(value) if name.endswith("at") or name in ("since", "until") else None
        return value if moment is None else amounts.stamp(moment)


def _record(text: str) -> str:
    """The JSON that was sent, with room to break its line; as it is where it is none."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    return json.dumps(told, ensure_ascii=False, separators=(", ", ": "))


_UNBROKEN = re.compile(r"\S{64}(?=\S)")
"""A line of the paper holds 80 signs; where none may break it runs out of the page."""
_ONE_OF = {"parties": "party", "behaviours": "behaviour"}


def label(name: str) -> str:
    """A field in words; one that has none is told by its own name."""
    return pick(NAMES[name]) if name in NAMES else name


def _kind(table: str, value: str) -> Pair | None:
    if table == "entries":
        words = {one.name.lower(): one for one in Kind}
        return (story.name_of(words[value]),) * 2 if value in words else None
    if table in ("notices", "notice_choices"):
        kind = notice_kinds().get(value)
        return kind.title if kind else None
    return _KINDS.get(table, {}).get(value)


_TOLD: Mapping[str, Callable[[str, str], Pair | None]] = {
    "kind": _kind,
    "field": lambda _, value: OPENED[value][0] if value in OPENED else None,
    "purpose": lambda table, value: _purposes().get(value) if table == "consents" else None,
    "outcome": lambda _, value: story.STATES.get(value),
    "state": lambda table, value: _STATES.get(table, {}).get(value),
    "came": lambda table, value: _CAME.get(table, {}).get(value),
}


def _purposes() -> dict[str, Pair]:
    return {one.name: one.text for notice in consents.notices().values() for one in notice.purposes}


def _number(table: str, name: str, value: int) -> str:
    if name.endswith("_mg") or name == "carbon_after":
        return f"{amounts.grams(value)} gCO₂e"
    return amounts.count(value) if name in ("credits", "credits_after") else str(value)


def _moment(value: str) -> datetime | None:
    """None for a date, which has no time to move."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
