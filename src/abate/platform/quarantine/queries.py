"""What others may know of quarantine: rules, what is kept back, what was proposed and decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.parties import interest
from abate.platform.people import queries as people
from abate.platform.quarantine.errors import HeldProposalUnknown
from abate.platform.quarantine.models import Record, Ruling

SQL = statements(Path(__file__).parent / "sql")
Words = tuple[str, str]
CAME: dict[str, Words] = {
    "booked": ("已入账", "booked"),
    "not_counted": ("重新判断后不计入", "judged again, and not counted"),
    "dismissed": ("不计入", "not counted"),
    "not_authorised": ("本人已无有效授权，不入账", "its person's authorisation has ended, so not booked"),
    "ended": ("数据来源的使用期限已过，不入账", "the use of its source has ended, so not booked"),
    "withdrawn": ("合作方已撤回", "its partner took it back"),
    "erased": ("本人已注销账户", "its person was erased"),
    "not_measurable": ("目前无法计算，仍在隔离", "cannot be measured today, and waits on"),
    "unkept": ("当时的结果没有保留", "what came of it then was not kept"),
    "too_large": ("超出账户可记的最大值，仍在隔离", "more than its account can hold, and waits on"),
}
"""What became of a record: code -> (Chinese, English)."""
STAYS = ("not_measurable", "too_large")
"""What leaves a record where it is."""
CAUSES: dict[str, Words] = {
    "probation": ("新合作方观察期", "probation of a new partner"),
    "data_fault": ("数据问题核查中", "a data fault under enquiry"),
    "late": ("报送过晚", "sent long after the act"),
    "mark": ("某一数据来源", "one source of data"),
}
TOLD: dict[str, Words] = {
    "probation": (
        "这家合作方刚开始报送，起初的记录先核对再计入。",
        "This partner has only begun to send: its first records are looked at before they count.",
    ),
    "data_fault": (
        "这段时间报送的数据可能有误，正在核对。",
        "Data that came in at that time may be wrong, and is being checked.",
    ),
    "late": (
        "这条记录在行为发生很久之后才报送，先核对再计入。",
        "It was sent long after the act, so it is looked at before it counts.",
    ),
    "mark": (
        "这条记录所依据的数据来源正在核对。",
        "The source of data that it rests on is being checked.",
    ),
}
"""What people are told of a cause where the rule has no words of its own for them."""
VERDICTS: dict[str, Words] = {"release": ("放行入账", "release and book"), "dismiss": ("不计入", "dismiss")}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A version of a rule that no newer one replaced. `party_id` None is every party, no `behaviours` all; both days count.
    `told`: its own words for people, None for those of its cause.
    """

    code: str
    version: int
    party_id: int | None
    behaviours: tuple[str, ...]
    cause: str
    older_than_days: int | None
    source: str | None
    reason: Words
    told: Words | None
    valid_from: date
    valid_until: date

    @property
    def live(self) -> bool:
        return self.valid_from <= clock.today() <= self.valid_until


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record with its rule's reason. `er_mg` is what it came to when it came in, None where nothing was quantified."""

    id: int
    party_id: int
    event_id: str
    person_id: int
    behaviour: str
    held_at: datetime
    state: str
    proposal: int | None
    came: str
    rule: str
    cause: str
    reason: Words
    occurred_at: datetime
    er_mg: int | None
    withdrawn: bool
    erased: bool

    @property
    def waits(self) -> bool:
        """Whether it can be proposed."""
        return self.state == "waiting" and not (self.withdrawn or self.erased)


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A record as its person may have it, `reason` in words for people; what was decided is that of the newest proposal
    about it. What its party took back before a decision is over too: `came` is `withdrawn`, and nobody decided it.
    """

    party_id: int
    event_id: str
    behaviour: str
    held_at: datetime
    cause: str
    reason: Words
    state: str
    came: str
    decided_at: datetime | None
    decided_why: str


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal; `accepted` None until it is decided. Accounts by their handles."""

    id: int
    verdict: str
    count: int
    reason: str
    at: datetime
    by: str
    accepted: bool | None
    decided_why: str
    decided_at: datetime | None
    decided_by: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are listed; empty is all. `there`: only what is neither withdrawn nor of an erased person."""

    states: tuple[str, ...] = ("waiting",)
    there: bool = True
    rule: str = ""
    cause: str = ""
    party_id: int | None = None
    behaviour: str = ""


WAITING = Filter()
EVERY = Filter(states=Record.WORDS, there=False)
_ALL: dict[str, Any] = dict.fromkeys(
    ("before", "numbers", "states", "rule", "cause", "party", "behaviour", "proposal")
)


def records(which: Filter = WAITING, before: int | None = None, limit: int = 50) -> list[RecordRow]:
    """What is kept back, the newest first; `before` a number, for paging."""
    states = [Record.WORDS.index(word) + 1 for word in which.states]
    return _records(
        states=states, there=which.there, rule=which.rule or None, cause=which.cause or None,
        party=which.party_id, behaviour=which.behaviour or None, before=before, limit=limit,
    )  # fmt: skip


def oldest(which: Filter, limit: int) -> tuple[list[int], int]:
    """The numbers of the oldest records that can be proposed under a filter, and how many there are beside them."""
    asked = {"rule": which.rule or None, "cause": which.cause or None, "party": which.party_id}
    with connection.cursor() as cursor:
        cursor.execute(SQL["oldest"], asked | {"behaviour": which.behaviour or None, "limit": limit})
        rows = cursor.fetchall()
    return [number for number, _ in rows], rows[0][1] - len(rows) if rows else 0


def of_proposal(number: int, limit: int = 5_000) -> list[RecordRow]:
    """The records that a proposal is about: as they stand while it is open, and then as its decision left them."""
    rows = _records(proposal=number, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(SQL["left_as"], {"proposal": number})
        left = {number: (word, accepted) for number, word, accepted in cursor.fetchall()}
    return [_left(row, *left[row.id]) for row in rows] if left else rows


def _left(row: RecordRow, word: str, accepted: bool) -> RecordRow:
    state = "decided" if accepted and word not in STAYS else "waiting"
    return replace(row, state=state, came=word, withdrawn=False, erased=False)


def of_person(person_id: int, events: Collection[tuple[int, str]] | None = None) -> list[OwnRow]:
    """Records of a person, of `events` (party, id) alone or all of them, whatever became of each, the oldest first."""
    asked: dict[str, object] = {"person": person_id, "parties": None, "events": None}
    if events is not None:
        asked |= {"parties": [party for party, _ in events], "events": [event for _, event in events]}
    with connection.cursor() as cursor:
        cursor.execute(SQL["of_person"], asked)
        return [
            OwnRow(*about, cause, (zh, en) if zh else TOLD[cause], Record.WORDS[state - 1], came, decided_at, why or "")
            for *about, cause, zh, en, state, came, decided_at, why in cursor.fetchall()
        ]  # fmt: skip


def waiting(numbers: Sequence[int]) -> set[int]:
    """Which of these records can be proposed."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["waiting"], {"numbers": list(numbers)})
        return {number for (number,) in cursor.fetchall()}


