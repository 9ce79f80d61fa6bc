"""Past quantities computed again under the present setting, their effect shown, and the books corrected by new entries.

Each changed event gets a reversal of its award and a new award (or a kept quantity that credits nothing), booked through
the lane of batches, with the digest of the proposal as the cause in every leaf. The effect that is shown before is no
estimate: every chunk is booked and taken back. Clauses P-7.2-a, P-7.3.3.3-b.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from operator import attrgetter

from django.db import DatabaseError, connection, transaction
from psycopg import Cursor

from abate.bookkeeping.kinds import INT64
from abate.platform import pipeline
from abate.platform.carbon import actions as carbon
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon import staging
from abate.platform.carbon.errors import StateChanged
from abate.platform.carbon.measure import Measured
from abate.platform.carbon.revaluing import Asked, Change, Reading
from abate.platform.credits import actions as credits
from abate.platform.credits import queries as rules
from abate.platform.credits import taking
from abate.platform.doors import clock
from abate.platform.doors.workspace import prepare, workspace
from abate.platform.events import actions as events
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Sender
from abate.platform.events.errors import Busy
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import queries as ledger
from abate.platform.ledger import reversing
from abate.platform.ledger.queries import Holdings
from abate.platform.people import actions as people
from abate.platform.people import queries as persons
from abate.platform.review import audit
from abate.platform.review import queries as review
from abate.platform.review.errors import NotApproved
from abate.quantify.same_act import SAME_ACT

VIA = "revalue"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Whom nothing was booked for though it was decided: why (`erased`, or `frozen`: left and only kept), how many changed
    events they have, and the milligrams that stay booked for these.
    """

    reason: str
    events: int
    mg: int


@dataclass(slots=True)
class Effect:
    """What booking does, or did. Milligrams of the changed events; credits and debts of the accounts they are on.

    `retired`: changed events left alone, as milligrams of their award were retired and cannot be taken back. `erased`:
    those of people who left after they were read, or after it was decided; `left_out` names them by pseudonym. `too_large`:
    those by which an account would hold more than it can.
    """

    digest: str = ""
    header: str = ""
    events: int = 0
    changed: int = 0
    up: int = 0
    down: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    people: int = 0
    mg_before: int = 0
    mg_after: int = 0
    credits_before: int = 0
    credits_after: int = 0
    debtors: int = 0
    owed: int = 0
    left_alone: dict[str, int] = field(default_factory=dict)
    retired: int = 0
    erased: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    too_large: int = 0
    closed_days: int = 0
    booked_before: int = 0


def propose(asked: Asked) -> Effect:
    """What booking would do now, and the digest that `book` asks for. Nothing is changed."""
    return _propose(asked)[0]


def _propose(
    asked: Asked, *, effect: bool = True, today: date | None = None, left_since: Collection[str] = ()
) -> tuple[Effect, list[bytes]]:
    read, found, lines = Reading(), Effect(), []
    for chunk in reading.changes(asked, read, today, left_since):
        lines += [change.line for change in chunk]
        if effect:
            _chunk(found, chunk, ("试算", "trial"), None, bytes(32))
    found.header = reading.header(asked, read)
    found.events, found.left_alone = read.events, dict(read.left)
    found.closed_days = ledger.closed_among(read.booked)
    found.digest = reading.proposal(found.header, lines).hex()
    return found, lines


def book(asked: Asked, digest: str) -> Effect:
    """Book exactly what was shown under `digest`, and decided on by three people; repeated, go on where it ended.

    Chunks of whole accounts are committed one by one. What was booked before counts into the digest, so that a booking that
    was cut off is completed by the same call, and nothing is booked twice: on a later day too, as what a source may be used
    for is judged as on the day of the decision. Who left since then does not stand in the way of the others: what they had
    counts into the digest as it was decided on, stays booked as it is, and they are told, here and in the trail. Raises
    NotApproved (the change revalue.book was not decided on), StateChanged, Busy.
    """
    proposal = bytes.fromhex(digest)
    begun = reading.approved(proposal)
    if begun is None:
        raise NotApproved(f"revalue.book {digest[:12]}")
    number, header, reason_zh, reason_en, decided = begun
    today, left_since = clock.day(decided), review.told_since("person.erase", "revalue.allow", digest)
    _, lines = _propose(asked, effect=False, today=today, left_since=left_since)
    done, booked_before = reading.done(number)
    if reading.proposal(header, lines + done) != proposal:
        raise StateChanged(digest[:12])
    approved, found = set(lines), Effect(digest=digest, header=header, booked_before=booked_before)
    for chunk in reading.changes(asked, read := Reading(), today, left_since):
        if not approved.issuperset(change.line for change in chunk):
            raise StateChanged(digest[:12])
        if living := _of_living(found, chunk):
            _chunk(found, living, (reason_zh, reason_en), number, proposal)
    _tell_left_out(found, number)
    found.events, found.left_alone = read.events, dict(read.left)
    found.closed_days = ledger.closed_among(read.booked)
    return found


