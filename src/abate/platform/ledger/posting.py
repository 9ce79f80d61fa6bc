"""How entries are posted: accounts locked in order, holds and lots brought up to date, then set-based statements.

A single posting is the case of one. Each step is a statement of its own, so that what is read after a lock is
what the other side committed (docs/explain/locking.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from abate.bookkeeping import kinds, leaf
from abate.bookkeeping.kinds import RULES, Kind
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.ledger.models import Hold
from abate.platform.ledger.queries import EntryRow, row

SQL = statements(Path(__file__).parent / "sql")
NEVER = date(9999, 12, 31)
LAPSED = "time-out"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry to post. Amounts change the person's side; `held` and `owed` change what is set aside and owed.

    `names` is the leaf hash that the entry names as its cause; without it the leaf's cause is the text's digest.
    """

    person_id: int
    cause: str
    carbon_mg: int = 0
    credits: int = 0
    held: int = 0
    owed: int = 0
    eligible_mg: int = 0
    earned: int = 0
    names: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Locked accounts, brought up to date: what each can spend, and the day that entries carry."""

    at: datetime
    today: date
    day: date
    free: dict[int, int]


def ready(cursor: CursorWrapper, persons: Sequence[int]) -> Ready:
    """Lock these accounts in order; end their overdue holds, cut their lots, let credits settle debts.

    Who owes is brought up to date in the order of time: what a hold gave back settled the debt of that moment, with
    the lots that had not expired then, however late this is. A person without an account can spend nothing. The locks last
    as long as the caller's transaction.
    """
    now = clock.now()
    asked = {"persons": sorted(set(persons)), "today": clock.day(now), "at": now}
    cursor.execute(SQL["lock"], asked)
    cursor.execute(SQL["booking_day"], {"day": clock.day(now)})
    made = Ready(now, clock.day(now), cursor.fetchone()[0], {})
    cursor.execute(SQL["debtors_overdue"], asked)
    for moment, debtors in cursor.fetchall():
        then = {"persons": debtors, "at": moment, "before": moment}
        cursor.execute(SQL["cut"], then)
        _lapse(cursor, replace(made, today=basis.day_then(moment)), then)
    cursor.execute(SQL["cut"], asked | {"before": None})
    _lapse(cursor, made, asked)
    cursor.execute(SQL["state"], asked)
    accounts = cursor.fetchall()
    settle(cursor, made, [(person, owed, cut, free) for person, owed, cut, free in accounts if owed and free])
    for person, owed, _, free in accounts:
        made.free[person] = max(free - owed, 0)
    return made


def _lapse(cursor: CursorWrapper, at: Ready, asked: dict[str, object]) -> None:
    """Holds whose time is over end here, though no job has passed: what follows sees them as free."""
    cursor.execute(SQL["overdue_holds"], asked)
    overdue = cursor.fetchall()
    if not overdue:
        return
    items = [
        Item(person, f"{bytes(named).hex()} {LAPSED}", held=-credits, names=bytes(named))
        for person, _, credits, named in overdue
    ]
    made = post(cursor, Kind.RELEASE, items, at)
    persons, holds = [row[0] for row in overdue], [row[1] for row in overdue]
    end_holds(cursor, at, Hold.LAPSED, persons, holds, [entry.id for entry in made])
    put_back(cursor, persons, holds, [entry.id for entry in made])
    settle_after(cursor, at, made)


def end_holds(
    cursor: CursorWrapper,
    at: Ready,
    state: int,
    persons: Sequence[int],
    holds: Sequence[int],
    entries: Sequence[int],
) -> None:
    values = {
        "persons": list(persons),
        "holds": list(holds),
        "entries": list(entries),
        "state": state,
        "at": at.at,
    }
    cursor.execute(SQL["end_holds"], values)
    if cursor.rowcount != len(persons):
        raise RuntimeError("a hold that was open under its account's lock is not")


def settle(cursor: CursorWrapper, at: Ready, debts: Sequence[tuple[int, int, int, int]]) -> None:
    """Let what is free settle what is owed: (person, owed, entry by which, free) of locked accounts."""
    if not debts:
        return
    paid = [(person, entry, min(owed, free)) for person, owed, entry, free in debts]
    draw(cursor, at, paid)
    values = {"persons": [person for person, _, _ in paid], "credits": [credits for _, _, credits in paid]}
    cursor.execute(SQL["settle_debt"], values)


def settle_after(cursor: CursorWrapper, at: Ready, entries: Sequence[EntryRow]) -> None:
    """The same after these entries brought credits."""
    by = {entry.person_id: entry.id for entry in entries}
    cursor.execute(SQL["state"], {"persons": sorted(by), "today": at.today})
    settle(cursor, at, [(p, owed, by[p], free) for p, owed, _, free in cursor.fetchall() if owed and free])


def post(
    cursor: CursorWrapper, kind: Kind, items: Sequence[Item], at: Ready, party_id: int | None = None
) -> list[EntryRow]:
    """Write entries of one kind for locked accounts, in the order given. Raises EntryError before anything."""
    for item in items:
        kinds.check(kind, item.carbon_mg, item.credits)
    values = _values(kind, items, at, party_id)
    cursor.execute(SQL["post"], values | _national(cursor, values))
    made = sorted((row(values) for values in cursor.fetchall()), key=lambda entry: entry.id)
    if len(made) != len(items):
        raise RuntimeError(f"{len(items)} entries were to be posted, {len(made)} were")
    return made


def _national(cursor: CursorWrapper, values: dict[str, object]) -> dict[str, object]:
    """The ids and SM3 commitments of what is posted, where leaves carry them; else none of both."""
    if not settings.ABATE_LOG_SM:
        return {"ids": [], "sm3": []}
    cursor.execute(SQL["open_parts"], values)
    opened = cursor.fetchall()
    return {
        "ids": [entry_id for entry_id, _, _ in opened],
        "sm3": [
            leaf.sm3_commitment(bytes(salt), leaf.sm3_part(personal)) if salt else None
            for _, salt, personal in opened
        ],
    }


def _values(kind: Kind, items: Sequence[Item], at: Ready, party_id: int | None) -> dict[str, object]:
    return {
        "persons": [item.person_id for item in items],
        "carbons": [item.carbon_mg for item in items],
        "credits": [item.credits for item in items],
        "helds": [item.held for item in items],
        "oweds": [item.owed for item in items],
        "eligibles": [item.eligible_mg for item in items],
        "earned": [item.earned for item in items],
        "causes": [item.cause for item in items],
        "digests": [item.names or leaf.text_hash(item.cause) for item in items],
        "kind": int(kind),
        "name": kind.name.lower(),
        "counter": int(RULES[kind].counter),
        "party": party_id,
        "at": at.at,
        "day": at.day,
        "nothing": leaf.NOTHING,
    }


def draw(
    cursor: CursorWrapper,
    at: Ready,
    demands: Sequence[tuple[int, int, int]],
    *,
    expired: bool = False,
) -> None:
    """Take (person, entry, credits) out of unexpired lots, first expiring first; or, `expired`, out of the others."""
    cursor.execute(
        SQL["draw"],
        {
            "persons": [person for person, _, _ in demands],
            "entries": [entry for _, entry, _ in demands],
            "credits": [credits for _, _, credits in demands],
            "after": date.min if expired else at.today,
            "until": at.today if expired else NEVER,
        },
    )
    drawn, asked = cursor.fetchone()[0], sum(credits for _, _, credits in demands)
    if drawn != asked:
        raise RuntimeError(f"lots gave {drawn} of {asked} credits that were free")


def put(
    cursor: CursorWrapper,
    origin: Kind,
    lots: Sequence[tuple[int, int, date | None, date, int]],
) -> None:
    """New credits into lots: (person, entry, expires on or None for the rule's, day, credits)."""
    columns = [list(column) for column in zip(*lots, strict=True)]
    names = ("persons", "entries", "expiries", "days", "credits")
    cursor.execute(SQL["put"], dict(zip(names, columns, strict=True)) | {"origin": int(origin)})


def put_back(cursor: CursorWrapper, persons: Sequence[int], of: Sequence[int], by: Sequence[int]) -> int:
    """What entries `of` drew goes back to the same lots, by the entries `by`. Returns how many credits."""
    cursor.execute(SQL["put_back"], {"persons": list(persons), "of": list(of), "by": list(by)})
    return int(cursor.fetchone()[0])
