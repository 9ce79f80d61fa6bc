"""The only writer of people, their contacts, codes and authorisations."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Greatest
from psycopg import Cursor

from abate.platform.doors import clock, messages, randomness
from abate.platform.doors.identity_number import normal_number
from abate.platform.doors.keyring import keyring
from abate.platform.doors.origin import sender
from abate.platform.notices import actions as notices
from abate.platform.parties import telling
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party, Scope
from abate.platform.people import (
    children,
    claiming,
    consents,
    disclosing,
    groups,
    identity,
    keys,
    proof,
    recovering,
    undoing,
)
from abate.platform.people import contacts as reading
from abate.platform.people.contacts import Reach
from abate.platform.people.errors import (
    AuthorisationUnknown,
    BehaviourNotOffered,
    CodeNotSent,
    CodeRefused,
    ContactMalformed,
    ContactUnproved,
    NoAccount,
    NoticeMissing,
    PersonErased,
    TooManyCodes,
)
from abate.platform.people.family_errors import AccountFrozen, ChildrenFirst
from abate.platform.people.models import (
    Authorisation,
    Code,
    Contact,
    Former,
    Freeze,
    Identity,
    Person,
    Subject,
)
from abate.platform.people.policy import Step, code_policy
from abate.platform.review import actions as review
from abate.platform.review import audit
from abate.platform.review.audit import audited
from abate.platform.signin import actions as signin

IDENTITY, CONTACTS = "identity", "contacts"
_DAY = timedelta(days=1)
_SUBJECT = "验证码 / Code"
_BODY = "验证码 {code},用于{zh},{minutes} 分钟内有效,请勿告诉他人。 Your code to {en} is {code}, valid for {minutes} minutes."

# Every try counts before it is compared, against the latest code of the contact and step alone: one that was guessed out
# brings back none before it. The row's lock puts simultaneous tries in a row.
_TRY = """
update people_code set attempts = attempts + 1
where id = (select max(id) from people_code where contact_hmac = %s and step = %s and used_at is null)
      and used_at is null and expires_at > %s and attempts < %s
returning code_hmac
"""
_KEEP_STILL = "select id from people_person where id = any(%s) order by id for no key update"


def register(
    name: str,
    number: str,
    contacts: Sequence[str],
    notice_version: str,
    made_up: bool = False,
    proofs: Iterable[str] = (),
) -> Person:
    """Open the one account of a real person: check first, then everything in one transaction. (P-3.1, P-6.5)

    Each of `contacts` (at least one) must be proved by one of `proofs` (see prove_contact), except those of
    made-up people. Whose account a guardian opened takes it over from the 14th birthday on, by the same check. Raises
    IdentityRefused, TooYoung, IdentityTaken, ContactMalformed, ContactUnproved, ContactTaken, NoticeMissing.
    """
    if not notice_version:
        raise NoticeMissing
    reaches = sorted({reading.normal(contact) for contact in contacts}, key=lambda reach: reach.value)
    if not reaches:
        raise ContactMalformed("none given")
    digests = {keyring().identity_hmac(reach.value): reach for reach in reaches}
    if not made_up and not digests.keys() <= proof.proved(proofs):
        raise ContactUnproved
    name, number = identity.normal_name(name), normal_number(number)
    identity.verify(name, number, made_up=made_up)
    with transaction.atomic():
        person = children.grown(keyring().number_hmac(number))
        if person is None:
            person = open_account(name, number, reaches, notice_version, made_up)
        else:
            _take_over(person, reaches, notice_version)
        claiming.contacts(person.pk, digests)
        consents.give(person, notice_version)
        audit.note("person.register", person.pseudonym)
    return person


def open_account(
    name: str, number: str, reaches: Sequence[Reach], notice_version: str, made_up: bool
) -> Person:
    """The rows of a person whose identity was checked, inside the caller's transaction. Raises IdentityTaken."""
    person = Person(
        id=claiming.identity(keyring().number_hmac(number)),
        user=review.create_user("person", made_up=made_up),
        pseudonym=str(randomness.new_uuid()),
        commit_key=randomness.token_bytes(32),
        wrapped_key=keys.new_wrapped_key(),
        notice_version=notice_version,
        made_up=made_up,
        created_at=clock.now(),
    )
    person.identity_enc = keys.encrypt(person, _text({"name": name, "number": number}), IDENTITY)
    person.contact_enc = claiming.sealed_contacts(person, reaches)
    person.save(force_insert=True)
    return person


