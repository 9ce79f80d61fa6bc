"""What others may know of people. Only `own_identity`, `own_contacts`, `own_copy` open what is encrypted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from abate.platform.doors import clock
from abate.platform.people import keys
from abate.platform.people.contacts import Reach, masked
from abate.platform.people.models import (
    Authorisation,
    Contact,
    Group,
    Guardianship,
    Identity,
    Member,
    Person,
    Subject,
)
from abate.platform.review.models import User


@dataclass(frozen=True, slots=True)
class AuthorisationRow:
    """One authorisation as its person sees it; live until it is withdrawn or, for a child, `ends_at` comes."""

    id: int
    party_code: str
    title_zh: str
    title_en: str
    party_status: str
    behaviour: str
    granted_at: datetime
    withdrawn_at: datetime | None
    notice_version: str
    ends_at: datetime | None

    @property
    def live(self) -> bool:
        return self.withdrawn_at is None and (self.ends_at is None or self.ends_at > clock.now())


def standing_of(person_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Pseudonym and status (active, frozen, erased) of these people, by number."""
    rows = Person.objects.filter(pk__in=person_ids).values_list("pk", "pseudonym", "status")
    return {number: (pseudonym, status) for number, pseudonym, status in rows}


def by_pseudonym(pseudonym: str) -> int | None:
    """The person the platform knows by this name, erased or not."""
    return Person.objects.filter(pseudonym=pseudonym).values_list("pk", flat=True).first()


def theirs(human: bytes) -> list[int]:
    """Whoever this digest of an identity names, whose guardian or ward they are at this moment, and who shares their household:
    one of it collects for all (groups.py). (P-8.4-c)"""
    own = set(Identity.objects.filter(identity_hmac=human).values_list("person_id", flat=True))
    tied = Guardianship.objects.filter(Q(guardian__in=own) | Q(child__in=own))
    in_force = tied.filter(ended_at=None, until__gt=clock.now())
    shared = Member.objects.filter(person__in=own, kind=Group.Kind.HOUSEHOLD, left_at=None).values("group")
    fellows = Member.objects.filter(group__in=shared, left_at=None).values_list("person_id")
    return sorted(own.union(*in_force.values_list("guardian_id", "child_id"), *fellows))


def has_part(person_id: int, human: bytes) -> bool:
    """Whether whoever this digest of an identity names is this person, their guardian or ward now, or of their household."""
    return person_id in theirs(human)


def accounts_of(human: bytes) -> list[int]:
    """The user of the person whom this digest of an identity names, erased or not."""
    own = Identity.objects.filter(identity_hmac=human).values("person_id")
    return list(Person.objects.filter(pk__in=own).values_list("user_id", flat=True))


def contacts_of(human: bytes) -> list[bytes]:
    """Keyed digests of the contacts by which the person whom this digest of an identity names signs in today."""
    own = Identity.objects.filter(identity_hmac=human).values("person_id")
    held = Contact.objects.filter(person_id__in=own).values_list("contact_hmac", flat=True)
    return [bytes(one) for one in held]


def user_of(name: str) -> User | None:
    """Whose sign-in this is: the handle of an account, or the name by which the platform knows a person. None for neither."""
    known = Person.objects.filter(pseudonym=name, status=Person.Status.ACTIVE).select_related("user").first()
    return known.user if known else User.objects.filter(handle=name).first()


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """What a person is shown of the own identity: enough to recognise it. Hidden in logs and tracebacks."""

    name: str
    number: str

    def __repr__(self) -> str:
        return "OwnIdentity(hidden)"


def by_user(user: User) -> Person | None:
    """The active person behind a signed-in user; nobody is asked for behind an account of another kind, which has none."""
    if not user.is_authenticated or user.kind != User.Kind.PERSON:
        return None
    return Person.objects.filter(user_id=user.pk, status=Person.Status.ACTIVE).first()


def person(person_id: int) -> Person | None:
    return Person.objects.filter(pk=person_id).first()


