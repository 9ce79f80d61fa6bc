"""What others may know of offers and codes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, QuerySet

from abate.platform.doors import clock
from abate.platform.incentives.models import Code, CodeKey, Offer
from abate.platform.parties.models import Party
from abate.platform.people import keys
from abate.platform.people.models import Person

State = Literal["active", "burnt", "cancelled", "expired"]
# What the code's cipher text is bound to, beside the person (people/keys.py).
PURPOSE = "incentive-code"
# One step into the index for each, however many codes they ever burnt.
_LAST_BURNT = """
select who.id, newest.burnt_at from unnest(%s::bigint[]) who(id)
cross join lateral (select burnt_at from incentives_code where burnt_by_id = who.id
                    order by burnt_at desc limit 1) newest
"""


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer as shown. Texts are (Chinese, English)."""

    id: UUID
    party_id: int
    party: tuple[str, str]
    title: tuple[str, str]
    detail: tuple[str, str]
    price_credits: int
    stock: int
    valid_days: int
    from_at: datetime
    to_at: datetime
    active: bool
    ended: bool
    """For good: taken off the list, or its organisation has left."""
    away: bool
    """Its organisation does not take part for now: no till of its burns a code, and nobody orders."""
    made_up: bool

    def open_at(self, moment: datetime) -> bool:
        return self.active and self.from_at <= moment < self.to_at


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A person's code. `text` is the code itself as XXXX-XXXX-XXXX; only its owner is given this row."""

    id: int
    offer: OfferRow
    entry_id: int
    order_id: UUID
    text: str
    issued_at: datetime
    expires_at: datetime
    burnt_at: datetime | None
    state: State


@dataclass(frozen=True, slots=True)
class FoundCode:
    person_id: int
    code_id: int
    offer: OfferRow


@dataclass(frozen=True, slots=True)
class BurntRow:
    """A burnt code as its acceptor sees it: the offer and the time, nothing about the person."""

    offer: OfferRow
    burnt_at: datetime


def _offer(row: Offer) -> OfferRow:
    stands, left = row.party.stands(clock.today()), row.party.status == Party.Status.LEFT
    return OfferRow(
        id=row.id,
        party_id=row.party_id,
        party=(row.party.title_zh, row.party.title_en),
        title=(row.title_zh, row.title_en),
        detail=(row.detail_zh, row.detail_en),
        price_credits=row.price_credits,
        stock=row.stock,
        valid_days=row.valid_days,
        from_at=row.from_at,
        to_at=row.to_at,
        active=row.active and stands,
        ended=left or not row.active,
        away=not (stands or left),
        made_up=row.made_up,
    )


def offers() -> list[OfferRow]:
    """What can be ordered now, cheapest first; offers that ran out stay on the list, at its end."""
    now = clock.now()
    rows = Offer.objects.select_related("party").filter(active=True, from_at__lte=now, to_at__gt=now)
    open_ = (row for row in map(_offer, rows) if row.active)
    return sorted(open_, key=lambda o: (o.stock == 0, o.price_credits, o.title))


def offer(offer_id: UUID) -> OfferRow | None:
    row = Offer.objects.select_related("party").filter(id=offer_id).first()
    return _offer(row) if row else None


def _code(person: Person, row: Code) -> CodeRow:
    signs = keys.decrypt(person, row.code_enc, PURPOSE).decode()
    state: State = "expired" if row.expires_at <= clock.now() else "active"
    if row.burnt_at or row.cancelled_at:
        state = "burnt" if row.burnt_at else "cancelled"
    return CodeRow(
        id=row.id,
        offer=_offer(row.offer),
        entry_id=row.entry_id,
        order_id=row.order_id,
        text="-".join(signs[i : i + 4] for i in range(0, len(signs), 4)),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        burnt_at=row.burnt_at,
        state=state,
    )


def my_codes(person: Person, limit: int = 100) -> list[CodeRow]:
    """The person's codes, newest first."""
    rows = Code.objects.select_related("offer__party").filter(person_id=person.id).order_by("-id")[:limit]
    return [_code(person, row) for row in rows]


def code(person: Person, code_id: int) -> CodeRow | None:
    """One code of the person's own, or None: others' codes are not there."""
    row = Code.objects.select_related("offer__party").filter(person_id=person.id, id=code_id).first()
    return _code(person, row) if row else None


def code_of_entry(person: Person, entry_id: int) -> CodeRow | None:
    """The code that a redemption entry paid for."""
    rows = Code.objects.select_related("offer__party").filter(person_id=person.id, entry_id=entry_id)
    row = rows.first()
    return _code(person, row) if row else None


def find_code(digest: bytes, party_ids: Collection[int]) -> FoundCode | None:
    """The code with this keyed digest at one of these parties; unknown and foreign take the same way."""
    key = CodeKey.objects.filter(code_hmac=digest).first()
    person_id, code_id = (key.person_id, key.code_id) if key else (0, 0)
    rows = Code.objects.select_related("offer__party").filter(
        person_id=person_id, id=code_id, offer__party_id__in=party_ids
    )
    row = rows.first()
    return FoundCode(row.person_id, row.id, _offer(row.offer)) if row else None


def burnt_today(party_id: int, limit: int = 200) -> list[BurntRow]:
    """Codes burnt at this acceptor on the platform's present day, newest first."""
    rows = _today(party_id).select_related("offer__party").order_by(F("burnt_at").desc())[:limit]
    return [BurntRow(_offer(row.offer), row.burnt_at) for row in rows if row.burnt_at]


def _today(party_id: int) -> QuerySet[Code]:
    now = clock.now().astimezone(clock.zone())
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Code.objects.filter(
        offer__party_id=party_id, burnt_at__gte=start, burnt_at__lt=start + timedelta(days=1)
    )


def burnt_today_by(party_id: int) -> dict[int, int]:
    """How many codes each user burnt for this acceptor on the platform's present day, by user."""
    rows = _today(party_id).order_by("burnt_by").values_list("burnt_by").annotate(burnt=Count("id"))
    return dict(rows)


def last_burnt_by(user_ids: Collection[int]) -> dict[int, datetime]:
    """When each of these users burnt a code last, by user; who never did is not in it."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_BURNT, [list(user_ids)])
        return dict(cursor.fetchall())
