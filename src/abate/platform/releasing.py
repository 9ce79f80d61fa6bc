"""A decision about quarantined records, and what follows from it in the books: released, they are measured as events of today and
booked in the place of what was kept, as what is computed again is; dismissed, they are kept as not counted. (P-6.1-e)

The decision, its bookings and the state of its records are one transaction, which holds the proposal and its records: of two
deciders one decides. What was withdrawn or erased since, or is not authorised any more, is not booked, and says why.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction
from psycopg import Cursor

from abate.platform import giving_way, pipeline, revaluing
from abate.platform.carbon import actions as carbon
from abate.platform.carbon import acts
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.errors import StateChanged
from abate.platform.carbon.revaluing import Change, Stored
from abate.platform.doors import clock
from abate.platform.doors.workspace import prepare, workspace
from abate.platform.events.envelope import Sender
from abate.platform.events.errors import Busy
from abate.platform.events.notices import tell
from abate.platform.events.outcomes import DISMISSED, LAPSED, Outcome
from abate.platform.ledger import reversing
from abate.platform.quarantine import actions, queries
from abate.platform.quarantine.errors import OwnRecords, SameHuman
from abate.platform.quarantine.models import Ruling
from abate.platform.review import audit, rights
from abate.platform.review.errors import NoRight, NotEnrolled
from abate.platform.review.models import User

TOLD = (NoRight, NotEnrolled, SameHuman, OwnRecords)
"""Refusals for who proposes or decides: each is a row of the trail."""
Key = tuple[int, str]
"""A party and the id of one of its events."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a proposal: of each record, by its number, a word of queries.CAME; of none where it was refused."""

    number: int
    accepted: bool
    records: Mapping[int, str] = field(default_factory=dict)


def propose(user: User, records: Sequence[int], verdict: str, reason: str) -> int:
    """Propose to release or to dismiss quarantined records; returns the number of the proposal. Raises NoRight, and what
    quarantine.actions.propose raises.
    """
    with audit.refusing("quarantine.propose", "", TOLD):
        rights.require(user, "add", "quarantine")
        return actions.propose(user, records, verdict, reason)


def decide(user: User, number: int, *, accepted: bool, reason: str) -> Decided:
    """Accept or refuse a proposal, as somebody else than proposed it; accepted, it is carried out at once, whole or not at all.

    Raises NoRight, HeldProposalUnknown, HeldDecided, SameHuman, OwnRecords, HeldReasonMissing, NotEnrolled, Busy.
    """
    with audit.refusing("quarantine.decide", number, TOLD):
        rights.require(user, "change", "quarantine")
        return _decide(user, number, accepted, reason)


def _decide(user: User, number: int, accepted: bool, reason: str) -> Decided:
    prepare(pipeline.TABLES)
    for attempt in range(pipeline.TRIES):
        try:
            with transaction.atomic():
                proposal = actions.decide(number, accepted, user, reason)
                done = _carry_out(proposal) if accepted else {}
                actions.came(proposal, done)
            return Decided(number, accepted, done)
        except (DatabaseError, StateChanged) as fault:
            # StateChanged: one of them was taken back between the reading and the locks; read again, it is left out.
            race = isinstance(fault, StateChanged) or isinstance(fault.__cause__, pipeline.RACES)
            if not race or attempt == pipeline.TRIES - 1 or connection.in_atomic_block:
                raise (Busy() if race else fault) from fault
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _carry_out(proposal: Ruling) -> dict[int, str]:
    """What became of every record of an accepted proposal."""
    rows = {(one.party_id, one.event_id): one for one in queries.of_proposal(proposal.pk)}
    with connection.cursor() as django:
        reversing.keep_erasing_out(django)
    keys = [(one.person_id, one.party_id, one.event_id) for one in rows.values()]
    found = {_key(one): one for one in reading.of_events(keys, clock.today())}
    came = {key: _LEFT[one.left_alone or ""] for key, one in found.items()}
    parts: list[list[Change]] = []
    if proposal.verdict == Ruling.DISMISS:
        came |= {key: "dismissed" for key, word in came.items() if word in ("", "ended")}
    else:
        ungiven = queries.not_given([one.id for one in rows.values()])
        came |= {key: "not_authorised" for key, word in came.items() if not word and rows[key].id in ungiven}
        groups = _groups(found[key] for key, word in came.items() if not word)
        came |= {_key(one): "not_measurable" for group in groups for one in group}
        parts = [part for group in groups if (part := reading.again(group, group[0].behaviour)[0])]
    # The order of every batch: bases, people, balances of caps, accounts (docs/explain/locking.md).
    revaluing.lock_together(parts, [one.person_id for one in rows.values()])
    for part in parts:
        came |= _put_in_place(proposal, part)
    aside = [(found[key], word, rows[key].rule) for key, word in came.items() if word in _ASIDE]
    _set_aside(proposal, aside)
    return {rows[key].id: word for key, word in came.items()}


