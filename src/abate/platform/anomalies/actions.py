"""The only writer of anomalies: sweeps what was booked, writes decisions and appeals down. Each is there once or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, transaction

from abate.platform.anomalies import errors, queries
from abate.platform.anomalies.models import Case, Step
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.people import keys
from abate.platform.people.models import Person
from abate.platform.review import audit
from abate.platform.review import queries as review
from abate.platform.review.errors import NotEnrolled
from abate.platform.review.models import User
from abate.quantify import anomalies as reading
from abate.quantify.anomalies import GRADES, Rules

SQL = statements(Path(__file__).parent / "sql")
EVERY = 300.0
"""Seconds between sweeps beside the server: our policy."""
CHUNK = 100_000
"""Entries that are looked at in one transaction: our policy."""
_PATIENCE, _PAUSE = 250, 0.02
LONGEST_REASON, LONGEST_WORDS = 1000, 2000
WORDS = "appeal"
"""The purpose under which an appeal is encrypted (people/keys.py)."""
_NEXT = {
    Case.PROPOSED: (Step.PROPOSED, (Case.OPEN,)),
    Case.CONFIRMED: (Step.DECIDED, (Case.PROPOSED,)),
    Case.DISMISSED: (Step.DECIDED, (Case.OPEN, Case.PROPOSED)),
    Case.UPHELD: (Step.ENDED, (Case.APPEALED,)),
    Case.OVERTURNED: (Step.ENDED, (Case.APPEALED,)),
}
"""What is decided -> its stage, and the states in which it can be."""


@dataclass(frozen=True, slots=True)
class Swept:
    """`entries` looked at, `opened` new cases, `upto` the last batch; `complete` where nothing that is booked is left."""

    entries: int
    opened: int
    upto: int
    complete: bool


def sweep(*, again: bool = False, chunk: int = CHUNK) -> Swept:
    """Look at what was booked since the last sweep; with `again` at everything. The same rows make the same cases.

    Each chunk is a transaction of its own with how far it came: a stop at any moment loses nothing.
    """
    rules = basis.anomalies()
    upto, complete = _committed()
    entries = opened = reached = 0
    done = rules is None or upto is None
    start = 0 if again else None
    while not done:
        assert rules is not None and upto is not None
        found = _chunk(rules, start, upto, chunk)
        entries, opened, reached = entries + found[0], opened + found[1], found[2]
        done, start = reached >= upto, reached if again else None
    return Swept(entries, opened, reached, complete and rules is not None)


def sweep_once() -> int:
    """A round beside the server (doors/rounds.py). Always 0: what is booked meanwhile waits for the next one."""
    sweep()
    return 0


def _committed() -> tuple[int | None, bool]:
    """Up to which batch id every transaction that drew one has ended; None where one is long in coming."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["drawn"])
        drawn = int(cursor.fetchone()[0])
        cursor.execute(SQL["writing"])
        (waiting,) = cursor.fetchone()
        before = set(waiting or ())
        for _ in range(_PATIENCE):
            if not before:
                return drawn, True
            time.sleep(_PAUSE)
            cursor.execute(SQL["writing"])
            (waiting,) = cursor.fetchone()
            before &= set(waiting or ())
    return None, False


def _chunk(rules: Rules, start: int | None, upto: int, size: int) -> tuple[int, int, int]:
    """One step; returns entries, new cases, and the batch that was reached."""
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["first_position"], {"at": now})
        cursor.execute(SQL["position"])
        position = int(cursor.fetchone()[0])
        after = position if start is None else start
        cursor.execute(SQL["chunk"], {"after": after, "upto": upto, "entries": size})
        last, first_entry, last_entry, received = cursor.fetchone()
        reached = upto if last is None else int(last)
        counted = (0, 0)
        if last is not None:
            values = {"after": after, "upto": reached, "first": first_entry, "last": last_entry}
            values["since"] = clock.day(received) - timedelta(days=1)
            counted = _look(cursor, rules, values)
        cursor.execute(SQL["move"], {"upto": max(position, reached), "at": now})
        if counted[0]:
            audit.note("anomalies.sweep", reached, entries=counted[0], opened=counted[1])
    return *counted, max(after, reached)


def _look(cursor: Any, rules: Rules, span: Mapping[str, object]) -> tuple[int, int]:
    for table in ("fresh", "found"):
        cursor.execute(SQL[f"make_{table}"])
        cursor.execute(f"delete from pg_temp.anomalies_{table}")
    cursor.execute(SQL["read"], {**span, "behaviours": list(reading.behaviours(rules))})
    entries = cursor.rowcount
    if not entries:
        return 0, 0
    cursor.execute("analyze pg_temp.anomalies_fresh")
    now = clock.now()
    for kinds, names in _STATEMENTS:
        chosen = [rule for rule in rules.active if rule.kind in kinds]
        if not chosen:
            continue
        for rule in chosen:
            told = {"version": rule.version, "name": rule.id, "kind": rule.kind, "document": rule.document}
            cursor.execute(SQL["note_rule"], told | {"grade": GRADES.index(rule.grade), "at": now})
        lines = json.dumps([line for rule in chosen for line in rule.lines()])
        for name in names:
            cursor.execute(_filled(name), {"lines": lines, "zone": clock.zone().key})
    cursor.execute(SQL["lock_open"])
    cursor.execute(SQL["open"], {"at": now})
    opened = cursor.rowcount
    cursor.execute(SQL["measure"])
    cursor.execute(SQL["fill"])
    return entries, opened


