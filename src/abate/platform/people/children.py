"""Accounts of children under 14: whose they are and until when, by date; and what their policy lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Greatest

from abate.platform.doors import clock
from abate.platform.people import keys
from abate.platform.people.family_errors import ChildMayNot, ClosedByPolicy, GuardianNeeded
from abate.platform.people.models import Contact, Guardianship, Identity, Person
from abate.platform.people.policy import child_policy, people_may

NAME = "child"


@dataclass(frozen=True, slots=True)
class ChildRow:
    """One child as its guardian sees it. Hidden in logs and tracebacks."""

    id: int
    name: str
    relation: str
    given_at: datetime
    until: datetime

    @property
    def last_day(self) -> date:
        """The day before the 14th birthday."""
        return clock.day(self.until) - timedelta(days=1)

    def __repr__(self) -> str:
        return f"ChildRow({self.id})"


def of(guardian_id: int) -> list[ChildRow]:
    """The children whom this guardian acts for now, the oldest first."""
    return [_told(row) for row in _live(guardian_id)]


def acted_for(guardian_id: int, child_id: int) -> tuple[Person, ChildRow] | None:
    """The child, where this guardian acts for it at this moment: from the 14th birthday on nobody does."""
    row = _live(guardian_id).filter(child_id=child_id).first()
    return (row.child, _told(row)) if row else None


def _live(guardian_id: int) -> QuerySet[Guardianship]:
    live = Guardianship.objects.filter(guardian_id=guardian_id, ended_at=None, until__gt=clock.now())
    return (
        live.filter(child__status=Person.Status.ACTIVE)
        .select_related("child__user", "guardian")
        .order_by("until")
    )


def _told(row: Guardianship) -> ChildRow:
    name = keys.decrypt(row.guardian, row.name_enc, NAME).decode()
    if row.until is None:
        raise RuntimeError("a guardianship that goes on has its day")
    return ChildRow(row.child_id, name, row.relation, row.given_at, row.until)


def until(person_id: int) -> datetime | None:
    """When the guardian's consent for this person ends; None for whoever is their own.

    Raises GuardianNeeded where that moment has passed and the owner has not taken the account over.
    """
    row = Guardianship.objects.filter(child_id=person_id, ended_at=None).only("until").first()
    if row is None:
        return None
    if row.until is None or row.until <= clock.now():
        raise GuardianNeeded
    return row.until


def guardian_of(person_id: int) -> int | None:
    """Who acts for this person now; None for whoever is their own."""
    live = Guardianship.objects.filter(child_id=person_id, ended_at=None, until__gt=clock.now())
    return live.values_list("guardian_id", flat=True).first()


def guards(person_id: int) -> bool:
    """Whether this person is the guardian of somebody whose account they opened and who has not taken it over."""
    return Guardianship.objects.filter(guardian_id=person_id, ended_at=None).exists()


def not_taken_over(person_id: int) -> bool:
    """Whether a guardian opened this person's account and its owner has not taken it over, at whatever age by now."""
    return Guardianship.objects.filter(child_id=person_id, ended_at=None).exists()


def record_of(person_id: int) -> list[dict[str, object]]:
    """That a guardian opened this person's account, and until when; the guardian is not named."""
    rows = Guardianship.objects.filter(child_id=person_id)
    return list(rows.values("relation", "given_at", "until", "ended_at"))


def require_open(person_id: int, act: str) -> None:
    """As `require`, of what somebody does themselves: ClosedByPolicy where the operator lets nobody do it. (P-6.5)"""
    if not people_may(act):
        raise ClosedByPolicy(act)
    require(person_id, act)


def require(person_id: int, act: str) -> None:
    """Raises ChildMayNot where this is a child and the operator's policy does not let one `act`; GuardianNeeded."""
    if until(person_id) is not None and act not in child_policy().may:
        raise ChildMayNot(act)


def grown(identity_hmac: bytes) -> Person | None:
    """The person of this identity, locked, whose guardian's time is over and who has not taken the account over."""
    whose = Identity.objects.filter(identity_hmac=identity_hmac).values("person_id")
    over = Guardianship.objects.filter(child_id__in=whose, ended_at=None, until__lte=clock.now())
    row = over.first()
    if row is None:
        return None
    own = Person.objects.select_for_update().filter(pk=row.child_id, status=Person.Status.ACTIVE).first()
    # Of two that take it over at once the second waited for the lock, and finds the first one's contact.
    return own if own and not Contact.objects.filter(person_id=own.pk).exists() else None


def unclaimed(before: datetime) -> list[Person]:
    """Whose guardian's time ended before this moment and who has not taken the account over."""
    over = Guardianship.objects.filter(ended_at=None, until__lt=before, child__status=Person.Status.ACTIVE)
    # As in `grown`: who has a contact signs in, and is erased by nobody but themselves.
    over = over.exclude(Exists(Contact.objects.filter(person_id=OuterRef("child_id"))))
    return [row.child for row in over.select_related("child__user").order_by("until")]


def end(child_id: int, now: datetime) -> None:
    """The guardianship of this child ends: the account is closed or passes to its owner. The birthday is needed no more."""
    going_on = Guardianship.objects.filter(child_id=child_id, ended_at=None)
    going_on.update(ended_at=Greatest(Value(now), F("given_at")), until=None, name_enc=b"")
