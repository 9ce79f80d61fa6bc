"""The award lane: balances and entries of a whole batch in two statements, appended and never looked up one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Cursor

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import RULES, Kind
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.events.actions import Unclaimed
from abate.platform.events.outcomes import Outcome, Result

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class Terms:
    """What all awards of a batch have in common; `bases` in the numbering of the staged events."""

    at: datetime
    party_id: int
    batch_id: int
    bases: Sequence[int]
    credits_per_kg: int | None
    """None where their days have several rates: each award then earns at its own."""


def book(
    cursor: Cursor, terms: Terms, *, everything: bool, sm3_parts: Mapping[int, bytes] | None = None
) -> list[Result]:
    """Book every credited event on the staging table; returns the results if `everything`.

    Balances in order of persons, then entries with their quantities and what their leaves will hold. Credits follow
    the person's running total of what eligible milligrams earned, in millionths of a credit: an entry gets the whole
    credits that the total passes with it, so any order and any batching under one rule give the same credits. With
    `sm3_parts` (the SM3 of each personal part, by place) the leaves have format 2. Clauses P-3.4, P-7.2-a, P-7.4.
    """
    values: dict[str, object] = {
        "credits_per_kg": terms.credits_per_kg,
        "kind": int(Kind.AWARD),
        "counter": int(RULES[Kind.AWARD].counter),
        "at": terms.at,
        "day": clock.day(terms.at),
        "party": terms.party_id,
        "batch": terms.batch_id,
        "bases": list(terms.bases),
    }
    # An id below all awards of the batch.
    cursor.execute(SQL["first_entry"])
    values["first"] = cursor.fetchone()[0]  # type: ignore[index]
    basis = "(%(bases)s::int[])[basis]"
    made = parts("%(credits_per_kg)s", basis) if terms.credits_per_kg else _parts_of_days(basis)
    award = SQL["award"].format(**made)
    cursor.execute(f"{award}\n{SQL['booked']}" if everything else award, values)
    results = [result_of(*told) for _, *told in cursor] if everything else []
    values["sm3"] = _sm3(cursor, values, sm3_parts) if sm3_parts else None
    cursor.execute(
        SQL["close_batch"].format(**{name: SQL[name] for name in ("note_span", "note_due")}), values
    )
    return results


def parts(rate: str, basis: str) -> dict[str, str]:
    """The statements of an award, of which a larger one is made: SQL for the credits that a kilogram makes, and for the
    basis of a staged event.
    """
    upto = f"(coalesce(stage.eligible_upto, stage.upto_mg) - who.eligible_mg) * {rate}"
    return _made(rate=rate, earned=f"eligible_mg * {rate}", upto=upto, basis=basis)


def _parts_of_days(basis: str) -> dict[str, str]:
    """The same where each award earns at the rate of its day: sums of what is earned in place of the sums at hand."""
    row = "coalesce({0}.eligible_mg, {0}.er_mg) * credits_per_kg({0}.day)".format
    earned = f"""(select ledger_sum({row("own")}) from events_stage own join events_who whose on whose.who = own.who
                  where whose.person_id = events_who.person_id and own.upto_mg is not null)"""
    all_of_them = f"ledger_sum({row('stage')}) over (partition by raised.person_id"
    upto = f"{all_of_them} order by stage.place rows unbounded preceding) - {all_of_them})"
    return _made(rate="credits_per_kg(day)", earned=earned, upto=upto, basis=basis)


def _made(**given: str) -> dict[str, str]:
    return {name: SQL[name].format(**given) for name in ("raise", "enter")}


def result_of(place: int, event: str, *told: Any) -> Result:
    """What `booked` tells of an award, after the batch."""
    return Result(place, event, Outcome.CREDITED, *told)


def staged(cursor: Cursor) -> list[tuple[int, str, str, int, int, int, int, int]]:
    """Place, id, behaviour, person, milligrams, credits a kilogram, and what the account held and had earned before, of each
    staged event to be credited.
    """
    cursor.execute(SQL["staged"])
    return cursor.fetchall()


def _sm3(cursor: Cursor, values: dict[str, object], parts: Mapping[int, bytes]) -> bytes:
    """The SM3 commitments of the batch's awards, at 32 times their place; zeros where nothing was credited."""
    made = bytearray(32 * (max(parts) + 1))
    cursor.execute(SQL["salts"], values)
    for place, salt in cursor:
        made[32 * place : 32 * place + 32] = leaf.sm3_commitment(bytes(salt), parts[place])
    return bytes(made)


def stored(cursor: Cursor, party_id: int, repeated: Iterable[Unclaimed]) -> list[Result]:
    """The awards of events that were sent again with the same content."""
    asked = [(one.place, one.event_id) for one in repeated]
    if not asked:
        return []
    places, events = (list(column) for column in zip(*asked, strict=True))
    cursor.execute(SQL["stored"], {"places": places, "events": events, "party": party_id})
    return [
        Result(place, event, Outcome.EXISTS, *told, stored=Outcome.CREDITED) for place, event, *told in cursor
    ]
