"""A person's statement: every entry of a period with its receipt, from what was there before to what was there after.

    {"format": "abate-statement/3",
     "log": "example.org/log",              origin of the log that all receipts are of
     "person": "<pseudonym>",
     "zones": [{"from": null, "zone": "Asia/Shanghai"}, {"from": "<UTC moment>", "zone": "UTC"}, ...],
     "rates": [{"from_day": "2000-01-01", "credits_per_kg": 1000}, ...],
     "first": "2026-11-01", "last": "2026-11-30", "made_at": "2026-12-01T00:00:05.000000Z",
     "checkpoint": "<signed note>",          the head under which every receipt proves its entry
     "opening": STATE, "closing": STATE,
     "rows": [{"entry": 17, "kind": "award", "at": "<UTC moment>", "day": "2026-11-03",
               "about": "<behaviour, order, or cause>", "party": "<code>", "occurred_at": "<UTC moment>",
               "carbon_mg": N, "credits": N, "eligible_mg": N, "earned": N, "held": N, "lots": [LOT, ...],
               "carbon_after": N, "credits_after": N, "held_after": N, "owed_after": N,
               "receipt": {...}}, ...]}

    STATE  {"carbon_mg": N, "credits": N, "held": N, "owed": N, "eligible_mg": N, "earned": N, "lots": [LOT, ...]}
    LOT    {"expires_on": "2027-12-31", "day": "2026-11-03", "origin": "award", "credits": N}

Amounts of a row are by how much it changed the person's account, those named `_after` what it left there. Lots in a
STATE are what lies there, in a row by how much each changed; `expires_on` is null where credits do not expire. What is
held lies in no lot, so lots + held = credits + owed. `eligible_mg` is what a row added to the running total that earns
credits, `earned` what that earned in millionths of a credit: an award's milligrams times the rate of the day of its
act (`rates`, the oldest first), a reversal's as much as the award had earned. Credits are the whole ones of its running
total. Days, of an act too, are those of the zone in force when the row was booked: `zones`, the oldest first, from null since
ever. `entry` is the platform's own number of the row and orders the rows; what proves a row is its receipt. `about`, `party`
and `occurred_at` are null where the personal part cannot be opened or has no such thing; `receipt` (receipt.py) is null
while the log has not numbered the entry. Read too: form 2, which had one `zone`, and form 1, which also had one rate,
`mg_per_credit`, and no `earned`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import TypeVar

from abate.bookkeeping import leaf, strict_json
from abate.bookkeeping.kinds import INT64, MILLION, Kind
from abate.bookkeeping.receipt import ReceiptError, members_of

FORMAT = "abate-statement/3"
OF_ONE_ZONE, OF_ONE_RATE = "abate-statement/2", "abate-statement/1"
FORMATS = (FORMAT, OF_ONE_ZONE, OF_ONE_RATE)
MAX_BYTES = 64 * 1024 * 1024
"""A statement is held in memory whole: far above any person's year."""
NEVER = date.max

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Lot:
    """Credits that expire on one day (NEVER: not at all), came on one day, in one way."""

    expires_on: date
    day: date
    origin: Kind
    credits: int


@dataclass(frozen=True, slots=True)
class State:
    """An account at one end of the period. Amounts in mg CO2e and whole credits."""

    carbon_mg: int
    credits: int
    held: int
    owed: int
    eligible_mg: int
    earned: int
    lots: tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the statement tells it; `receipt` is the document that proves it."""

    entry: int
    kind: Kind
    at: datetime
    day: date
    about: str | None
    party: str | None
    occurred_at: str | None
    carbon_mg: int
    credits: int
    eligible_mg: int
    earned: int
    held: int
    lots: tuple[Lot, ...]
    carbon_after: int
    credits_after: int
    held_after: int
    owed_after: int
    receipt: Mapping[str, object] | None


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """From a day on, a kilogram of eligible CO2e makes so many credits."""

    from_day: date
    credits_per_kg: int


@dataclass(frozen=True, slots=True)
class Zone:
    """Whose days are counted in what is booked from a moment on; None: since ever."""

    since: datetime | None
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as read or made; nothing in it is verified yet."""

    log: str
    person: str
    zones: tuple[Zone, ...]
    rates: tuple[Rate, ...]
    first: date
    last: date
    made_at: datetime
    checkpoint: str
    opening: State
    rows: tuple[Row, ...]
    closing: State

    def zone_at(self, booked: datetime) -> str:
        """Whose days were counted at this moment."""
        return [one.name for one in self.zones if one.since is None or one.since <= booked][-1]

    def document(self) -> dict[str, object]:
        """The JSON document, ready for json.dumps."""
        return {
            "format": FORMAT,
            "log": self.log,
            "person": self.person,
            "zones": [
                {"from": one.since and leaf.time_text(one.since), "zone": one.name} for one in self.zones
            ],
            "rates": [
                {"from_day": rate.from_day.isoformat(), "credits_per_kg": rate.credits_per_kg}
                for rate in self.rates
            ],
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "made_at": leaf.time_text(self.made_at),
            "checkpoint": self.checkpoint,
            "opening": _state_document(self.opening),
            "rows": [_row_document(row) for row in self.rows],
            "closing": _state_document(self.closing),
        }

    def text(self) -> str:
        """The document as a file holds it."""
        return json.dumps(self.document(), ensure_ascii=False, indent=1) + "\n"