def proposals(*, open_only: bool = True, limit: int = 100) -> list[ProposalRow]:
    """Proposals, the newest first."""
    return _proposals(open=open_only, limit=limit, number=None)


def proposal(number: int) -> ProposalRow:
    """Raises HeldProposalUnknown."""
    found = _proposals(open=False, limit=1, number=number) if 0 < number < 2**63 else []
    if not found:
        raise HeldProposalUnknown(str(number)[:20])
    return found[0]


def rules() -> list[RuleRow]:
    """Every rule as it stands, and as it was set ahead, those that hold or will first."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["rules"], {"day": clock.today()})
        return [
            RuleRow(
                *about, tuple(behaviours), *terms, (zh, en), (told, told_en) if told else None, first, last
            )
            for *about, behaviours, cause, days, source, zh, en, told, told_en, first, last in cursor.fetchall()
            for terms in [(cause, days, source)]
        ]


def counts() -> tuple[int, int]:
    """Records that can be proposed, and proposals that wait for a decision."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["counts"])
        waits, proposed = cursor.fetchone()
        return int(waits), int(proposed)


@dataclass(frozen=True, slots=True)
class AgedRow:
    """Records of one rule that are there and not decided: how many are older than was asked, the oldest of them since when."""

    rule: str
    count: int
    since: datetime

    @property
    def age_days(self) -> int:
        return (clock.today() - clock.day(self.since)).days


def aged(days: int, limit: int) -> list[AgedRow]:
    """By rule, what has waited for more than so many days, the longest first."""
    asked = {"today": clock.today(), "days": days, "zone": clock.zone().key, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(SQL["aged"], asked)
        return [AgedRow(*row) for row in cursor.fetchall()]


def open_of(party_id: int) -> int:
    """Records of a party that are neither decided nor withdrawn nor of an erased person."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["open_of"], {"party": party_id})
        return int(cursor.fetchone()[0])


def not_given(numbers: Collection[int]) -> set[int]:
    """Of these records those whose person has no live authorisation now. (P-4.3)"""
    with connection.cursor() as cursor:
        cursor.execute(SQL["not_given"], {"numbers": list(numbers), "at": clock.now()})
        return {number for (number,) in cursor.fetchall()}


def has_part(numbers: Sequence[int], human: bytes) -> bool:
    """Whether whoever stands behind this digest of an identity has a part in one of the records: its person, their guardian or
    ward, or one who acts for its party."""
    asked = {"numbers": list(numbers), "people": people.theirs(human), "accounts": interest.accounts(human)}
    with connection.cursor() as cursor:
        cursor.execute(SQL["has_part"], asked)
        return bool(cursor.fetchone()[0])


def differences() -> dict[str, int]:
    """`quarantine`: quarantined quantities with an award, or without a record that waits, and the other way round."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["differences"])
        return {"quarantine": int(cursor.fetchone()[0])}


def _records(**asked: Any) -> list[RecordRow]:
    with connection.cursor() as cursor:
        cursor.execute(SQL["records"], {**_ALL, "there": False, "limit": 200, **asked})
        return [_row(*row) for row in cursor.fetchall()]


def _row(*row: Any) -> RecordRow:
    number, party, event, person, behaviour, held_at, state, proposal_, came, rule, cause, zh, en, *rest = row
    return RecordRow(number, party, event, person, behaviour, held_at, Record.WORDS[state - 1], proposal_, came, rule, cause,
                     (zh, en), *rest)  # fmt: skip


def _proposals(**asked: Any) -> list[ProposalRow]:
    with connection.cursor() as cursor:
        cursor.execute(SQL["proposals"], asked)
        return [
            ProposalRow(
                number,
                Ruling.WORDS[verdict - 1],
                count,
                reason,
                at,
                by,
                accepted,
                why,
                decided,
                decider or "",
            )
            for number, verdict, count, reason, at, by, accepted, why, decided, decider in cursor.fetchall()
        ]
