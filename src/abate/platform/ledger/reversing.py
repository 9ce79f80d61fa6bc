"""Undoing an entry by a new one that names its leaf. Nothing is edited; an entry is undone once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db.backends.utils import CursorWrapper

from abate.bookkeeping.kinds import MILLION, Kind
from abate.platform.ledger import actions, errors, posting, queries
from abate.platform.ledger.posting import SQL, Item, Ready
from abate.platform.ledger.queries import EntryRow, Holdings
from abate.platform.notices import actions as notices
from abate.platform.people import queries as people

_Lot = tuple[date, date, int]
"""Expires on, day it came, origin: sorted, the order in which credits are used."""
_Drawn = dict[_Lot, int]
_AWARDED = frozenset({Kind.AWARD, Kind.UNCOLLECTED})
SPENDS = frozenset({Kind.REDEEM, Kind.SETTLE, Kind.EXCHANGE_OUT})
"""What can be given back. Cancelling, retiring and expiry are for good; a transfer is sent back by its receiver."""


def reverse_spend(cursor: CursorWrapper, person_id: int, entry_id: int, reason: str) -> EntryRow:
    """Give the credits of a spend back to the very lots they came from, inside the caller's transaction.

    A lot that expired meanwhile stays unspendable. Debts are settled first. Raises NoEntry, NotReversible,
    ReversedAlready, AccountErased.
    """
    at, found = _open(cursor, person_id, entry_id)
    if found.kind not in SPENDS:
        raise errors.NotReversible(Kind(found.kind).name.lower())
    made = _post(cursor, at, found, reason, Item(person_id, "", credits=-found.credits))
    drawn_by = entry_id
    if found.kind == Kind.SETTLE:
        cursor.execute(SQL["hold_of_settle"], {"person": person_id, "entry": entry_id})
        (drawn_by,) = cursor.fetchone()
    if posting.put_back(cursor, [person_id], [drawn_by], [made.id]) != -found.credits:
        raise RuntimeError("the lots of a spend are not what it spent")
    posting.settle_after(cursor, at, [made])
    return made


@dataclass(frozen=True, slots=True)
class Award:
    """An award to take back; `day` is that of its booking, which names its lot, `credits_per_kg` the rate of its moment."""

    person_id: int
    entry_id: int
    day: date
    carbon_mg: int
    leaf_hash: bytes
    credits_per_kg: int


_Line = tuple[Award, Item, _Drawn, _Drawn]
"""An award, its reversal, what comes back to lots before it, and what it draws."""


class Awards:
    """Awards of locked accounts taken back together, each judged against what the ones before it left.

    The credits are the whole ones that the running total of what was earned loses, so that any order of awards and
    reversals ends with the same totals. They come from the award's own lot, expired, waiting or not, then from those that
    expire first; what is missing is owed. What of its own lot is gone because it expired comes back first (RESTORE), so
    that it makes no debt, whether or not the job of the day has passed (decision 33). The caller knows the caps (credits).
    """

    def __init__(self, cursor: CursorWrapper, at: Ready, persons: Sequence[int]) -> None:
        self._cursor, self._at = cursor, at
        asked = {"persons": sorted(set(persons))}
        cursor.execute(SQL["balances"], asked)
        self._held = {person: [carbon, earned] for person, carbon, earned in cursor.fetchall()}
        cursor.execute(SQL["all_lots"], asked)
        self._lots: dict[int, dict[_Lot, int]] = {}
        for person, expires_on, day, origin, left in cursor.fetchall():
            self._lots.setdefault(person, {})[expires_on, day, origin] = left
        cursor.execute(SQL["gone_lots"], asked | {"today": at.today})
        self._gone: dict[int, dict[_Lot, int]] = {}
        for person, expires_on, day, origin, gone in cursor.fetchall():
            self._gone.setdefault(person, {})[expires_on, day, origin] = gone
        self._taken: list[_Line] = []

    def holds(self, award: Award) -> bool:
        """Whether the account still has the award's milligrams, after what was taken before it."""
        return self._held[award.person_id][0] >= award.carbon_mg

    def take(self, award: Award, reason: str, eligible_mg: int) -> None:
        """Take an award that its account holds; written when `post` is called."""
        held = self._held[award.person_id]
        earned = eligible_mg * award.credits_per_kg
        credits = held[1] // MILLION - (held[1] - earned) // MILLION
        held[0] -= award.carbon_mg
        held[1] -= earned
        back, drawn = self._draw(award, credits)
        item = Item(
            award.person_id,
            f"{award.leaf_hash.hex()} {reason}",
            carbon_mg=-award.carbon_mg,
            credits=-credits,
            owed=credits - sum(drawn.values()),
            eligible_mg=-eligible_mg,
            earned=-earned,
            names=award.leaf_hash,
        )
        self._taken.append((award, item, back, drawn))

    def _draw(self, award: Award, credits: int) -> tuple[_Drawn, _Drawn]:
        """What comes back to lots that expired, and what is drawn then."""
        lots = self._lots.get(award.person_id, {})
        gone = self._gone.get(award.person_id, {})
        own = [lot for lot in lots if _is_own(lot, award)]
        others = [
            lot for lot in lots if lot not in own and lot[0] > self._at.today and lot[2] != Kind.UNCOLLECTED
        ]
        drawn = _take(lots, own, credits)
        credits -= sum(drawn.values())
        back = _take(gone, [lot for lot in gone if _is_own(lot, award)], credits)
        credits -= sum(back.values())
        for lot, number in back.items():
            drawn[lot] = drawn.get(lot, 0) + number
        return back, drawn | _take(lots, others, credits)

    def post(self, party_id: int | None) -> list[EntryRow]:
        """The reversing entries, in the order taken; before them what comes back for them to take."""
        if not self._taken:
            return []
        restored = [line for line in self._taken if line[2]]
        if restored:
            items = [
                Item(award.person_id, item.cause, credits=sum(back.values()), names=award.leaf_hash)
                for award, item, back, _ in restored
            ]
            entries = posting.post(self._cursor, Kind.RESTORE, items, self._at, party_id)
            self._move(
                [
                    (entry, {lot: -number for lot, number in line[2].items()})
                    for entry, line in zip(entries, restored, strict=True)
                ]
            )
        made = posting.post(self._cursor, Kind.REVERSE, [line[1] for line in self._taken], self._at, party_id)
        self._move([(entry, line[3]) for entry, line in zip(made, self._taken, strict=True)])
        _note(
            self._cursor,
            [
                (award.person_id, award.entry_id, entry.id, -item.eligible_mg, int(Kind.AWARD))
                for entry, (award, item, _, _) in zip(made, self._taken, strict=True)
            ],
        )
        notices.write(people.users_of(line[0].person_id for line in self._taken), "award.taken-back")
        return made

    def _move(self, moved: Sequence[tuple[EntryRow, _Drawn]]) -> None:
        """Take out of lots, or put into them what is below zero."""
        draws = [
            (entry.person_id, entry.id, *lot, number)
            for entry, drawn in moved
            for lot, number in drawn.items()
        ]
        if draws:
            names = ("persons", "entries", "expiries", "days", "origins", "credits")
            columns = (list(column) for column in zip(*draws, strict=True))
            self._cursor.execute(SQL["draw_from"], dict(zip(names, columns, strict=True)))