def _take_over(person: Person, reaches: Sequence[Reach], notice_version: str) -> None:
    """An account that a guardian looked after is its owner's: what the guardian agreed to ended on the birthday."""
    person.contact_enc, person.notice_version = claiming.sealed_contacts(person, reaches), notice_version
    person.save(update_fields=["contact_enc", "notice_version"])
    now = disclosing.hold(person.pk)
    live = Authorisation.objects.filter(person_id=person.pk, withdrawn_at=None)
    live.update(withdrawn_at=Greatest(F("ends_at"), F("granted_at")))
    consents.end(person.pk, now)
    groups.leave_all(person.pk, now)
    children.end(person.pk, now)


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def request_code(contact: str, address: str | None = None, step: Step = Step.SIGN_IN) -> datetime:
    """Send a code to the contact, good for this step alone, and end those of the step sent before; returns its end.

    The same work, message and answer for a contact that nobody has: neither content nor time tells whether an
    account exists. Codes of each step are counted by themselves: whoever asks for some to sign in with another's contact
    shuts no step in a session of its owner's. `address` is the asker's network address, for the limit per address; only its
    keyed digest is kept. Raises ContactMalformed, TooManyCodes, CodeNotSent.
    """
    reach, policy = reading.normal(contact), code_policy()
    digest = keyring().identity_hmac(reach.value)
    origin = keyring().identity_hmac(f"address\x00{sender(address)}") if address else None
    code, now = randomness.digits(policy.digits), clock.now()
    with transaction.atomic():
        own = [(policy.window, policy.per_contact), (_DAY, policy.per_contact_day)]
        _limit("contact_hmac", digest, now, own, [step])
        if origin:
            _limit("address_hmac", origin, now, [(policy.window, policy.per_address)], list(Step))
        Code.objects.filter(contact_hmac=digest, created_at__lt=now - _DAY).delete()
        digests = {"contact_hmac": digest, "code_hmac": _bound(digest, step, code), "address_hmac": origin}
        made = Code.objects.create(step=step, created_at=now, expires_at=now + policy.valid, **digests)
        audit.note("code.request", kind=reach.kind)
    body = _BODY.format(code=code, minutes=policy.valid_minutes, zh=step.words[0], en=step.words[1])
    try:
        messages.send(kind=reach.kind, to=reach.value, subject=_SUBJECT, body=body)
    except OSError:
        # Counted still, and nobody's: the one sent before is the latest again.
        Code.objects.filter(pk=made.pk).update(used_at=now)
        raise CodeNotSent from None
    return now + policy.valid


def confirm_code(contact: str, code: str) -> Person:
    """The person who signs in with this contact. Raises CodeRefused, AccountFrozen, or NoAccount with a proof to use."""
    proved = prove_contact(contact, code)
    (digest,) = proof.proved([proved])
    own = Freeze.objects.filter(person_id__in=_person_ids(digest), ended_at=None)
    if kept := own.select_related("person").first():
        raise AccountFrozen(kept.until, kept.grounds, kept.person.user_id)
    person = Person.objects.filter(
        pk__in=_person_ids(digest), status=Person.Status.ACTIVE, user__is_active=True
    ).first()
    # A contact that was asked for in a recovery stands in from the end of its waiting on.
    person = person or recovering.finish(digest)
    if person is None:
        raise NoAccount(proved)
    return person


def request_own_code(person: Person, place: int, address: str | None = None) -> datetime:
    """Send a code to the `place`-th of the person's contacts (queries.own_contacts), for a step that needs one."""
    return request_code(_own_contact(person, place), address, Step.CONFIRM)


def confirm_own_code(person: Person, place: int, code: str) -> None:
    """Spend a code sent to one of the person's own contacts. Raises CodeRefused."""
    prove_contact(_own_contact(person, place), code, Step.CONFIRM)


