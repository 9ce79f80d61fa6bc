"""How a party stands: on trial, until which day, and its end. What three people decided is called by joining/decided.py alone."""

from __future__ import annotations

from datetime import date

from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.notices import actions as notices
from abate.platform.parties import tills
from abate.platform.parties.actions import issue_client, revoke_client
from abate.platform.parties.errors import FirstKeyTaken
from abate.platform.parties.models import Client, Party, PublicKey
from abate.platform.parties.queries import people_of
from abate.platform.review import audit
from abate.platform.review.audit import audited


@audited("party.validity", lambda given, _: given["party"].code)
def set_validity(party: Party, until: date | None) -> None:
    """The last day of what the party stands on; after it nothing of the party's is let in (queries.py)."""
    Party.objects.filter(pk=party.pk).update(valid_until=until)
    party.valid_until = until


@audited("party.begin", lambda given, _: given["party"].code)
def begin(party: Party) -> bool:
    """The trial is over: the party may have keys on live. False where it was over before."""
    begun = Party.objects.filter(pk=party.pk, status=Party.Status.TRIAL).update(status=Party.Status.ACTIVE)
    party.refresh_from_db()
    return bool(begun)


def lapse() -> list[str]:
    """Suspend every party past its date, and tell its people; their codes.

    A late call lets nobody in: the date itself is asked at the door.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update parties_party set status = 'suspended' where status = 'active' and valid_until < %s"
            " returning code, id",
            [clock.today()],
        )
        lapsed = sorted(cursor.fetchall())
        for code, number in lapsed:
            audit.note("party.lapse", code)
            notices.write(people_of(number), "party.suspended")
    return [code for code, _ in lapsed]


@audited("party.leave", lambda given, _: given["party"].code)
def leave(party: Party) -> None:
    """The party takes part no more: keys revoked, public keys, webhooks and tills ended. Its code stays its own, for ever."""
    with transaction.atomic():
        for client in Client.objects.filter(party=party, revoked_at=None):
            revoke_client(client.pk)
        PublicKey.objects.filter(client__party=party, revoked_at=None).update(revoked_at=clock.now())
        tills.end_all(party)
        Party.objects.filter(pk=party.pk).update(status=Party.Status.LEFT)
    party.status = Party.Status.LEFT


def first_client(party: Party) -> tuple[str, str]:
    """The one key that the admission decided on, made when the party collects it, so that nobody else sees the secret.

    Raises FirstKeyTaken where the party ever had a key, and what issue_client raises.
    """
    with transaction.atomic():
        locked = Party.objects.select_for_update().get(pk=party.pk)
        if Client.objects.filter(party=locked).exists():
            raise FirstKeyTaken(party.code)
        return issue_client(locked, label="first")
