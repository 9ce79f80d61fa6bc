"""A person corrects their name or number: proved again, written as a new version, the old one kept (PIPL article 46)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.doors.identity_number import normal_number
from abate.platform.doors.keyring import keyring
from abate.platform.notices import actions as notices
from abate.platform.people import children, identity, keys
from abate.platform.people.errors import (
    ChildsIdentity,
    CorrectedMeanwhile,
    CorrectedTooOften,
    IdentityTaken,
    NothingCorrected,
    NumberNeedsAuthority,
    PersonErased,
    SomebodyElse,
)
from abate.platform.people.family_errors import GuardianTooYoung
from abate.platform.people.models import Former, Person
from abate.platform.people.policy import CORRECTIONS, CORRECTIONS_WITHIN
from abate.platform.review import audit

_PURPOSE = "identity"
# Taken, or the person's own from before: whose the number is decides its key, also among those who try at once.
_CLAIM = """
with mine as (
    insert into people_identity (identity_hmac, person_id, key_version) values (%(digest)s, %(person)s, 1)
    on conflict (identity_hmac) do nothing returning person_id
)
select person_id from mine
union all
select person_id from people_identity where identity_hmac = %(digest)s
"""


@dataclass(frozen=True, slots=True)
class FormerIdentity:
    """An earlier version, in full: for its own person only. `what` was corrected then: name or number."""

    name: str
    number: str
    what: str
    replaced_at: datetime

    def __repr__(self) -> str:
        return "FormerIdentity(hidden)"


def correct(person: Person, name: str = "", number: str = "") -> str:
    """Put the person's right name, or the right number, in the place of the old; what is empty stays. Returns which it was.

    The real-name check is asked with both as they will stand. (P-4.3, P-6.5) Raises NothingCorrected, SomebodyElse (both
    would differ from the first version), CorrectedTooOften, IdentityRefused, TooYoung, NumberNeedsAuthority,
    GuardianTooYoung, IdentityTaken, ChildsIdentity, CorrectedMeanwhile, PersonErased.
    """
    if children.until(person.pk) is not None:
        raise ChildsIdentity
    sealed = bytes(person.identity_enc)
    told = json.loads(keys.decrypt(person, sealed, _PURPOSE))
    name = identity.normal_name(name) or told["name"]
    number = normal_number(number) or told["number"]
    changed = [what for what, new in (("name", name), ("number", number)) if new != told[what]]
    if not changed:
        raise NothingCorrected
    first = _first(person) or told
    if len(changed) > 1 or (name != first["name"] and number != first["number"]):
        raise SomebodyElse
    recent = Former.objects.filter(person_id=person.pk, replaced_at__gt=clock.now() - CORRECTIONS_WITHIN)
    if recent.count() >= CORRECTIONS:
        raise CorrectedTooOften
    (what,) = changed
    verdict, born = identity.verify(name, number, made_up=person.made_up)
    if what == "number" and not verdict.authority:
        raise NumberNeedsAuthority
    with transaction.atomic():
        own = Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE).first()
        if own is None:
            raise PersonErased
        if bytes(own.identity_enc) != sealed:
            raise CorrectedMeanwhile
        if what == "number":
            _of_age(own, born)
            _claim(own, number)
        text = json.dumps({"name": name, "number": number}, ensure_ascii=False, sort_keys=True).encode()
        fresh = keys.encrypt(own, text, _PURPOSE)
        Former.objects.create(person=own, identity_enc=sealed, what=what, replaced_at=clock.now())
        Person.objects.filter(pk=own.pk).update(identity_enc=fresh)
        notices.write([own.user_id], "identity.corrected")
        audit.note("person.correct", own.pseudonym, part=what)
    person.identity_enc = fresh
    return what


def _first(person: Person) -> dict[str, str] | None:
    """Name and number as the account was opened with; None where nothing was corrected yet."""
    row = Former.objects.filter(person_id=person.pk).order_by("id").first()
    if row is None:
        return None
    found: dict[str, str] = json.loads(keys.decrypt(person, bytes(row.identity_enc), _PURPOSE))
    return found


def _of_age(own: Person, born: date) -> None:
    if clock.today() < identity.birthday(born, identity.ADULT) and children.guards(own.pk):
        raise GuardianTooYoung


def _claim(own: Person, number: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"digest": keyring().number_hmac(number), "person": own.pk})
        found = cursor.fetchall()
    # Whoever waited for another's claim does not see it in the same statement: nothing is found, and it is taken.
    if found != [(own.pk,)]:
        raise IdentityTaken


def former(own: Person) -> list[FormerIdentity]:
    """Earlier versions, the newest first, for the copy that the person takes out. Raises PersonErased."""
    rows = list(Former.objects.filter(person=own).order_by("-id"))
    plain = keys.decrypt_each([(own, bytes(row.identity_enc)) for row in rows], _PURPOSE)
    return [
        FormerIdentity(**json.loads(text), what=row.what, replaced_at=row.replaced_at)
        for row, text in zip(rows, plain, strict=True)
    ]


def history(person_id: int) -> list[tuple[str, datetime]]:
    """(what was corrected, when), the newest first: opens nothing."""
    return list(Former.objects.filter(person_id=person_id).order_by("-id").values_list("what", "replaced_at"))
