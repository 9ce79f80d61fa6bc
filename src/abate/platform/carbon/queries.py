"""What others may know of recognised behaviours: lists, sums, and why a figure is what it is."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import connection
from psycopg import Cursor

from abate.platform.carbon import acts, basis
from abate.platform.carbon.basis import BasisKey, catalogue, packs_called
from abate.platform.carbon.errors import NotReproducible, QuantityUnknown, RecordDropped
from abate.platform.doors.statements import statements
from abate.platform.events.actions import Unclaimed
from abate.platform.events.outcomes import Outcome, Result
from abate.quantify import one
from abate.quantify.explain import Explanation
from abate.quantify.outcome import Quantity

SQL = statements(Path(__file__).parent / "sql")
_NEWEST_FIRST = " order by quantity.occurred_at desc, quantity.party_id, quantity.event_id limit %(limit)s"
Place = tuple[datetime, int, str]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """How an event was taken back: `kind` and `cause` of events/withdrawals.py, by which event, decided when."""

    kind: int
    cause: str
    by_id: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Superseded:
    """That a later quantity of the event was put in the place of this one: why (Chinese, English), approved when."""

    why: tuple[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One accepted event of a person with all that its figure rests on. Amounts in mg CO2e, null where none.

    `place` goes on where a page of the feed ended.
    """

    person_id: int
    party_id: int
    party_code: str
    event_id: str
    behaviour: str
    version: int
    occurred_at: datetime
    received_at: datetime
    day: date
    outcome: Outcome
    reason: str | None
    be_mg: int | None
    pe_mg: int | None
    le_mg: int | None
    er_mg: int | None
    eligible_mg: int
    credits: int
    capped: bool
    entry_id: int | None
    record: str | None
    factors: str
    method_hash: bytes
    region: str | None
    grade_floor: str
    pack: str | None
    pack_hash: str | None
    batch_id: int
    body_sha256: bytes
    measured_at: datetime
    """When the batch that it was measured in came; of what was set aside since, that is an earlier one."""
    corrected: tuple[str, str] | None = None
    """Why it stands in the place of an earlier quantity of the event: (Chinese, English)."""
    withdrawn: Withdrawn | None = None
    superseded: Superseded | None = None
    corrects: str | None = None
    """The event that this one stands in for, and why (a code of events/withdrawals.py)."""
    corrects_cause: str | None = None
    dropped_at: datetime | None = None
    """When its record was deleted, having had its time (dropping.py): `record` and the amounts are None then."""

    @property
    def place(self) -> Place:
        return self.occurred_at, self.party_id, self.event_id

    @property
    def illustration(self) -> bool:
        """Whether a figure of an operator pack that is marked as an illustration went in."""
        if self.pack is None or "pack:" not in self.factors:
            return False
        return any(pack.illustration for pack in packs_called(self.pack))


def filled(name: str) -> str:
    """A statement with the parts that say in which batch, and in whose days, a quantity was measured."""
    # Some have braces of their own.
    return SQL[name].replace("{measured}", SQL["measured"]).replace("{counted}", SQL["counted"])


def _behaviours(condition: str, values: dict[str, object]) -> list[Behaviour]:
    with connection.cursor() as cursor:
        cursor.execute(filled("behaviours") + condition, values)
        rows = cursor.fetchall()
    return [
        Behaviour(
            *row[:9],
            Outcome(row[9]),
            *row[10:21],
            bytes(row[21]),
            *row[22:27],
            bytes(row[27]),
            row[28],
            (row[29], row[30]) if row[29] else None,
            Withdrawn(*row[31:35]) if row[31] else None,
            Superseded((row[35], row[36]), row[37]) if row[35] else None,
            *row[38:],
        )
        for row in rows
    ]


def feed(person_id: int, before: Place | None = None, limit: int = 20) -> list[Behaviour]:
    """A person's behaviours as they stand, the newest act first; `before` is the `place` of the last one already shown."""
    values: dict[str, object] = {"person": person_id, "limit": limit}
    condition = ""
    if before is not None:
        condition = (
            " and (quantity.occurred_at < %(at)s or (quantity.occurred_at = %(at)s"
            " and (quantity.party_id, quantity.event_id) > (%(party)s, %(event)s)))"
        )
        values |= {"at": before[0], "party": before[1], "event": before[2]}
    return _behaviours("\n" + SQL["stands"] + condition + _NEWEST_FIRST, values)


def week(person_id: int, last_day: date) -> list[tuple[date, int, int]]:
    """(day, mg avoided, credits) of the seven days up to `last_day`, oldest first; days without are zero."""
    first = last_day - timedelta(days=6)
    with connection.cursor() as cursor:
        cursor.execute(SQL["week"], {"person": person_id, "first": first, "last": last_day})
        found = {day: (er, credits) for day, er, credits in cursor.fetchall()}
    days = [first + timedelta(days=n) for n in range(7)]
    return [(day, *found.get(day, (0, 0))) for day in days]


