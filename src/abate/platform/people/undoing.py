"""A change of contact taken back by whoever reads the old contact: a link in its notice, once, without signing in.

Whoever finds the session of a person with one contact can put it away; its owner then signs in by nothing. So the old contact
is told with a link that puts the contacts back as they were. Writes people_contact_undo and people_contact.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet

from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.notices import actions as notices
from abate.platform.notices import queries as told
from abate.platform.people import claiming, contacts, keys, stopping
from abate.platform.people.contacts import Reach
from abate.platform.people.family_errors import UndoGone
from abate.platform.people.models import Code, Contact, ContactUndo, Person
from abate.platform.people.policy import CONTACT_REST
from abate.platform.people.queries import reaches
from abate.platform.review import audit
from abate.platform.signin import actions as signin
from abate.platform.signin.policy import policy


def offer(person: Person, before: Sequence[Reach]) -> str:
    """The address that puts the contacts `before` back, good for CONTACT_REST; only a digest of its secret is kept.

    To be called in the transaction of the change, with the person locked.
    """
    secret, now = randomness.token_bytes(32).hex(), clock.now()
    ContactUndo.objects.create(
        person=person,
        token_hmac=_digest(secret),
        contacts_enc=claiming.sealed_contacts(person, before),
        changed_at=now,
        until=now + CONTACT_REST,
    )
    audit.note("person.contact-link", person.pseudonym)
    return told.link(f"/sign-in/contact/undo/{secret}")


def undo(secret: str) -> None:
    """Put back what the change of this link replaced; the contacts since, every session, and the passkeys, recovery codes
    and browsers of that time end, as does every recovery under way, and all of them are told. Raises UndoGone, ContactTaken.
    """
    with transaction.atomic():
        meant = _open().filter(token_hmac=_digest(secret)).first()
        active = Person.objects.filter(status=Person.Status.ACTIVE, user__is_active=True)
        # The person first, as whoever changes, leaves and recovers; of two that undo at once one is first.
        person = (
            meant
            and active.select_related("user")
            .select_for_update(of=("self",))
            .filter(pk=meant.person_id)
            .first()
        )
        # Asked again at the moment in which the person is held: a recovery may have waited for the end of this link.
        if meant is None or person is None or not _open().filter(pk=meant.pk).exists():
            raise UndoGone
        # An earlier change's link stays: it may be the owner's, and this one of whoever changed twice.
        _open().filter(person=person, pk__gte=meant.pk).update(ended_at=clock.now())
        _put_back(person, meant)


def _open() -> QuerySet[ContactUndo]:
    """The links that still take a change back."""
    return ContactUndo.objects.filter(ended_at=None, until__gt=clock.now())


def _put_back(person: Person, meant: ContactUndo) -> None:
    since = reaches(person)
    before = [Reach(**one) for one in json.loads(keys.decrypt(person, bytes(meant.contacts_enc), "contacts"))]
    wanted = {keyring().identity_hmac(one.value): one for one in before}
    held = Contact.objects.filter(person_id=person.pk)
    gone = held.exclude(contact_hmac__in=list(wanted))
    # Worth nothing, and still counted (changing.py).
    ended = Code.objects.filter(
        contact_hmac__in=list(gone.values_list("contact_hmac", flat=True)), used_at=None
    )
    ended.update(used_at=clock.now())
    gone.delete()
    still = {bytes(one) for one in held.values_list("contact_hmac", flat=True)}
    claiming.contacts(person.pk, {digest: one for digest, one in wanted.items() if digest not in still})
    Person.objects.filter(pk=person.pk).update(contact_enc=claiming.sealed_contacts(person, before))
    # Asked for in that session it would give the account to a contact that nobody gave back.
    stopping.stop_all(person)
    # No session is older: what was added in the one that changed the contact was added after this.
    from_ = meant.changed_at - policy().longest
    signin.forget_since(person.user, from_)
    for each in told.browsers(person.user_id):
        if each.added_at >= from_:
            notices.end_browser(person.user, each.id)
    places = [contacts.place(one) for one in since if one not in before]
    notices.write([person.user_id], "contact.restored", to=places)
    notices.write([person.user_id], "contact.restored")
    audit.note("person.contact-undo", person.pseudonym, changed_at=meant.changed_at.isoformat())


def promised(person_id: int) -> datetime | None:
    """When the last link that still takes a change back ends; None where there is none. No recovery takes effect before."""
    last: datetime | None = _open().filter(person_id=person_id).aggregate(last=Max("until"))["last"]
    return last


def forget(person: Person) -> None:
    """Whoever leaves: no link of before changes anything any more."""
    if ContactUndo.objects.filter(person=person).delete()[0]:
        audit.note("person.contact-link-end", person.pseudonym)


def _digest(secret: str) -> bytes:
    return keyring().code_hmac(f"contact-undo\x00{secret}")
