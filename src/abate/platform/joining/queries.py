"""What others may know of applications, documents, agreements, notices and settlements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery

from abate.platform.doors import clock, sealed
from abate.platform.doors.keyring import keyring
from abate.platform.doors.statements import statements
from abate.platform.joining.errors import ApplicationUnknown, DocumentUnknown, NoticeUnknown
from abate.platform.joining.kinds import Words, kinds
from abate.platform.joining.models import (
    Agreement,
    Application,
    ContactRequest,
    Document,
    Finding,
    Notice,
    NoticeStep,
    Report,
    Revision,
)
from abate.platform.parties import interest
from abate.platform.parties.models import Member, Party
from abate.platform.people import queries as people
from abate.platform.people.contacts import normal
from abate.platform.quarantine import queries as quarantine
from abate.platform.reconciliation import queries as reconciliation
from abate.platform.review import audit
from abate.platform.review.models import User

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class Paper:
    """One document that is asked for, and how it stands: missing, expired, new (not reviewed), faulty, in_order, approved.

    `earlier`: what was found wrong of it before the application was mended, where nobody looked at it since.
    """

    kind: str
    title: Words
    clause: str
    dated: bool
    state: str
    id: int | None = None
    name: str = ""
    size: int = 0
    sha256: str = ""
    valid_until: date | None = None
    note: str = ""
    reviewed_by: str = ""
    earlier: str = ""


def application(number: UUID) -> Application:
    """Raises ApplicationUnknown."""
    found = Application.objects.select_related("user", "party").filter(pk=number).first()
    if found is None:
        raise ApplicationUnknown(str(number))
    return found


def by_token(number: UUID, token: str) -> Application:
    """The application whose applicant holds `token`. Raises ApplicationUnknown, also where it is another's."""
    digest = keyring().code_hmac(f"application\x00{token[:200]}")
    found = Application.objects.select_related("user", "party").filter(pk=number, token=digest).first()
    if found is None:
        raise ApplicationUnknown(str(number))
    return found


def of_user(user: User) -> Application | None:
    """The application that this account looks after; None where it has none or is closed."""
    if not (user.is_authenticated and user.is_active):
        return None
    return Application.objects.select_related("user", "party").filter(user=user).first()


def seats(user: User) -> list[tuple[Party, str]]:
    """Every (party, role) that this account acts for."""
    held = Member.objects.filter(user=user).select_related("party").order_by("party__code", "role")
    return [(one.party, one.role) for one in held]


def of_party(party_id: int) -> Application | None:
    return Application.objects.select_related("user", "party").filter(party_id=party_id).first()


def applications(
    *, everything: bool = False, beyond: UUID | None = None, limit: int | None = None
) -> list[Application]:
    """What waits to be decided, the first applied for first: applications, and parties that brought newer documents
    (`renews`) or whose contact asks for another (`asks`). With `everything` all of them, the newest first. `beyond`: the id after
    which a page goes on.
    """
    brought = Document.objects.filter(application=OuterRef("pk"), approved_at=None, ended_at=None)
    waits = ContactRequest.objects.filter(application=OuterRef("pk"), state=ContactRequest.State.WAITING)
    found = Application.objects.annotate(
        renews=Q(state=Application.State.ADMITTED) & Exists(brought), asks=Exists(waits)
    )
    if not everything:
        found = found.filter(Q(state__in=Application.OPEN) | Q(renews=True) | Q(asks=True))
    if beyond is not None:
        at = Subquery(Application.objects.filter(pk=beyond).values("made_at"))
        later = Q(made_at__lt=at) | Q(made_at=at, id__lt=beyond)
        found = found.filter(later if everything else ~later & ~Q(pk=beyond))
    return list(found.order_by(*(("-made_at", "-id") if everything else ("made_at", "id")))[:limit])


def contact(one: Application) -> dict[str, str]:
    """`name` and `reach` of whoever applied; that they were opened is told."""
    audit.read("application.contact", one.pk)
    return opened(one.contact)


def opened(held: bytes) -> dict[str, str]:
    """`name` and `reach` of a contact as its row keeps it, for work that shows them to nobody."""
    found: dict[str, str] = json.loads(sealed.unwrap(held, sealed.KEY))
    return found


def sealed_contact(name: str, reach: str) -> bytes:
    """A contact as its row keeps it; `opened` opens it."""
    return sealed.wrap(json.dumps({"name": name, "reach": reach}, ensure_ascii=False).encode(), sealed.KEY)


def contact_digest(text: str) -> str:
    """The keyed digest (hex) by which a contact is proposed: what was typed is kept nowhere. Raises ContactMalformed."""
    return keyring().identity_hmac(normal(text).value).hex()