_STATEMENTS = (
    ((reading.SPEED,), ("speed",)),
    ((reading.DISTANCE,), ("distance",)),
    ((reading.CADENCE,), ("cadence",)),
    ((reading.DAY, reading.MONTH, reading.DEVICE), ("sums",)),
    ((reading.IDENTICAL,), ("keep_traces", "identical")),
)


def _filled(name: str) -> str:
    told = {f"told_{row}": SQL["told"].format(row=row) for row in ("fresh", "entry")}
    return SQL[name].format(
        rules=SQL["rules"],
        told=told["told_fresh"],
        standing=SQL["standing"],
        bucketed=SQL["bucketed"],
        **told,
    )


@audit.audited("anomalies.decide", lambda given, _: given["number"])
def decide(number: int, verdict: int, user: User, reason: str, shown: str) -> Case:
    """Write a decision down and lock the cases of its person until the transaction ends; the caller does what follows from it.

    That a case be confirmed is proposed by one and decided by another; all else takes one. `shown` is the digest of the records
    that were shown (CaseRow.listed). Raises CaseUnknown, CaseDecided, CaseChanged,
    AnotherReviewer, OwnCase, CaseReasonMissing, VerdictUnknown, NotEnrolled.
    """
    if verdict not in _NEXT:
        raise errors.VerdictUnknown
    stage, before = _NEXT[verdict]
    human = review.human_of(user)
    if human is None:
        raise NotEnrolled
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_REASON or "\x00" in words:
        raise errors.CaseReasonMissing
    # Two decisions about one person come one after the other: a record of two cases goes and comes with the last of them.
    _hold_together(number)
    case = _locked(number)
    if queries.has_part(case.pk, human):
        raise errors.OwnCase
    if case.state not in before:
        raise errors.CaseDecided(Case.WORDS[case.state - 1])
    if queries.case(number).listed != shown:
        raise errors.CaseChanged
    now = clock.now()
    step = Step(case=case, stage=stage, state=verdict, user=user, human=human, reason=words, at=now)
    if verdict == Case.CONFIRMED:
        step.until, step.after = queries.appeal_until(now), Step.PROPOSED
    _take(case, step)
    return case


@audit.audited("anomalies.appeal", lambda given, _: given["number"])
def appeal(person: Person, number: int, words: str) -> None:
    """The person says why a confirmed case is wrong, once, within its time.

    Until when was settled with the decision. Raises CaseUnknown (also where it is another's), CaseDecided, AppealTooLate,
    AppealWordsMissing, PersonErased.
    """
    said = words.strip()
    if not 0 < len(said) <= LONGEST_WORDS or "\x00" in said:
        raise errors.AppealWordsMissing
    case = _locked(number)
    if case.person_id != person.pk:
        raise errors.CaseUnknown(str(number)[:20])
    if case.state != Case.CONFIRMED:
        raise errors.CaseDecided(Case.WORDS[case.state - 1])
    until = Step.objects.get(case=case, stage=Step.DECIDED).until
    if until is None or clock.today() > until:
        raise errors.AppealTooLate
    sealed = keys.encrypt(person, said.encode(), WORDS)
    _take(
        case,
        Step(
            case=case, stage=Step.APPEALED, state=Case.APPEALED, words_enc=sealed, reason="", at=clock.now()
        ),
    )


def came(case: Case, told: Mapping[tuple[int, str], str]) -> None:
    """Note what was done with each record of a case that is locked: (party, event id) -> a word of queries.CAME."""
    values = {
        "case": case.pk,
        "parties": [party for party, _ in told],
        "events": [event for _, event in told],
        "words": list(told.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(SQL["came"], values)


def _hold_together(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(queries.SQL["lock_cases"], {"case": number if 0 < number < 2**63 else 0})


def _locked(number: int) -> Case:
    found = Case.objects.select_for_update().filter(pk=number).first() if 0 < number < 2**63 else None
    if found is None:
        raise errors.CaseUnknown(str(number)[:20])
    return found


def _take(case: Case, step: Step) -> None:
    """The step, and the state that follows. What the table refuses is refused by its name."""
    try:
        with transaction.atomic():
            step.save(force_insert=True)
    except IntegrityError as fault:
        named = getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
        if named == "anomalies_step_another_human":
            raise errors.AnotherReviewer from fault
        if named == "anomalies_step_once":
            raise errors.CaseDecided from fault
        raise
    case.state = step.state
    case.save(update_fields=["state"])
