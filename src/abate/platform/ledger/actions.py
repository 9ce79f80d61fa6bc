"""The only writer of entries and balances. Earning appends in bulk; all else locks the accounts it moves."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import time_text
from abate.platform.doors import clock
from abate.platform.ledger import errors, posting, queries
from abate.platform.ledger.models import Duty
from abate.platform.ledger.posting import SQL, Item
from abate.platform.ledger.queries import EntryRow
from abate.platform.people import children

LONGEST = 300
"""Signs of the ground of a duty to keep: our policy."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Credits (positive) of a person asked for under `order_id`, the asker's id of this movement."""

    person_id: int
    credits: int
    order_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one: `done`, `exists` (the same was asked before), `insufficient`, `erased` or `conflict`."""

    code: str
    entry_id: int | None = None


def post_redeem(cursor: CursorWrapper, person_id: int, credits: int, cause: str) -> EntryRow:
    """Cancel `credits` (positive) of a person inside the caller's transaction; `cause` is the order id.

    The credits come out of the lots that expire first and go to the cancellation account, which only receives.
    Raises AccountErased, InsufficientCredits, having changed nothing. Clause P-7.5.3-3.
    """
    positive(credits)
    at = posting.ready(cursor, [person_id])
    refuse_erased(cursor, person_id)
    if at.free.get(person_id, 0) < credits:
        raise errors.InsufficientCredits(f"{at.free.get(person_id, 0)} < {credits}")
    (made,) = posting.post(cursor, Kind.REDEEM, [Item(person_id, cause, credits=-credits)], at)
    posting.draw(cursor, at, [(person_id, made.id, credits)])
    return made


def spend_all(kind: Kind, asked: Sequence[Spend], party_id: int | None = None) -> list[Verdict]:
    """Decide and book many spends of one kind in one transaction; verdicts in the order asked.

    Each is judged in its turn against what the ones before it left: a refused large one does not stand in the way of
    a smaller one after it. A repeated order id is answered from the first time. Kinds: cancel, exchange_out.
    """
    for one in asked:
        positive(one.credits)
    if not asked:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        at = posting.ready(cursor, [one.person_id for one in asked])
        gone = erased(cursor, {one.person_id for one in asked})
        known = _known(cursor, [(one.person_id, one.order_id) for one in asked])
        verdicts: list[Verdict | None] = []
        taken: dict[tuple[int, str], int] = {}
        for place, one in enumerate(asked):
            key, content = (one.person_id, one.order_id), digest(kind, one.credits, party_id or 0)
            if key in known:
                entry_id, first_content = known[key]
                same = first_content == content
                verdicts.append(Verdict("exists", entry_id) if same else Verdict("conflict"))
            elif key in taken:
                same = asked[taken[key]].credits == one.credits
                verdicts.append(None if same else Verdict("conflict"))
            elif gone.get(one.person_id):
                verdicts.append(Verdict("erased"))
            elif at.free.get(one.person_id, 0) < one.credits:
                verdicts.append(Verdict("insufficient"))
            else:
                at.free[one.person_id] -= one.credits
                taken[key] = place
                verdicts.append(None)
        ids = _book(cursor, kind, [asked[place] for place in taken.values()], at, party_id)
    first = dict(zip(taken, ids, strict=True))
    return [
        verdict or Verdict("done" if taken[key] == place else "exists", first[key])
        for place, (one, verdict) in enumerate(zip(asked, verdicts, strict=True))
        for key in [(one.person_id, one.order_id)]
    ]


def _book(
    cursor: CursorWrapper, kind: Kind, accepted: Sequence[Spend], at: posting.Ready, party_id: int | None
) -> list[int]:
    if not accepted:
        return []
    items = [Item(one.person_id, one.order_id, credits=-one.credits) for one in accepted]
    ids = [entry.id for entry in posting.post(cursor, kind, items, at, party_id)]
    posting.draw(cursor, at, [(s.person_id, i, s.credits) for s, i in zip(accepted, ids, strict=True)])
    orders = [
        (s.person_id, s.order_id, i, digest(kind, s.credits, party_id or 0))
        for s, i in zip(accepted, ids, strict=True)
    ]
    note(cursor, orders)
    return ids


def cancel(person_id: int, credits: int, order_id: str) -> EntryRow:
    """Give credits up for good. Asked again, it gives the same entry.

    Raises AccountErased, InsufficientCredits, OrderTaken.
    """
    return _single(Kind.CANCEL, Spend(person_id, credits, order_id))


def exchange_out(person_id: int, credits: int, order_id: str, party_id: int | None = None) -> EntryRow:
    """Credits leave for another platform. As `cancel`."""
    return _single(Kind.EXCHANGE_OUT, Spend(person_id, credits, order_id), party_id)


def _single(kind: Kind, one: Spend, party_id: int | None = None) -> EntryRow:
    with transaction.atomic():  # a refusal takes back even what only brought the account up to date
        (verdict,) = spend_all(kind, [one], party_id)
        if verdict.code == "erased":
            raise errors.AccountErased
        if verdict.code == "insufficient":
            raise errors.InsufficientCredits
        if verdict.code == "conflict":
            raise errors.OrderTaken(one.order_id)
    return entry_of(one.person_id, verdict.entry_id)


def exchange_in(person_id: int, credits: int, order_id: str, party_id: int | None = None) -> EntryRow:
    """Credits arrive from another platform, into a lot of the booking day.

    Raises NoPerson, AccountErased, OrderTaken.
    """
    positive(credits)
    return _credit(Kind.EXCHANGE_IN, person_id, credits, order_id, party_id)


def adjust(person_id: int, credits: int, order_id: str) -> EntryRow:
    """Give (above zero) or take credits by a decision that `order_id` names.

    What is taken beyond what is free becomes a debt that later credits settle first. Raises NoPerson, OrderTaken,
    AccountErased.
    """
    if credits > 0:
        return _credit(Kind.ADJUST, person_id, credits, order_id, None)
    positive(-credits)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["keep_erasing_out"])
        cursor.execute(SQL["open_accounts"], {"persons": [person_id], "at": clock.now()})
        at = posting.ready(cursor, [person_id])
        done = before(cursor, person_id, order_id, digest(Kind.ADJUST, credits))
        if done is not None:
            return entry_of(person_id, done)
        _must_live(cursor, person_id)
        free = min(at.free[person_id], -credits)
        item = Item(person_id, order_id, credits=credits, owed=-credits - free)
        (made,) = posting.post(cursor, Kind.ADJUST, [item], at)
        if free:
            posting.draw(cursor, at, [(person_id, made.id, free)])
        note(cursor, [(person_id, order_id, made.id, digest(Kind.ADJUST, credits))])
    return made


def _credit(kind: Kind, person_id: int, credits: int, order_id: str, party_id: int | None) -> EntryRow:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["keep_erasing_out"])
        cursor.execute(SQL["open_accounts"], {"persons": [person_id], "at": clock.now()})
        at = posting.ready(cursor, [person_id])
        done = before(cursor, person_id, order_id, digest(kind, credits, party_id or 0))
        if done is not None:
            return entry_of(person_id, done)
        _must_live(cursor, person_id)
        (made,) = posting.post(cursor, kind, [Item(person_id, order_id, credits=credits)], at, party_id)
        posting.put(cursor, kind, [(person_id, made.id, None, at.day, credits)])
        posting.settle_after(cursor, at, [made])
        note(cursor, [(person_id, order_id, made.id, digest(kind, credits, party_id or 0))])
    return made


def retire(person_id: int, carbon_mg: int, order_id: str) -> EntryRow:
    """Take milligrams out of circulation for good. Raises AccountErased, CarbonRetired where the account holds less."""
    positive(carbon_mg)
    with transaction.atomic(), connection.cursor() as cursor:
        at = posting.ready(cursor, [person_id])
        done = before(cursor, person_id, order_id, digest(Kind.RETIRE, carbon_mg))
        if done is not None:
            return entry_of(person_id, done)
        refuse_erased(cursor, person_id)
        if queries.balance(person_id).carbon_mg < carbon_mg:
            raise errors.CarbonRetired
        (made,) = posting.post(cursor, Kind.RETIRE, [Item(person_id, order_id, carbon_mg=-carbon_mg)], at)
        note(cursor, [(person_id, order_id, made.id, digest(Kind.RETIRE, carbon_mg))])
    return made


def add_duty(
    behaviour: str, first_day: date, last_day: date, keep_until: date, ground: tuple[str, str]
) -> Duty:
    """Records of acts of these days are kept until then: what three people decided (changes.py). Raises DutyMalformed."""
    days = first_day <= last_day <= keep_until and keep_until >= clock.today()
    if not days or not behaviour or not all(0 < len(text.strip()) <= LONGEST for text in ground):
        raise errors.DutyMalformed
    made, _ = Duty.objects.get_or_create(
        behaviour=behaviour,
        first_day=first_day,
        last_day=last_day,
        keep_until=keep_until,
        defaults={"ground_zh": ground[0].strip(), "ground_en": ground[1].strip()},
    )
    return made


def transfer(payer: int, receiver: int, credits: int, order_id: str) -> EntryRow:
    """Move credits from one person to another: an entry on either side. Returns the payer's.

    The credits keep their expiry and the day they came. Raises SamePerson, OrderTaken, NoPerson, AccountErased (of
    either), InsufficientCredits, and where either is a child's account ChildMayNot, GuardianNeeded.
    """
    positive(credits)
    if payer == receiver:
        raise errors.SamePerson
    for side in (payer, receiver):
        children.require(side, "transfer")
    content = digest(Kind.TRANSFER, credits, receiver)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["keep_erasing_out"])
        cursor.execute(SQL["open_accounts"], {"persons": [payer, receiver], "at": clock.now()})
        at = posting.ready(cursor, [payer, receiver])
        done = before(cursor, payer, order_id, content)
        if done is not None:
            return entry_of(payer, done)
        _must_live(cursor, payer)
        _must_live(cursor, receiver)
        if at.free[payer] < credits:
            raise errors.InsufficientCredits(f"{at.free[payer]} < {credits}")
        sides = [Item(payer, order_id, credits=-credits), Item(receiver, order_id, credits=credits)]
        out, into = posting.post(cursor, Kind.TRANSFER, sides, at)
        posting.draw(cursor, at, [(payer, out.id, credits)])
        cursor.execute(SQL["draws_of"], {"person": payer, "entry": out.id})
        moved = [(receiver, into.id, expires, day, number) for expires, day, number in cursor.fetchall()]
        posting.put(cursor, Kind.TRANSFER, moved)
        posting.settle_after(cursor, at, [into])
        note(cursor, [(payer, order_id, out.id, content)])
    return out


def erased(cursor: CursorWrapper, persons: Collection[int]) -> dict[int, bool]:
    """Of those that exist, whether each was erased: for good while erasing is kept out, or their account is locked."""
    cursor.execute(SQL["erased"], {"persons": list(persons)})
    return dict(cursor.fetchall())


def refuse_erased(cursor: CursorWrapper, person_id: int) -> None:
    """To be asked under the account's lock, which erasing takes before it destroys the key. Raises AccountErased.

    Not part of `posting.ready`: what lapses, expires or was set aside before goes on for the erased too.
    """
    if erased(cursor, [person_id]).get(person_id):
        raise errors.AccountErased


def _must_live(cursor: CursorWrapper, person_id: int) -> None:
    """For what may open an account, while erasing is kept out. Raises NoPerson, AccountErased."""
    found = erased(cursor, [person_id])
    if person_id not in found:
        raise errors.NoPerson(str(person_id))
    if found[person_id]:
        raise errors.AccountErased


def positive(amount: int) -> None:
    if type(amount) is not int or not 0 < amount < 2**63:
        raise errors.NotAnAmount(str(amount))


def digest(kind: Kind, amount: int, other: int = 0, until: datetime | None = None) -> bytes:
    """What an order id stands for, 32 bytes: `other` is who receives, or the party of an exchange, `until` when a hold ends.

    SQL: wrong_digests.
    """
    ends = "" if until is None else f" {time_text(until)}"
    return hashlib.sha256(f"{kind.name} {amount} {other}{ends}".encode()).digest()


def _known(
    cursor: CursorWrapper, keys: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], tuple[int, bytes]]:
    values = {"persons": [person for person, _ in keys], "orders": [order for _, order in keys]}
    cursor.execute(SQL["orders"], values)
    return {(person, order): (entry, bytes(digest)) for person, order, entry, digest in cursor.fetchall()}


def before(cursor: CursorWrapper, person_id: int, order_id: str, *contents: bytes) -> int | None:
    """The entry of an order that was booked before as one of `contents` (digest); read under the account's lock.

    Raises OrderTaken where it was booked as something else.
    """
    entry_id, known = _known(cursor, [(person_id, order_id)]).get((person_id, order_id), (None, contents[0]))
    if known not in contents:
        raise errors.OrderTaken(order_id)
    return entry_id


def note(cursor: CursorWrapper, orders: Sequence[tuple[int, str, int, bytes]]) -> None:
    persons, ids, entries, digests = (list(column) for column in zip(*orders, strict=True))
    values = {"persons": persons, "orders": ids, "entries": entries, "digests": digests}
    cursor.execute(SQL["note_orders"], values)


def entry_of(person_id: int, entry_id: int | None) -> EntryRow:
    found = queries.entry(person_id, entry_id) if entry_id is not None else None
    if found is None:
        raise RuntimeError("an order without its entry")
    return found
