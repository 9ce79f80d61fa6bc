"""The made-up people of a sandbox, three of each partner's own: one act counts once across partners, so that two who try the
same hour with the same people would take each other's events. There are none on live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction

from abate.platform.doors import clock
from abate.platform.parties.errors import NotASandbox
from abate.platform.parties.models import Party
from abate.platform.people import actions
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person, Subject

NOTICE = "sandbox"
NAMES = ("试用甲", "试用乙", "试用丙")
SINCE = timedelta(days=60)
"""How long ago they agreed: acts before that are refused, in a sandbox too."""
_BORN = date(1990, 1, 1)


def volunteers(party: Party, behaviours: Iterable[str]) -> list[str]:
    """The names by which `party` knows the people of the sandbox, authorised for `behaviours`; the same each time.

    Raises NotASandbox, BehaviourNotOffered, PartySuspended.
    """
    if not settings.ABATE_SANDBOX:
        raise NotASandbox
    wanted = list(behaviours)
    with clock.frozen(clock.now() - SINCE), transaction.atomic():
        known = Subject.objects.filter(party=party).values("person_id")
        own = list(Person.objects.filter(made_up=True, notice_version=NOTICE, pk__in=known).order_by("pk"))
        for place, name in enumerate(NAMES[len(own) :], len(own)):
            number = len(NAMES) * party.pk + place
            born = _BORN - timedelta(days=number // 1000)
            contacts = [f"volunteer-{number}@example.org"]
            own.append(
                actions.register(name, made_up_number(born, number % 1000), contacts, NOTICE, made_up=True)
            )
        return [actions.authorise(person, party, wanted, NOTICE) for person in own[: len(NAMES)]]
