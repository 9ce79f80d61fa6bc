"""What a person can spend, until when, and what is owed: now, as the next posting would find it, and at a past moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from abate.bookkeeping.kinds import Kind
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.ledger.queries import SQL

_WAITS = Kind.UNCOLLECTED
LAST = 2**63 - 1
"""No entry has a higher number."""


@dataclass(frozen=True, slots=True)
class LotRow:
    """Credits that came on `day` in one way (`origin`, a code of Kind), spendable before `expires_on`."""

    expires_on: date
    day: date
    origin: int
    credits: int

    @property
    def for_good(self) -> bool:
        return self.expires_on == date.max


@dataclass(frozen=True, slots=True)
class HoldRow:
    """Credits that are set aside; they are free again at `expires_at`."""

    id: int
    credits: int
    at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """`free` can be spent; `lots` are where it lies, first used first; `owed` is what later credits settle first.

    `uncollected` is what the person can collect, each before its `expires_on`; it is not free until then.
    """

    free: int
    owed: int
    held: int
    lots: tuple[LotRow, ...]
    holds: tuple[HoldRow, ...]
    uncollected: tuple[LotRow, ...] = ()

    @property
    def waiting(self) -> int:
        """Credits that can be collected now."""
        return sum(lot.credits for lot in self.uncollected)


@dataclass(frozen=True, slots=True)
class Past:
    """An account as it was at a moment, after all that was posted up to it; `owed` is what later credits were to settle.

    `lots` include what is expired and not yet posted, and what waited to be collected.
    """

    carbon_mg: int
    credits: int
    held: int
    lots: tuple[LotRow, ...]
    owed: int = 0


_Lots = dict[tuple[date, date, int], int]
"""Credits by last day, day they came, and origin."""


def standing(person_id: int) -> Standing:
    """Exact whether or not lots are cut, holds lapsed and expiries posted: the same rules, applied here to a copy."""
    now = clock.now()
    today = clock.day(now)
    values = {"person": person_id, "at": now, "today": today, "after": None, "until": LAST}
    with connection.cursor() as cursor:
        lots, owed, held = _posted(cursor, values)
        owed, held, _ = _bring_up(cursor, lots, owed, held, values)
        cursor.execute(SQL["holds"], values)
        holds = tuple(HoldRow(*row) for row in cursor.fetchall())
    live, waits = [], []
    for key, credits in sorted(lots.items()):
        if key[0] > today and key[2] == _WAITS:
            waits += [LotRow(*key, credits)] if credits else []
        elif key[0] > today and credits:
            live.append(LotRow(*key, credits))
    return Standing(sum(lot.credits for lot in live), owed, held, tuple(live), holds, tuple(waits))


def unsettled(person_id: int) -> list[tuple[int, LotRow]]:
    """What awards that are in no lot yet pay of a debt (credits below zero), each with the entry at which cutting notes it.

    What a hold gave back before an award has paid first, as it will have when lots are cut.
    """
    now = clock.now()
    values = {"person": person_id, "at": now, "today": clock.day(now), "after": None, "until": LAST}
    with connection.cursor() as cursor:
        lots, owed, held = _posted(cursor, values)
        return _bring_up(cursor, lots, owed, held, values)[2] if owed else []


def _posted(cursor: CursorWrapper, values: Mapping[str, Any]) -> tuple[_Lots, int, int]:
    """Lots, owed and held as the last posting left them."""
    cursor.execute(SQL["debt"], values)
    owed, held = cursor.fetchone() or (0, 0)
    cursor.execute(SQL["lots"], values)
    return {row[:3]: row[3] for row in cursor.fetchall()}, owed, held


def _bring_up(
    cursor: CursorWrapper, lots: _Lots, owed: int, held: int, values: Mapping[str, Any]
) -> tuple[int, int, list[tuple[int, LotRow]]]:
    """Put into `lots` what was earned after the entry `after` (None: what is in no lot yet) up to `until`, and what holds over by
    the moment `at` gave back; returns what is owed and held then, and what each award paid (`unsettled`).

    `today` is the day of `at` where that is now.

    In the order of time: what was earned, then what a hold gave back, which settled the debt of that moment.
    """
    awards: list[tuple[int, LotRow]] = []
    cursor.execute(SQL["lapsed"], values)
    lapsed = cursor.fetchall()
    moments = sorted({row[0] for row in lapsed})
    cursor.execute(SQL["fresh"], {**values, "moments": moments})
    fresh = cursor.fetchall()
    for stage, moment in enumerate([*moments, values["at"]]):
        for _, day, expires_on, origin, credits, last in (row for row in fresh if row[0] == stage):
            paid = 0 if origin == _WAITS else min(owed, credits)
            owed -= paid
            key = (expires_on, day, origin)
            awards += [(last, LotRow(*key, -paid))] if paid else []
            lots[key] = lots.get(key, 0) + credits - paid
        for *lot, credits in (row[1:] for row in lapsed if stage < len(moments) and row[0] == moment):
            lots[tuple(lot)] = lots.get(tuple(lot), 0) + credits
            held -= credits
        if owed:
            # Of then by the zone of then; of now, as whoever spends, by the zone of now.
            now = stage == len(moments) and values.get("today")
            owed = _settle(lots, owed, now or basis.day_then(moment))
    return owed, held, awards


def _settle(lots: _Lots, owed: int, today: date) -> int:
    """Let what was free on a day settle what is owed, first expiring first; returns what is owed still."""
    for key in sorted(lots):
        if key[0] > today and key[2] != _WAITS:
            paid = min(owed, lots[key])
            lots[key] -= paid
            owed -= paid
    return owed


def at_moment(person_id: int, moment: datetime) -> Past:
    """Balance, debt, held credits and lots after the last entry that bears this moment or an earlier one; before it nothing.

    What was earned by then had settled debts, and holds that were over had ended, whether or not a posting had written it
    down: whoever asked at that moment was told the same. Entries count in the order in which they were posted. Where the clock
    was set back in between, what was posted before that last entry is contained whatever moment it bears: every answer
    is a state in which the account really was.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["entry_at"], {"person": person_id, "at": moment})
        last = cursor.fetchone()
        if last is None:
            return Past(0, 0, 0, ())
        entry_id, carbon_mg, credits = last
        # What was written down last stands in the lots up to it; what was earned after it is brought in here.
        cursor.execute(SQL["posted_upto"], {"person": person_id, "upto": entry_id})
        posted, then = cursor.fetchone() or (0, 0)
        cursor.execute(SQL["lots_upto"], {"person": person_id, "upto": posted})
        lots = {row[:3]: row[3] for row in cursor.fetchall()}
        values = {"person": person_id, "at": moment, "after": posted, "until": entry_id}
        cursor.execute(SQL["held_at"], values)
        (held,) = cursor.fetchone()
        owed, held, _ = _bring_up(cursor, lots, sum(lots.values()) + held - then, held, values)
    left = tuple(LotRow(*lot, number) for lot, number in sorted(lots.items()) if number)
    return Past(carbon_mg, credits, held, left, owed)


def held_by(person_id: int, entry_id: int) -> int | None:
    """The credits of the hold that an entry made or ended; None for every other entry."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["held_by"], {"person": person_id, "entry": entry_id})
        found = cursor.fetchone()
    return int(found[0]) if found else None


def by_expiry(lots: tuple[LotRow, ...]) -> tuple[LotRow, ...]:
    """Lots that expire on one day as one: what a page shows."""
    merged: dict[date, LotRow] = {}
    for lot in lots:
        seen = merged.get(lot.expires_on)
        merged[lot.expires_on] = replace(lot, credits=lot.credits + seen.credits) if seen else lot
    return tuple(merged.values())
