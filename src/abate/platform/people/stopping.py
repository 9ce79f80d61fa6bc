"""Recoveries that go on, and stopping all of one person's at once. Writes people_recovery.

Apart from recovering.py, which asks undoing.py when the last link of a change ends: that one stops recoveries in turn.
"""

from __future__ import annotations

from django.db.models import QuerySet

from abate.platform.doors import clock
from abate.platform.people.models import Identity, Person, Recovery
from abate.platform.review import audit


def going_on() -> QuerySet[Recovery]:
    """Recoveries that were looked up and are neither stopped, done nor over."""
    return Recovery.objects.filter(stopped_at=None, done_at=None, until__gt=clock.now())


def stop_all(person: Person) -> None:
    """Stop whatever was asked for under the identity of `person`, looked up or not yet; no new contact then stands in.

    To be called in a transaction with the person locked.
    """
    ended = {"stopped_at": clock.now(), "contact_enc": b""}
    whose = Identity.objects.filter(person_id=person.pk).values("identity_hmac")
    # These first: this waits for a look under way, and what that found is then among those that go on.
    unseen = Recovery.objects.filter(looked_at=None, identity_hmac__in=whose)
    stopped = unseen.update(looked_at=clock.now(), code_enc=b"", **ended)
    stopped += going_on().filter(person_id=person.pk).update(**ended)
    if stopped:
        audit.note("person.recovery-stop", person.pseudonym, recoveries=stopped)
