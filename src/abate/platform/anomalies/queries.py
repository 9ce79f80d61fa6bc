"""What others may know of anomalies: rules, cases with what was compared, and what a person is told of their own."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection

from abate.platform.anomalies.errors import CaseUnknown, VerdictUnknown
from abate.platform.anomalies.models import Case, Position, Step
from abate.platform.carbon import basis
from abate.platform.carbon import queries as carbon
from abate.platform.carbon.queries import Behaviour
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.parties import interest
from abate.platform.people import keys
from abate.platform.people import queries as people
from abate.platform.people.models import Person
from abate.platform.review import audit
from abate.quantify.anomalies import CADENCE, GRADES

SQL = statements(Path(__file__).parent / "sql")
Words = tuple[str, str]
CAME: dict[str, Words] = {
    "taken_back": ("已收回", "taken back"),
    "gone": ("此前已不计入", "not credited any more"),
    "retired": ("减排量已注销，不能收回", "its reductions were retired and stay so"),
    "erased": ("本人已注销账户", "its person was erased"),
    "spared": ("核查后保留", "found sound, and kept"),
    "booked": ("已重新入账", "booked again"),
    "another_case": ("另有案件已确认", "another case about it is confirmed"),
    "not_counted": ("重新计算后不计入", "measured again, and not counted"),
}
"""What became of a record: code -> (Chinese, English)."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case with its rule as it stood then. `measured` and `limit` are in `unit`; `until` is the last day for an appeal.

    `parties` are the senders of its records; `records` how many there are, `spared` how many of them stay as they are,
    `beside` how many were compared with them; `listed` is the digest of which they are and which of them are spared, by which
    a decision says what was seen.
    """

    id: int
    rule: str
    version: str
    kind: str
    grade: str
    says: Words
    unit: str
    limit: str
    source: Words
    person_id: int
    group: str
    part: int
    measured: Decimal | None
    state: str
    opened_at: datetime
    parties: tuple[int, ...]
    records: int
    spared: int
    beside: int
    listed: str
    proposed_at: datetime | None
    proposed_why: str
    proposed_by: str
    decided_at: datetime | None
    decided_why: str
    decided_by: str
    until: date | None
    appealed_at: datetime | None
    ended_at: datetime | None
    ended_why: str
    ended_by: str
    came: str = ""
    """Where one record was asked about: what became of that one."""

    @property
    def below(self) -> bool:
        """Whether what is below the limit was looked for, and not what is above."""
        return self.kind == CADENCE

    @property
    def shown(self) -> str:
        """The measured number without zeros at its end; empty where there is none."""
        return "" if self.measured is None else plain(self.measured)

    @property
    def told_state(self) -> str:
        """The state as its person is told it: what one proposes and nobody decided is no decision."""
        return "open" if self.state == "proposed" else self.state

    @property
    def told_came(self) -> str:
        """What became of the record that was asked about, as its person is told it; of a case that stands open nothing."""
        return "" if self.told_state in ("open", "dismissed") else self.came

    @property
    def may_appeal(self) -> bool:
        return self.state == "confirmed" and self.until is not None and clock.today() <= self.until


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record of a case as its stored quantity has it: None where its person was erased."""

    party_id: int
    event_id: str
    measured: str
    beside: bool
    came: str
    found: Behaviour | None

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The record, field by field; none where it was dropped."""
        if self.found is None or self.found.record is None:
            return []
        return [(name, str(value)) for name, value in json.loads(self.found.record).items()]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are listed; empty is all. States and grades by their words."""

    states: tuple[str, ...] = ("open", "proposed", "appealed")
    grade: str = ""
    rule: str = ""
    party_id: int | None = None


OPEN = Filter()


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def state_of(word: str) -> int:
    """Raises VerdictUnknown."""
    if word not in Case.WORDS:
        raise VerdictUnknown(word[:20])
    return Case.WORDS.index(word) + 1


def cases(which: Filter = OPEN, before: int | None = None, limit: int = 50) -> list[CaseRow]:
    """The cases, the newest first; `before` a number, for paging."""
    states = [state_of(word) for word in which.states] or None
    grade = GRADES.index(which.grade) if which.grade in GRADES else None
    return _rows(
        states=states, grade=grade, rule=which.rule or None, party=which.party_id, before=before, limit=limit
    )


def case(number: int) -> CaseRow:
    """Raises CaseUnknown."""
    found = _rows(number=number) if 0 < number < 2**63 else []
    if not found:
        raise CaseUnknown(str(number)[:20])
    return found[0]


