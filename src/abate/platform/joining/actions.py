"""The only writer of applications, documents, findings and reports, beside what three people decide (decided.py). (P-6.1-d)"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from abate.platform.doors import clock, randomness, scanner
from abate.platform.doors.keyring import keyring
from abate.platform.doors.words import on_one_line
from abate.platform.joining import conformance, papers, queries
from abate.platform.joining.errors import (
    ApplicantUnproved,
    ApplicationClosed,
    ApplicationMalformed,
    ApplicationMended,
    DocumentExpired,
    DocumentMissing,
    DocumentRefused,
    NoteMissing,
    RegistrationTaken,
    TermsNotAccepted,
)
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, Document, Finding, Report, Revision
from abate.platform.notices import actions as notices
from abate.platform.parties import limits, standing
from abate.platform.parties import queries as party_queries
from abate.platform.parties.errors import PartyCodeTaken
from abate.platform.parties.models import Party
from abate.platform.people.contacts import normal
from abate.platform.review import actions as review
from abate.platform.review import audit
from abate.platform.review import queries as accounts
from abate.platform.review.audit import audited
from abate.platform.review.errors import ConcernsOneself
from abate.platform.review.models import User

State = Application.State
_CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")
_CREDIT_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Of the unified social credit code (GB 32100): no I, O, S, V, Z."""
WARN = (30, 7, 1)
"""Days before papers run out at which their party is told: our policy."""
LINKS = 10
"""Sign-in links that one contact is sent within a day: our policy."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What an application says of its organisation. Only these can be given; everything else is the platform's to say."""

    code: str
    kind: str
    title_zh: str
    title_en: str
    registration: str
    contact_name: str
    contact: str
    grants: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()


def credit_code_sign(first: str) -> str:
    """The check sign of a unified social credit code from its 17 first signs (GB 32100-2015)."""
    total = sum(_CREDIT_SIGNS.index(sign) * (3**place % 31) for place, sign in enumerate(first))
    return _CREDIT_SIGNS[(31 - total % 31) % 31]


def checked(given: Particulars, known: Mapping[str, object]) -> Particulars:
    """Raises ApplicationMalformed naming the first field that is not as it must be."""
    code = given.registration.strip().upper()
    fit = len(code) == 18 and set(code) <= set(_CREDIT_SIGNS) and credit_code_sign(code[:17]) == code[17]
    role = kinds().kinds.get(given.kind)
    wrong = {
        "code": not _CODE.fullmatch(given.code),
        "kind": role is None,
        "title_zh": not is_line(given.title_zh),
        "title_en": not is_line(given.title_en),
        "registration": not fit,
        "contact_name": not is_line(given.contact_name),
        "grants": role is not None and not role.must <= set(given.grants) <= role.may,
        "behaviours": bool(set(given.behaviours) - set(known))
        or bool(given.behaviours) != (Party.Grant.DATA in given.grants),
    }
    for name, faulty in wrong.items():
        if faulty:
            raise ApplicationMalformed(name)
    return given


def is_line(text: str) -> bool:
    """One line of text, and nothing that a spreadsheet would compute once it stands in somebody's table."""
    return 0 < len(text.strip()) <= 120 and on_one_line(text) and text.strip()[0] not in "=+-@"


def check_free(registration: str, reach: bytes) -> None:
    """Nobody joins in the name of a party that was admitted but its own contact, for another kind. `reach`: the keyed digest of
    a contact that was proved, so that nothing tells a stranger whose it is. Raises RegistrationTaken."""
    held = Application.objects.filter(registration=registration, state=State.ADMITTED)
    if held.exclude(party__status=Party.Status.LEFT).exclude(reach=reach).exists():
        raise RegistrationTaken