def _of_living(found: Effect, changed: list[Change]) -> list[Change]:
    """The changes of people who are here. Who left does not come back, so that no lock is needed to leave them out."""
    with connection.cursor() as cursor:
        gone = reversing.erased(cursor, {change.stored.person_id for change in changed})
    _leave_out(found, changed, gone)
    return [change for change in changed if change.stored.person_id not in gone]


def _leave_out(found: Effect, changed: Sequence[Change], gone: Collection[int]) -> None:
    events, mg = Counter[int](), Counter[int]()
    for change in changed:
        if change.stored.person_id in gone:
            events[change.stored.person_id] += 1
            mg[change.stored.person_id] += change.before_mg
    found.erased += events.total()
    for person, (pseudonym, status) in persons.standing_of(events).items():
        # The same person may be known to several partners.
        before = found.left_out.get(pseudonym, LeftOut(status, 0, 0))
        found.left_out[pseudonym] = LeftOut(status, before.events + events[person], before.mg + mg[person])


def _tell_left_out(found: Effect, number: int) -> None:
    """In the trail, once for each, however often it is called."""
    told = review.told_since("revalue.left-out", "revalue.allow", found.digest) if found.left_out else set()
    for pseudonym, left in sorted(found.left_out.items()):
        if (subject := f"{number} {pseudonym}") not in told:
            audit.note("revalue.left-out", subject, **asdict(left))


def _chunk(
    found: Effect, changed: list[Change], reason: tuple[str, str], number: int | None, proposal: bytes
) -> None:
    """Book one partner's changes in a transaction, again where it lost a race; without a `number` take them back."""
    prepare(pipeline.TABLES)
    for attempt in range(pipeline.TRIES):
        try:
            with transaction.atomic():
                placed = put_in_place(changed, reason, number, proposal)
                if number is None:
                    transaction.set_rollback(True)
            break
        except DatabaseError as fault:
            race = isinstance(fault.__cause__, pipeline.RACES)
            if not race or attempt == pipeline.TRIES - 1 or connection.in_atomic_block:
                raise (Busy() if race else fault) from fault
            time.sleep(0.01 * 2**attempt)
    _leave_out(found, changed, placed.gone)
    found.retired += placed.retired
    found.too_large += placed.too_large
    _count(found, placed.kept, placed.before, placed.after)


@dataclass(frozen=True, slots=True)
class Placed:
    """What was booked of some changes (`kept`), with the accounts before and after and its results; the people for whom nothing
    was, because they are `gone`; and of how many nothing was, because their milligrams were retired, or the account could
    not hold them.
    """

    kept: list[Change]
    before: Holdings
    after: Holdings
    results: list[Result]
    gone: Collection[int]
    retired: int
    too_large: int


def put_in_place(
    changed: Sequence[Change],
    reason: tuple[str, str],
    number: int | None,
    proposal: bytes,
    *,
    anew: bool = False,
) -> Placed:
    """Reversals, then awards, as a batch of its own. `anew`: none of them was ever counted, so they are compared with other
    records of their act as new events are, and all results are told.
    """
    results: list[Result] = []
    arrival = _arrival(changed, proposal)
    with connection.cursor() as django, workspace() as cursor:
        batch_id = events.open_batch(cursor, arrival)
        # An open batch keeps erasing out: who was erased since the reading is known for good.
        gone = reversing.erased(django, {change.stored.person_id for change in changed})
        living = [change for change in changed if change.stored.person_id not in gone]
        # Locks in the order of every batch: bases, people, balances of caps, accounts (docs/explain/locking.md).
        laid = _lay_out(cursor, arrival, batch_id, living, trial=number is None)
        people.keep_still(cursor, [change.stored.person_id for change in living])
        carbon.must_stand(cursor, [change.stored for change in living])
        awards = {(one.stored.person_id, one.stored.entry_id) for one in living}
        taking.lock_balances(django, arrival.sender.party_id, awards)
        held = _not_retired(django, living)
        kept = _not_too_large(django, held)
        accounts = sorted({change.stored.person_id for change in kept})
        before = reversing.settled(django, accounts)
        if kept:
            if len(kept) < len(living):
                laid = _lay_out(cursor, arrival, batch_id, kept, trial=number is None)
            if number is not None:
                carbon.revise(cursor, number, batch_id, kept)
            _reverse(django, kept, reading.entry_cause(reason, number or 0))
            results = pipeline.enter(
                cursor, laid[0], batch_id, laid[1], whole=True, everything=anew, displace=anew
            )
            _not_counted(kept, results)
        after = reversing.settled(django, accounts)
    return Placed(kept, before, after, results, gone, len(living) - len(held), len(held) - len(kept))


