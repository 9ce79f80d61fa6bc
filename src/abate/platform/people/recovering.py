"""Recovery of sign-in: a new contact after a waiting, told to every old one, stopped by a touch. Writes people_recovery.

Whoever has another verified contact or a passkey left needs none of this: each of them signs in. Here both are gone. What is
asked for is written down alike for everybody and looked up later (`look`), so neither an answer nor its time tells whether
there is an account. The waiting counts from the moment its owner was told somewhere (`begin`); of whom nobody could be told,
nothing changes, and the operator with papers is the way. While a link is open that takes a change of contact back, nothing
takes effect: neither a stranger's recovery ends the owner's link, nor does a stranger's link end the owner's recovery.
Figures: recovery.toml.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django.core import signing
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Min, Q, QuerySet

from abate.platform.doors import clock, sealed
from abate.platform.doors.errors import SetupError
from abate.platform.doors.identity_number import normal_number
from abate.platform.doors.keyring import keyring
from abate.platform.notices import actions as notices
from abate.platform.notices import queries as told
from abate.platform.notices.models import Delivery
from abate.platform.people import children, claiming, contacts, identity, keys, proof, stopping, undoing
from abate.platform.people.contacts import Reach
from abate.platform.people.errors import ContactTaken, ContactUnproved
from abate.platform.people.family_errors import RecoveryGone, RecoveryNeedsCode, RecoveryTooOften
from abate.platform.people.models import Code, Contact, Identity, Person, Recovery
from abate.platform.people.queries import reaches
from abate.platform.review import audit
from abate.platform.signin import actions as signin
from abate.platform.signin import factors

_CONTACT, _CODE = b"abate-recovery-contact", b"abate-recovery-code"
_SALT = "abate.people.recovery"
_NEW = "select id from people_recovery where looked_at is null order by id limit %s for update skip locked"


@dataclass(frozen=True, slots=True)
class Policy:
    """Waiting by what was shown, how long the new contact may then be used, and tries for one identity."""

    identity: timedelta
    code: timedelta
    valid: timedelta
    most: int
    within: timedelta


@lru_cache(maxsize=1)
def policy() -> Policy:
    own = tomllib.loads(Path(__file__).with_name("recovery.toml").read_text(encoding="utf-8"))
    wait = {name: timedelta(hours=hours) for name, hours in own["wait_hours"].items()}
    days = {name: timedelta(days=own[name]["days"]) for name in ("valid", "tries")}
    return Policy(wait["identity"], wait["code"], days["valid"], own["tries"]["most"], days["tries"])


def ask(
    name: str, number: str, contact: str, proof_text: str, code: str, *, address: str | None, made_up: bool
) -> None:
    """Ask to recover the account of `name` and `number` with a new, proved `contact`; `code`: a recovery code, or empty.

    The answer is nothing, whoever asks for whomever. Raises ContactMalformed, ContactUnproved, IdentityRefused, TooYoung,
    ProviderSilent, RecoveryNeedsCode, RecoveryTooOften, TooManyTries: none depends on whether there is an account.
    """
    reach = contacts.normal(contact)
    digest = keyring().identity_hmac(reach.value)
    if digest not in proof.proved([proof_text]):
        raise ContactUnproved
    name, number = identity.normal_name(name), normal_number(number)
    whose = keyring().number_hmac(number)
    signin.count_try(f"recovery\x00{whose.hex()}", address)
    verdict, _ = identity.verify(name, number, made_up=made_up)
    code = "".join(code.split()).replace("-", "")[:32]
    if not (code or verdict.authority):
        raise RecoveryNeedsCode
    rules, now = policy(), clock.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_advisory_xact_lock(%s)", [int.from_bytes(whose[:8], "big", signed=True)]
            )
        recent = Recovery.objects.filter(identity_hmac=whose, asked_at__gt=now - rules.within)
        if recent.count() >= rules.most:
            raise RecoveryTooOften
        made = Recovery.objects.create(
            identity_hmac=whose,
            name_hmac=_name(whose, name),
            contact_hmac=digest,
            contact_enc=sealed.seal(json.dumps([reach.kind, reach.value]), _CONTACT),
            code_enc=sealed.seal(code, _CODE),
            how="code" if code else "identity",
            asked_at=now,
        )
        audit.note("person.recovery-ask", made.pk, how=made.how)


def _name(whose: bytes, name: str) -> bytes:
    return keyring().identity_hmac(f"recovery\x00{whose.hex()}\x00{name}")


def look(most: int = 20) -> int:
    """Look up what was asked for since; who has the account is told by every way they have. Returns how many.

    What cannot be looked up is over, and said in the trail: it keeps no other from being looked up.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_NEW, [most])
            found = [number for (number,) in cursor.fetchall()]
        for one in Recovery.objects.filter(pk__in=found).order_by("pk"):
            try:
                with transaction.atomic():
                    _look_up(one)
            except (OperationalError, InterfaceError, SetupError):
                # The database or a key is away: all of it is done anew.
                raise
            except Exception as fault:  # noqa: BLE001 (whatever a row holds, the others go on)
                gone = {"person": None, "contact_enc": b"", "code_enc": b""}
                Recovery.objects.filter(pk=one.pk).update(looked_at=clock.now(), **gone)
                audit.note("person.recovery-unreadable", one.pk, fault=type(fault).__name__)
    return len(found)


