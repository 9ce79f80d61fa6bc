"""Another contact for a party: its present one asks for it, and three people decide (changes.py); decided.hand_over does it.
(P-8.4-c)

What is asked decides nothing: it stands before whoever enters the change, who may also refuse it with a reason.
"""

from __future__ import annotations

from django.db import transaction

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.joining import queries
from abate.platform.joining.actions import is_line
from abate.platform.joining.errors import (
    AccountOfStaff,
    ApplicationClosed,
    ApplicationMalformed,
    ContactRequestEnded,
    ContactRequestOpen,
    ContactUnchanged,
    NoteMissing,
)
from abate.platform.joining.models import Application, ContactRequest
from abate.platform.notices import actions as notices
from abate.platform.parties import limits
from abate.platform.parties.models import Party
from abate.platform.people.contacts import normal
from abate.platform.review import audit
from abate.platform.review import queries as accounts
from abate.platform.review.audit import audited
from abate.platform.review.errors import ConcernsOneself
from abate.platform.review.models import User

State = ContactRequest.State
_NOT_AGREED = (
    "复核或审批未予通过；可再次请求，并请核对贵机构来函 / Those who check and approve did not agree; ask again, with a letter of "
    "your organisation's that names the contact"
)
A_DAY = 3
"""Requests of one party within a day: our policy."""


def check_handable(one: Application) -> None:
    """Whether another contact may look after it. Raises ApplicationClosed, AccountOfStaff."""
    left = one.party is not None and one.party.status == Party.Status.LEFT
    if left or one.state in (Application.State.REFUSED, Application.State.WITHDRAWN):
        raise ApplicationClosed("left" if left else one.state)
    # One of the staff's is closed by a decision of its own (staff.close), and then it is handed on.
    if one.user.is_active and accounts.human_of(one.user) is not None:
        raise AccountOfStaff


@audited("party.contact-ask", lambda given, made: f"{given['one'].pk} {made.pk}")
def ask(one: Application, user: User, name: str, contact: str) -> ContactRequest:
    """Ask that another contact looks after the party of `one`; whoever looks after it now (`user`) is told where they are
    reached, in case it was not them.

    Raises ContactMalformed, ApplicationMalformed, ContactUnchanged, ApplicationClosed, AccountOfStaff, ContactRequestOpen,
    LimitReached.
    """
    reach, name = normal(contact).value, name.strip()
    digest = keyring().identity_hmac(reach)
    if not is_line(name):
        raise ApplicationMalformed("contact_name")
    limits.take([limits.Limit("contact", f"contact:{one.pk}", A_DAY, limits.DAY)])
    with transaction.atomic():
        locked = Application.objects.select_for_update(of=("self",)).get(pk=one.pk)
        check_handable(locked)
        # One that was handed on meanwhile is another's to look after; one without a party is mended, or withdrawn.
        if locked.user_id != user.pk or locked.party is None:
            raise ApplicationClosed(locked.state)
        if digest == bytes(locked.reach):
            raise ContactUnchanged
        if waiting_of(locked) is not None:
            raise ContactRequestOpen
        made = ContactRequest.objects.create(
            application=locked,
            user=user,
            contact=queries.sealed_contact(name, reach),
            reach=digest,
            state=State.WAITING,
            asked_at=clock.now(),
        )
        notices.write([user.pk], "party.contact-asked")
    return made


def take_back(one: Application, user: User) -> None:
    """The contact asks for it no more; what was proposed on it can be approved no more. Raises ContactRequestEnded."""
    with transaction.atomic():
        found = ContactRequest.objects.select_for_update().filter(
            application=one, user=user, state=State.WAITING
        )
        _end(found.first(), State.WITHDRAWN)


def refuse(one: Application, number: int, note: str, user: User) -> None:
    """Refuse a request, saying why; the contact is told that it was. Raises ContactRequestEnded, NoteMissing,
    ConcernsOneself where `user` has a part in it, which is told."""
    if not 0 < len(note.strip()) <= 500 or "\0" in note:
        raise NoteMissing("note: why it is refused, 1 to 500 signs")
    with audit.refusing("party.contact-refuse", f"{one.pk} {number}", (ConcernsOneself,)):
        _refuse(one, number, note.strip(), user)


@audited("party.contact-refuse", lambda given, _: f"{given['one'].pk} {given['number']}")
def _refuse(one: Application, number: int, note: str, user: User) -> None:
    found = waiting_of(one, number)
    human = accounts.human_of(user)
    if found is not None and human is not None and queries.has_part(one, human, bytes(found.reach).hex()):
        raise ConcernsOneself
    _end(found, State.REFUSED, note)
    notices.write([one.user_id], "party.contact-refused")


def rejected(one: Application, number: int) -> None:
    """Those who decide did not agree to what was proposed on this request: it is over, and its contact is told."""
    found = waiting_of(one, number)
    if found is not None:
        _end(found, State.REFUSED, _NOT_AGREED)
        notices.write([one.user_id], "party.contact-refused")


def waiting_of(one: Application, number: int | None = None) -> ContactRequest | None:
    """The request of this application that waits, its row locked; with `number` that one alone."""
    found = ContactRequest.objects.select_for_update().filter(application=one, state=State.WAITING)
    return (found if number is None else found.filter(pk=min(number, 2**63 - 1))).first()


def require_waiting(one: Application, number: int, reach: str) -> None:
    """Raises ContactRequestEnded where this application has no request `number` that waits and asks for the contact whose
    digest `reach` (hex) is."""
    found = ContactRequest.objects.filter(application=one, state=State.WAITING, pk=min(number, 2**63 - 1))
    if not found.filter(reach=bytes.fromhex(reach)).exists():
        raise ContactRequestEnded(str(number))


def state_of(one: Application, number: int) -> str | None:
    """How the request `number` of this application stands; None where there is none, as of 0."""
    found = ContactRequest.objects.filter(application=one, pk=min(number, 2**63 - 1))
    return found.values_list("state", flat=True).first()


def settle(one: Application, reach: bytes) -> str:
    """End what is asked of an application that three people just gave to the contact whose digest `reach` is; the name by
    which that contact was asked for, empty where it was not."""
    found = waiting_of(one)
    if found is None:
        return ""
    asked_for = bytes(found.reach) == reach
    name = queries.opened(found.contact)["name"] if asked_for else ""
    _end(found, State.DONE if asked_for else State.VOID)
    return name


def drop(party: Party) -> None:
    """A party that left needs no other contact."""
    for found in ContactRequest.objects.select_for_update().filter(
        application__party=party, state=State.WAITING
    ):
        _end(found, State.VOID)


def _end(found: ContactRequest | None, state: str, note: str = "") -> None:
    """What it asked for is kept no longer: a decision has its digest, and the row of who took over the contact."""
    if found is None:
        raise ContactRequestEnded
    found.state, found.note, found.ended_at = state, note, clock.now()
    found.contact = found.reach = b""
    found.save(update_fields=["state", "note", "ended_at", "contact", "reach"])
    audit.note("party.contact-request", found.pk, state=str(state))
