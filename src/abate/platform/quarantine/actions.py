"""The only writer of quarantine: keeps events back in the lane of batches, and writes down what people set, propose, decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from django.db import connection, transaction
from psycopg import Cursor

from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.events.actions import Arrival
from abate.platform.events.outcomes import QUARANTINE
from abate.platform.quarantine import errors, queries
from abate.platform.quarantine.models import Record, Rule, Ruling
from abate.platform.review import queries as review
from abate.platform.review.audit import audited
from abate.platform.review.errors import NotEnrolled
from abate.platform.review.models import User

SQL = statements(Path(__file__).parent / "sql")
MOST = 5_000
"""Records of one proposal, which is carried out in one transaction: our policy, as of what is computed again at once."""
LONGEST_REASON = 1000


@audited("quarantine.rule", lambda given, _: given["code"])
def set_rule(
    code: str,
    *,
    party_id: int | None,
    behaviours: Sequence[str],
    cause: str,
    older_than_days: int | None,
    source: str | None,
    reason: tuple[str, str],
    told: tuple[str, str] = ("", ""),
    valid_from: date,
    valid_until: date,
) -> int:
    """Write the next version of a rule down; returns its number. `reason` (for reviewers) and `told` (for people, may be empty)
    are (zh, en). What was kept back before stays so.
    """
    with transaction.atomic():
        last = Rule.objects.filter(code=code).order_by("-version").first()
        made = Rule.objects.create(
            code=code,
            version=last.version + 1 if last else 1,
            party_id=party_id,
            behaviours=sorted(behaviours),
            cause=cause,
            older_than_days=older_than_days,
            source=source,
            reason_zh=reason[0],
            reason_en=reason[1],
            told_zh=told[0],
            told_en=told[1],
            valid_from=valid_from,
            valid_until=valid_until,
            at=clock.now(),
        )
    return int(made.version)


def hold(cursor: Cursor, batch_id: int, arrival: Arrival, marks: Sequence[tuple[int, str, int]]) -> int:
    """Keep the claimed events of a batch that a rule of today names from being booked; returns how many.

    Where no rule holds it is one look. `marks`: place, id and version of the source of those from a declared one. Their
    quantities are then kept with the outcome `quarantined`, like all that credits nothing. (P-6.1-e)
    """
    values: dict[str, object] = {"day": clock.today(), "party": arrival.sender.party_id}
    cursor.execute(SQL["any_live"].format(live=SQL["live"]), values)
    found = cursor.fetchone()
    if found is None or not found[0]:
        return 0
    values |= {"batch": batch_id, "at": clock.now(), "received": clock.day(arrival.received_at)}
    values |= {
        "places": [one[0] for one in marks],
        "sources": [one[2] for one in marks],
        "reason": QUARANTINE,
    }
    cursor.execute(SQL["hold"].format(live=SQL["live"]), values)
    return cursor.rowcount


@audited("quarantine.propose", lambda _, made: made)
def propose(user: User, records: Sequence[int], verdict: str, reason: str) -> int:
    """Propose to release or to dismiss records by their numbers, all of them or none; returns the proposal's number.

    Raises HeldVerdictUnknown, HeldReasonMissing, HeldTooMany, NothingHeld, OwnRecords, NotEnrolled.
    """
    if verdict not in Ruling.WORDS:
        raise errors.HeldVerdictUnknown(verdict[:20])
    wanted = sorted(set(records))
    if not 0 < len(wanted) <= MOST:
        raise errors.HeldTooMany(str(len(wanted)))
    human, words = _human(user), _words(reason)
    with transaction.atomic():
        # In order: of two proposals about one record the second finds it taken.
        list(Record.objects.select_for_update().filter(pk__in=wanted).order_by("pk").values_list("pk"))
        if len(queries.waiting(wanted)) != len(wanted):
            raise errors.NothingHeld
        if queries.has_part(wanted, human):
            raise errors.OwnRecords
        made = Ruling.objects.create(
            verdict=Ruling.WORDS.index(verdict) + 1,
            count=len(wanted),
            about=wanted,
            reason=words,
            user=user,
            human=human,
            at=clock.now(),
        )
        Record.objects.filter(pk__in=wanted).update(state=Record.PROPOSED, proposal=made)
    return int(made.pk)


@audited("quarantine.decide", lambda given, _: given["number"])
def decide(number: int, accepted: bool, user: User, reason: str) -> Ruling:
    """Write a decision about a proposal down and lock its records until the transaction ends; the caller does what follows.
    Refused, they wait again.

    Raises HeldProposalUnknown, HeldDecided, SameHuman, OwnRecords, HeldReasonMissing, NotEnrolled.
    """
    human, words = _human(user), _words(reason)
    found = Ruling.objects.select_for_update().filter(pk=number).first() if 0 < number < 2**63 else None
    if found is None:
        raise errors.HeldProposalUnknown(str(number)[:20])
    if found.accepted is not None:
        raise errors.HeldDecided
    if bytes(found.human) == human:
        raise errors.SameHuman
    own = Record.objects.select_for_update().filter(proposal=found, state=Record.PROPOSED).order_by("pk")
    if queries.has_part([one.pk for one in own], human):
        raise errors.OwnRecords
    found.accepted, found.decider, found.decider_human = accepted, user, human
    found.decided_why, found.decided_at = words, clock.now()
    found.save(update_fields=["accepted", "decider", "decider_human", "decided_why", "decided_at"])
    if not accepted:
        own.update(state=Record.WAITING)
    return found


def came(proposal: Ruling, told: Mapping[int, str]) -> None:
    """Note what was done with each record of a proposal that is decided: number -> a word of queries.CAME; none where it was
    refused. What could not be measured waits again. The proposal keeps it, whatever becomes of its records later.
    """
    values = {"numbers": list(told), "words": list(told.values()), "proposal": proposal.pk}
    with connection.cursor() as cursor:
        cursor.execute(SQL["came"], values | {"stays": list(queries.STAYS)})
        cursor.execute(SQL["came_of"], values)


def _human(user: User) -> bytes:
    human = review.human_of(user)
    if human is None:
        raise NotEnrolled
    return human


def _words(reason: str) -> str:
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_REASON or "\x00" in words:
        raise errors.HeldReasonMissing
    return words
