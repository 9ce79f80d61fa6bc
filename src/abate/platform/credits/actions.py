"""The only writer of rules, caps, and the balances of caps."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor

from abate.bookkeeping.kinds import MILLION
from abate.platform.carbon import queries as carbon
from abate.platform.carbon.basis import catalogue
from abate.platform.credits import queries, room
from abate.platform.credits.errors import (
    CapExists,
    CapTooLate,
    NotACap,
    RateUnfit,
    RuleExists,
    RuleTooLate,
    TwoExpiries,
)
from abate.platform.credits.models import Cap, Rule
from abate.platform.doors.statements import statements
from abate.platform.doors.workspace import prepare
from abate.platform.ledger import errors as ledger_errors
from abate.platform.ledger import reversing
from abate.platform.ledger.queries import EntryRow
from abate.platform.review.audit import audited

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class Per:
    """What a cap is per: `scope` person, party or object, `period` day, month or ever; of an object the record's
    `field` that names it."""

    scope: str = Cap.PERSON
    period: str = Cap.DAY
    field: str = ""


PERSON_DAY = Per()


@audited("cap.add", lambda _, made: made.pk)
def add_cap(
    behaviour: str,
    from_day: date,
    max_mg: int,
    reason: tuple[str, str],
    to_day: date | None = None,
    *,
    per: Per = PERSON_DAY,
) -> Cap:
    """Let at most `max_mg` of `behaviour` (empty: of all) be eligible per what `per` says. `reason` is (Chinese, English).

    An earlier cap of the same kind ends the day before. Batches on their way end first, and later ones see the cap.
    Raises NotACap where the description is unsound, CapTooLate where something of it was counted on `from_day` or
    later (a cap laid over counted days would make totals depend on the order of arrival), CapExists where one of its
    kind begins on that day.
    """
    _check(behaviour, from_day, to_day, max_mg, reason, per)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SQL["keep_batches_out"])
            cursor.execute(SQL["counted_since"], {"behaviour": behaviour, "from_day": from_day})
            if cursor.fetchone()[0]:
                raise CapTooLate(behaviour)
            return Cap.objects.create(
                behaviour=behaviour,
                scope=per.scope,
                period=per.period,
                field=per.field,
                from_day=from_day,
                to_day=to_day,
                max_mg=max_mg,
                reason_zh=reason[0],
                reason_en=reason[1],
            )
    except IntegrityError as fault:
        raise CapExists(from_day.isoformat()) from fault


def _check(
    behaviour: str, from_day: date, to_day: date | None, max_mg: int, reason: tuple[str, str], per: Per
) -> None:
    """Raise NotACap naming the first part that is unsound."""
    versions = catalogue().methods.get(behaviour, ())
    if per.scope not in Cap.SCOPES or per.period not in Cap.PERIODS:
        raise NotACap(f"per {per.scope} {per.period}")
    if behaviour and not versions:
        raise NotACap(f"behaviour {behaviour}")
    if max_mg < 0 or not all(text.strip() for text in reason):
        raise NotACap("max_mg" if max_mg < 0 else "reason")
    if to_day is not None and to_day < from_day:
        raise NotACap("to_day")
    if (per.scope == Cap.OBJECT) != bool(per.field) or (per.field and not behaviour):
        raise NotACap(f"field {per.field}")
    for method in versions if per.field else ():
        fields = {one.name: one for one in method.activity.fields}
        # A record that leaves its object out would be under no cap.
        if per.field not in fields or not fields[per.field].required:
            raise NotACap(f"field {per.field}")
    if per.period == Cap.MONTH:
        last = to_day is None or to_day.day == monthrange(to_day.year, to_day.month)[1]
        if from_day.day != 1 or not last:
            raise NotACap("month")


def cut(cursor: Cursor, party_id: int, batch_id: int) -> None:
    """Count the batch's capped events on every balance they fall under; set what of each is eligible.

    The least room decides; every balance is raised by what was counted, no more.
    """
    values = {"party": party_id, "batch": batch_id}
    cursor.execute(SQL["claim"], values)
    if cursor.rowcount:
        cursor.execute(SQL["lock_used"])
        room.spread(cursor)
        cursor.execute(SQL["grant"], values)


def begin_claims_anew(cursor: CursorWrapper) -> None:
    """For a transaction that reverses and then books: what the reversals laid out is no claim of the batch."""
    cursor.execute(SQL["clear_claims"])


@audited("rule.add", lambda _, made: made.pk)
def add_rule(
    from_day: date,
    title: tuple[str, str],
    *,
    credits_per_kg: int | None = None,
    expiry_days: int | None = None,
    expiry_years: int | None = None,
    claim_days: int | None = None,
) -> Rule:
    """From `from_day` on, a kilogram of eligible CO2e makes `credits_per_kg` credits (1 to 1,000,000; None: as many as
    before), and booked credits expire so many days later, or with the end of the n-th following year.

    Without either they do not expire. With `claim_days` credits wait so many days to be collected by their person, expire
    counted from the day of that, and lapse otherwise. An act earns at the rate of its day, whenever it is booked (decision
    45); expiry and window are those of the day of booking. Raises RuleTooLate (queries.begins_too_late), RuleExists where
    one begins on that day, TwoExpiries where both are given, RateUnfit for a rate that no account can count with.
    """
    if credits_per_kg is not None and not 1 <= credits_per_kg <= MILLION:
        raise RateUnfit(str(credits_per_kg))
    if expiry_days is not None and expiry_years is not None:
        raise TwoExpiries("expiry_days, expiry_years")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["keep_batches_out"])
        cursor.execute(SQL["keep_bookings_out"])
        if queries.begins_too_late(from_day):
            raise RuleTooLate(from_day.isoformat())
        if Rule.objects.filter(from_day=from_day).exists():
            raise RuleExists(from_day.isoformat())
        return Rule.objects.create(
            from_day=from_day,
            credits_per_kg=credits_per_kg or queries.credits_per_kg(from_day),
            expiry_days=expiry_days,
            expiry_years=expiry_years,
            claim_days=claim_days,
            title_zh=title[0],
            title_en=title[1],
        )


def reverse(person_id: int, entry_id: int, reason: str) -> EntryRow:
    """Undo an award (a withdrawn event, a returned purchase) or a spend by a new entry naming its leaf.

    The room that an award took of its caps is free again. What was cut of the same person takes it first, so that any
    order of a person's awards and reversals gives the same totals; what is left is for whoever comes next. Balances of
    caps are locked before the account, as by a batch. Raises the ledger's NoEntry, NotReversible, ReversedAlready,
    AccountErased, CarbonRetired.
    """
    found = carbon.behaviour_of_entry(person_id, entry_id)
    prepare((SQL["make_claim"],))
    with transaction.atomic(), connection.cursor() as cursor:
        if found is None:
            return reversing.reverse_spend(cursor, person_id, entry_id, reason)
        capped = room.lock(cursor, lambda: room.claims_of(cursor, person_id, entry_id))
        cursor.execute(SQL["reversed"], {"person": person_id, "entry": entry_id})
        reversed_already, rate = cursor.fetchone()
        if reversed_already:
            raise ledger_errors.ReversedAlready
        eligible = room.give(cursor, person_id, entry_id) if capped else found.eligible_mg
        return reversing.reverse_award(cursor, person_id, entry_id, reason, eligible, rate)


def set_first_rule(*, plan: Sequence[tuple[object, bool]] = (), **_: object) -> None:
    """The rule a platform starts with; later ones are added beside it. A schema that is taken back is an older program's."""
    if any(backwards for _migration, backwards in plan):
        return
    with connection.cursor() as cursor:
        cursor.execute(SQL["first_rule"])