def of_record(person_id: int, party_id: int, event_id: str) -> list[CaseRow]:
    """The cases about one record of a person, the newest first."""
    return _rows(person=person_id, of_party=party_id, event=event_id)


def of_person(person_id: int) -> list[CaseRow]:
    """Every case about a person, the newest first."""
    return _rows(person=person_id, limit=100_000)


def records(row: CaseRow, *, opened: bool = True) -> list[RecordRow]:
    """What was compared, side by side. With `opened` the records themselves, which is told (P-8.4-c)."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["records"], {"case": row.id})
        found = cursor.fetchall()
    if opened:
        name = Person.objects.filter(pk=row.person_id).values_list("pseudonym", flat=True).first()
        audit.read("person.record", name or "", case=row.id)
    return [
        RecordRow(
            party, event, "" if measured is None else plain(measured), beside, came,
            carbon.behaviour(row.person_id, party, event) if opened else None,
        )
        for party, event, measured, beside, came in found
    ]  # fmt: skip


def words(row: CaseRow) -> str:
    """What the person says in the appeal; that it was opened is told. Empty where there is none, or nobody to read it."""
    step = Step.objects.filter(case_id=row.id, stage=Step.APPEALED).first()
    person = Person.objects.filter(pk=row.person_id).first()
    if step is None or person is None or person.wrapped_key is None:
        return ""
    return keys.decrypt(person, bytes(step.words_enc or b""), "appeal").decode()


def also_confirmed(number: int, asked: Sequence[tuple[int, str]]) -> Collection[tuple[int, str]]:
    """Of these records (party, event id) those that another case keeps out of what counts."""
    values = {"case": number, "parties": [one[0] for one in asked], "events": [one[1] for one in asked]}
    with connection.cursor() as cursor:
        cursor.execute(SQL["also_confirmed"], values)
        return {(party, event) for party, event in cursor.fetchall()}


def counts() -> dict[str, int]:
    """Cases by grade that wait for a decision, and `appeals` that do."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["counts"])
        return dict(zip((*GRADES, "appeals"), map(int, cursor.fetchone()), strict=True))


def has_part(number: int, human: bytes) -> bool:
    """Whether whoever stands behind this digest of an identity has a part in the case: its person, one with the same trace, a
    guardian or ward of theirs, or one who acts for a sender of its records."""
    asked = {"case": number, "people": people.theirs(human), "accounts": interest.accounts(human)}
    with connection.cursor() as cursor:
        cursor.execute(SQL["has_part"], asked)
        return bool(cursor.fetchone()[0])


def appeal_until(decided_at: datetime) -> date:
    """The last day on which a decision of this moment can be appealed against, by the rules in force."""
    rules = basis.anomalies()
    return clock.day(decided_at) + timedelta(days=rules.appeal_days if rules else 0)


def differences() -> dict[str, int]:
    """`anomalies`: records that a confirmed case took back and that still count, or that no case explains."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["differences"])
        return {"anomalies": int(cursor.fetchone()[0])}


_ALL: dict[str, Any] = dict.fromkeys(
    ("number", "before", "states", "grade", "rule", "party", "person", "event", "of_party")
)


def _rows(**asked: Any) -> list[CaseRow]:
    with connection.cursor() as cursor:
        cursor.execute(SQL["cases"], {**_ALL, "limit": 200, **asked})
        return [_row(*row) for row in cursor.fetchall()]


def _row(number: int, rule: str, version: bytes, kind: str, grade: int, document: str, *rest: Any) -> CaseRow:
    said = json.loads(document)
    limit = said["limit"]
    source = limit.get("source") or {"zh": "", "en": ""}
    person, group, part, measured, state, opened, parties, records_, spared, beside, listed, *steps = rest
    (
        proposed_at,
        proposed_why,
        proposed_by,
        decided_at,
        why,
        by,
        until,
        appealed_at,
        ended_at,
        ended_why,
        ended_by,
        came,
    ) = steps
    return CaseRow(
        number, rule, bytes(version).hex(), kind, GRADES[grade], (said["says"]["zh"], said["says"]["en"]),
        limit["unit"], limit.get("value", ""), (source["zh"], source["en"]), person, group, part, measured,
        Case.WORDS[state - 1], opened, tuple(parties or ()), records_, spared, beside, listed,
        proposed_at, proposed_why or "", proposed_by or "", decided_at, why or "", by or "",
        until, appealed_at, ended_at, ended_why or "", ended_by or "", came or "",
    )  # fmt: skip


def swept_at() -> datetime | None:
    """When a sweep ended last; None before the first."""
    return Position.objects.values_list("at", flat=True).first()
