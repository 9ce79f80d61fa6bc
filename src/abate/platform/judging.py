"""A decision about an anomaly, and what follows from it in the books: taken back as an act that gives way is, booked again as
what is computed again is. A second way of reversing there is not. (P-7.3.3.3-b)

A decision, its reversals and the state of its case are one transaction, which holds every case of the person: of two reviewers
one decides, and of two cases about one record one comes second and sees what the first came to.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction

from abate.platform import giving_way, pipeline, revaluing
from abate.platform.anomalies import actions, queries
from abate.platform.anomalies.errors import AnotherReviewer, CaseDecided, OwnCase
from abate.platform.anomalies.models import Case
from abate.platform.anomalies.queries import CaseRow
from abate.platform.carbon import acts
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.acts import GivingWay
from abate.platform.carbon.revaluing import Change, Stored
from abate.platform.credits import taking
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.doors.workspace import prepare, workspace
from abate.platform.events.envelope import Sender
from abate.platform.events.errors import Busy
from abate.platform.events.notices import tell
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import reversing
from abate.platform.people import actions as people
from abate.platform.review import audit, rights
from abate.platform.review.errors import NoRight, NotEnrolled
from abate.platform.review.models import User
from abate.quantify.anomalies import ANOMALY

TOLD = (NoRight, NotEnrolled, AnotherReviewer, OwnCase)
"""Refusals for who decides: each is a row of the trail."""
Event = tuple[int, str]
"""A party and the id of one of its events."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one case of several: `problem` where nothing did, else what was done with each record."""

    case: int
    state: str = ""
    records: dict[Event, str] = field(default_factory=dict)
    problem: Problem | None = None


def decide(
    user: User, shown: Mapping[int, str], verdict: str, reason: str, *, spared: Collection[Event] = ()
) -> list[Verdict]:
    """Decide cases, each for itself: proposed to be confirmed, confirmed by another, dismissed, or of an appeal upheld,
    overturned. Who proposes says which records are `spared` (party, event id): they stay as they are.

    `shown`: by the number of each case the digest of the records that it listed when it was looked at (CaseRow.listed).

    Raises NoRight, VerdictUnknown; what a case refuses stands in its verdict.
    """
    with audit.refusing("anomalies.decide", "", TOLD):
        rights.require(user, "change", "anomalies")
    state, made = queries.state_of(verdict), []
    for number, listed in shown.items():
        try:
            with audit.refusing("anomalies.decide", number, TOLD):
                done = _decide(user, (number, listed), state, reason, frozenset(spared))
            made.append(Verdict(number, verdict, done))
        except Problem as problem:
            made.append(Verdict(number, problem=problem))
    return made


def _decide(
    user: User, seen: tuple[int, str], state: int, reason: str, spared: frozenset[Event]
) -> dict[Event, str]:
    number, listed = seen
    prepare(pipeline.TABLES)
    for attempt in range(pipeline.TRIES):
        try:
            with transaction.atomic():
                case = actions.decide(number, state, user, reason, listed)
                row = queries.case(number)
                done = _DO[state](row, spared)
                actions.came(case, done)
            return {one: came for one, came in done.items() if came}
        except DatabaseError as fault:
            race = isinstance(fault.__cause__, pipeline.RACES)
            if not race or attempt == pipeline.TRIES - 1 or connection.in_atomic_block:
                raise (Busy() if race else fault) from fault
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _nothing(row: CaseRow, spared: frozenset[Event]) -> dict[Event, str]:
    return {}


def _propose(row: CaseRow, spared: frozenset[Event]) -> dict[Event, str]:
    """Which of the records would be spared; nothing is taken back yet."""
    accused = _accused(row)
    if not set(accused) - spared:
        # A case in which every record is sound is one to dismiss.
        raise CaseDecided("spared")
    return {one: "spared" for one in accused if one in spared}


def _dismiss(row: CaseRow, spared: frozenset[Event]) -> dict[Event, str]:
    """All is sound: what a proposal would have spared is nothing apart any more."""
    return {one: "" for one, came in _accused(row).items() if came}


def _accused(row: CaseRow) -> dict[Event, str]:
    """The records of a case, and what became of each until now."""
    rows = queries.records(row, opened=False)
    return {(one.party_id, one.event_id): one.came for one in rows if not one.beside}


def _standing(row: CaseRow, accused: Collection[Event]) -> list[Stored]:
    return reading.of_events([(row.person_id, party, event) for party, event in accused])


