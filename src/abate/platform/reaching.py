"""Where a user is reached: a person at their own contacts, a child's guardian for the child, a party at its application's."""

from __future__ import annotations

from abate.platform.joining import queries as joining
from abate.platform.notices import actions as notices
from abate.platform.notices.queries import Place
from abate.platform.people import children, contacts, recovering
from abate.platform.people import queries as people
from abate.platform.people.models import Person


def places(user_id: int) -> list[Place]:
    """Phones and mail addresses of a user, as they are now; none for who left, and for the staff (their sign-in is links)."""
    person = Person.objects.filter(user_id=user_id).exclude(status=Person.Status.ERASED).first()
    if person is None:
        found = joining.contact_of(user_id)
        return [] if found is None else [contacts.place(contacts.normal(found))]
    guardian = children.guardian_of(person.pk)
    held = people.person(guardian) if guardian else person
    return (
        []
        if held is None or held.wrapped_key is None
        else [contacts.place(one) for one in people.reaches(held)]
    )


def carry() -> int:
    """One round: mail and phones that are due, what is new, recoveries that somebody was told of or that were asked for.

    How much there was. In this order, so that what cannot be planned or looked up keeps nothing from being sent.
    """
    due = notices.send_due(("email", "phone"))
    return due + notices.plan_due(places) + recovering.begin() + recovering.look()


def carry_to_browsers() -> int:
    """One round to browsers, beside the other: their servers are whatever somebody named, and mail does not wait for them."""
    return notices.send_due(("push",))