def _own_contact(person: Person, place: int) -> str:
    told = json.loads(keys.decrypt(person, person.contact_enc, CONTACTS))
    return str(told[place]["value"]) if place < len(told) else ""


def prove_contact(contact: str, code: str, step: Step = Step.SIGN_IN) -> str:
    """Spend a code; returns a signed text, good for 30 minutes, that proves the contact to `register`.

    A wrong, used, expired or guessed-out code, and one asked for another step, raises CodeRefused, always the same; of
    simultaneous tries with the right code one wins. Not to be called inside a transaction.
    """
    digest = keyring().identity_hmac(reading.normal(contact).value)
    typed = _bound(digest, step, "".join(code.split())[:32])
    # Durable: a try that the caller rolls back would be a try for nothing.
    with transaction.atomic(durable=True):
        won = _try(digest, step, typed)
        audit.note("code.try", act="write" if won else "refused")
    if not won:
        raise CodeRefused
    return proof.issue(digest)


def _try(digest: bytes, step: Step, typed: bytes) -> bool:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_TRY, [digest, step, now, code_policy().attempts])
        latest = cursor.fetchone()
        if latest is None or not hmac.compare_digest(bytes(latest[0]), typed):
            return False
        # With the right code the contact is reached: the other codes sent to it are spent too.
        cursor.execute(
            "update people_code set used_at = %s where contact_hmac = %s and used_at is null", [now, digest]
        )
    return True


def _person_ids(digest: bytes) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("select person_id from people_contact where contact_hmac = %s", [digest])
        return [row[0] for row in cursor.fetchall()]


def _bound(digest: bytes, step: Step, code: str) -> bytes:
    """A code's keyed digest with its contact's and its step: a code for one contact, or step, is none for another."""
    return keyring().code_hmac(f"{step}\x00{digest.hex()}\x00{code}")


def _limit(
    column: str, digest: bytes, now: datetime, limits: list[tuple[timedelta, int]], steps: list[Step]
) -> None:
    """Raise TooManyCodes where a limit is reached by codes for `steps`. The lock makes simultaneous askers count in turn."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
        for span, most in limits:
            cursor.execute(
                "select count(*), min(created_at) from people_code"
                f" where {column} = %s and created_at > %s and step = any(%s)",
                [digest, now - span, steps],
            )
            count, oldest = cursor.fetchone()
            if count >= most:
                raise TooManyCodes(max(1, int((oldest + span - now).total_seconds()) + 1))


def authorise(person: Person, party: Party, behaviours: Iterable[str], notice_version: str) -> str:
    """Let `party` send events of `behaviours` from now on; returns its name for the person. (P-4.3)

    Given again under the same notice nothing changes; under another one the old row ends as the new begins.
    What a guardian gives for a child ends with the guardian's time. Raises NoticeMissing, BehaviourNotOffered,
    PartySuspended, PersonErased, GuardianNeeded, HouseholdCollects.
    """
    wanted = sorted(set(behaviours))
    if not notice_version:
        raise NoticeMissing
    subject = keyring().pairwise_subject(party.code, person.pseudonym)
    with transaction.atomic():
        # Locked, so that giving, withdrawing and erasing of one person happen one after the other.
        if not Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE).exists():
            raise PersonErased
        ends_at = children.until(person.pk)
        groups.one_of_household(person.pk, wanted)
        if not Party.objects.get(pk=party.pk).stands(clock.today()):
            raise PartySuspended(party.code)
        offered = Scope.objects.filter(party=party, behaviour__in=wanted).count()
        if not wanted or offered != len(wanted):
            raise BehaviourNotOffered(", ".join(wanted)[:200])
        now = clock.now()
        live = Authorisation.objects.filter(
            person=person, party=party, behaviour__in=wanted, withdrawn_at=None
        )
        live.exclude(notice_version=notice_version).update(withdrawn_at=_ended(now))
        Subject.objects.bulk_create(
            [Subject(party=party, subject=subject, person=person)], ignore_conflicts=True
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into people_authorisation"
                " (person_id, party_id, behaviour, granted_at, notice_version, ends_at)"
                " select %s, %s, unnest(%s::text[]), %s, %s, %s"
                " on conflict (person_id, party_id, behaviour) where withdrawn_at is null do nothing",
                [person.pk, party.pk, wanted, now, notice_version, ends_at],
            )
        audit.note("person.authorise", person.pseudonym, party=party.code, behaviours=wanted)
    return subject


@audited("person.withdraw", lambda given, _: given["person"].pseudonym)
def withdraw(person: Person, authorisation_id: int) -> None:
    """End one authorisation now, and what its party's apps hold about the person; ending it again changes nothing.

    Raises AuthorisationUnknown. (P-4.3)
    """
    own = Authorisation.objects.filter(person_id=person.pk, id=authorisation_id)
    if not _withdraw(person, own) and not own.exists():
        raise AuthorisationUnknown


@audited("person.withdraw", lambda given, _: given["person"].pseudonym)
def withdraw_all(person: Person, party: Party) -> int:
    """End everything this person lets `party` send, in one step, as it was given; returns how many ended."""
    return _withdraw(person, Authorisation.objects.filter(person_id=person.pk, party=party))


def _withdraw(person: Person, own: QuerySet[Authorisation]) -> int:
    """End what is live of these, which are one party's."""
    now = disclosing.hold(person.pk)
    ended = own.filter(withdrawn_at=None).update(withdrawn_at=_ended(now))
    if ended:
        disclosing.end_unbound(person.pk, now)
        telling.end(person.user, own[:1].get().party_id)
        notices.write([person.user_id], "authorisation.ended")
    return ended


