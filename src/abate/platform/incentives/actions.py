"""The only writer of offers and codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F, QuerySet

from abate.platform.credits import actions as credits
from abate.platform.doors import clock, randomness
from abate.platform.doors.errors import Problem
from abate.platform.doors.keyring import keyring
from abate.platform.doors.words import on_one_line
from abate.platform.incentives import errors, queries
from abate.platform.incentives.models import Code, CodeKey, Offer, WrongCodes
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import posting, reversing
from abate.platform.ledger.errors import ReversedAlready
from abate.platform.ledger.queries import EntryRow
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.people import children, keys
from abate.platform.people.models import Person
from abate.platform.review import audit
from abate.platform.review.audit import audited
from abate.platform.review.models import User

CODE_LENGTH = 12
# Our policy against guessing: 10 wrong codes in 15 minutes. Of 30**12 codes that finds nothing in a
# lifetime, and a cashier in a hurry is not locked out.
WRONG_CODES_ALLOWED = 10
WRONG_CODES_WINDOW = timedelta(minutes=15)
_REASON = 200

_INSERT_CODE = """
insert into incentives_code
    (person_id, order_id, offer_id, entry_id, code_hmac, code_enc, issued_at, expires_at)
values (%s, %s, %s, %s, %s, %s, %s, %s) returning id
"""
_BURN = """
update incentives_code set burnt_at = %(now)s, burnt_by_id = %(user)s
where person_id = %(person)s and id = %(id)s and burnt_at is null and cancelled_at is null and expires_at > %(now)s
"""
_CANCEL = """
update incentives_code set cancelled_at = %(now)s
where person_id = %(person)s and entry_id = %(entry)s and burnt_at is null and cancelled_at is null
returning offer_id
"""


# One that is burnt before this is granted its row was used, and is not among them.
_CANCEL_OPEN = """
with back as (
    update incentives_code code set cancelled_at = %(now)s
    from incentives_offer offer, people_person person
    where offer.party_id = %(party)s and offer.id = code.offer_id
          and person.id = code.person_id and person.status = 'active'
          and code.burnt_at is null and code.cancelled_at is null and code.expires_at > %(now)s
    returning code.person_id, code.entry_id, code.offer_id
), stocked as (
    update incentives_offer offer set stock = offer.stock + counted.codes
    from (select offer_id, count(*) as codes from back group by offer_id) counted
    where offer.id = counted.offer_id
)
select person_id, entry_id from back
"""


@dataclass(frozen=True, slots=True)
class BurnResult:
    """What was burnt: enough to hand out the goods, nothing about the person."""

    offer: queries.OfferRow
    burnt_at: datetime


@audited("offer.create", lambda _, made: made)
def create_offer(
    *,
    party_id: int,
    title: tuple[str, str],
    detail: tuple[str, str],
    price_credits: int,
    stock: int,
    valid_days: int,
    from_at: datetime,
    to_at: datetime,
    made_up: bool = False,
    offer_id: UUID | None = None,
) -> UUID:
    """Put a voucher on the list. `title` and `detail` are (Chinese, English). Raises BadOffer."""
    offer = Offer(
        id=offer_id or randomness.new_uuid(),
        party_id=party_id,
        title_zh=title[0],
        title_en=title[1],
        detail_zh=detail[0],
        detail_en=detail[1],
        price_credits=price_credits,
        stock=stock,
        valid_days=valid_days,
        from_at=from_at,
        to_at=to_at,
        made_up=made_up,
    )
    try:
        offer.full_clean()
    except ValidationError as fault:
        raise errors.BadOffer("; ".join(fault.messages)) from fault
    offer.save(force_insert=True)
    return offer.id


@audited("offer.end", lambda given, _: given["offer_id"])
def end_offer(offer_id: UUID) -> None:
    """Take an offer off the list, at once and for good: nobody redeems it from now on, codes that people hold stay good.

    Raises OfferUnknown, also where it was ended before.
    """
    if not Offer.objects.filter(id=offer_id, active=True).update(active=False):
        raise errors.OfferUnknown


def keep_redeeming_out(cursor: CursorWrapper, party: Party) -> None:
    """Let who redeems at a party come to their end, and nobody begin before this transaction ends. Who comes queues behind it:
    at a row that is held shared they would pass it by, and a busy shop would keep it waiting for ever.
    """
    cursor.execute("select pg_advisory_xact_lock(4912039, %s)", [party.pk])


@audited("offer.close", lambda given, _: given["party"].code)
def close_offers(party: Party) -> int:
    """Take every offer of a party that leaves off the list. Returns how many.

    Locks as a redemption does, and for all of them together: the party, where nobody begins one then, the accounts of who holds
    a code that can still be burnt, then the offers. So what is given back next, in the same transaction, waits for nobody.
    (docs/explain/locking.md)
    """
    with transaction.atomic(), connection.cursor() as cursor:
        keep_redeeming_out(cursor, party)
        posting.ready(cursor, list(set(_open_of(party).values_list("person_id", flat=True))))
        return Offer.objects.filter(party=party, active=True).update(active=False)


@audited("offer.give-back", lambda given, made: f"{given['party'].code} {made}")
def give_back_open(party: Party, reason: str) -> int:
    """Give back what every code cost that can still be burnt at a party that leaves: nobody could burn it any more. How many.

    Its offers were closed in the same transaction (close_offers), which holds the accounts. Whose account was erased holds no
    code; one that is burnt at this moment was used. (P-6.1-d, P-6.3)
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CANCEL_OPEN, {"now": clock.now(), "party": party.pk})
        if back := cursor.fetchall():
            reversing.reverse_redemptions(cursor, back, reason)
    return len(back)


