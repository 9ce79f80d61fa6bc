"""Households and the members of organisations: joined by invitation, left at once. Writes people_group, _member, _invitation.

A household is a meter: of its members one at a time lets a partner send what the household's meter shows, so that one
meter counts once (P-A, 11 to 13). An organisation learns of its members sums only (sharing/members.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.notices import actions as notices
from abate.platform.parties import telling
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party
from abate.platform.people import consents, disclosing
from abate.platform.people.errors import PersonErased
from abate.platform.people.family_errors import (
    GroupFull,
    HouseholdCollects,
    InHouseholdAlready,
    InvitationMalformed,
    InvitationUnknown,
    MembershipUnknown,
    TooManyInvitations,
)
from abate.platform.people.models import Authorisation, Group, Invitation, Member, Person
from abate.platform.review.audit import audited

HOUSEHOLD, ORGANISATION = Group.Kind.HOUSEHOLD.value, Group.Kind.ORGANISATION.value
METERED = frozenset({"saving-electricity", "saving-water", "clean-energy"})
"""Behaviours whose records are of a household's meter (`household_id`, `meter_id`), not of one person's act."""
LARGEST_HOUSEHOLD = 12
VALID = timedelta(days=7)
LONGEST = timedelta(days=90)
MOST_USES = 100_000
MOST_OPEN = 20
"""Invitations of one group that are good at a time. These limits are our policy."""
CODE_LENGTH = 12
_LOCK = "select pg_advisory_xact_lock(4912031, hashtext(%s))"


def _in_turn(group_id: int) -> Group:
    """The group, with nobody else at it until the transaction ends. Its row is append-only: it cannot be locked itself."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [str(group_id)])
    return Group.objects.get(pk=group_id)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A membership as its person sees it. `party` is the organisation's code, empty of a household; `members` counts the
    people in a household now and is 0 of an organisation, whose members are told of to nobody one by one."""

    id: int
    kind: str
    party: str
    titles: tuple[str, str]
    joined_at: datetime
    left_at: datetime | None
    members: int
    notice_version: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code would let somebody into."""

    kind: str
    titles: tuple[str, str]
    members: int


@audited("group.invite", lambda given, _: given["person"].pseudonym)
def invite(person: Person) -> tuple[str, datetime]:
    """A code for one more member of the person's household, which is opened with it: (code, until when).

    Raises PersonErased, TooManyInvitations, GroupFull.
    """
    now = clock.now()
    with transaction.atomic():
        own = _alive(person)
        found = _live(own.pk).filter(kind=HOUSEHOLD).first()
        if found is None:
            group = Group.objects.create(kind=HOUSEHOLD, opened_at=now)
            _enter(group, own, consents.current("groups").version, now)
        else:
            group = _in_turn(found.group_id)
            if _count(group) >= LARGEST_HOUSEHOLD:
                raise GroupFull
        return _invitation(group, 1, now + VALID, now)


@audited("group.invite", lambda given, _: given["party"].code)
def invite_to_organisation(party: Party, most: int, valid: timedelta = VALID) -> tuple[str, datetime]:
    """A code for up to `most` members of an organisation. Raises PartySuspended, InvitationMalformed, TooManyInvitations."""
    if not 1 <= most <= MOST_USES or not timedelta(0) < valid <= LONGEST:
        raise InvitationMalformed
    now = clock.now()
    with transaction.atomic():
        if not Party.objects.select_for_update().get(pk=party.pk).stands(clock.today()):
            raise PartySuspended(party.code)
        group, _ = Group.objects.get_or_create(party=party, defaults={"kind": ORGANISATION, "opened_at": now})
        return _invitation(group, most, now + valid, now)


def _invitation(group: Group, most: int, until: datetime, now: datetime) -> tuple[str, datetime]:
    if Invitation.objects.filter(group=group, expires_at__gt=now, used__lt=F("most")).count() >= MOST_OPEN:
        raise TooManyInvitations
    code = randomness.token_code(CODE_LENGTH)
    Invitation.objects.create(group=group, digest=_digest(code), made_at=now, expires_at=until, most=most)
    return "-".join(code[place : place + 4] for place in range(0, CODE_LENGTH, 4)), until


def _digest(code: str) -> bytes:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())[:32]
    return keyring().code_hmac(f"invitation\x00{plain}")


def _good(code: str, now: datetime) -> QuerySet[Invitation]:
    """The invitation of this code, whose organisation stands by its dates too, whatever job has run."""
    undated, in_date = Q(group__party__valid_until=None), Q(group__party__valid_until__gte=clock.day(now))
    return Invitation.objects.filter(digest=_digest(code), expires_at__gt=now, used__lt=F("most")).filter(
        Q(group__party=None) | Q(group__party__status=Party.Status.ACTIVE) & (undated | in_date)
    )


def offered(code: str) -> Offer:
    """What the code is for; nothing is spent. Raises InvitationUnknown, the same for wrong, used and expired ones."""
    found = _good(code, clock.now()).select_related("group__party").first()
    if found is None or (found.group.kind == HOUSEHOLD and not _count(found.group)):
        raise InvitationUnknown
    return Offer(found.group.kind, _titles(found.group), _shown_count(found.group))