def behaviour(person_id: int, party_id: int, event_id: str) -> Behaviour | None:
    condition = " and quantity.party_id = %(party)s and quantity.event_id = %(event)s"
    values: dict[str, object] = {"person": person_id, "party": party_id, "event": event_id}
    found = _behaviours("\n" + SQL["stands"] + condition, values)
    return found[0] if found else None


def behaviour_of_entry(person_id: int, entry_id: int) -> Behaviour | None:
    """The behaviour that an award was booked for; None for an entry of another kind."""
    condition = " and quantity.entry_id = %(entry)s"
    found = _behaviours(condition, {"person": person_id, "entry": entry_id})
    return found[0] if found else None


def acts_of_entries(person_id: int, entry_ids: Collection[int]) -> dict[int, tuple[str, date]]:
    """The behaviour that each of these awards was booked for, and the day of the act."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["acts_of_entries"], {"person": person_id, "entries": list(entry_ids)})
        return {entry: (behaviour, day) for entry, behaviour, day in cursor.fetchall()}


def explanation(person_id: int, party_id: int, event_id: str) -> Explanation:
    """Why the figure is what it is: computed again from the stored record on the stored basis.

    Raises QuantityUnknown, and NotReproducible where the figures are not exactly the stored ones. (P-7.2-a)
    """
    stored = behaviour(person_id, party_id, event_id)
    if stored is None:
        raise QuantityUnknown
    return explain(stored)


def explain(stored: Behaviour) -> Explanation:
    """`explanation` for a behaviour that is at hand. Raises RecordDropped too."""
    if stored.record is None:
        raise RecordDropped
    zone = basis.zones()(stored.measured_at)
    setting = basis.stored_setting(stored.region, stored.grade_floor, stored.pack, stored.pack_hash, zone)
    if setting is None:
        raise NotReproducible(f"pack {stored.pack}")
    quantity, told = one.quantify_one(json.loads(stored.record), stored.behaviour, catalogue(), setting)
    method = next((m for m in catalogue().methods[stored.behaviour] if m.version == stored.version), None)
    if method is None or method.hash != stored.method_hash.hex():
        raise NotReproducible(f"{stored.behaviour} version {stored.version}")
    if _figures(quantity) != (
        stored.version,
        stored.factors,
        stored.be_mg,
        stored.pe_mg,
        stored.le_mg,
        stored.er_mg,
    ):
        raise NotReproducible(f"event {stored.event_id}")
    return told


def _figures(quantity: Quantity) -> tuple[object, ...]:
    amounts = (quantity.be_mg, quantity.pe_mg, quantity.le_mg, quantity.er_mg)
    return (quantity.method_version, quantity.factors, *amounts)


def stored(cursor: Cursor, party_id: int, repeated: Iterable[Unclaimed]) -> list[Result]:
    """The stored outcomes of events that were sent again with the same content and had credited nothing."""
    asked = [(one.place, one.event_id) for one in repeated]
    if not asked:
        return []
    places, events = (list(column) for column in zip(*asked, strict=True))
    cursor.execute(SQL["stored"], {"places": places, "events": events, "party": party_id})
    return [
        Result(place, event, Outcome.EXISTS, reason, er_mg, stored=Outcome(outcome))
        for place, event, reason, er_mg, outcome in cursor.fetchall()
    ]


def by_outcome() -> dict[Outcome, tuple[int, int]]:
    """(events, mg credited) by outcome, of everything that was accepted."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["by_outcome"])
        return {Outcome(outcome): (count, er_mg) for outcome, count, er_mg in cursor.fetchall()}


def differences() -> dict[str, int]:
    """How many rows break each rule between events, quantities and the ledger; all zero where they agree.

    `entry`: a credited quantity without its award, or with other amounts, or the other way round; an award outside its batch.
    `seen`: an accepted event without its quantity, or the other way round.
    `eligible`: a person whose eligible total is not the sum over the quantities.
    `commitment`: an award that is not what its leaf commits to. `event`: a record that is not what its event id stands for.
    `revised`: a quantity computed again that is not the same event's, or whose old award still stands.
    `withdrawn`: an event that was taken back and is not undone as noted, or the other way round.
    `bases`: what quantities rest on, and what was put in force, that is not what its digest says.
    `acts`: a pair of awards that stand for one act. `claims`: an award that stands and has not claimed its act.
    """
    with connection.cursor() as cursor:
        found = acts.differences(cursor)
        for name in ("entry", "seen", "eligible", "commitment", "event", "revised", "withdrawn"):
            cursor.execute(filled(f"differ_{name}"), basis.zone_spans())
            found[name] = int(cursor.fetchone()[0])
        cursor.execute(SQL["adopted_unlike"])
        (unlike,) = cursor.fetchone()
        cursor.execute(SQL["bases_by_key"])
        found["bases"] = unlike + sum(BasisKey(*of).digest != bytes(key) for key, *of in cursor.fetchall())
    return found
