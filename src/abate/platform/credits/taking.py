"""Events that their party takes back: judged in the order given, under the locks, and reversed together.

The last step of a batch (pipeline.py), in its transaction: what the batch itself booked can be taken back too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from abate.platform.credits import room
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.events import actions as events
from abate.platform.events.envelope import Event, Refused, Withdrawal
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.events.withdrawals import CORRECTED, WITHDRAWN, entry_cause
from abate.platform.ledger import posting
from abate.platform.ledger.reversing import Award, Awards
from abate.platform.people import actions as people

SQL = statements(Path(__file__).parent / "sql")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NotTaken(Exception):
    """Corrections whose event cannot be taken back: the batch is booked again with these refused."""

    def __init__(self, refused: dict[int, Refused]) -> None:
        super().__init__(f"{len(refused)} corrections")
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Taking:
    """One event to take back: `target`, by the withdrawal or correction `id`."""

    place: int
    id: str
    target: str
    subject: str
    cause: str
    kind: int
    decided_at: datetime
    behaviour: str | None = None

    @property
    def digest(self) -> bytes:
        """What the id of a withdrawal stands for; a correction's is that of its record (carbon/measure.py)."""
        moment = (self.decided_at - _EPOCH) // _MICROSECOND
        text = f"withdrawal\n{self.target}\n{self.cause}\n{self.subject}\n{moment}"
        return hashlib.sha256(text.encode()).digest()


class _Target(NamedTuple):
    event_id: str
    person_id: int
    subject: str | None
    erased: bool
    is_withdrawal: bool
    gone: bool
    entry_id: int | None
    day: date | None
    carbon_mg: int | None
    eligible_mg: int | None
    leaf_hash: bytes | None
    credits_per_kg: int | None
    undone: bool


def takings(read: Iterable[Event | Withdrawal | Refused]) -> list[Taking]:
    """What a batch asks to take back, by place."""
    found = []
    for one in read:
        if isinstance(one, Withdrawal):
            found.append(Taking(one.place, one.id, one.event, one.subject, one.cause, WITHDRAWN, one.time))
        elif isinstance(one, Event) and one.corrects:
            about = (one.corrects, one.subject, one.cause, CORRECTED, one.time, one.behaviour)
            found.append(Taking(one.place, one.id, *about))
    return found


def lock(party_id: int, asked: Sequence[Taking], *, own: bool) -> None:
    """Take the locks of a batch that takes back, before its own: people (its `own` too), balances of caps, then accounts, each
    in order.
    """
    with connection.cursor() as cursor:
        persons = {one.person_id for one in _targets(cursor, party_id, asked).values()}
        if own:
            cursor.execute(SQL["own_people"])
            persons.update(person for (person,) in cursor.fetchall())
        people.keep_still(cursor, persons)
        found = _targets(cursor, party_id, asked).values()
        lock_balances(cursor, party_id, [(one.person_id, one.entry_id) for one in found])


def lock_balances(cursor: CursorWrapper, party_id: int, taken: Collection[tuple[int, int | None]]) -> None:
    """Lock balances of caps, then accounts, each in order: those of the awards (person, entry) that go, of what may take
    their room, and of the staged events. The people are locked.
    """
    lock_balances_of(cursor, [(party_id, lambda: None)], taken)


def lock_balances_of(
    cursor: CursorWrapper,
    batches: Sequence[tuple[int, Callable[[], object]]],
    taken: Collection[tuple[int, int | None]],
) -> None:
    """The same for several batches that one transaction books one after the other: of each its party, and what stages it."""
    columns = {"persons": [person for person, _ in taken], "entries": [entry for _, entry in taken]}
    gaining: set[int] = set()

    def claims() -> list[tuple[object, ...]]:
        cursor.execute(SQL["claims_of_takings"], columns)
        listed, own = cursor.fetchall(), 0
        for party_id, stage in batches:
            stage()
            # The batch's own are locked with them, and counted again when it is cut.
            cursor.execute(SQL["claim"], {"party": party_id})
            own += cursor.rowcount
            # The next batch is staged over this one.
            cursor.execute(SQL["gaining"])
            gaining.update(person for (person,) in cursor.fetchall())
        return sorted(listed) or [()] * bool(own)

    room.lock(cursor, claims)
    asked = {"persons": columns["persons"], "gaining": list(gaining), "at": clock.now()}
    cursor.execute(SQL["lock_accounts"], asked)


def take(
    party_id: int, batch_id: int, asked: Sequence[Taking]
) -> tuple[list[Result], list[Refused], dict[int, int]]:
    """Reverse what is asked, each judged in its turn. Returns results and refusals of withdrawals, and by the place of
    each correction the entry that undid its event.

    The room that an award took of its caps is free again; credits that are not there any more become a debt. An event
    that credited nothing is only noted. Raises NotTaken for corrections.
    """
    with connection.cursor() as cursor:
        # Whose events came in since the batch took its locks, or with it, are locked here; the others are already.
        people.keep_still(cursor, [one.person_id for one in _targets(cursor, party_id, asked).values()])
        targets = _targets(cursor, party_id, asked)
        # What is refused as it stands does not even bring the account's lots up to date.
        sound = [targets[one.target] for one in asked if _unfit(one, targets.get(one.target)) is None]
        at = posting.ready(cursor, [target.person_id for target in sound])
        known = _known(cursor, party_id, asked)
        judged = _Judged(cursor, party_id, at, targets)
        for one in sorted(asked, key=lambda one: one.place):
            judged.judge(one, known)
        if judged.not_taken:
            raise NotTaken(judged.not_taken)
        made = judged.post()
        _note(cursor, party_id, batch_id, at.at, judged.taken, targets)
        again = _again(cursor, party_id, judged)
    return (
        again,
        judged.refused,
        {one.place: made[one.target].id for one in judged.taken if one.target in made},
    )