def _look_up(one: Recovery) -> None:
    person = _meant(one)
    one.looked_at, one.person, one.code_enc = clock.now(), person, b""
    if person is None:
        one.contact_enc = b""
    else:
        first = _first(one, one.looked_at)
        one.until = first + policy().valid
        day, stop = clock.day(first), told.link(f"/sign-in/lost/stop/{token(one.pk)}")
        (one.notice_id,) = notices.write([person.user_id], "recovery.begun", day=day, link=stop)
        audit.note("person.recovery", person.pseudonym, recovery=one.pk, how=one.how)
    one.save()


def _first(one: Recovery, told_at: datetime) -> datetime:
    """When it may take effect at the earliest, its owner told at `told_at`: no sooner than the last link of a change is over."""
    waited = told_at + getattr(policy(), one.how)
    link = undoing.promised(one.person_id) if one.person_id else None
    return max(waited, link) if link else waited


def begin() -> int:
    """Of recoveries whose notice was handed over somewhere by now the waiting begins, with that moment; returns how many."""
    waiting = stopping.going_on().filter(notice_id__isnull=False, ready_at=None)
    handed = Delivery.objects.filter(notice_id__in=waiting.values("notice_id"), sent_at__isnull=False)
    began = 0
    for number, at in handed.values_list("notice_id").annotate(Min("sent_at")).order_by("notice_id"):
        with transaction.atomic():
            one = waiting.select_for_update(of=("self",)).filter(notice_id=number).first()
            if one is None:
                continue
            one.ready_at = _first(one, at)
            one.until = one.ready_at + policy().valid
            one.save(update_fields=["ready_at", "until"])
            audit.note("person.recovery-begin", one.pk, ready_at=one.ready_at.isoformat())
            began += 1
    return began


def untold(since: timedelta) -> list[int]:
    """The notices of recoveries that were looked up longer ago than `since` and of which nobody could be told."""
    late = stopping.going_on().filter(
        notice_id__isnull=False, ready_at=None, looked_at__lt=clock.now() - since
    )
    return [number for number in late.order_by("pk").values_list("notice_id", flat=True) if number]


def _meant(one: Recovery) -> Person | None:
    """The person whose identity and name these are, and whose recovery code, where one was given: that spends it."""
    whose = bytes(one.identity_hmac)
    held = Identity.objects.filter(identity_hmac=whose).values("person_id")
    person = (
        Person.objects.filter(pk__in=held, status=Person.Status.ACTIVE, user__is_active=True)
        .select_related("user")
        .first()
    )
    # A child's guardian signs in and acts, and whoever is 14 takes the account over by registering: nothing to recover.
    if person is None or children.not_taken_over(person.pk):
        return None
    own = json.loads(keys.decrypt(person, person.identity_enc, "identity"))
    # A number that was corrected away stays the account's own, and is nobody's way in: it may be somebody else's.
    if keyring().number_hmac(own["number"]) != whose or _name(whose, own["name"]) != bytes(one.name_hmac):
        return None
    code = sealed.unseal(bytes(one.code_enc), _CODE) or ""
    fits = one.how != "code" or factors.spend_recovery_code(person.user, code)
    return person if fits else None


def finish(digest: bytes) -> Person | None:
    """The person for whom the contact of this digest, just proved, may stand in now; None where there is none.

    Every old contact, passkey, code and session ends, and each old contact is told.
    """
    now = clock.now()
    ready = Recovery.objects.filter(
        contact_hmac=digest, ready_at__lte=now, until__gt=now, stopped_at=None, done_at=None
    )
    # Several people may have asked for one contact: who cannot enter yet keeps none of the others out.
    entered = (_enter(found, ready, now) for found in ready.order_by("pk"))
    return next(filter(None, entered), None)