_AMOUNTS = ("carbon_mg", "credits", "held", "owed", "eligible_mg", "earned")
_ROW_AMOUNTS = (
    "carbon_mg",
    "credits",
    "eligible_mg",
    "earned",
    "held",
    "carbon_after",
    "credits_after",
    "held_after",
    "owed_after",
)
_TEXTS = ("about", "party", "occurred_at")


def _state_document(state: State) -> dict[str, object]:
    return {name: getattr(state, name) for name in _AMOUNTS} | {"lots": _lot_documents(state.lots)}


def _row_document(row: Row) -> dict[str, object]:
    made: dict[str, object] = {
        "entry": row.entry,
        "kind": row.kind.name.lower(),
        "at": leaf.time_text(row.at),
        "day": row.day.isoformat(),
    }
    made |= {name: getattr(row, name) for name in (*_TEXTS, *_ROW_AMOUNTS[:5])}
    made["lots"] = _lot_documents(row.lots)
    made |= {name: getattr(row, name) for name in _ROW_AMOUNTS[5:]}
    return made | {"receipt": row.receipt}


def _lot_documents(lots: tuple[Lot, ...]) -> list[dict[str, object]]:
    return [
        {
            "expires_on": None if lot.expires_on == NEVER else lot.expires_on.isoformat(),
            "day": lot.day.isoformat(),
            "origin": lot.origin.name.lower(),
            "credits": lot.credits,
        }
        for lot in lots
    ]


def read(source: str | bytes) -> Statement:
    """The statement in a JSON text. Raises ReceiptError for anything but exactly the form above."""
    if len(source) > MAX_BYTES:
        raise ReceiptError("statement", f"a statement of more than {MAX_BYTES} bytes is not read")
    try:
        told = strict_json.read(source)
    except (ValueError, RecursionError) as fault:
        raise ReceiptError("statement", f"not the JSON it should be: {fault}") from None
    if not isinstance(told, Mapping):
        raise ReceiptError("statement", "must be a JSON object")
    if told.get("format") == OF_ONE_RATE:
        told = _of_rates(told)
    if told.get("format") == OF_ONE_ZONE:
        zones = [{"from": None, "zone": told.get("zone")}]
        told = {name: told[name] for name in told if name != "zone"} | {"format": FORMAT, "zones": zones}
    members = members_of(told, "statement", _MEMBERS)
    if members["format"] != FORMAT:
        raise ReceiptError(
            "format", f"{members['format']!r} is not known here; {FORMAT!r} is. Take a newer verifier"
        )
    rows = _one("rows", members["rows"], list)
    return Statement(
        _one("log", members["log"], str),
        _one("person", members["person"], str),
        _zones(members["zones"]),
        _rates(members["rates"]),
        _day("first", members["first"]),
        _day("last", members["last"]),
        _moment("made_at", members["made_at"]),
        _one("checkpoint", members["checkpoint"], str),
        _state("opening", members["opening"]),
        tuple(_row(f"rows[{place}]", one) for place, one in enumerate(rows)),
        _state("closing", members["closing"]),
    )


_MEMBERS = {"format", *(one.name for one in fields(Statement))}
_ROW_MEMBERS = {"entry", "kind", "at", "day", "lots", "receipt", *_TEXTS, *_ROW_AMOUNTS}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _state(place: str, value: object) -> State:
    members = _members(place, value, {*_AMOUNTS, "lots"})
    amounts = {name: _amount(f"{place}.{name}", members[name]) for name in _AMOUNTS}
    return State(**amounts, lots=_lots(f"{place}.lots", members["lots"]))


def _rates(value: object) -> tuple[Rate, ...]:
    found = []
    for number, one in enumerate(_one("rates", value, list)):
        place = f"rates[{number}]"
        members = _members(place, one, {"from_day", "credits_per_kg"})
        rate = _amount(f"{place}.credits_per_kg", members["credits_per_kg"])
        found.append(Rate(_day(f"{place}.from_day", members["from_day"]), rate))
    if (
        not found
        or found != sorted(found, key=lambda one: one.from_day)
        or any(one.credits_per_kg < 1 for one in found)
    ):
        raise ReceiptError("rates", "must be one rate or more of 1 credit or more, the oldest first")
    return tuple(found)


