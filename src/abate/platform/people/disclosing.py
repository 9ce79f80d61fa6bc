"""What a party may be told of a person, because the person agreed to it: one consent a request. Writes people_consent.

The request itself is of the room `sharing`; here is the person's side of it, which ends with the account, with the last
authorisation of the party, and whenever the person wants (PIPL articles 15 and 23).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from abate.platform.doors import clock
from abate.platform.notices import actions as outbox
from abate.platform.parties.models import Party
from abate.platform.people import consents
from abate.platform.people.consents import SHARE
from abate.platform.people.errors import PersonErased
from abate.platform.people.family_errors import NotBound
from abate.platform.people.models import Authorisation, Consent, Person
from abate.platform.review.audit import audited

_END_UNBOUND = """
update people_consent consent set withdrawn_at = greatest(%(now)s, given_at)
where person_id = %(person)s and withdrawn_at is null and purpose like %(share)s
  and not exists (select from people_authorisation given join parties_party party on party.id = given.party_id
                  where given.person_id = consent.person_id and party.code = split_part(consent.purpose, ':', 2)
                    and given.withdrawn_at is null and (given.ends_at is null or given.ends_at > %(now)s))
"""


def purpose(party: str, request_id: UUID) -> str:
    """The purpose of the consent that this party, by its code, is told what this request of it names."""
    return f"{SHARE}{party}:{request_id}"


@audited("consent.share", lambda given, _: given["person"].pseudonym)
def agree(person: Person, party_id: int, to: str, by: Person | None = None) -> None:
    """The person, or for a child `by`, agrees to the purpose `to` under the notice in force; again changes nothing.

    Raises PersonErased, and NotBound where the person lets this party send nothing. (P-4.3, P-8.5-b)
    """
    with transaction.atomic():
        if not Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE).exists():
            raise PersonErased
        # Locked: whoever ends the last of them waits, and ends this consent too.
        if not list(_live(person.pk).filter(party_id=party_id).select_for_update()):
            raise NotBound
        now = clock.now()
        told = {"notice_version": consents.current("sharing").version, "given_at": now, "given_by": by}
        _, new = Consent.objects.get_or_create(person=person, purpose=to, withdrawn_at=None, defaults=told)
        if new and by is not None:
            outbox.write([person.user_id], "consent.by-guardian")


@audited("consent.unshare", lambda given, _: given["person"].pseudonym)
def withdraw(person: Person, to: str) -> None:
    """End the consent to the purpose `to` at once; again changes nothing. An answer that is just being given is waited for,
    so that none is later than this moment."""
    with transaction.atomic():
        live = Consent.objects.select_for_update().filter(person=person, purpose=to, withdrawn_at=None)
        found = [one.pk for one in live.filter(purpose__startswith=SHARE)]
        Consent.objects.filter(pk__in=found).update(withdrawn_at=_ended(clock.now()))


def of(person_id: int) -> list[Consent]:
    """What the person ever agreed that parties are told, the newest first."""
    return list(Consent.objects.filter(person_id=person_id, purpose__startswith=SHARE).order_by("-id"))


def bound(person_id: int) -> set[int]:
    """The parties that this person lets send something now."""
    return set(_live(person_id).values_list("party_id", flat=True))


def hold(person_id: int) -> datetime:
    """Wait for answers that are just being given of this person, and let none begin until the transaction ends: the moment
    after them. Whatever ends or stops telling is of that moment, so that rows say in which order it was."""
    return _hold(
        Authorisation.objects.filter(person_id=person_id),
        Consent.objects.filter(person_id=person_id, purpose__startswith=SHARE),
    )


def hold_party(party: Party) -> datetime:
    """The same for everybody whom this party is told of."""
    return _hold(
        Authorisation.objects.filter(party=party),
        Consent.objects.filter(purpose__startswith=f"{SHARE}{party.code}:"),
    )


def _hold(given: QuerySet[Authorisation], shared: QuerySet[Consent]) -> datetime:
    # Authorisations first: whoever is just agreeing holds them, and what is agreed to then is held too.
    for rows in (given, shared):
        live = rows.filter(withdrawn_at=None).order_by("pk").select_for_update(no_key=True)
        list(live.values_list("pk", flat=True))
    return clock.now()


def end_unbound(person_id: int, now: datetime) -> None:
    """What the person let parties be told ends where nothing is authorised for the party any more; `now` is hold's."""
    with connection.cursor() as cursor:
        cursor.execute(_END_UNBOUND, {"person": person_id, "now": now, "share": f"{SHARE}%"})


def end_party(code: str, now: datetime) -> None:
    """The party takes part no more: what everybody let it be told ends; `now` is hold_party's."""
    live = Consent.objects.filter(purpose__startswith=f"{SHARE}{code}:", withdrawn_at=None)
    live.update(withdrawn_at=_ended(now))


def _live(person_id: int) -> QuerySet[Authorisation]:
    now = clock.now()
    live = Authorisation.objects.filter(person_id=person_id, withdrawn_at=None, granted_at__lte=now)
    return live.filter(Q(ends_at=None) | Q(ends_at__gt=now))


def _ended(now: datetime) -> Greatest:
    return Greatest(Value(now), F("given_at"))
