"""What others may know of users, roles, and proposed changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, QuerySet

from abate.bookkeeping.decisions import Statement
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.log import queries as log
from abate.platform.log.actions import DECISIONS
from abate.platform.review.changes import Json, canonical
from abate.platform.review.errors import NoRight, ProposalUnknown
from abate.platform.review.models import Audit, Grant, Opening, Proposal, Staff, Step, User


def roles(user: User) -> list[str]:
    """The operator's roles that the signed-in `user` holds now; none where the account is closed."""
    if not (user.is_authenticated and user.is_active):
        return []
    return sorted(Grant.objects.filter(user=user).values_list("role", flat=True))


def has_role(user: User, role: str) -> bool:
    """Whether the signed-in `user` holds the operator's `role` now."""
    return role in roles(user)


def staff(handle: str) -> User | None:
    """The account of this handle, of somebody of the staff."""
    return User.objects.filter(handle=handle, kind=User.Kind.STAFF).first()


def human_of(user: User) -> bytes | None:
    """The keyed digest of the account's holder; None where it is tied to nobody of the staff."""
    found = Staff.objects.filter(user=user).values_list("human_id", flat=True).first()
    return None if found is None else bytes(found)


def accounts_of(human: bytes) -> list[int]:
    """The users of the staff whose holder this digest of an identity names."""
    return list(Staff.objects.filter(human_id=human).values_list("user_id", flat=True))


def held_by(human: bytes) -> list[User]:
    """The accounts of one person, open or closed, in the order in which they were made."""
    return list(User.objects.filter(pk__in=accounts_of(human)).order_by("pk"))


def accounts() -> list[dict[str, object]]:
    """Every account of the staff that is tied to its holder, with its roles."""
    held: dict[int, list[str]] = {}
    for user, role in Grant.objects.order_by("role").values_list("user_id", "role"):
        held.setdefault(user, []).append(role)
    rows = Staff.objects.select_related("user").order_by("user_id")
    return [
        {"account": row.user.handle, "open": row.user.is_active, "roles": held.get(row.user_id, [])}
        for row in rows
    ]


def reads_about(
    subject: str, not_by: str, fields: Iterable[str], before: int | None = None, limit: int | None = None
) -> list[tuple[int, datetime, str, str]]:
    """(id, when, roles, what) of the reads of these sensitive fields of this subject by another account, the newest first."""
    rows = _reads_about(subject, not_by, fields, before).order_by("-id")
    return list(rows.values_list("id", "at", "role", "what")[:limit])


def count_reads_about(subject: str, not_by: str, fields: Iterable[str], before: int) -> int:
    """How many of reads_about are older than the read `before`."""
    return _reads_about(subject, not_by, fields, before).count()


def _reads_about(subject: str, not_by: str, fields: Iterable[str], before: int | None) -> QuerySet[Audit]:
    rows = Audit.objects.filter(subject=subject, act="read", what__in=list(fields)).exclude(account=not_by)
    return rows if before is None else rows.filter(pk__lt=before)


def opened_at() -> datetime | None:
    """When the system was opened; None while it is empty."""
    return Opening.objects.values_list("at", flat=True).first()


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step; `account` is a handle, no name."""

    kind: str
    role: str
    account: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal with its steps. `state`: proposed, checked, approved, rejected, expired."""

    number: int
    action: str
    arguments: Json
    before: Json
    after: Json
    reason: str
    digest: str
    at: datetime
    expires_at: datetime
    state: str
    steps: tuple[StepRow, ...]


def proposals(
    *,
    ended: bool = False,
    before: int | None = None,
    limit: int = 50,
    of: Collection[str] | None = None,
    naming: tuple[str, str] | None = None,
) -> list[ProposalRow]:
    """The open proposals, the newest first; with `ended` those that are over too. `before` a number, for paging; `of` the
    names of changes, where others are not wanted; `naming` an argument and its value, likewise."""
    found = Proposal.objects.prefetch_related("steps__user").order_by("-id")
    if of is not None:
        found = found.filter(action__in=of)
    if naming is not None:
        # Canonical, a member stands in one way, and within no text: there its quotes would be escaped.
        found = found.filter(arguments__contains=canonical(dict([naming]))[1:-1])
    if before is not None:
        found = found.filter(id__lt=before)
    if not ended:
        over = Step.objects.filter(proposal=OuterRef("pk"), kind__in=(Step.APPROVE, Step.REJECT))
        found = found.filter(~Exists(over), expires_at__gt=clock.now())
    return [_told(one) for one in found[:limit]]