def _open_of(party: Party) -> QuerySet[Code]:
    return Code.objects.filter(
        offer__party=party, burnt_at=None, cancelled_at=None, expires_at__gt=clock.now()
    )


def redeem(person: Person, offer_id: UUID, order_id: UUID) -> queries.CodeRow:
    """Spend credits on an offer: credits cancelled, stock taken, code made, all or nothing.

    `order_id` is made by the asking side. The same order asked again, at once or after a lost answer, gives
    the same code and spends nothing. Raises OfferUnknown, OfferEnded, OfferPaused, OfferClosed, OutOfStock, OrderConflict, and
    the ledger's AccountErased, InsufficientCredits, ClosedByPolicy, and of a child's account ChildMayNot, GuardianNeeded.
    Clauses P-7.5.3-1 to -3.
    """
    found = _order(person.id, offer_id, order_id)
    if found:
        return found
    children.require_open(person.id, "redeem")
    offer = queries.offer(offer_id)
    if offer is None:
        raise errors.OfferUnknown
    now = clock.now()
    if not offer.active:
        raise errors.OfferEnded if offer.ended else errors.OfferPaused
    if not offer.open_at(now):
        raise errors.OfferClosed
    try:
        with transaction.atomic():
            code_id = _redeem(person, offer, order_id, now)
    except (Problem, IntegrityError):
        # The same order may have won on another connection while this one waited for the balance.
        found = _order(person.id, offer_id, order_id)
        if found:
            return found
        raise
    made = queries.code(person, code_id)
    if made is None:
        raise RuntimeError("a code that was just committed is not there")
    return made


def _order(person_id: int, offer_id: UUID, order_id: UUID) -> queries.CodeRow | None:
    row = Code.objects.filter(person_id=person_id, order_id=order_id).first()
    if row is None:
        return None
    if row.offer_id != offer_id:
        raise errors.OrderConflict
    return queries.code(Person.objects.get(id=person_id), row.id)


def _redeem(person: Person, offer: queries.OfferRow, order_id: UUID, now: datetime) -> int:
    with connection.cursor() as cursor:
        # Shared by all who redeem there, and before any account: a party that leaves holds it alone (keep_redeeming_out).
        cursor.execute("select pg_advisory_xact_lock_shared(4912039, %s)", [offer.party_id])
        entry = ledger.post_redeem(cursor, person.id, offer.price_credits, str(order_id))
        # After the balance, so that the one row all buyers share is held shortest.
        taken = Offer.objects.filter(
            id=offer.id, stock__gt=0, active=True, price_credits=offer.price_credits
        ).update(stock=F("stock") - 1)
        if not taken:
            # Ended by three people or sold out by others, since it was looked at.
            ended = not Offer.objects.filter(id=offer.id, active=True).exists()
            raise errors.OfferEnded if ended else errors.OutOfStock
        secret = randomness.token_code(CODE_LENGTH)
        digest = keyring().code_hmac(secret)
        expires = now + timedelta(days=offer.valid_days)
        sealed = keys.encrypt(person, secret.encode(), queries.PURPOSE)
        values = [person.id, order_id, offer.id, entry.id, digest, sealed, now, expires]
        cursor.execute(_INSERT_CODE, values)
        (code_id,) = cursor.fetchone()
    CodeKey.objects.create(code_hmac=digest, person_id=person.id, code_id=code_id)
    return int(code_id)


