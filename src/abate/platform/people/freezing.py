"""Accounts that are kept and no more: their person left, and a duty obliges to keep the records. Writes people_freeze."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from abate.platform.people import actions, keys
from abate.platform.people.models import Freeze, Person
from abate.platform.review.audit import audited


@audited("person.freeze", lambda given, _: given["person"].pseudonym)
def freeze(person: Person, until: date, grounds: Sequence[tuple[str, str]]) -> None:
    """Stop everything but keeping, up to and including `until`; what is kept stays encrypted under the person's key.

    Every authorisation, consent, membership and way of signing in ends as in erasing. Doing it again changes nothing. Raises
    ChildrenFirst. (PIPL article 47)
    """
    with transaction.atomic():
        found = (
            Person.objects.select_for_update()
            .select_related("user")
            .filter(pk=person.pk, status=Person.Status.ACTIVE)
            .first()
        )
        if found is None:
            return
        now = actions.close(found)
        Person.objects.filter(pk=found.pk).update(status=Person.Status.FROZEN)
        Freeze.objects.create(person=found, at=now, until=until, grounds=[list(one) for one in grounds])
    person.status = Person.Status.FROZEN
    keys.forget()


@audited("person.freeze", lambda given, _: given["person"].pseudonym)
def prolong(person: Person, until: date, grounds: Sequence[tuple[str, str]]) -> None:
    """Keep on what is kept already, up to and including `until`: a duty that was laid down since the person left obliges to."""
    kept = Freeze.objects.filter(person_id=person.pk, ended_at=None)
    kept.update(until=until, grounds=[list(one) for one in grounds])


def due(today: date) -> list[Person]:
    """Whose duty has ended before this day."""
    over = Freeze.objects.filter(ended_at=None, until__lt=today).order_by("until", "person_id")
    return [row.person for row in over.select_related("person__user")]