def authorisations(person_id: int) -> list[AuthorisationRow]:
    """All of a person's authorisations: the live ones first, then the newest."""
    rows = Authorisation.objects.filter(person_id=person_id).select_related("party")
    return [
        AuthorisationRow(
            id=row.id,
            party_code=row.party.code,
            title_zh=row.party.title_zh,
            title_en=row.party.title_en,
            party_status=row.party.status,
            behaviour=row.behaviour,
            granted_at=row.granted_at,
            withdrawn_at=row.withdrawn_at,
            notice_version=row.notice_version,
            ends_at=row.ends_at,
        )
        for row in rows.order_by(F("withdrawn_at").desc(nulls_first=True), "-granted_at", "-id")
    ]


def is_authorised(person_id: int, party_id: int, behaviour: str, at: datetime) -> bool:
    """Whether an authorisation was live at the moment `at`: from granted_at, until withdrawn_at excluded."""
    return (
        Authorisation.objects.filter(
            person_id=person_id, party_id=party_id, behaviour=behaviour, granted_at__lte=at
        )
        .filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=at), Q(ends_at=None) | Q(ends_at__gt=at))
        .exists()
    )


def is_bound(person_id: int, party_id: int) -> bool:
    """Whether this party may send anything of this person's now: only then is it told who that is."""
    own = Authorisation.objects.filter(person_id=person_id, party_id=party_id, withdrawn_at=None)
    return own.filter(Q(ends_at=None) | Q(ends_at__gt=clock.now())).exists()


def subject_for(person_id: int, party_id: int) -> str | None:
    """The name by which this party knows this person; None where it never was authorised."""
    return (
        Subject.objects.filter(person_id=person_id, party_id=party_id)
        .values_list("subject", flat=True)
        .first()
    )


def by_subject(party_id: int, subject: str) -> Person | None:
    """The active person whom this party knows by this name."""
    found = Subject.objects.filter(party_id=party_id, subject=subject).select_related("person__user").first()
    return found.person if found and found.person.status == Person.Status.ACTIVE else None


def own_identity(own: Person) -> OwnIdentity:
    """For the person's own page: the surname and the ends of the number. Raises PersonErased."""
    told = json.loads(keys.decrypt(own, own.identity_enc, "identity"))
    number = told["number"]
    return OwnIdentity(told["name"][:1] + "*" * (len(told["name"]) - 1), number[:1] + "*" * 16 + number[-1:])


def own_copy(own: Person) -> tuple[dict[str, str], list[dict[str, str]]]:
    """(identity, contacts) in full, for the copy that a person takes out (PIPL article 45). Raises PersonErased."""
    told = json.loads(keys.decrypt(own, own.identity_enc, "identity"))
    reached = json.loads(keys.decrypt(own, own.contact_enc, "contacts"))
    return told, reached


def subjects(person_id: int) -> list[tuple[str, str]]:
    """(party's code, its name for the person)."""
    rows = Subject.objects.filter(person_id=person_id).order_by("party__code")
    return list(rows.values_list("party__code", "subject"))


def reaches(own: Person) -> list[Reach]:
    """Every contact in full, for what is sent there; that they were opened is told. Raises PersonErased."""
    told = json.loads(keys.decrypt(own, own.contact_enc, "contacts"))
    return [Reach(item["kind"], item["value"]) for item in told]


def users_of(person_ids: Iterable[int]) -> list[int]:
    """The users of these people."""
    return list(
        Person.objects.filter(pk__in=set(person_ids)).order_by("pk").values_list("user_id", flat=True)
    )


def own_contacts(own: Person) -> list[tuple[str, str]]:
    """For the person's own page: (kind, masked value) of each contact. Raises PersonErased."""
    told = json.loads(keys.decrypt(own, own.contact_enc, "contacts"))
    return [(item["kind"], masked(Reach(item["kind"], item["value"]))) for item in told]