def read_code(text: str) -> str:
    """The 12 signs in what was typed or scanned: with dashes, spaces, small letters, or as the QR address."""
    tail = text.strip().rsplit("=", 1)[-1]
    return re.sub(r"[\s\-–—]", "", tail).upper()[:64]


def burn(user: User, code: str) -> BurnResult:
    """Burn a code, once and for all, for the acceptor `user` belongs to.

    Raises NotAcceptor, TooManyWrongCodes, CodeUnknown (also where the code is another party's), CodeBurnt,
    CodeCancelled, CodeExpired. Wrong codes are counted per user. Clause P-7.5.3-2.
    """
    now = clock.now()
    found = _at_counter(user, code, "code.burn", lambda one: _burn(one, user, now))
    return BurnResult(found.offer, now)


def give_back(user: User, code: str, reason: str) -> queries.OfferRow:
    """The acceptor gives an unused code's credits back to its person: the code is void, the redemption reversed.

    Raises what `burn` raises of a code and its user, GivingBackNeedsReason, and CodeCancelled where it was given back before.
    """
    said = reason.strip()
    if not 0 < len(said) <= _REASON or not on_one_line(said):
        raise errors.GivingBackNeedsReason

    def work(found: queries.FoundCode) -> None:
        held = Code.objects.get(person_id=found.person_id, id=found.code_id)
        if held.cancelled_at:
            raise errors.CodeCancelled
        try:
            reverse(found.person_id, held.entry_id, said)
        except ReversedAlready:
            # Another till gave it back while this one waited for the account: at a counter nobody knows of entries.
            raise errors.CodeCancelled from None

    return _at_counter(user, code, "code.give-back", work).offer


def _at_counter(
    user: User, code: str, what: str, work: Callable[[queries.FoundCode], None]
) -> queries.FoundCode:
    """Do `work` with the code of an acceptor that `user` belongs to; guesses are counted, whatever they were for."""
    own = [party.pk for party in parties.parties_of(user, "acceptor")]
    if not own:
        raise errors.NotAcceptor
    now = clock.now()
    digest = keyring().code_hmac(read_code(code))
    with transaction.atomic():
        # The user's own row is locked first: guesses of one user come in turn and are counted exactly.
        WrongCodes.objects.get_or_create(user=user, defaults={"since": now})
        tally = WrongCodes.objects.select_for_update().get(user=user)
        if now - tally.since >= WRONG_CODES_WINDOW:
            tally.since, tally.count = now, 0
        if tally.count >= WRONG_CODES_ALLOWED:
            raise errors.TooManyWrongCodes
        found = queries.find_code(digest, own)
        if found is None:
            tally.count += 1
            tally.save()
            audit.note("code.unknown", act="refused")
        else:
            work(found)
            audit.note(what, found.code_id)
    if found is None:
        raise errors.CodeUnknown
    return found


def reverse(person_id: int, entry_id: int, reason: str) -> EntryRow:
    """Undo any entry that can be undone; of a redemption the code too, and the offer has one more in stock.

    Locks as a redemption does: account, code, offer. Raises what credits.actions.reverse raises, CodeBurnt.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        made = credits.reverse(person_id, entry_id, reason)
        if not Code.objects.filter(person_id=person_id, entry_id=entry_id).exists():
            return made
        cursor.execute(_CANCEL, {"now": clock.now(), "person": person_id, "entry": entry_id})
        taken = cursor.fetchone()
        if taken is None:
            raise errors.CodeBurnt
        Offer.objects.filter(id=taken[0]).update(stock=F("stock") + 1)
    return made


def _burn(found: queries.FoundCode, user: User, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BURN, {"now": now, "user": user.id, "person": found.person_id, "id": found.code_id})
        if cursor.rowcount == 1:
            return
    code = Code.objects.get(person_id=found.person_id, id=found.code_id)
    if code.cancelled_at:
        raise errors.CodeCancelled
    raise errors.CodeBurnt if code.burnt_at else errors.CodeExpired