def _take_back(row: CaseRow, _: frozenset[Event]) -> dict[Event, str]:
    """Undo the awards of a case's records that stand, in the order of arrival, as far as their milligrams are there; but for
    those that the proposal spares."""
    accused = _accused(row)
    spared = {one for one, came in accused.items() if came == "spared"}
    told = {one: "spared" if one in spared else "gone" for one in accused}
    with connection.cursor() as django, workspace() as cursor:
        # The order of every batch: erasing kept out, people, balances of caps, accounts (docs/explain/locking.md).
        reversing.keep_erasing_out(django)
        people.keep_still(cursor, [row.person_id])
        found = [one for one in _standing(row, accused) if _key(one) not in spared]
        told |= {_key(one): "erased" for one in found if one.left_alone == "erased"}
        standing = [one for one in found if one.entry_id is not None and one.left_alone is None]
        # Nothing is staged, so the party is nobody's: the balances are those of the awards, whoever sent them.
        taking.lock_balances(django, 0, [(one.person_id, one.entry_id) for one in standing])
        held = reversing.held(django, [row.person_id]).get(row.person_id, (0, 0))[0]
        groups: dict[tuple[int, str], list[GivingWay]] = defaultdict(list)
        for one in standing:
            held -= one.er_mg or 0
            if held < 0:
                told[_key(one)], held = "retired", held + (one.er_mg or 0)
                continue
            told[_key(one)] = "taken_back"
            groups[one.party_id, one.behaviour].append(giving_way.as_it_stands(one, row.rule))
        for (party, behaviour), awards_ in sorted(groups.items()):
            cause = _cause(cursor, row, "confirmed", party, behaviour)
            giving_way.undo(cursor, awards_, cause, f"{ANOMALY}:{row.rule}:{row.id}")
    return told


def _book_again(row: CaseRow, _: frozenset[Event]) -> dict[Event, str]:
    """Put what the records come to as new events of today in the place of what was taken back."""
    with connection.cursor() as django:
        reversing.keep_erasing_out(django)
    accused = _accused(row)
    elsewhere = queries.also_confirmed(row.id, list(accused))
    found = _standing(row, accused)
    # What was taken back and cannot be booked any more: its party withdrew it meanwhile, or its person was erased.
    told = {one: "gone" for one, came in accused.items() if came == "taken_back"}
    told |= {_key(one): "erased" for one in found if one.left_alone == "erased" and _key(one) in told}
    groups: dict[tuple[int, str], list[Stored]] = defaultdict(list)
    for one in found:
        if one.left_alone == "anomaly":
            told[_key(one)] = "another_case" if _key(one) in elsewhere else "not_counted"
            if _key(one) not in elsewhere:
                groups[one.party_id, one.behaviour].append(one)
    changes = [reading.again(stored, behaviour)[0] for (_, behaviour), stored in sorted(groups.items())]
    changes = [changed for changed in changes if changed]
    if changes:
        revaluing.lock_together(changes)
    for changed in changes:
        told |= _put_back(row, changed)
    return told


def _put_back(row: CaseRow, changed: Sequence[Change]) -> dict[Event, str]:
    """Of one party and behaviour; what is not credited again is left out of what is told."""
    first, told, results = changed[0].stored, {}, []
    with workspace() as cursor:
        number, digest, why = _cause(cursor, row, "overturned", first.party_id, first.behaviour)
    revaluing.put_in_place(changed, why, number, digest)
    for place, change in enumerate(changed):
        one = change.stored
        now = carbon.behaviour(row.person_id, one.party_id, one.event_id)
        if now is not None and now.entry_id is not None:
            told[_key(one)] = "booked"
            results.append(
                Result(place, one.event_id, Outcome.CREDITED, None, now.er_mg, now.credits, now.entry_id)
            )
    sender = Sender(first.party_id, first.party, frozenset({first.behaviour}), revaluing.VIA)
    tell(sender, results, clock.now())
    return told


_DO = {
    Case.PROPOSED: _propose,
    Case.CONFIRMED: _take_back,
    Case.DISMISSED: _dismiss,
    Case.UPHELD: _nothing,
    Case.OVERTURNED: _book_again,
}


def _key(one: Stored) -> Event:
    return one.party_id, one.event_id


def _cause(
    cursor: object, row: CaseRow, state: str, party: int, behaviour: str
) -> tuple[int, bytes, tuple[str, str]]:
    """What the entries of a decision are booked for: number, digest, and the words that name the case."""
    digest = hashlib.sha256(f"anomaly\n{row.id}\n{state}\n{party}\n{behaviour}".encode()).digest()
    zh, en = row.says
    why = (
        (f"异常核查案件 {row.id} 已确认：{zh}", f"case {row.id} of anomalies was confirmed: {en}")
        if state == "confirmed"
        else (f"异常核查案件 {row.id} 经申诉撤销", f"case {row.id} of anomalies was overturned on appeal")
    )
    header = {"anomaly": row.id, "rule": row.rule, "version": row.version, "state": state}
    return acts.note_cause(cursor, behaviour, digest, header, why), digest, why  # type: ignore[arg-type]