def lock_together(parts: Sequence[Sequence[Change]], also: Collection[int] = ()) -> None:
    """Before several `put_in_place` of one transaction: lock what all of them need, in the order of a batch, and the people in
    `also`. `parts` are each of one partner and behaviour; erasing is kept out.
    """
    with connection.cursor() as django, workspace() as cursor:
        laid = [(_arrival(part, bytes(32)), part) for part in parts]
        bases = {key for arrival, part in laid for key in pipeline.laid_out(arrival, _now(part)).bases}
        carbon.number_bases(cursor, sorted(bases, key=attrgetter("digest")), clock.now())
        people.keep_still(cursor, [*also, *(change.stored.person_id for part in parts for change in part)])
        stages = []
        for arrival, part in laid:
            stages.append((arrival.sender.party_id, partial(_lay_out, cursor, arrival, 0, part, trial=False)))
        awards = {(one.stored.person_id, one.stored.entry_id) for part in parts for one in part}
        taking.lock_balances_of(django, stages, awards)


def _arrival(changed: Sequence[Change], proposal: bytes) -> Arrival:
    first = changed[0].stored
    sender = Sender(first.party_id, first.party, frozenset({changed[0].now.event.behaviour}), VIA)
    return Arrival(sender, VIA, clock.now(), proposal, len(changed))


def _now(changed: Sequence[Change]) -> list[Measured]:
    return [change.now for change in changed]


def _lay_out(
    cursor: Cursor, arrival: Arrival, batch_id: int, changed: Sequence[Change], *, trial: bool
) -> tuple[pipeline.Prepared, list[int]]:
    """The new quantities on the emptied staging table, and the numbers of their bases."""
    events.clear_stage(cursor)
    batch = pipeline.laid_out(arrival, _now(changed))
    bases = carbon.number_bases(cursor, batch.bases, clock.now(), trial=trial)
    if changed:
        events.stage(cursor, batch.rows)
        named = len(batch.subjects.entries.split(","))
        carbon.name_known(cursor, arrival.sender.party_id, batch_id, batch.subjects, named)
    return batch, bases


def _not_retired(cursor: Cursor, changed: Sequence[Change]) -> list[Change]:
    taken: Counter[int] = Counter()
    for change in changed:
        if change.stored.entry_id:
            taken[change.stored.person_id] += change.stored.er_mg or 0
    short = reversing.short_of_carbon(cursor, taken)
    return [change for change in changed if change.stored.person_id not in short]


def _not_too_large(cursor: Cursor, changed: Sequence[Change]) -> list[Change]:
    """Judged one by one, those first that make room: whether the account can hold the new amount in the old one's place."""
    held = reversing.held(cursor, {change.stored.person_id for change in changed})
    left = set()
    for change in sorted(changed, key=lambda change: change.gain_mg):
        one, now = change.stored, change.before_mg + change.gain_mg
        carbon, earned = held.get(one.person_id, (0, 0))
        after = (carbon - change.before_mg + now, earned + (now - one.eligible_mg) * one.credits_per_kg)
        if now and (after[0] > staging.MOST or after[1] not in INT64):
            left.add(id(change))
        else:
            held[one.person_id] = after
    return [change for change in changed if id(change) not in left]


def _reverse(cursor: Cursor, kept: Sequence[Change], reason: str) -> None:
    awards = [(one.stored.person_id, one.stored.entry_id) for one in kept if one.stored.entry_id]
    if not awards:
        return
    days = [one.stored.day for one in kept]
    behaviours = {one.now.event.behaviour for one in kept}
    if rules.any_cap(behaviours, min(days), max(days)):
        # Room under a cap is given back award by award, as for one that is withdrawn; in the order of the other way.
        for person, entry in sorted(awards):
            credits.reverse(person, entry, reason)
        credits.begin_claims_anew(cursor)
    else:
        reversing.reverse_awards(cursor, awards, reason)


def _not_counted(kept: Sequence[Change], results: Sequence[Result]) -> None:
    """What would be credited now, but another record of the same act is: it counts as nothing in the effect."""
    barred = {one.place for one in results if (one.reason or "").startswith(SAME_ACT)}
    for change in kept:
        if change.now.event.place in barred:
            change.now.outcome = Outcome.NOT_COUNTED


def _count(found: Effect, kept: Sequence[Change], before: Holdings, after: Holdings) -> None:
    found.changed += len(kept)
    found.up += sum(change.gain_mg > 0 for change in kept)
    found.down += sum(change.gain_mg < 0 for change in kept)
    for change in kept:
        old, new = Outcome(change.stored.outcome), Outcome(change.now.outcome)
        if old != new:
            found.outcomes[f"{old.text} -> {new.text}"] += 1
        found.mg_before += change.before_mg
        found.mg_after += change.before_mg + change.gain_mg
    found.people += len({change.stored.person_id for change in kept})
    found.credits_before += before.credits
    found.credits_after += after.credits
    found.debtors += after.debtors - before.debtors
    found.owed += after.owed - before.owed