def proposal(number: int) -> ProposalRow:
    """Raises ProposalUnknown."""
    found = Proposal.objects.prefetch_related("steps__user").filter(pk=number).first()
    if found is None:
        raise ProposalUnknown(str(number)[:20])
    return _told(found)


def _told(one: Proposal) -> ProposalRow:
    steps = sorted(one.steps.all(), key=lambda step: step.pk)
    kinds = {step.kind for step in steps}
    if Step.APPROVE in kinds or Step.REJECT in kinds:
        state = "approved" if Step.APPROVE in kinds else "rejected"
    elif one.expires_at <= clock.now():
        state = "expired"
    else:
        state = "checked" if Step.CHECK in kinds else "proposed"
    return ProposalRow(
        number=one.pk,
        action=one.action,
        arguments=json.loads(one.arguments),
        before=json.loads(one.before),
        after=json.loads(one.after),
        reason=one.reason,
        digest=bytes(one.digest).hex(),
        at=one.at,
        expires_at=one.expires_at,
        state=state,
        steps=tuple(StepRow(step.kind, step.role, step.user.handle, step.at, step.reason) for step in steps),
    )


def statements(number: int) -> list[dict[str, str]]:
    """The signed statement of each step, and what proves it in the log: the salt of its leaf's commitment."""
    rows = Step.objects.filter(proposal=number).select_related("proposal", "user").order_by("id")
    return [
        {
            "statement": statement(row.proposal, row.kind, row.user.handle, row.role, row.at).opened(
                bytes(row.signature)
            ),
            "salt": salt(number, row.kind).hex(),
        }
        for row in rows
    ]


def statement(proposal: Proposal, kind: str, account: str, role: str, at: datetime) -> Statement:
    """What is signed (bookkeeping/decisions.py)."""
    return Statement(proposal.pk, bytes(proposal.digest), proposal.action, kind, role, account, at)


def salt(number: int, kind: str) -> bytes:
    """The salt of a step's commitment in its leaf, 32 bytes."""
    return hashlib.sha256(keyring().code_hmac(f"abate-step-salt\x00{number}\x00{kind}")).digest()


def document(proposal: Proposal) -> str:
    """The text whose SHA-256 is the proposal's digest: canonical JSON of all that is proposed, and the nonce."""
    return canonical(
        {
            "action": proposal.action,
            "arguments": json.loads(proposal.arguments),
            "before": json.loads(proposal.before),
            "after": json.loads(proposal.after),
            "reason": proposal.reason,
            "nonce": bytes(proposal.nonce).hex(),
            "at": proposal.at.isoformat(),
            "expires_at": proposal.expires_at.isoformat(),
        }
    )


def approved(action: str, size: int) -> list[tuple[datetime, str]]:
    """Of the changes `action` that were approved within the first `size` leaves of the log: the moment, and the document."""
    done = Step.objects.filter(kind=Step.APPROVE, proposal__action=action)
    told = log.numbered(DECISIONS, list(done.values_list("pk", flat=True)), size)
    return [
        (one.at, document(one.proposal))
        for one in done.filter(pk__in=told).select_related("proposal").order_by("proposal")
    ]


def told_since(what: str, began: str, subject: str) -> set[str]:
    """The subjects of the trail's rows `what` that were written after the first row `began` about `subject`; none where no such
    row is kept.
    """
    first = Audit.objects.filter(what=began, subject=subject, act="write").order_by("id").first()
    if first is None:
        return set()
    rows = Audit.objects.filter(id__gt=first.pk, what=what, act="write")
    return set(rows.values_list("subject", flat=True))


def refused_rights(since: datetime, at_least: int) -> list[tuple[str, int]]:
    """(account, how often) of each account of the staff's that was refused what it has no right to so often since then.

    Wrong passwords and codes are rows of other names, and a proof that is missing or stale is no right refused.
    """
    staff = User.objects.filter(kind=User.Kind.STAFF).values("handle")
    rows = Audit.objects.filter(
        at__gt=since, act="refused", account__in=staff, detail__contains=f'"code":"{NoRight.code}"'
    )
    found = rows.values("account").annotate(count=Count("id")).filter(count__gte=at_least).order_by("account")
    return [(row["account"], row["count"]) for row in found]


def holders(role: str) -> list[int]:
    """The open accounts that hold a role of the operator's now."""
    rows = Grant.objects.filter(role=role, user__is_active=True).order_by("user_id")
    return list(rows.values_list("user_id", flat=True))


def humans(roles: Collection[str]) -> int:
    """How many people hold one of these roles now; two open accounts of one person count once."""
    return Grant.objects.filter(role__in=roles, user__is_active=True).values("human").distinct().count()