def _ended(now: datetime) -> Greatest:
    """Now; or, where the clock was set back, the moment it was given: it counts for nothing, and it ends."""
    return Greatest(Value(now), F("granted_at"))


def close(found: Person) -> datetime:
    """End everything that a locked, active person gave leave for, and every way in; the moment. Raises ChildrenFirst."""
    if children.of(found.pk):
        raise ChildrenFirst
    now = disclosing.hold(found.pk)
    Authorisation.objects.filter(person_id=found.pk, withdrawn_at=None).update(withdrawn_at=_ended(now))
    telling.end(found.user)
    consents.end(found.pk, now)
    children.end(found.pk, now)
    groups.leave_all(found.pk, now)
    recovering.forget(found.pk)
    undoing.forget(found)
    digests = Contact.objects.filter(person_id=found.pk).values_list("contact_hmac", flat=True)
    Code.objects.filter(contact_hmac__in=list(digests)).delete()
    signin.forget(found.user)
    notices.forget(found.user)
    review.deactivate(found.user)
    return now


@audited("person.erase", lambda given, _: given["person"].pseudonym)
def destroy(person: Person) -> None:
    """Destroy the person's keys and end every authorisation.

    Identity, contacts, codes and log salts are unreadable for ever after, and their texts are taken out; pseudonym,
    entries and log stay as they are. Doing it again changes nothing. A person with an account is erased through
    ledger.erasing, which also says so in the log, and closes the accounts of their children first. Raises ChildrenFirst.
    """
    with transaction.atomic():
        found = Person.objects.select_for_update().select_related("user").get(pk=person.pk)
        now = close(found)
        Person.objects.filter(pk=found.pk).update(
            wrapped_key=None, commit_key=None, identity_enc=b"", contact_enc=b"", status=Person.Status.ERASED
        )
        for rows in (Contact.objects, Identity.objects, Former.objects):
            rows.filter(person_id=found.pk).delete()
        Freeze.objects.filter(person_id=found.pk, ended_at=None).update(ended_at=now)
    person.wrapped_key = person.commit_key = None
    person.identity_enc = person.contact_enc = b""
    person.status = Person.Status.ERASED
    keys.forget()


def keep_still(cursor: Cursor | CursorWrapper, person_ids: Iterable[int]) -> None:
    """Lock these people, in order, until the transaction ends: for what is decided about events of whom there may be no
    account yet that could be locked. Who only reads them or books for them does not wait.
    """
    cursor.execute(_KEEP_STILL, [sorted(set(person_ids))])