def apply(
    given: Particulars, known: Mapping[str, object], *, proved: bool = False
) -> tuple[Application, str]:
    """Write an application down as a draft, with an account for its applicant: (application, token of the interface).

    A sign-in link goes to the contact; `known` are the behaviours there are; `proved`: the operator entered it and knows the
    contact. Raises ApplicationMalformed, ContactMalformed, PartyCodeTaken, LimitReached.
    """
    checked(given, known)
    reach = normal(given.contact)
    digest = keyring().identity_hmac(reach.value)
    _may_send(digest)
    token = base64.urlsafe_b64encode(randomness.token_bytes(32)).decode().rstrip("=")
    try:
        with transaction.atomic():
            if Party.objects.filter(code=given.code).exists():
                raise PartyCodeTaken(given.code)
            made = Application.objects.create(
                id=randomness.new_uuid(),
                code=given.code,
                kind=given.kind,
                grants=sorted(set(given.grants)),
                behaviours=sorted(set(given.behaviours)),
                title_zh=given.title_zh.strip(),
                title_en=given.title_en.strip(),
                registration=given.registration.strip().upper(),
                contact=queries.sealed_contact(given.contact_name.strip(), reach.value),
                reach=digest,
                token=_digest(token),
                user=review.create_user(User.Kind.STAFF),
                state=State.DRAFT,
                made_at=clock.now(),
                proved_at=clock.now() if proved else None,
            )
            audit.note("application.make", made.pk)
            _send_link(made.user)
    except IntegrityError:
        raise PartyCodeTaken(given.code) from None
    return made, token


def _digest(token: str) -> bytes:
    return keyring().code_hmac(f"application\x00{token}")


def _send_link(user: User | None) -> None:
    """Put a sign-in link for `user` into the outbox; for nobody it is the same work, and goes nowhere."""
    link = f"{settings.ABATE_ORIGIN}/sign-in/link/{review.issue_link(user)}"
    notices.write([user.pk if user else None], "party.link", link=link)


def _may_send(digest: bytes) -> None:
    """One contact gets so many links a day, whoever asks for them. Raises LimitReached."""
    limits.take([limits.Limit("links", f"links:{digest.hex()}", LINKS, limits.DAY)])


@audited("application.link")
def send_links(contact: str) -> None:
    """Send a new sign-in link for each application of this contact; nothing tells whether there is one.

    The outbox carries it in a round of its own, so no answer waits for mail, or tells whether it went. Raises
    ContactMalformed, LimitReached.
    """
    reach = normal(contact).value
    digest = keyring().identity_hmac(reach)
    _may_send(digest)
    with transaction.atomic():
        open_ = Application.objects.filter(reach=digest).exclude(state__in=[State.REFUSED, State.WITHDRAWN])
        # A contact that took over (decided.hand_over) is known by its digest alone until it says itself who it is.
        for one in open_.filter(handed_at__isnull=False).select_for_update(of=("self",)):
            one.contact, one.handed_at = (
                queries.sealed_contact(queries.opened(one.contact)["name"], reach),
                None,
            )
            one.save(update_fields=["contact", "handed_at"])
        for user in [one.user for one in open_.select_related("user")] or [None]:
            _send_link(user)


@audited("application.link", lambda given, _: given["one"].pk)
def send_own_link(one: Application) -> None:
    """Send whoever looks after `one` a new sign-in link, to where they are reached: what an open session of theirs cannot show,
    the link shows. Raises ApplicationClosed, LimitReached.

    Counted by itself: who finds their session open shuts nobody out at the public door.
    """
    if one.state in (State.REFUSED, State.WITHDRAWN):
        raise ApplicationClosed(one.state)
    limits.take([limits.Limit("links", f"own-links:{one.pk}", LINKS, limits.DAY)])
    with transaction.atomic():
        _send_link(one.user)


def prove(user: User) -> None:
    """The applicant came by the link that was sent to the contact."""
    with transaction.atomic():
        if Application.objects.filter(user=user, proved_at=None).update(proved_at=clock.now()):
            audit.note("application.prove", user.handle)


