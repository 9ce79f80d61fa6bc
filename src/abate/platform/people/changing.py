"""One contact of a signed-in person replaced by another that was proved by a code; the old one is told. Writes people_contact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.notices import actions as notices
from abate.platform.notices import queries as told
from abate.platform.people import claiming, contacts, proof, stopping, undoing
from abate.platform.people.contacts import Reach
from abate.platform.people.errors import ContactGone, ContactRests, ContactSame, ContactUnproved, PersonErased
from abate.platform.people.family_errors import RecoveryUnderWay
from abate.platform.people.models import Code, Contact, Person
from abate.platform.people.policy import CONTACT_REST
from abate.platform.people.queries import reaches
from abate.platform.review import audit


def at_place(person: Person, place: int) -> Reach:
    """The `place`-th contact of the person (queries.own_contacts). Raises ContactGone, PersonErased."""
    held = reaches(person)
    if not 0 <= place < len(held):
        raise ContactGone
    return held[place]


def check(person: Person, old: str, new: str) -> Reach:
    """The new contact in its normal form, where it may be asked for a code. Raises ContactMalformed, ContactSame, ContactGone,
    RecoveryUnderWay.

    Whether it is another account's is not said before it is proved.
    """
    _no_recovery(person)
    return _new(reaches(person), old, new)


def _new(held: Sequence[Reach], old: str, new: str) -> Reach:
    reach = contacts.normal(new)
    if old not in {one.value for one in held}:
        raise ContactGone
    if reach in held:
        raise ContactSame
    return reach


def change(person: Person, old: str, new: str, proved: str) -> None:
    """Put `new`, proved by the text of prove_contact, in the place of `old` (both whole); everything in one transaction.

    `old` signs in no more, codes sent to it are worth nothing, and it is told, with a link that
    takes the change back (undoing.py), as is every other place of the person.
    Raises ContactUnproved, ContactMalformed, ContactSame, ContactGone, ContactRests, ContactTaken, PersonErased,
    RecoveryUnderWay.
    """
    with transaction.atomic():
        # The person first, as whoever leaves and whoever recovers.
        own = Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE).first()
        if own is None:
            raise PersonErased
        _no_recovery(own)
        held = reaches(own)
        reach = _new(held, old, new)
        if len(held) > 1 and _lately(own):
            raise ContactRests
        digest, former = keyring().identity_hmac(reach.value), keyring().identity_hmac(old)
        if digest not in proof.proved([proved]):
            raise ContactUnproved
        claiming.contacts(own.pk, {digest: reach})
        Contact.objects.filter(contact_hmac=former, person_id=own.pk).delete()
        # Worth nothing, and still counted: another change gives nobody more codes to guess.
        Code.objects.filter(contact_hmac=former, used_at=None).update(used_at=clock.now())
        sealed = claiming.sealed_contacts(own, [reach if one.value == old else one for one in held])
        Person.objects.filter(pk=own.pk).update(contact_enc=sealed)
        gone = [contacts.place(one) for one in held if one.value == old]
        link, hours = undoing.offer(own, held), CONTACT_REST // timedelta(hours=1)
        notices.write([own.user_id], "contact.replaced", to=gone, link=link, hours=hours)
        notices.write([own.user_id], "contact.changed")
        audit.note("person.contact", own.pseudonym, kind=reach.kind)


def _no_recovery(own: Person) -> None:
    """A recovery waits for the link of every change before it, so one after it would put it off, again and again."""
    if stopping.going_on().filter(person_id=own.pk).exists():
        raise RecoveryUnderWay


def _lately(own: Person) -> bool:
    """Whether a contact of theirs was changed a short while ago: the others stay until its owner had time to read of it."""
    return told.told_since(own.user_id, "contact.changed", clock.now() - CONTACT_REST)