def names_contact(number: int, arguments: Mapping[str, Any], text: str) -> bool:
    """Whether the proposal `number` with these arguments is to hand a party to this contact, as somebody typed it from the
    organisation's letter; that it was held against one is told. Raises ContactMalformed."""
    digest = contact_digest(text)
    audit.read("party.contact-compare", number)
    return bool(arguments.get("contact") == digest)


def contact_requests(one: Application, user: User | None = None) -> list[ContactRequest]:
    """What was asked of this application about its next contact, by `user` or by anybody, the newest first."""
    found = ContactRequest.objects.filter(application=one).order_by("-id")
    return list((found if user is None else found.filter(user=user))[:20])


def asked_for(one: ContactRequest) -> dict[str, str]:
    """`name` and `reach` of the contact that a waiting request asks for; that they were opened is told."""
    audit.read("party.contact-asked", one.pk)
    return opened(one.contact)


def revisions(one: Application, limit: int) -> list[Revision]:
    """When the application was sent back and what was mended, the newest first, `limit` of them."""
    return list(Revision.objects.filter(application=one).select_related("user").order_by("-id")[:limit])


def newest_revision(one: Application) -> int:
    """The number of the newest revision, by which a page says what was before its reader; 0 for none."""
    return Revision.objects.filter(application=one).aggregate(newest=Max("pk"))["newest"] or 0


def looked_at(one: Application, user: User) -> datetime | None:
    """When `user` last found something of this application or sent it back; None where they did neither."""
    found = Finding.objects.filter(application=one, user=user).aggregate(at=Max("at"))["at"]
    returned = Revision.objects.filter(application=one, user=user, kind=Revision.RETURNED)
    return max(filter(None, [found, returned.aggregate(at=Max("at"))["at"]]), default=None)


def contact_of(user_id: int) -> str | None:
    """Where the user who looks after an application is reached; that it was opened is told.

    A contact that is not proved yet is told of its link, and of nothing else: nothing happens to a draft. None too for one
    that took over and did not ask for its link yet, and for one whose contact has had its time (forgetting.drop_contacts).
    """
    one = Application.objects.filter(user_id=user_id, handed_at=None).first()
    return (contact(one)["reach"] or None) if one else None


def accounts_of(human: bytes) -> list[int]:
    """The users of the applications that were proved by a contact of the person whom this digest of an identity names, now or
    before another contact took its place: who looked after a party has a part in it after that too.

    An address that a stranger typed, and nobody came by, says nothing of whose it is.
    """
    held = people.contacts_of(human)
    proved = Q(reach__in=held, proved_at__isnull=False) | Q(former__overlap=held)
    return list(Application.objects.filter(proved).values_list("user_id", flat=True)) if held else []


def contacts_reached(one: Application) -> list[bytes]:
    """Keyed digests of the contacts that looked after it until now, the present one too if it ever came."""
    present = [bytes(one.reach)] if one.proved_at and one.handed_at is None else []
    return sorted({*map(bytes, one.former), *present})


def has_part(one: Application, human: bytes, reach: str = "") -> bool:
    """Whether whoever this digest of an identity names looks after the application or did, acts for its party, or is the contact
    whose digest `reach` (hex) is."""
    if reach in {digest.hex() for digest in people.contacts_of(human)}:
        return True
    return one.user_id in interest.accounts(human) or interest.has_part(one.code, human)


def required(one: Application) -> dict[str, str]:
    """document -> clause."""
    return kinds().required(one.kind, one.grants)


def newest(one: Application) -> dict[str, Document]:
    """The newest document of each kind that counts or waits to."""
    rows = Document.objects.filter(application=one, ended_at=None).defer("body", "key").order_by("id")
    return {row.kind: row for row in rows}


def findings(one: Application) -> QuerySet[Finding]:
    """What was found of its documents and counts: not what was found before it was mended."""
    return Finding.objects.filter(application=one, pk__gt=one.found_from)


def papers(one: Application) -> list[Paper]:
    """What is asked for, in the order of kinds.toml, and how each stands today."""
    there, today = newest(one), clock.today()
    every = Finding.objects.filter(application=one).select_related("user").order_by("id")
    last = {row.document_id: row for row in every}
    told = []
    for kind, clause in required(one).items():
        known, row = kinds().documents[kind], there.get(kind)
        if row is None:
            told.append(Paper(kind, known.title, clause, known.dated, "missing"))
            continue
        finding, earlier = last.get(row.pk), ""
        if finding is not None and finding.pk <= one.found_from:
            finding, earlier = None, "" if finding.in_order else finding.note
        if row.valid_until is not None and row.valid_until < today:
            state = "expired"
        elif finding is None:
            state = "new"
        elif not finding.in_order:
            state = "faulty"
        else:
            state = "approved" if row.approved_at else "in_order"
        told.append(
            Paper(kind, known.title, clause, known.dated, state, row.pk, row.name, row.size, bytes(row.sha256).hex(),
                  row.valid_until, finding.note if finding else "", finding.user.handle if finding else "",
                  earlier)
        )  # fmt: skip
    return told


