"""The made-up people of a sandbox, whom every partner may try its events with. There are none on live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.conf import settings

from abate.platform.doors import clock
from abate.platform.parties.errors import NotASandbox
from abate.platform.parties.models import Party
from abate.platform.people import actions
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person

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
    with clock.frozen(clock.now() - SINCE):
        known = list(Person.objects.filter(made_up=True, notice_version=NOTICE).order_by("pk"))
        for order, name in enumerate(NAMES[len(known) :], len(known)):
            contacts = [f"volunteer-{order}@example.org"]
            number = made_up_number(_BORN, order)
            known.append(actions.register(name, number, contacts, NOTICE, made_up=True))
        wanted = list(behaviours)
        return [actions.authorise(person, party, wanted, NOTICE) for person in known[: len(NAMES)]]
