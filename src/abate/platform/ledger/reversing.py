"""Undoing an entry by a new one that names its leaf. Nothing is edited; an entry is undone once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from django.db.backends.utils import CursorWrapper

from abate.bookkeeping.kinds import Kind
from abate.platform.ledger import errors, posting, queries
from abate.platform.ledger.posting import SQL, Item, Ready
from abate.platform.ledger.queries import EntryRow, Holdings

SPENDS = frozenset({Kind.REDEEM, Kind.SETTLE, Kind.EXCHANGE_OUT})
"""What can be given back. Cancelling, retiring and expiry are for good; a transfer is sent back by its receiver."""


def reverse_spend(cursor: CursorWrapper, person_id: int, entry_id: int, reason: str) -> EntryRow:
    """Give the credits of a spend back to the very lots they came from, inside the caller's transaction.

    A lot that expired meanwhile stays unspendable. Debts are settled first. Raises NoEntry, NotReversible,
    ReversedAlready.
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


def reverse_award(
    cursor: CursorWrapper, person_id: int, entry_id: int, reason: str, eligible_mg: int, mg_per_credit: int
) -> EntryRow:
    """Take an award back: its milligrams, `eligible_mg` of the running total, and the credits these carried.

    The credits are the whole multiples that the running total loses, so that any order of awards and reversals ends
    with the same totals. They come from the award's own lot, then from those that expire first; what is missing is
    owed. The caller knows the caps (credits.actions). Raises NoEntry, NotReversible, ReversedAlready, CarbonRetired.
    """
    at, found = _open(cursor, person_id, entry_id)
    if found.kind != Kind.AWARD:
        raise errors.NotReversible(Kind(found.kind).name.lower())
    held = queries.balance(person_id)
    if held.carbon_mg < found.carbon_mg:
        raise errors.CarbonRetired
    credits = held.eligible_mg // mg_per_credit - (held.eligible_mg - eligible_mg) // mg_per_credit
    own, free = _lots(cursor, at, person_id, found.day, credits)
    item = Item(
        person_id,
        "",
        carbon_mg=-found.carbon_mg,
        credits=-credits,
        owed=credits - own - free,
        eligible_mg=-eligible_mg,
    )
    made = _post(cursor, at, found, reason, item)
    if own:
        values = {"person": person_id, "entry": made.id, "day": found.day, "credits": own}
        cursor.execute(SQL["draw_own"], values)
        if cursor.fetchone()[0] != own:
            raise RuntimeError("an award's own lot is not what it was under the lock")
    if free:
        posting.draw(cursor, at, [(person_id, made.id, free)])
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


def reverse_awards(
    cursor: CursorWrapper, asked: Sequence[tuple[int, int]], reason: str, mg_per_credit: int
) -> list[EntryRow]:
    """Take many awards (person, entry) of one partner back, as `reverse_award` one after the other; no cap is on them.

    Each draws on its own lot first, all of them on what else is free after that. Raises ReversedAlready.
    """
    at = posting.ready(cursor, [person for person, _ in asked])
    columns = {"persons": [person for person, _ in asked], "entries": [entry for _, entry in asked]}
    cursor.execute(SQL["awards_to_undo"], columns)
    found = cursor.fetchall()
    if len(found) != len(asked):
        raise errors.ReversedAlready
    taken = _credits_of(found, mg_per_credit)
    own, free = _shares(cursor, at, found, taken)
    items = [
        Item(
            person,
            f"{bytes(named).hex()} {reason}",
            carbon_mg=-carbon,
            credits=-taken[place],
            owed=taken[place] - own[place] - free[place],
            eligible_mg=-eligible,
            names=bytes(named),
        )
        for place, (person, _, _, carbon, eligible, _, named, _) in enumerate(found)
    ]
    made = posting.post(cursor, Kind.REVERSE, items, at, found[0][7])
    persons, entries, days, _, eligibles, *_ = (list(column) for column in zip(*found, strict=True))
    reverses = [entry.id for entry in made]
    values = {"persons": persons, "entries": entries, "reverses": reverses, "eligibles": eligibles}
    cursor.execute(SQL["note_reversals"], values)
    drawn = [place for place, credits in enumerate(own) if credits]
    values = {"persons": [persons[n] for n in drawn], "entries": [reverses[n] for n in drawn]}
    values |= {"days": [days[n] for n in drawn], "credits": [own[n] for n in drawn]}
    cursor.execute(SQL["draw_own_lots"], values)
    if cursor.fetchone()[0] != sum(own):
        raise RuntimeError("an award's own lot is not what it was under the lock")
    others = [(persons[n], reverses[n], credits) for n, credits in enumerate(free) if credits]
    if others:
        posting.draw(cursor, at, others)
    return made


def _credits_of(found: Sequence[tuple], mg_per_credit: int) -> list[int]:
    """The whole credits that each person's running total loses with each award, one after the other."""
    totals: dict[int, int] = {}
    taken = []
    for person, _, _, _, eligible, total, *_ in found:
        before = totals.get(person, total)
        totals[person] = before - eligible
        taken.append(before // mg_per_credit - (before - eligible) // mg_per_credit)
    return taken


def _shares(
    cursor: CursorWrapper, at: Ready, found: Sequence[tuple], taken: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Of what each award gives back: how much its own lot gives, and how much the others that are not expired."""
    persons, days = [row[0] for row in found], [row[2] for row in found]
    cursor.execute(SQL["own_lots"], {"persons": persons, "days": days, "today": at.today})
    lots = {(person, day): (left, live) for person, day, left, live in cursor.fetchall()}
    free = {person: at.free.get(person, 0) for person in persons}
    own, others = [], []
    for person, day, credits in zip(persons, days, taken, strict=True):
        left, live = lots.get((person, day), (0, False))
        own.append(min(left, credits))
        lots[person, day] = left - own[-1], live
        free[person] -= own[-1] if live else 0
    for person, mine, credits in zip(persons, own, taken, strict=True):
        others.append(max(min(credits - mine, free[person]), 0))
        free[person] -= others[-1]
    return own, others


def _lots(cursor: CursorWrapper, at: Ready, person_id: int, day: date, credits: int) -> tuple[int, int]:
    """How many of these credits the award's own lot gives, and how many the others that are not expired."""
    cursor.execute(SQL["own_lot"], {"person": person_id, "day": day, "today": at.today})
    left, live = cursor.fetchone() or (0, False)
    own = min(left, credits)
    others = at.free.get(person_id, 0) - (own if live else 0)
    return own, max(min(credits - own, others), 0)


def _open(cursor: CursorWrapper, person_id: int, entry_id: int) -> tuple[Ready, EntryRow]:
    at = posting.ready(cursor, [person_id])
    found = queries.entry(person_id, entry_id)
    if found is None:
        raise errors.NoEntry
    cursor.execute(SQL["reversal_of"], {"person": person_id, "entry": entry_id})
    if cursor.fetchone():
        raise errors.ReversedAlready
    return at, found


def _post(cursor: CursorWrapper, at: Ready, found: EntryRow, reason: str, item: Item) -> EntryRow:
    named = Item(
        item.person_id,
        f"{found.leaf_hash.hex()} {reason}",
        carbon_mg=item.carbon_mg,
        credits=item.credits,
        owed=item.owed,
        eligible_mg=item.eligible_mg,
        names=found.leaf_hash,
    )
    (made,) = posting.post(cursor, Kind.REVERSE, [named], at, found.cause_party)
    values = {"person": found.person_id, "entry": found.id, "reverse": made.id, "kind": found.kind}
    cursor.execute(SQL["note_reversal"], values | {"eligible": -item.eligible_mg})
    return made