def _enter(found: Recovery, ready: QuerySet[Recovery], now: datetime) -> Person | None:
    """The person whose recovery this is, entered; None where it is not `ready` any more or waits for a link."""
    active = Person.objects.filter(pk=found.person_id, status=Person.Status.ACTIVE, user__is_active=True)
    try:
        with transaction.atomic():
            # The person first, as whoever leaves; then, of two that end at once, or of an end and a stop, one is first.
            person = active.select_related("user").select_for_update(of=("self",)).first()
            one = ready.select_for_update(of=("self",)).filter(pk=found.pk).first()
            # Asked again, with the person locked: a change may have been under way when the waiting began.
            if person is None or one is None or undoing.promised(person.pk):
                return None
            return _replace(person, one, now)
    except ContactTaken:
        return None


def _replace(person: Person, one: Recovery, now: datetime) -> Person | None:
    asked = sealed.unseal(bytes(one.contact_enc), _CONTACT)
    if asked is None:
        return None
    reach, old = Reach(*json.loads(asked)), [contacts.place(each) for each in reaches(person)]
    held = Contact.objects.filter(person_id=person.pk)
    # Worth nothing, and still counted: a recovery gives nobody more codes to ask for or to guess.
    codes = Code.objects.filter(contact_hmac__in=list(held.values_list("contact_hmac", flat=True)))
    codes.filter(used_at=None).update(used_at=now)
    held.delete()
    claiming.contacts(person.pk, {bytes(one.contact_hmac): reach})
    person.contact_enc = claiming.sealed_contacts(person, [reach])
    Person.objects.filter(pk=person.pk).update(contact_enc=person.contact_enc)
    signin.forget(person.user)
    Recovery.objects.filter(pk=one.pk).update(done_at=now, contact_enc=b"")
    stopping.going_on().filter(person_id=person.pk).update(stopped_at=now, contact_enc=b"")
    # Earlier browsers are told this once more: whoever has the old device may be its owner, and it shows nothing after that.
    notices.write([person.user_id], "recovery.done", to=[*old, *told.browser_places(person.user_id)])
    for each in told.browsers(person.user_id):
        notices.end_browser(person.user, each.id)
    notices.write([person.user_id], "recovery.done")
    audit.note("person.recovered", person.pseudonym, recovery=one.pk)
    return person


def forget(person_id: int) -> None:
    """Whoever leaves: of what was asked for under their identity, by whomever, nothing is kept."""
    whose = Identity.objects.filter(person_id=person_id).values("identity_hmac")
    Recovery.objects.filter(Q(person_id=person_id) | Q(identity_hmac__in=whose)).delete()


def clear_over() -> int:
    """Empty the contacts of recoveries whose time is over; returns how many. Meant to run daily. (PIPL article 19)"""
    over = Recovery.objects.filter(until__lte=clock.now()).exclude(contact_enc=b"")
    with transaction.atomic():
        cleared = over.update(contact_enc=b"")
        if cleared:
            audit.note("person.recovery-clear", cleared)
    return cleared


def token(number: int) -> str:
    """What the link in a notice carries: it stops this recovery and does nothing else."""
    return signing.dumps(number, salt=_SALT)


def stop(text: str) -> None:
    """Stop a recovery by the link that was sent, or by its owner's page. Raises RecoveryGone."""
    try:
        number = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        raise RecoveryGone from None
    with transaction.atomic():
        one = Recovery.objects.select_for_update(of=("self",)).filter(pk=number).first()
        if one is None or one.person is None or one.stopped_at or one.done_at or one.until <= clock.now():
            raise RecoveryGone
        Recovery.objects.filter(pk=one.pk).update(stopped_at=clock.now(), contact_enc=b"")
        notices.write([one.person.user_id], "recovery.stopped")
        audit.note("person.recovery-stop", one.person.pseudonym, recovery=one.pk)


@dataclass(frozen=True, slots=True)
class RecoveryRow:
    """A recovery that goes on, as the account's owner sees it; `token` stops it. `ready_at`: None until its owner was told."""

    asked_at: datetime
    ready_at: datetime | None
    token: str

    @property
    def day(self) -> date | None:
        return clock.day(self.ready_at) if self.ready_at else None


def going_on(person_id: int) -> list[RecoveryRow]:
    rows = stopping.going_on().filter(person_id=person_id).order_by("pk")
    return [RecoveryRow(one.asked_at, one.ready_at, token(one.pk)) for one in rows]
