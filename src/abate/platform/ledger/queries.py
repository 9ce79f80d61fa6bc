"""What others may know of accounts. A system account has no row: it is the sum of the other sides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import connection

from abate.bookkeeping.kinds import Counter, Kind
from abate.bookkeeping.leaf import NOTHING
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.events import queries as events
from abate.platform.ledger.models import Lot

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class Balance:
    """What a person holds: mg CO2e avoided, whole credits, the eligible milligrams, and what these earned in millionths of a
    credit, from which credits are counted.

    `credits` may be below zero: a debt that later credits settle.
    """

    carbon_mg: int
    credits: int
    eligible_mg: int
    earned: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry, amounts as the person's side. `cause` is the partner's event id or the order id."""

    person_id: int
    id: int
    kind: int
    at: datetime
    day: date
    carbon_mg: int
    credits: int
    carbon_after: int
    credits_after: int
    counter: int
    cause_party: int | None
    cause: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class AssetSums:
    """One asset: what people hold, what entries moved to them, and every system account (the other sides)."""

    people: int
    entries: int
    accounts: Mapping[str, int]

    @property
    def even(self) -> bool:
        """Balances equal entries, and all accounts together are zero."""
        return self.people == self.entries and self.people + sum(self.accounts.values()) == 0


@dataclass(frozen=True, slots=True)
class Holdings:
    """What several accounts hold together, and how many of them owe how many credits."""

    credits: int
    owed: int
    debtors: int


def row(values: tuple) -> EntryRow:
    """An EntryRow from a row with the columns in its order."""
    return EntryRow(*values[:-1], bytes(values[-1]))


def balance(person_id: int) -> Balance:
    """Zero for a person without any entry yet."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["balance"], {"person": person_id})
        found = cursor.fetchone()
    return Balance(*found) if found else Balance(0, 0, 0, 0)


def entries(person_id: int, before_id: int | None = None, limit: int = 20) -> list[EntryRow]:
    """Newest first; `before_id` goes on where the last page ended."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["entries"], {"person": person_id, "before": before_id, "limit": limit})
        return [row(values) for values in cursor.fetchall()]


def entry(person_id: int, entry_id: int) -> EntryRow | None:
    with connection.cursor() as cursor:
        cursor.execute(SQL["entry"], {"person": person_id, "entry": entry_id})
        found = cursor.fetchone()
    return row(found) if found else None


def closed_among(days: Collection[date]) -> int:
    """How many of these days are closed."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["last_closed"])
        (closed,) = cursor.fetchone()
    return sum(closed is not None and day <= closed for day in days)


def sums() -> dict[str, AssetSums]:
    """Per asset (`carbon_mg`, `credits`): balances, entries and system accounts, each summed by itself."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["sums"])
        (_, *people), *by_counter = cursor.fetchall()
    return {
        asset: AssetSums(
            people=int(people[place]),
            entries=sum(int(line[place + 1]) for line in by_counter),
            accounts={Counter(line[0]).name.lower(): -int(line[place + 1]) for line in by_counter},
        )
        for place, asset in enumerate(("carbon_mg", "credits"))
    }


_RULES = (
    "balance_entries",
    "balance_last",
    "running",
    "credit_rule",
    "earned",
    "leaf",
    "booked",
    "counter",
    "clearing",
    "receives",
    "day",
    "lots",
    "draws",
    "spends",
    "brought",
    "expiry",
    "held",
    "restored",
    "holds",
    "reversal",
    "orders",
    "close",
    "close_head",
    "party",
    "bare",
)


_KINDS = [kind.name.lower() for kind in sorted(Kind)]


def rates_of(person_id: int, entry_ids: Collection[int]) -> dict[int, int]:
    """Of a person's awards among these entries, how many credits a kilogram made on the day of the act."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["rates_of"], {"person": person_id, "entries": list(entry_ids)})
        return dict(cursor.fetchall())


def differences() -> dict[str, int]:
    """How many rows break each rule of the ledger; all zero where it agrees with itself.

    Each rule is one statement: sql/reconcile.sql has those of entries and balances, sql/reconcile_lots.sql of lots and
    what moves them, sql/reconcile_registries.sql of registries and closes; cli/reconcile.py says each in words.
    """
    values = {
        **basis.zone_spans(),
        "names": [counter.name.lower() for counter in sorted(Counter)],
        "kinds": _KINDS,
        "nothing": NOTHING,
    }
    with connection.cursor() as cursor:
        found = {}
        for name in _RULES:
            cursor.execute(SQL[f"differ_{name}"], values)
            found[name] = int(cursor.fetchone()[0])
        cursor.execute(f"select count(*) from ({SQL['wrong_digests']}) wrong", {"kinds": _KINDS})
        found["digests"] = int(cursor.fetchone()[0])
    return found


def first_wrong_order() -> tuple[int, str, int] | None:
    """Person, order id and entry of the first order whose digest is not that of what its entry did."""
    first = f"select * from ({SQL['wrong_digests']}) wrong order by entry_id limit 1"
    with connection.cursor() as cursor:
        cursor.execute(first, {"kinds": _KINDS})
        return cursor.fetchone()  # type: ignore[no-any-return]


def first_open_day() -> date | None:
    """The first day that is not closed; None before the first event. What the daily job closes next."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["last_closed"])
        (closed,) = cursor.fetchone()
    if closed is not None:
        return closed + timedelta(days=1)  # type: ignore[no-any-return]
    begun = events.began_at()
    return None if begun is None else clock.day(begun)


def first_expired(today: date) -> date | None:
    """The earliest day of credits that are past it and have no entry that says so; None where there are none."""
    found = Lot.objects.filter(left_credits__gt=0, expires_on__lte=today).order_by("expires_on")
    return found.values_list("expires_on", flat=True).first()
