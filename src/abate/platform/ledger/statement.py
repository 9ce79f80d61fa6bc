"""A person's account over a period: as it was before, each entry, as it was after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from abate.platform.ledger import standing
from abate.platform.ledger.errors import StatementTooLong
from abate.platform.ledger.queries import SQL
from abate.platform.ledger.standing import LotRow

MAX_ROWS = 5_000
"""Entries of one statement: our policy, far above a person's month. It is held in memory and proved entry by entry."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account after one of its entries. `owed` is what lots and held credits lack to the balance."""

    carbon_mg: int
    credits: int
    held: int
    eligible_mg: int
    earned: int
    lots: tuple[LotRow, ...]

    @property
    def owed(self) -> int:
        return sum(lot.credits for lot in self.lots) + self.held - self.credits


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: amounts by how much it changed the account, `lots` by how much it changed each."""

    id: int
    kind: int
    at: datetime
    day: date
    carbon_mg: int
    credits: int
    eligible_mg: int
    earned: int
    held: int
    cause: str
    lots: tuple[LotRow, ...]


@dataclass(frozen=True, slots=True)
class Period:
    opening: Account
    lines: tuple[Line, ...]
    closing: Account


def period(person_id: int, first: date, last: date) -> Period:
    """The entries booked from `first` to `last`. The caller's transaction has one snapshot. Raises StatementTooLong."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["span"], {"person": person_id, "first": first, "last": last})
        after, upto = cursor.fetchone()
        values = {
            "person": person_id,
            "after": after,
            "upto": upto,
            "limit": MAX_ROWS + 1,
        }
        cursor.execute(SQL["statement"], values)
        rows = cursor.fetchall()
        if len(rows) > MAX_ROWS:
            raise StatementTooLong(f"{first} to {last}")
        cursor.execute(SQL["moves"], values)
        moves: dict[int, list[LotRow]] = defaultdict(list)
        for entry_id, *lot in cursor.fetchall():
            moves[entry_id].append(LotRow(*lot))
    settled = [one for one in standing.unsettled(person_id) if one[0] <= upto]
    for entry_id, lot in settled:
        moves[entry_id] = list(_summed([*moves[entry_id], lot]))
    lines = tuple(Line(*row, lots=tuple(moves[row[0]])) for row in rows)
    before = [lot for entry_id, lot in settled if entry_id <= after]
    return Period(
        _account(person_id, after, before), lines, _account(person_id, upto, [lot for _, lot in settled])
    )


def _summed(lots: Iterable[LotRow]) -> tuple[LotRow, ...]:
    """Each lot once, in the order in which lots are used; what comes to nothing is left out."""
    found: dict[tuple[date, date, int], int] = defaultdict(int)
    for lot in lots:
        found[lot.expires_on, lot.day, lot.origin] += lot.credits
    return tuple(LotRow(*key, credits) for key, credits in sorted(found.items()) if credits)


def _account(person_id: int, upto: int, settled: Sequence[LotRow]) -> Account:
    """After the entry `upto`; `settled` is what debts took by then that no cut has noted."""
    values = {"person": person_id, "upto": upto}
    with connection.cursor() as cursor:
        cursor.execute(SQL["account_upto"], values)
        carbon_mg, credits, held, eligible_mg, earned = cursor.fetchone()
        cursor.execute(SQL["lots_upto"], values)
        lots = _summed([*(LotRow(*row) for row in cursor.fetchall()), *settled])
    return Account(carbon_mg, credits, held, eligible_mg, earned, lots)


def span(person_id: int) -> tuple[date, date] | None:
    """The days of a person's first and newest entry; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["months"], {"person": person_id})
        first, last = cursor.fetchone()
    return None if first is None else (first, last)
