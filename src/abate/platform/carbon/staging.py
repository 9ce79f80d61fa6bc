"""Measured events as lines of the staging table, in PostgreSQL's binary format or, where they are few, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from struct import Struct

from abate.bookkeeping.leaf import json_text, sm3_part, time_text
from abate.platform.carbon.measure import Measured
from abate.platform.doors import clock
from abate.platform.events.actions import Subjects
from abate.platform.events.outcomes import Outcome

Key = tuple[str, int, str]
"""Behaviour, version and factors: with the setting, a basis."""
Line = tuple[
    str,
    int,
    int,
    int | None,
    int,
    datetime,
    date,
    tuple[int | None, ...],
    bytes | None,
    bytes | None,
    str | None,
    str | None,
]
"""Event id, place, number of the subject, of the basis, outcome, moment, day, amounts (BE, PE, LE, ER and the sum of the
subject's up to here), digest of the personal part, digest of the content, record, reason."""
Sum = tuple[str, str, int, int]
"""Subject, behaviour, how many credited events the subject has (on its first row, 0 on the others), their milligrams."""

HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
END = b"\xff\xff"
_FIELDS = 16
MOST = 2**63 - 1
"""The most milligrams that an account can hold; a sum beyond is cut to it here, and refused by name (pipeline.py)."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
# A value is its length and its bytes; a null is the length -1.
_NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct(">i").pack
_INT2, _INT4, _INT8 = (Struct(f">i{kind}") for kind in "hiq")
# The fields up to the event's id, where none is null: place, who, basis, outcome, moment, day, four amounts and the sum.
_NUMBERS = Struct(">h" + "ii" * 2 + "ih" * 2 + "iq" + "ii" + "iq" * 5).pack


def lines(
    measured: Sequence[Measured],
    used: Sequence[Key],
    subjects: Sequence[tuple[str, str]],
    party: str,
    sm3_parts: dict[int, bytes] | None = None,
) -> list[Line]:
    """The events in the order of their ids.

    `sm3_parts`, where given, takes the SM3 of each personal part, by place.
    """
    bases = {key: number for number, key in enumerate(used, 1)}
    who = {key: number for number, key in enumerate(subjects, 1)}
    ordered = sorted(measured, key=lambda one: one.event.place)
    sums: dict[str, int] = {}
    before = f',"party":{json_text(party)},"event":'
    after = {key: f',"version":{key[1]},"factors":{json_text(key[2])}}}' for key in bases}
    found: list[Line] = []
    for one in ordered:
        event = one.event
        key = (event.behaviour, one.version, one.factors)
        moment = event.time
        part, upto = None, None
        if one.outcome == Outcome.CREDITED:
            er = one.amounts[3]
            assert er is not None
            upto = sums[event.subject] = min(sums.get(event.subject, 0) + er, MOST)
            # leaf.personal_award, what many events share written once; a test holds both spellings together.
            personal = (
                f'{{"subject":{_quoted(event.subject)}{before}{_quoted(event.id)},"behaviour":"{event.behaviour}",'
                f'"occurred_at":"{time_text(moment)}","record":{one.record},"er_mg":{er}{after[key]}'
            )
            part = sha256(personal.encode()).digest()
            if sm3_parts is not None:
                sm3_parts[event.place] = sm3_part(personal)
        basis = bases[key] if one.record and one.version else None
        place, whose, day = event.place, who[event.subject, event.behaviour], clock.day(moment)
        amounts = (*one.amounts, upto)
        found.append(
            (
                event.id,
                place,
                whose,
                basis,
                one.outcome,
                moment,
                day,
                amounts,
                part,
                one.digest,
                one.record,
                one.reason,
            )
        )
    # No two have the same id and place: nothing after them is compared.
    found.sort()
    return found


def rows(found: Iterable[Line]) -> bytes:
    """The same in PostgreSQL's binary format, in the column order of `copy_stage`."""
    made = [HEAD]
    for event, place, who, basis, outcome, moment, day, amounts, part, digest, record, reason in found:
        microseconds, days = (moment - _EPOCH) // _MICROSECOND, day.toordinal() - _FIRST_DAY
        row = _numbers(place, who, basis, outcome, microseconds, days, *amounts) + _text(event)
        made.append(row + _bytes(part) + _bytes(digest) + _text(record) + _text(reason))
    made.append(END)
    return b"".join(made)


def _numbers(
    place: int, who: int, basis: int | None, outcome: int, moment: int, day: int, *amounts: int | None
) -> bytes:
    if basis is not None and None not in amounts:
        be, pe, le, er, upto = amounts
        return _NUMBERS(
            _FIELDS,
            4,
            place,
            4,
            who,
            2,
            basis,
            2,
            outcome,
            8,
            moment,
            4,
            day,
            8,
            be,
            8,
            pe,
            8,
            le,
            8,
            er,
            8,
            upto,
        )
    head = _LENGTH(_FIELDS)[2:] + _INT4.pack(4, place) + _INT4.pack(4, who)
    head += _NULL if basis is None else _INT2.pack(2, basis)
    head += _INT2.pack(2, outcome) + _INT8.pack(8, moment) + _INT4.pack(4, day)
    return head + b"".join(_NULL if amount is None else _INT8.pack(8, amount) for amount in amounts)


def _text(text: str | None) -> bytes:
    return _bytes(None if text is None else text.encode())


def _bytes(value: bytes | None) -> bytes:
    return _NULL if value is None else _LENGTH(len(value)) + value


def _quoted(text: str) -> str:
    """json_text, quickly where nothing in it needs escaping."""
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else json_text(text)


def subjects(measured: Iterable[Measured]) -> list[tuple[str, str]]:
    """The (subject, behaviour) of a batch, each once, sorted: the order in which the index of subjects is read."""
    return sorted({(m.event.subject, m.event.behaviour) for m in measured})


def objects(found: Iterable[Line], keys: Sequence[bytes]) -> list[dict[str, object]]:
    """The same as objects for PostgreSQL's JSON, all of them credited; `keys` are the digests of the bases."""
    return [
        {
            "event_id": event,
            "place": place,
            "who": who,
            "basis": _hex(keys[basis - 1]) if basis else None,
            "occurred_at": moment,
            "day": day,
            **dict(zip(("be_mg", "pe_mg", "le_mg", "er_mg", "upto_mg"), amounts, strict=True)),
            "part": _hex(part),
            "digest": _hex(digest),
            "record": record,
            "reason": reason,
        }
        for event, place, who, basis, _, moment, day, amounts, part, digest, record, reason in found
    ]


def _hex(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"


def sums(measured: Iterable[Measured], subjects: Sequence[tuple[str, str]]) -> list[Sum]:
    """The subjects with what their credited events come to."""
    totals: dict[str, tuple[int, int]] = {}
    for one in measured:
        er = one.amounts[3]
        if one.outcome == Outcome.CREDITED and er is not None:
            count, er_mg = totals.get(one.event.subject, (0, 0))
            totals[one.event.subject] = (count + 1, min(er_mg + er, MOST))
    found, last = [], None
    for subject, behaviour in subjects:
        count, total = totals.get(subject, (0, 0))
        found.append((subject, behaviour, 0 if subject == last else count, total))
        last = subject
    return found


def arrays(found: Sequence[Sum]) -> Subjects:
    """The same as arrays in PostgreSQL's text form."""
    names, behaviours, entries, er_mg = zip(*found, strict=True) if found else ((), (), (), ())
    numbers = (f"{{{','.join(map(str, column))}}}" for column in (entries, er_mg))
    return Subjects(array(names), array(behaviours), *numbers)


def array(texts: Iterable[str]) -> str:
    """An array in PostgreSQL's text form."""
    escaped = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return f'{{"{escaped}"}}' if escaped else "{}"


def overflows(measured: Iterable[Measured]) -> bool:
    """Whether what one subject is to be credited with is more than an account can hold."""
    sums: dict[str, int] = {}
    for one in measured:
        if one.outcome == Outcome.CREDITED:
            sums[one.event.subject] = sums.get(one.event.subject, 0) + (one.amounts[3] or 0)
    return any(total > MOST for total in sums.values())


def used(measured: Iterable[Measured]) -> list[Key]:
    """The (behaviour, version, factors) that a batch rests on, sorted."""
    return sorted({(m.event.behaviour, m.version, m.factors) for m in measured if m.record and m.version})