def document(one: Application, number: int) -> Document:
    """A document of this application. Raises DocumentUnknown, also where it is another's."""
    found = Document.objects.filter(application=one, pk=number).first() if 0 < number < 2**63 else None
    if found is None:
        raise DocumentUnknown(str(number)[:20])
    return found


def validity(one: Application) -> date | None:
    """The first last day among the approved documents and the agreement."""
    days = list(
        Document.objects.filter(application=one, ended_at=None)
        .exclude(approved_at=None)
        .exclude(valid_until=None)
        .values_list("valid_until", flat=True)
    )
    held = agreement(one.party_id) if one.party_id else None
    return min([*days, *([held.to_day] if held else [])], default=None)


def agreement(party_id: int) -> Agreement | None:
    """The newest agreement with a party."""
    return Agreement.objects.filter(party_id=party_id).order_by("-id").first()


def agreements_ending(first: date, last: date) -> list[tuple[int, date]]:
    """(who looks after the party, last day) of each party at work whose newest agreement ends on a day from `first` to `last`."""
    newest_ = Agreement.objects.order_by("party_id", "-id").distinct("party_id")
    ending = {one.party_id: one.to_day for one in newest_ if first <= one.to_day <= last}
    rows = Application.objects.filter(party_id__in=ending).exclude(party__status=Party.Status.LEFT)
    return [(user, ending[party]) for user, party in rows.values_list("user_id", "party_id")]


def conformed_at(party_id: int) -> datetime | None:
    """When the party's newest conformance run was made; None where none was taken."""
    return (
        Report.objects.filter(party_id=party_id)
        .order_by("-made_at")
        .values_list("made_at", flat=True)
        .first()
    )


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice with its steps. `state`: open, answered, closed; `late`: open past the day to answer by."""

    id: int
    party: tuple[str, str]
    party_code: str
    subject: str
    text: str
    answer_by: date
    at: datetime
    state: str
    late: bool
    steps: tuple[NoticeStep, ...]


def notices(
    party_id: int | None = None, *, closed: bool = True, limit: int = 100, before: int | None = None
) -> list[NoticeRow]:
    """Notices, the newest first, those of lower numbers than `before`; of one party, or of all."""
    found = Notice.objects.select_related("party").prefetch_related("steps").order_by("-id")
    if party_id is not None:
        found = found.filter(party_id=party_id)
    if before is not None:
        found = found.filter(pk__lt=before)
    if not closed:
        # Before anything is cut off: a hundred closed ones hide no open one.
        found = _open(found)
    return [_told(row) for row in found[:limit]]


def _open(found: QuerySet[Notice]) -> QuerySet[Notice]:
    last = NoticeStep.objects.filter(notice=OuterRef("pk")).order_by("-pk").values("kind")[:1]
    return found.annotate(last=Subquery(last)).filter(Q(last=None) | ~Q(last=NoticeStep.CLOSED))


def notice(number: int, party_id: int | None = None) -> NoticeRow:
    """One notice. Raises NoticeUnknown, also where it is another party's."""
    found = (
        Notice.objects.select_related("party")
        .prefetch_related("steps")
        .filter(pk=min(number, 2**63 - 1))
        .first()
    )
    if found is None or party_id not in (None, found.party_id):
        raise NoticeUnknown(str(number)[:20])
    return _told(found)


def _told(row: Notice) -> NoticeRow:
    steps = sorted(row.steps.all(), key=lambda step: step.pk)
    last = steps[-1].kind if steps else NoticeStep.REOPENED
    state = {NoticeStep.REOPENED: "open"}.get(last, last)
    titles = (row.party.title_zh, row.party.title_en)
    late = state == "open" and row.answer_by < clock.today()
    return NoticeRow(
        row.pk,
        titles,
        row.party.code,
        row.subject,
        row.text,
        row.answer_by,
        row.at,
        state,
        late,
        tuple(steps),
    )


def unsettled(party: Party) -> dict[str, int]:
    """What is open between a party and the platform: `breaks`, `codes` that can still be burnt, `files` not through,
    `notices` not closed, `quarantined` records not decided."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["unsettled"], {"party": party.pk, "now": clock.now()})
        codes, files = cursor.fetchone()
    open_notices = _open(Notice.objects.filter(party=party)).count()
    breaks, _ = reconciliation.open_breaks(party.pk)
    return {
        "breaks": breaks,
        "codes": codes,
        "files": files,
        "notices": open_notices,
        "quarantined": quarantine.open_of(party.pk),
    }


def settlement(party: Party) -> dict[str, Any]:
    """What was booked of a party's and with it, over all its time: events, milligrams, credits, codes."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["settlement"], {"party": party.pk})
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, map(int, cursor.fetchone()), strict=True))
