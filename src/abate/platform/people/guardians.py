"""A guardian opens an account for a child under 14, with a consent of its own. Writes people_guardianship."""

from __future__ import annotations

import json
from datetime import datetime, time

from django.db import transaction

from abate.platform.doors import clock
from abate.platform.doors.identity_number import normal_number
from abate.platform.people import actions, children, consents, identity, keys
from abate.platform.people.errors import NoticeMissing, PersonErased
from abate.platform.people.family_errors import (
    ConsentMissing,
    GuardianTooYoung,
    RelationUnknown,
    TooManyChildren,
)
from abate.platform.people.models import Guardianship, Person
from abate.platform.people.policy import child_policy
from abate.platform.review.audit import audited


@audited("child.open", lambda _, made: made.pseudonym)
def open_for_child(
    guardian: Person, relation: str, name: str, number: str, purposes: set[str], notice_version: str
) -> Person:
    """Open the one account of a child under 14; the guardian agreed to each of `purposes` of the children's notice in force:
    `notice_version` is the one that was shown, and another is agreed to by nobody.

    The child's name and number pass the same check as anybody's. It has no contact: until the 14th birthday the guardian
    acts for it, from that day on nobody does until its owner registers. Raises NoticeMissing, ConsentMissing,
    RelationUnknown, GuardianTooYoung, TooManyChildren, PersonErased, IdentityRefused, NotAChild, IdentityTaken.
    (P-6.5, P-8.4-b)
    """
    told = consents.current("children")
    if notice_version != told.version:
        raise NoticeMissing
    if not purposes >= {one.name for one in told.purposes}:
        raise ConsentMissing
    if relation not in Guardianship.Relation.values:
        raise RelationUnknown
    _of_age(guardian)
    name, number = identity.normal_name(name), normal_number(number)
    _, born = identity.verify(name, number, made_up=guardian.made_up, child=True)
    with transaction.atomic():
        # Locked: what one guardian opens at once is counted in turn, and none is opened while they leave.
        own = Person.objects.select_for_update().filter(pk=guardian.pk, status=Person.Status.ACTIVE).first()
        if own is None:
            raise PersonErased
        if len(children.of(own.pk)) >= child_policy().most:
            raise TooManyChildren
        child = actions.open_account(name, number, [], notice_version, guardian.made_up)
        consents.give(child, notice_version, by=own)
        Guardianship.objects.create(
            child=child,
            guardian=own,
            relation=relation,
            name_enc=keys.encrypt(own, name.encode(), children.NAME),
            given_at=clock.now(),
            until=datetime.combine(identity.birthday(born, identity.YOUNGEST), time(), clock.zone()),
        )
    return child


def _of_age(guardian: Person) -> None:
    """By the number under which the guardian's own account was opened. Raises GuardianTooYoung, PersonErased."""
    number = json.loads(keys.decrypt(guardian, guardian.identity_enc, actions.IDENTITY))["number"]
    born = identity.birth_date(number)
    if born is None or clock.today() < identity.birthday(born, identity.ADULT):
        raise GuardianTooYoung