class _Judged:
    """Verdicts in the order given, each against what the ones before it left."""

    def __init__(
        self, cursor: CursorWrapper, party_id: int, at: posting.Ready, targets: dict[str, _Target]
    ) -> None:
        self.taken: list[Taking] = []
        self.repeated: list[Taking] = []
        self.conflicts: list[Taking] = []
        self.refused: list[Refused] = []
        self.not_taken: dict[int, Refused] = {}
        self._cursor, self._party, self._targets = cursor, party_id, targets
        awards = [one for one in targets.values() if one.entry_id and not one.undone]
        self._awards = Awards(cursor, at, [one.person_id for one in awards])
        cursor.execute(SQL["capped_of"], _columns(awards))
        self._capped = {entry for (entry,) in cursor.fetchall()}
        self._undone: list[int] = []
        self._gone: set[str] = set()

    def judge(self, one: Taking, known: dict[str, bytes]) -> None:
        if one.kind == WITHDRAWN and one.id in known:
            (self.repeated if known[one.id] == one.digest else self.conflicts).append(one)
            return
        code = self._refusal(one, self._targets.get(one.target))
        if code is None:
            self._gone.add(one.target)
            self.taken.append(one)
            if one.kind == WITHDRAWN:
                known[one.id] = one.digest
        elif one.kind == WITHDRAWN:
            self.refused.append(Refused(one.place, one.id, one.behaviour, code, "event"))
        else:
            self.not_taken[one.place] = Refused(one.place, one.id, one.behaviour, code, "corrects")

    def _refusal(self, one: Taking, target: _Target | None) -> str | None:
        code = "withdrawn_already" if one.target in self._gone else _unfit(one, target)
        if code is not None or target is None:
            return code
        return None if target.entry_id is None or self._reverse(one, target) else "carbon_retired"

    def _reverse(self, one: Taking, target: _Target) -> bool:
        assert target.entry_id is not None and target.day is not None and target.leaf_hash is not None
        er, eligible = target.carbon_mg or 0, target.eligible_mg or 0
        award = Award(
            target.person_id,
            target.entry_id,
            target.day,
            er,
            bytes(target.leaf_hash),
            target.credits_per_kg or 0,
        )
        if not self._awards.holds(award):
            return False
        if award.entry_id in self._capped:
            eligible = room.give(self._cursor, award.person_id, award.entry_id, self._undone)
        self._awards.take(award, entry_cause(one.kind, one.cause, one.id), eligible)
        self._undone.append(award.entry_id)
        return True

    def post(self) -> dict[str, posting.EntryRow]:
        """The reversing entries, by the event each undid."""
        undone = [one.target for one in self.taken if self._targets[one.target].entry_id]
        return dict(zip(undone, self._awards.post(self._party), strict=True))


def _unfit(one: Taking, target: _Target | None) -> str | None:
    """The code of the refusal, where what stands in the registries already says it."""
    if target is None:
        return "event_unknown"
    for wrong, code in (
        (target.erased, "person_erased"),
        (target.subject != one.subject, "other_person"),
        (target.is_withdrawal, "not_withdrawable"),
        (target.gone, "withdrawn_already"),
        (target.undone, "reversed_already"),
    ):
        if wrong:
            return code
    return None


def _targets(cursor: CursorWrapper, party_id: int, asked: Sequence[Taking]) -> dict[str, _Target]:
    cursor.execute(
        SQL["targets"],
        {"party": party_id, "events": sorted({one.target for one in asked})},
    )
    return {row[0]: _Target(*row) for row in cursor.fetchall()}


def _known(cursor: CursorWrapper, party_id: int, asked: Sequence[Taking]) -> dict[str, bytes]:
    ids = [one.id for one in asked if one.kind == WITHDRAWN]
    cursor.execute(SQL["own_ids"], {"party": party_id, "events": ids})
    return {event: bytes(digest) for event, digest in cursor.fetchall()}


def _note(
    cursor: CursorWrapper,
    party_id: int,
    batch_id: int,
    at: datetime,
    taken: Sequence[Taking],
    targets: dict[str, _Target],
) -> None:
    rows = [
        (t.target, t.id, t.kind, t.cause, targets[t.target].person_id, t.place, t.decided_at, t.digest)
        for t in taken
    ]
    if rows:
        events.note_withdrawals(cursor, party_id, batch_id, at, rows)


def _again(cursor: CursorWrapper, party_id: int, judged: _Judged) -> list[Result]:
    """Results of the withdrawals, those done now and those done before read in the same way."""
    mine = [one for one in judged.taken if one.kind == WITHDRAWN]
    asked = [one.id for one in mine + judged.repeated]
    cursor.execute(SQL["taken"], {"party": party_id, "by": asked})
    told = {by: (er, credits or 0, entry) for by, entry, er, credits in cursor.fetchall()}
    results = [Result(one.place, one.id, Outcome.WITHDRAWN, None, *told[one.id]) for one in mine]
    results += [
        Result(one.place, one.id, Outcome.EXISTS, None, *told[one.id], stored=Outcome.WITHDRAWN)
        for one in judged.repeated
    ]
    return results + [
        Result(one.place, one.id, Outcome.CONFLICT, "other_content:id") for one in judged.conflicts
    ]


def _columns(targets: Iterable[_Target]) -> dict[str, list[int | None]]:
    """People and awards of these; of an event that this batch books itself, or that credited nothing, the person."""
    found = list(targets)
    return {"persons": [one.person_id for one in found], "entries": [one.entry_id for one in found]}