@audited("group.join", lambda given, _: given["person"].pseudonym)
def join(person: Person, code: str, notice_version: str) -> Member:
    """Join what the code is for. What this person and a member of the household both let partners send of the meter ends
    on this person's side. Raises InvitationUnknown, InHouseholdAlready, GroupFull, PersonErased.
    """
    now = clock.now()
    with transaction.atomic():
        own = _alive(person)
        found = _good(code, now).first()
        if found is None:
            raise InvitationUnknown
        # Locked: members are counted, and what each lets partners send is looked at, one after the other.
        group = _in_turn(found.group_id)
        already = _live(own.pk).filter(group=group).first()
        if already is not None:
            return already
        if group.kind == HOUSEHOLD:
            if _live(own.pk).filter(kind=HOUSEHOLD).exists():
                raise InHouseholdAlready
            # A household that everybody left is over: nobody is let in by those who went.
            if not 0 < _count(group) < LARGEST_HOUSEHOLD:
                raise GroupFull if _count(group) else InvitationUnknown
        # Counted where the limit stands: of many with the last use one is let in.
        if not Invitation.objects.filter(pk=found.pk, used__lt=F("most")).update(used=F("used") + 1):
            raise InvitationUnknown
        if group.kind == HOUSEHOLD:
            now, taken = disclosing.hold(own.pk), _collected(group, own.pk)
            doubled = Authorisation.objects.filter(person=own, behaviour__in=taken, withdrawn_at=None)
            parties = set(doubled.values_list("party_id", flat=True))
            doubled.update(withdrawn_at=Greatest(Value(now), F("granted_at")))
            disclosing.end_unbound(own.pk, now)
            # As where they withdraw themselves: tokens end, and they are told.
            for party_id in sorted(parties):
                telling.end(own.user, party_id)
            if parties:
                notices.write([own.user_id], "authorisation.ended")
        return _enter(group, own, notice_version, now)


def _enter(group: Group, person: Person, notice_version: str, now: datetime) -> Member:
    return Member.objects.create(
        group=group, person=person, kind=group.kind, notice_version=notice_version, joined_at=now
    )


@audited("group.agree", lambda given, _: given["person"].pseudonym)
def agree(person: Person, member_id: int, notice_version: str) -> None:
    """A member agrees to a later version of the notice; until then what they agreed to on joining goes on. Raises
    MembershipUnknown.
    """
    if not _live(person.pk).filter(pk=member_id).update(notice_version=notice_version):
        raise MembershipUnknown


def to_agree(person_id: int) -> bool:
    """Whether the notice has changed since the person joined, or agreed to it last."""
    return _live(person_id).exclude(notice_version=consents.current("groups").version).exists()


@audited("group.leave", lambda given, _: given["person"].pseudonym)
def leave(person: Person, member_id: int) -> None:
    """Leave at once; leaving again changes nothing. Raises MembershipUnknown."""
    own = Member.objects.filter(pk=member_id, person=person)
    if not _end(own.filter(left_at=None), clock.now()) and not own.exists():
        raise MembershipUnknown


def leave_all(person_id: int, now: datetime) -> None:
    """The account is closed, or passes from a guardian to its owner, who joins by a consent of their own."""
    _end(_live(person_id), now)


@audited("party.consents", lambda given, _: given["party_id"])
def end_party(party_id: int) -> None:
    """The party takes part no more: what everybody lets it send ends, which they are told, and nobody is its member."""
    party = Party.objects.get(pk=party_id)
    now = disclosing.hold_party(party)
    own = Authorisation.objects.filter(party=party, withdrawn_at=None)
    notices.write(own.values_list("person__user_id", flat=True).distinct(), "party.left")
    own.update(withdrawn_at=Greatest(Value(now), F("granted_at")))
    disclosing.end_party(party.code, now)
    _end(Member.objects.filter(group__party_id=party_id, left_at=None), now)


def _end(rows: QuerySet[Member], now: datetime) -> int:
    return rows.update(left_at=Greatest(Value(now), F("joined_at")))


def one_of_household(person_id: int, wanted: Iterable[str]) -> None:
    """Raises HouseholdCollects where another member of the person's household lets a partner send one of `wanted` that the
    household's meter shows. Inside the transaction that authorises."""
    metered = METERED.intersection(wanted)
    own = _live(person_id).filter(kind=HOUSEHOLD).first() if metered else None
    if own is None:
        return
    group = _in_turn(own.group_id)
    if both := metered & _collected(group, person_id):
        raise HouseholdCollects(", ".join(sorted(both)))


def _collected(group: Group, besides: int) -> set[str]:
    """What of the meter other members let partners send now."""
    others = Member.objects.filter(group=group, left_at=None).exclude(person_id=besides)
    live = Authorisation.objects.filter(
        person_id__in=others.values("person_id"), behaviour__in=METERED, withdrawn_at=None
    ).filter(Q(ends_at=None) | Q(ends_at__gt=clock.now()))
    return set(live.values_list("behaviour", flat=True))


def of(person_id: int) -> list[MemberRow]:
    """A person's memberships: the live ones first, then the newest."""
    rows = Member.objects.filter(person_id=person_id).select_related("group__party")
    return [
        MemberRow(
            id=row.pk,
            kind=row.kind,
            party=row.group.party.code if row.group.party else "",
            titles=_titles(row.group),
            joined_at=row.joined_at,
            left_at=row.left_at,
            members=_shown_count(row.group) if row.left_at is None else 0,
            notice_version=row.notice_version,
        )
        for row in rows.order_by(F("left_at").desc(nulls_first=True), "-id")
    ]


def group_of(party_id: int) -> int | None:
    """The group of an organisation's members; None before its first invitation."""
    return Group.objects.filter(party_id=party_id).values_list("pk", flat=True).first()


def _alive(person: Person) -> Person:
    own = Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE).first()
    if own is None:
        raise PersonErased
    return own


def _live(person_id: int) -> QuerySet[Member]:
    return Member.objects.filter(person_id=person_id, left_at=None)


def _count(group: Group) -> int:
    return Member.objects.filter(group=group, left_at=None).count()


def _shown_count(group: Group) -> int:
    return _count(group) if group.kind == HOUSEHOLD else 0


def _titles(group: Group) -> tuple[str, str]:
    return (group.party.title_zh, group.party.title_en) if group.party else ("", "")