def _zones(value: object) -> tuple[Zone, ...]:
    found = []
    for number, one in enumerate(_one("zones", value, list)):
        place = f"zones[{number}]"
        members = _members(place, one, {"from", "zone"})
        since = None if number == 0 and members["from"] is None else _moment(f"{place}.from", members["from"])
        found.append(Zone(since, _one(f"{place}.zone", members["zone"], str)))
    later = [one.since for one in found[1:] if one.since is not None]
    if not found or found[0].since is not None or later != sorted(set(later)):
        raise ReceiptError("zones", "must be one zone or more, the first from null, then the oldest first")
    return tuple(found)


def _of_rates(told: Mapping[str, object]) -> Mapping[str, object]:
    """A statement of form 1 as one of form 2: what was earned is its eligible milligrams at its one rate."""
    given = dict(told)
    mg = _amount("mg_per_credit", given.pop("mg_per_credit", None))
    if mg < 1 or MILLION % mg:
        raise ReceiptError("mg_per_credit", f"{mg} milligrams do not divide a kilogram")
    rate = MILLION // mg

    def earning(place: str, value: object) -> object:
        if not isinstance(value, Mapping):
            raise ReceiptError(place, "must be a JSON object")
        return {**value, "earned": _amount(f"{place}.eligible_mg", value.get("eligible_mg")) * rate}

    rows = _one("rows", given.get("rows"), list)
    return given | {
        "format": OF_ONE_ZONE,
        "rates": [{"from_day": date.min.isoformat(), "credits_per_kg": rate}],
        "opening": earning("opening", given.get("opening")),
        "rows": [earning(f"rows[{number}]", row) for number, row in enumerate(rows)],
        "closing": earning("closing", given.get("closing")),
    }


def _row(place: str, value: object) -> Row:
    members = _members(place, value, _ROW_MEMBERS)
    about, party, occurred_at = (_text(f"{place}.{name}", members[name]) for name in _TEXTS)
    amounts = {name: _amount(f"{place}.{name}", members[name]) for name in _ROW_AMOUNTS}
    given = members["receipt"]
    if given is not None and not isinstance(given, Mapping):
        raise ReceiptError(f"{place}.receipt", "must be a JSON object or null")
    return Row(
        entry=_amount(f"{place}.entry", members["entry"]),
        kind=_kind(f"{place}.kind", members["kind"]),
        at=_moment(f"{place}.at", members["at"]),
        day=_day(f"{place}.day", members["day"]),
        about=about,
        party=party,
        occurred_at=occurred_at,
        lots=_lots(f"{place}.lots", members["lots"]),
        receipt=given,
        **amounts,
    )


def _text(place: str, value: object) -> str | None:
    return None if value is None else _one(place, value, str)


def _lots(place: str, value: object) -> tuple[Lot, ...]:
    found = []
    for number, one in enumerate(_one(place, value, list)):
        at = f"{place}[{number}]"
        members = _members(at, one, {"expires_on", "day", "origin", "credits"})
        expires = members["expires_on"]
        found.append(
            Lot(
                NEVER if expires is None else _day(f"{at}.expires_on", expires),
                _day(f"{at}.day", members["day"]),
                _kind(f"{at}.origin", members["origin"]),
                _amount(f"{at}.credits", members["credits"]),
            )
        )
    keys = [(lot.expires_on, lot.day, lot.origin) for lot in found]
    if len(set(keys)) != len(keys):
        raise ReceiptError(place, "names one lot twice")
    return tuple(found)


def _members(place: str, value: object, names: set[str]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ReceiptError(place, "must be a JSON object")
    return members_of(value, place, names)


def _amount(place: str, value: object) -> int:
    found = _one(place, value, int)
    if found not in INT64:
        raise ReceiptError(place, "is past the whole numbers of 64 bits")
    return found


def _kind(place: str, value: object) -> Kind:
    name = _one(place, value, str)
    try:
        if name != name.lower():
            raise KeyError(name)
        return Kind[name.upper()]
    except KeyError:
        raise ReceiptError(place, f"there is no entry kind {name!r}") from None


def _day(place: str, value: object) -> date:
    text = _one(place, value, str)
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ReceiptError(place, f"{text!r} is no day such as 2026-11-21") from None


def _moment(place: str, value: object) -> datetime:
    text = _one(place, value, str)
    try:
        found = datetime.fromisoformat(text)
        if found.utcoffset() is None or leaf.time_text(found.astimezone(UTC)) != text:
            raise ValueError
    except (ValueError, OverflowError):
        raise ReceiptError(place, f"{text!r} is no moment such as 2026-11-21T01:32:59.000000Z") from None
    return found


def _one(place: str, value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise ReceiptError(place, f"must be of type {kind.__name__}, not {type(value).__name__}")
    return value