@audited("application.document", lambda given, made: f"{given['one'].pk} {made.pk}")
def add_document(
    one: Application, kind: str, name: str, data: bytes, valid_until: date | None = None
) -> Document:
    """Keep a document of an application that can be changed, or of a party that renews. Raises ApplicationClosed,
    DocumentRefused, FileHarmful, FileNotScanned, ScannerAway."""
    if kind not in queries.required(one):
        raise DocumentRefused(f"kind: {kind[:40]}")
    made = papers.new(one, kind, name, data, valid_until)
    with transaction.atomic():
        locked = Application.objects.select_for_update().get(pk=one.pk)
        if locked.state not in (State.DRAFT, State.RETURNED, State.ADMITTED):
            raise ApplicationClosed(locked.state)
        there = Document.objects.filter(application=locked, ended_at=None)
        there.filter(kind=kind, approved_at=None).update(ended_at=clock.now())
        if Document.objects.filter(application=locked).count() >= papers.MOST:
            raise DocumentRefused(f"count: {papers.MOST}")
        made.save(force_insert=True)
    return made


@audited("application.submit", lambda given, _: given["one"].pk)
def submit(one: Application, terms: str) -> None:
    """Hand the application in. Raises ApplicationClosed, ApplicantUnproved, TermsNotAccepted, RegistrationTaken,
    DocumentMissing, DocumentExpired. (P-6.2)"""
    with transaction.atomic():
        locked = Application.objects.select_for_update().get(pk=one.pk)
        if locked.state not in (State.DRAFT, State.RETURNED):
            raise ApplicationClosed(locked.state)
        if locked.proved_at is None:
            raise ApplicantUnproved
        if terms != kinds().terms:
            raise TermsNotAccepted(kinds().terms)
        check_free(locked.registration, bytes(locked.reach))
        complete(locked)
        locked.state, locked.terms, locked.note = State.SUBMITTED, terms, ""
        locked.submitted_at = clock.now()
        locked.save(update_fields=["state", "terms", "note", "submitted_at"])
    one.refresh_from_db()


def complete(one: Application) -> list[queries.Paper]:
    """Every document that is asked for, valid today. Raises DocumentMissing, DocumentExpired."""
    found = queries.papers(one)
    for state, refusal in (("missing", DocumentMissing), ("expired", DocumentExpired)):
        if named := [paper.kind for paper in found if paper.state == state]:
            raise refusal(", ".join(named))
    return found


@audited("application.withdraw", lambda given, _: given["one"].pk)
def withdraw(one: Application) -> None:
    """The applicant asks for nothing any more. Raises ApplicationClosed."""
    open_ = Application.objects.filter(pk=one.pk, state__in=Application.OPEN)
    if not open_.update(state=State.WITHDRAWN, decided_at=clock.now()):
        raise ApplicationClosed(one.state)
    Document.objects.filter(application=one, ended_at=None).update(ended_at=clock.now())


def find(
    one: Application, document_id: int, *, in_order: bool, note: str, user: User, seen: int | None = None
) -> None:
    """What a reviewer found of one document; what they found last of it, said again, changes nothing. `seen`: the number of the
    newest revision that was before them, 0 for none.

    Raises DocumentUnknown, ApplicationClosed, NoteMissing, ApplicationMended, and ConcernsOneself where `user` has a
    part in the application, which is told.
    """
    _reviewed_by_another("application.find", one, user)
    _find(one, document_id, in_order=in_order, note=note, user=user, seen=seen)


def _reviewed_by_another(what: str, one: Application, user: User | None) -> None:
    """An admission rests on what was found of its papers: nobody finds it of their own."""
    human = accounts.human_of(user) if user else None
    with audit.refusing(what, one.pk, (ConcernsOneself,)):
        if human is not None and queries.has_part(one, human):
            raise ConcernsOneself


