"""The only writer of caps and of the day totals they are held against."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from django.db import connection, transaction
from psycopg import Cursor

from abate.platform.carbon import queries as carbon
from abate.platform.credits import queries
from abate.platform.credits.errors import CapTooLate, RuleTooLate, TwoExpiries
from abate.platform.credits.models import Cap, Rule
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.ledger import errors as ledger_errors
from abate.platform.ledger import reversing
from abate.platform.ledger.queries import EntryRow

SQL = statements(Path(__file__).parent / "sql")


def add_cap(
    behaviour: str, from_day: date, max_mg: int, reason: tuple[str, str], to_day: date | None = None
) -> Cap:
    """Let at most `max_mg` of `behaviour` be eligible per person and day. `reason` is (Chinese, English).

    Raises CapTooLate where something of it was counted on `from_day` or later: day totals are kept for capped
    days only, and a cap laid over counted days would make totals depend on the order of arrival.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["counted_since"], {"behaviour": behaviour, "from_day": from_day})
        if cursor.fetchone()[0]:
            raise CapTooLate(behaviour)
    return Cap.objects.create(
        behaviour=behaviour,
        from_day=from_day,
        to_day=to_day,
        max_mg=max_mg,
        reason_zh=reason[0],
        reason_en=reason[1],
    )


def cut(cursor: Cursor) -> None:
    """Raise the day totals of the batch's capped events and set what of each is eligible."""
    cursor.execute(SQL["cut"])


def add_rule(
    from_day: date,
    title: tuple[str, str],
    *,
    expiry_days: int | None = None,
    expiry_years: int | None = None,
) -> Rule:
    """From `from_day` on, booked credits expire so many days later, or with the end of the n-th following year.

    Without either they do not expire. The rate stays. Raises RuleTooLate where the day is not in the future: what is
    booked already has its expiry. Raises TwoExpiries where both are given.
    """
    if from_day <= clock.today():
        raise RuleTooLate(from_day.isoformat())
    if expiry_days is not None and expiry_years is not None:
        raise TwoExpiries("expiry_days, expiry_years")
    return Rule.objects.create(
        from_day=from_day,
        mg_per_credit=queries.mg_per_credit(from_day),
        expiry_days=expiry_days,
        expiry_years=expiry_years,
        title_zh=title[0],
        title_en=title[1],
    )


def reverse(person_id: int, entry_id: int, reason: str) -> EntryRow:
    """Undo an award (a withdrawn event, a returned purchase) or a spend by a new entry naming its leaf.

    An award's milligrams leave the day's total of its cap too, so that the room they took is free again and any order
    of awards and reversals gives the same totals. Day totals are locked before the account, as by a batch. Raises the
    ledger's NoEntry, NotReversible, ReversedAlready, CarbonRetired.
    """
    found = carbon.behaviour_of_entry(person_id, entry_id)
    with transaction.atomic(), connection.cursor() as cursor:
        if found is None:
            return reversing.reverse_spend(cursor, person_id, entry_id, reason)
        values = {"person": person_id, "behaviour": found.behaviour, "day": found.day, "er_mg": found.er_mg}
        cursor.execute(SQL["lock_day"], values)
        day = cursor.fetchone()
        cursor.execute(SQL["reversed"], {"person": person_id, "entry": entry_id})
        if cursor.fetchone()[0]:
            raise ledger_errors.ReversedAlready
        eligible = found.eligible_mg
        if day is not None:
            counted, most = day
            eligible = min(counted, most) - min(counted - (found.er_mg or 0), most)
            cursor.execute(SQL["lower_day"], values)
        rate = queries.mg_per_credit(clock.today())
        return reversing.reverse_award(cursor, person_id, entry_id, reason, eligible, rate)


def set_first_rule(**_: object) -> None:
    """The rule a platform starts with; later ones are added beside it."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["first_rule"])