def _is_own(lot: _Lot, award: Award) -> bool:
    return lot[1] == award.day and lot[2] in _AWARDED


def _take(lots: _Drawn, some: Sequence[_Lot], credits: int) -> _Drawn:
    """Up to so many credits out of `some` of these lots, in their order."""
    taken = {}
    for lot in some:
        number = min(lots[lot], credits)
        if number:
            lots[lot] -= number
            credits -= number
            taken[lot] = number
    return taken


def _note(cursor: CursorWrapper, undone: Sequence[tuple[int, int, int, int, int]]) -> None:
    names = ("persons", "entries", "reverses", "eligibles", "kinds")
    columns = (list(column) for column in zip(*undone, strict=True))
    cursor.execute(SQL["note_reversals"], dict(zip(names, columns, strict=True)))


def reverse_award(
    cursor: CursorWrapper, person_id: int, entry_id: int, reason: str, eligible_mg: int, credits_per_kg: int
) -> EntryRow:
    """Take one award back: its milligrams, `eligible_mg` of them out of the running total at the rate of its booking, and the
    credits these carried.

    Raises NoEntry, NotReversible, ReversedAlready, AccountErased, CarbonRetired.
    """
    at, found = _open(cursor, person_id, entry_id)
    if found.kind != Kind.AWARD:
        raise errors.NotReversible(Kind(found.kind).name.lower())
    awards = Awards(cursor, at, [person_id])
    award = Award(person_id, entry_id, found.day, found.carbon_mg, found.leaf_hash, credits_per_kg)
    if not awards.holds(award):
        raise errors.CarbonRetired
    awards.take(award, reason, eligible_mg)
    (made,) = awards.post(found.cause_party)
    return made


def settled(cursor: CursorWrapper, persons: Sequence[int]) -> Holdings:
    """Lock these accounts and bring them up to date; what they hold and owe then."""
    posting.ready(cursor, persons)
    cursor.execute(SQL["stand_of"], {"persons": list(persons)})
    return Holdings(*cursor.fetchone())


