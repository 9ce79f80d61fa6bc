"""A person's statement, put together: the ledger's rows, the log's proofs under one head, and what opens them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

from django.db import connection, transaction

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import AwardPart, BookingPart, RedeemPart
from abate.bookkeeping.receipt import Receipt
from abate.bookkeeping.statement import Lot, Rate, Row, State, Statement, Zone
from abate.platform.carbon import basis
from abate.platform.credits import queries as rules
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.doors.keyring import keyring
from abate.platform.ledger import queries as entries
from abate.platform.ledger import statement as ledger
from abate.platform.ledger.standing import LotRow
from abate.platform.ledger.statement import Account, Line, Period
from abate.platform.log import queries as log
from abate.platform.people.models import Person
from abate.platform.web import openings

MAX_DAYS = 366
"""Days of one statement: our policy."""


class PeriodUnfit(Problem):
    code = "statement-period"
    status = 422
    zh = "对账单的期间须从某日到同日或其后，不超过 366 天，不在将来，也不早于首条积分规则。"
    en = (
        "A statement runs from a day to the same or a later one, 366 days at most, not into the future and not before "
        "the first credit rule."
    )
    why_zh = "对账单只覆盖已经发生的日期。"
    why_en = "A statement speaks of days that have been."
    remedy_zh = "请检查起止日期。"
    remedy_en = "Check its first and last day."


def make(person: Person, first: date, last: date) -> Statement:
    """The person's own statement, every entry opened. Raises PeriodUnfit, StatementTooLong, NoHead."""
    with _snapshot():
        found = summary(person, first, last)
        numbers = [line.id for line in found.lines]
        note, proofs = log.receipts(person.pk, numbers)
        opened = openings.own(person.pk, numbers)
        # An act may be minutes ahead of our clock.
        rates = tuple(Rate(*one) for one in rules.rates(last + timedelta(days=1)))
        zones = tuple(Zone(*one) for one in basis.zone_changes())
        earning = entries.rates_of(person.pk, numbers)
        if not rates:
            raise PeriodUnfit(f"{last}: before the first credit rule")
    for number, one in proofs.items():
        if number in earning:
            one = proofs[number] = replace(one, rate=earning[number])
        if key := opened.get(one.index):
            proofs[number] = replace(
                one, opening=key.opening, method=key.method, terms=key.terms, source=key.source
            )
    return Statement(
        log=keyring().log_origin,
        person=person.pseudonym,
        zones=zones,
        rates=rates,
        first=first,
        last=last,
        made_at=clock.now(),
        checkpoint=note,
        opening=_state(found.opening),
        rows=tuple(_rows(found.opening, found.lines, proofs)),
        closing=_state(found.closing),
    )


def summary(person: Person, first: date, last: date) -> Period:
    """The same without proofs, for a page. Raises PeriodUnfit, StatementTooLong."""
    if not first <= last <= clock.today() or last - first >= timedelta(days=MAX_DAYS):
        raise PeriodUnfit(f"{first} to {last}")
    with _snapshot():
        return ledger.period(person.pk, first, last)


@contextmanager
def _snapshot() -> Iterator[None]:
    """One snapshot: lots that are cut meanwhile would not fit the rows read before."""
    with transaction.atomic():
        if len(connection.savepoint_ids) == 0:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        yield


def month(of: date) -> tuple[date, date]:
    """The first and last day of a month, or as much of it as has begun."""
    first = of.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return first, min(after - timedelta(days=1), clock.today())


def months(person: Person) -> list[date]:
    """The months in which the person has an account, by their first days, the newest first."""
    found = ledger.span(person.pk)
    month_, made = clock.today().replace(day=1), []
    while found and month_ >= found[0].replace(day=1):
        made.append(month_)
        month_ = (month_ - timedelta(days=1)).replace(day=1)
    return made or [month_]


def _rows(opening: Account, lines: tuple[Line, ...], proofs: dict[int, Receipt]) -> list[Row]:
    made = []
    carbon, credits, held, owed = opening.carbon_mg, opening.credits, opening.held, opening.owed
    for line in lines:
        carbon, credits, held = carbon + line.carbon_mg, credits + line.credits, held + line.held
        owed += sum(lot.credits for lot in line.lots) + line.held - line.credits
        proof = proofs.get(line.id)
        about, party, occurred_at = _told(line, proof)
        made.append(
            Row(
                entry=line.id,
                kind=Kind(line.kind),
                at=line.at,
                day=line.day,
                about=about,
                party=party,
                occurred_at=occurred_at,
                carbon_mg=line.carbon_mg,
                credits=line.credits,
                eligible_mg=line.eligible_mg,
                earned=line.earned,
                held=line.held,
                lots=_lots(line.lots),
                carbon_after=carbon,
                credits_after=credits,
                held_after=held,
                owed_after=owed,
                receipt=proof and proof.document(),
            )
        )
    return made


def _told(line: Line, proof: Receipt | None) -> tuple[str | None, str | None, str | None]:
    """What the entry is about, the party, and the moment of the act: as the opened part says."""
    if proof is None:
        return line.cause, None, None
    match leaf.read_personal(proof.opening.personal) if proof.opening else None:
        case AwardPart() as part:
            return part.behaviour, part.party, part.occurred_at
        case RedeemPart() as part:
            return part.order, None, None
        case BookingPart() as part:
            return part.cause, None, None
    return None, None, None


def _state(account: Account) -> State:
    return State(
        account.carbon_mg,
        account.credits,
        account.held,
        account.owed,
        account.eligible_mg,
        account.earned,
        _lots(account.lots),
    )


def _lots(lots: tuple[LotRow, ...]) -> tuple[Lot, ...]:
    return tuple(Lot(lot.expires_on, lot.day, Kind(lot.origin), lot.credits) for lot in lots)