_LEFT = {"quarantined": "", "ended": "ended", "taken_back": "withdrawn", "erased": "erased"}
"""How a quantity stands -> what that makes of its record; empty where it can be decided."""
_WHY = {
    "release": ("经审核放行入账", "released after a review"),
    "dismiss": ("经审核不计入", "dismissed after a review"),
}
_ASIDE = ("dismissed", "not_authorised", "ended")
"""What is kept as not counted, without being measured again."""


def _groups(found: Iterable[Stored]) -> list[list[Stored]]:
    """By party and behaviour, each a batch of its own."""
    groups: dict[tuple[int, str], list[Stored]] = defaultdict(list)
    for one in found:
        groups[one.party_id, one.behaviour].append(one)
    return [group for _, group in sorted(groups.items())]


def _put_in_place(proposal: Ruling, part: Sequence[Change]) -> dict[Key, str]:
    """Book what some records of one party and behaviour come to as events of today in the place of what was kept."""
    first = part[0].stored
    with workspace() as cursor:
        number, digest, why = _cause(cursor, proposal, first)
    placed = revaluing.put_in_place(part, why, number, digest, anew=True)
    sender = Sender(first.party_id, first.party, frozenset({first.behaviour}), revaluing.VIA)
    tell(sender, placed.results, clock.now(), decided=True)
    credited = {one.id for one in placed.results if one.outcome == Outcome.CREDITED}
    came = {_key(one.stored): "too_large" for one in part}
    kept = [one.stored for one in placed.kept]
    return came | {_key(one): "booked" if one.event_id in credited else "not_counted" for one in kept}


def _set_aside(proposal: Ruling, aside: Iterable[tuple[Stored, str, str]]) -> None:
    """Keep records (with what became of them, and their rule) as not counted; the reason names the rule and what came between."""
    by_reason: dict[str, list[Stored]] = defaultdict(list)
    for one, word, rule in aside:
        by_reason[f"{DISMISSED}:{rule}" if word == "dismissed" else f"{LAPSED}:{rule}:{word}"].append(one)
    with workspace() as cursor:
        for reason, found in sorted(by_reason.items()):
            for group in _groups(found):
                carbon.must_stand(cursor, group)
                given = [giving_way.as_it_stands(one, "") for one in group]
                giving_way.set_aside(cursor, given, _cause(cursor, proposal, group[0]), reason)
                giving_way.tell_of(given, reason, decided=True)


def _key(one: Stored) -> Key:
    return one.party_id, one.event_id


def _cause(cursor: Cursor, proposal: Ruling, first: Stored) -> tuple[int, bytes, tuple[str, str]]:
    """For what the bookings of a decision are made: number, digest, and the words that name the proposal."""
    verdict = Ruling.WORDS[proposal.verdict - 1]
    text = f"quarantine\n{proposal.pk}\n{verdict}\n{first.party_id}\n{first.behaviour}"
    digest = hashlib.sha256(text.encode()).digest()
    zh, en = _WHY[verdict]
    why = (f"{zh}（隔离处理第 {proposal.pk} 号）", f"{en} (decision {proposal.pk} of quarantine)")
    header = {"quarantine": proposal.pk, "verdict": verdict}
    return acts.note_cause(cursor, first.behaviour, digest, header, why), digest, why