def short_of_carbon(cursor: CursorWrapper, carbons: Mapping[int, int]) -> set[int]:
    """Lock these accounts; who of them holds less than these milligrams, because some were retired."""
    cursor.execute(SQL["lock"], {"persons": sorted(carbons)})
    cursor.execute(
        SQL["short_of_carbon"], {"persons": list(carbons), "carbons": [carbons[one] for one in carbons]}
    )
    return {person for (person,) in cursor.fetchall()}


def held(cursor: CursorWrapper, persons: Collection[int]) -> dict[int, tuple[int, int]]:
    """Milligrams of these accounts, and the millionths of a credit that they have earned."""
    cursor.execute(SQL["balances"], {"persons": list(persons)})
    return {person: (carbon, earned) for person, carbon, earned in cursor.fetchall()}


def keep_erasing_out(cursor: CursorWrapper) -> None:
    """Before any account is locked, as a batch does: erasing a person comes wholly before this transaction or wholly after."""
    cursor.execute(SQL["keep_erasing_out"])


def erased(cursor: CursorWrapper, persons: Collection[int]) -> set[int]:
    """Who of them was erased: for good while their accounts are locked, or a batch is open in this transaction."""
    return {person for person, gone in actions.erased(cursor, persons).items() if gone}


def reverse_awards(cursor: CursorWrapper, asked: Sequence[tuple[int, int]], reason: str) -> list[EntryRow]:
    """Take many awards (person, entry) of one partner back, as `reverse_award` one after the other; no cap is on them.

    The accounts hold their milligrams (short_of_carbon). Raises ReversedAlready, AccountErased.
    """
    at = posting.ready(cursor, [person for person, _ in asked])
    if erased(cursor, [person for person, _ in asked]):
        raise errors.AccountErased
    columns = {"persons": [person for person, _ in asked], "entries": [entry for _, entry in asked]}
    cursor.execute(SQL["awards_to_undo"], columns)
    found = cursor.fetchall()
    if len(found) != len(asked):
        raise errors.ReversedAlready
    awards = Awards(cursor, at, [person for person, _ in asked])
    for person, entry, day, carbon, eligible, rate, leaf, _ in found:
        awards.take(Award(person, entry, day, carbon, bytes(leaf), rate), reason, eligible)
    return awards.post(found[0][7])


def reverse_redemptions(cursor: CursorWrapper, asked: Sequence[tuple[int, int]], reason: str) -> None:
    """Give back what many redemptions (person, entry) cost, as `reverse_spend` one after the other.

    Raises ReversedAlready, also where one is no redemption, AccountErased.
    """
    persons, entries = [person for person, _ in asked], [entry for _, entry in asked]
    at = posting.ready(cursor, persons)
    if erased(cursor, persons):
        raise errors.AccountErased
    cursor.execute(SQL["redemptions_to_undo"], {"persons": persons, "entries": entries})
    found = cursor.fetchall()
    if len(found) != len(asked):
        raise errors.ReversedAlready
    items = [
        Item(person, f"{bytes(leaf).hex()} {reason}", credits=-credits, names=bytes(leaf))
        for person, _, credits, leaf in found
    ]
    made = posting.post(cursor, Kind.REVERSE, items, at)
    undone = [
        (person, entry, by.id, 0, int(Kind.REDEEM))
        for (person, entry, _, _), by in zip(found, made, strict=True)
    ]
    _note(cursor, undone)
    persons, entries, ids, *_ = (list(column) for column in zip(*undone, strict=True))
    if posting.put_back(cursor, persons, entries, ids) != -sum(credits for _, _, credits, _ in found):
        raise RuntimeError("the lots of a spend are not what it spent")
    posting.settle_after(cursor, at, made)


def _open(cursor: CursorWrapper, person_id: int, entry_id: int) -> tuple[Ready, EntryRow]:
    at = posting.ready(cursor, [person_id])
    found = queries.entry(person_id, entry_id)
    if found is None:
        raise errors.NoEntry
    cursor.execute(SQL["reversal_of"], {"person": person_id, "entry": entry_id})
    if cursor.fetchone():
        raise errors.ReversedAlready
    actions.refuse_erased(cursor, person_id)
    return at, found


def _post(cursor: CursorWrapper, at: Ready, found: EntryRow, reason: str, item: Item) -> EntryRow:
    named = replace(item, cause=f"{found.leaf_hash.hex()} {reason}", names=found.leaf_hash)
    (made,) = posting.post(cursor, Kind.REVERSE, [named], at, found.cause_party)
    _note(cursor, [(found.person_id, found.id, made.id, -item.eligible_mg, found.kind)])
    return made