@audited("application.find", lambda given, _: f"{given['one'].pk} {given['document_id']}")
def _find(
    one: Application, document_id: int, *, in_order: bool, note: str, user: User, seen: int | None
) -> None:
    # Who mends it holds the row: a finding is about what it says now, or is refused.
    one = Application.objects.select_for_update(of=("self",)).get(pk=one.pk)
    if one.state not in (State.SUBMITTED, State.ADMITTED):
        raise ApplicationClosed(one.state)
    if seen is not None and seen != queries.newest_revision(one):
        raise ApplicationMended
    if len(note) > 500 or not (in_order or note.strip()):
        raise NoteMissing("note: why not, 1 to 500 signs")
    found = queries.document(one, document_id)
    said = {"in_order": in_order, "note": note.strip(), "user": user}
    last = queries.findings(one).filter(document_id=found.pk).order_by("-id").first()
    if last is None or any(getattr(last, name) != value for name, value in said.items()):
        Finding.objects.create(document_id=found.pk, application=one, at=clock.now(), **said)


def send_back(one: Application, note: str, user: User | None = None) -> None:
    """Return an application to be mended. Raises ApplicationClosed, NoteMissing, and ConcernsOneself as find does."""
    _reviewed_by_another("application.return", one, user)
    _send_back(one, note, user)


@audited("application.return", lambda given, _: given["one"].pk)
def _send_back(one: Application, note: str, user: User | None) -> None:
    note = note.strip()
    if not 0 < len(note) <= 500:
        raise NoteMissing("note: what is to be mended, 1 to 500 signs")
    submitted = Application.objects.filter(pk=one.pk, state=State.SUBMITTED)
    if not submitted.update(state=State.RETURNED, note=note):
        raise ApplicationClosed(one.state)
    Revision.objects.create(application=one, kind=Revision.RETURNED, note=note, user=user, at=clock.now())
    notices.write([one.user_id], "party.application")


@audited("party.report", lambda given, _: given["party"].code)
def take_report(party: Party, file: bytes) -> Report:
    """A conformance run that the sandbox signed; with it a trial is over. The same again changes nothing.

    Raises ReportRefused, SandboxUnknown, FileHarmful, FileNotScanned, ScannerAway. (P-6.1-d)
    """
    scanner.require_clean(file)
    taken = conformance.verified(party.code, file, party_queries.behaviours(party.pk))
    with transaction.atomic():
        report, _ = Report.objects.get_or_create(
            sha256=taken.sha256,
            defaults={
                "party": party,
                "run": taken.run,
                "made_at": taken.made_at,
                "body": taken.text,
                "at": clock.now(),
            },
        )
        standing.begin(party)
    return report


def lapse() -> list[str]:
    """Suspend the parties whose date has passed; their codes. The door asks for the date itself, so a late job lets nobody in.

    Parties whose papers or agreement run out within WARN days are told, once for each of these and each day, whether this runs
    late or twice.
    """
    with transaction.atomic():
        today = clock.today()
        last = today + timedelta(days=max(WARN))
        held = Document.objects.filter(
            approved_at__isnull=False, ended_at=None, valid_until__range=(today, last)
        ).values_list("application__user_id", "valid_until")
        for user, day in sorted({*held, *queries.agreements_ending(today, last)}):
            ahead = min(one for one in WARN if day <= today + timedelta(days=one))
            notices.write([user], "party.papers", once=f"papers:{day}:{ahead}", day=day)
        return standing.lapse()


def particulars(given: Mapping[str, Any]) -> Particulars:
    """Particulars from what was sent, each field of its type and no other field. Raises ApplicationMalformed."""
    texts = ("code", "kind", "title_zh", "title_en", "registration", "contact_name", "contact")
    lists = ("grants", "behaviours")
    if unknown := sorted(set(given) - {*texts, *lists}):
        raise ApplicationMalformed(f"{unknown[0][:60]}: no such field")
    made: dict[str, Any] = {}
    for name in texts:
        if not isinstance(given.get(name), str) or "\0" in given[name]:
            raise ApplicationMalformed(name)
        made[name] = given[name].strip()
    for name in lists:
        value = given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ApplicationMalformed(name)
        made[name] = tuple(sorted(set(value)))
    return Particulars(**made)
