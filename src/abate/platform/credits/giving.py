"""One person gives credits to another, who asked for them with a code. The only writer of receiving codes. (P-6.5)

The code tells nobody whose it is, neither before nor after: a gift names no person to the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from abate.platform.credits.errors import ReceivingCodeUnknown, TooManyReceivingCodes
from abate.platform.credits.models import Receiving
from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import errors as ledger_errors
from abate.platform.ledger.queries import EntryRow
from abate.platform.notices import actions as notices
from abate.platform.people import children
from abate.platform.people.errors import PersonErased
from abate.platform.people.models import Person
from abate.platform.review.audit import audited

ACT = "transfer"
VALID = timedelta(hours=24)
MOST_OPEN = 20
"""Codes of one person that are good at a time. Both limits are our policy."""
CODE_LENGTH = 12


@audited("credits.receive", lambda given, _: given["person"].pseudonym)
def receive(person: Person) -> tuple[str, datetime]:
    """A code under which somebody else gives this person credits, once: (code, until when).

    Raises ClosedByPolicy, PersonErased, TooManyReceivingCodes, and of a child's account ChildMayNot, GuardianNeeded.
    """
    children.require_open(person.pk, ACT)
    now = clock.now()
    with transaction.atomic():
        alive = Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE)
        if not alive.exists():
            raise PersonErased
        if Receiving.objects.filter(person=person, order_id=None, expires_at__gt=now).count() >= MOST_OPEN:
            raise TooManyReceivingCodes
        code = randomness.token_code(CODE_LENGTH)
        until = now + VALID
        Receiving.objects.create(person=person, digest=_digest(code), made_at=now, expires_at=until)
    return "-".join(code[place : place + 4] for place in range(0, CODE_LENGTH, 4)), until


def look(payer: Person, code: str) -> None:
    """See that the code is good for a gift of this person's; nothing is moved. Raises what `give` raises of a code."""
    children.require_open(payer.pk, ACT)
    row = Receiving.objects.select_related("person").filter(digest=_digest(code)).first()
    _good(row, payer, None)


@audited("credits.give", lambda given, _: given["payer"].pseudonym)
def give(payer: Person, code: str, credits: int, order_id: UUID) -> EntryRow:
    """Move credits to whoever made the code: an entry on either side; the payer's is returned. Both are told.

    `order_id` is made by the asking side: the same order asked again gives the same entry and moves nothing. The credits
    keep their expiry. Raises ClosedByPolicy, ReceivingCodeUnknown, and the ledger's NotAnAmount, SamePerson,
    InsufficientCredits, OrderTaken, AccountErased; where either is a child ChildMayNot, GuardianNeeded.
    """
    children.require_open(payer.pk, ACT)
    with transaction.atomic():
        row = Receiving.objects.select_for_update(of=("self",)).filter(digest=_digest(code)).first()
        found = _good(row, payer, order_id)
        made = ledger.transfer(payer.pk, found.person_id, credits, str(order_id))
        if found.order_id is None:
            found.payer, found.order_id = payer, order_id
            found.save(update_fields=["payer", "order_id"])
            notices.write([payer.user_id], "credits.given")
            notices.write([found.person.user_id], "credits.received")
    return made


def _good(row: Receiving | None, payer: Person, order_id: UUID | None) -> Receiving:
    """Raises ReceivingCodeUnknown, SamePerson."""
    if row is None or row.person.status != Person.Status.ACTIVE:
        raise ReceivingCodeUnknown
    if row.order_id is not None:
        if (row.order_id, row.payer_id) != (order_id, payer.pk):
            raise ReceivingCodeUnknown
    elif row.expires_at <= clock.now():
        raise ReceivingCodeUnknown
    if row.person_id == payer.pk:
        raise ledger_errors.SamePerson
    return row


def _digest(code: str) -> bytes:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())[:32]
    return keyring().code_hmac(f"receiving\x00{plain}")
