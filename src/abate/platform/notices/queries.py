"""What others may know of notices: how they read, what somebody is told and where, what is waiting."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef

from abate.platform.doors import clock, messages, sealed
from abate.platform.notices.kinds import CHANNELS, Kind, kinds
from abate.platform.notices.models import Browser, Delivery, Incident, Notice, Preference, Reader

FIELDS, PLACE = b"abate-notice-fields", b"abate-notice-place"
BREACH_ONCE = "breach."
"""Before an incident's number: the name under which each user is told of it once."""
NOT_CONFIGURED, UNREADABLE = "channel-not-configured", "unreadable"


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is reached: channel, the address itself (hidden in logs), and how a page may show it."""

    channel: str
    to: str = field(repr=False)
    shown: str


def words(kind: str, fields_enc: bytes, language: str | None, *, short: bool) -> tuple[str, str]:
    """(subject, text) of a notice; without a language in both. `short`: a phone or browser, without the way to the page."""
    rule = kinds()[kind]
    fields = json.loads(sealed.unseal(fields_enc, FIELDS) or "{}")
    told = [text.format(**fields) for text in rule.text]
    titles = list(rule.title)
    if language in ("zh", "en"):
        at = ("zh", "en").index(language)
        told, titles = told[at : at + 1], titles[at : at + 1]
    if not short:
        told.append(link(rule.page))
    return " / ".join(titles), (" " if short else "\n\n").join(told)


def language_of(user_id: int | None) -> str | None:
    return Reader.objects.filter(user_id=user_id).values_list("language", flat=True).first()


def wanted(user_id: int, kind: str, there: Iterable[Place]) -> list[Place]:
    """Of the places where a user can be reached, those at which they are told this kind.

    A compulsory kind goes everywhere. Another goes where its user said, and of the channels they said nothing of by the first
    of the kind's own that there is.
    """
    rule, places = kinds()[kind], list(there)
    if rule.compulsory is not None:
        return places
    chosen = _chosen(rule, said_by(user_id), {one.channel for one in places})
    return [one for one in places if one.channel in chosen]


def said_by(user_id: int) -> dict[tuple[str, str], bool]:
    """(kind, channel) -> wanted, where the user said so."""
    rows = Preference.objects.filter(user_id=user_id)
    return {(row.kind, row.channel): row.wanted for row in rows}


def wanting(kind: str) -> list[int]:
    """The users who asked for this kind by some channel: whom a job looks for, where nobody is told by default."""
    rows = Preference.objects.filter(kind=kind, wanted=True)
    return sorted(set(rows.values_list("user_id", flat=True)))


def _chosen(rule: Kind, said: dict[tuple[str, str], bool], there: set[str]) -> set[str]:
    chosen = {channel for channel in CHANNELS if said.get((rule.id, channel))}
    silent = not any((rule.id, channel) in said for channel in CHANNELS)
    first = next((one for one in rule.default if one in there), None)
    return chosen | {first} if silent and first else chosen


def link(path: str) -> str:
    """An address of ours, as it stands in a message."""
    return f"{settings.ABATE_ORIGIN}{path}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One channel of one kind on the page: whether it is used, and whether it can be (reached there, and configured)."""

    channel: str
    used: bool
    there: bool
    configured: bool


def choices(user_id: int, audience: str, there: set[str]) -> list[tuple[Kind, list[Choice]]]:
    """What a user may be told and how, in the order of kinds.toml."""
    said = said_by(user_id)
    rows = []
    for rule in kinds().values():
        if rule.audience != audience:
            continue
        chosen = set(CHANNELS) if rule.compulsory is not None else _chosen(rule, said, there)
        rows.append((rule, [Choice(c, c in chosen, c in there, messages.carries(c)) for c in CHANNELS]))
    return rows


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Where a notice went: `state` is sent, waiting or given_up."""

    channel: str
    place: str
    state: str
    tries: int
    sent_at: datetime | None
    said: str


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One line of the outbox; `state` is new, or `said` why it went nowhere. What it says is not in it."""

    id: int
    user: str
    kind: str
    made_at: datetime
    state: str
    deliveries: tuple[DeliveryRow, ...]


def listed(*, user_id: int | None = None, unsent: bool = False, limit: int = 50) -> list[NoticeRow]:
    """The outbox, the newest first; `unsent`: only what waits or was given up at some place, or went nowhere."""
    rows = Notice.objects.select_related("user").order_by("-id")
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    if unsent:
        places = Delivery.objects.filter(notice_id=OuterRef("pk"))
        rows = rows.filter(Exists(places.filter(sent_at=None)) | ~Exists(places))
    found = list(rows[:limit])
    parts: dict[int, list[DeliveryRow]] = {}
    for one in Delivery.objects.filter(notice_id__in=[row.pk for row in found]).order_by("id"):
        state = "sent" if one.sent_at else "waiting" if one.next_at else "given_up"
        parts.setdefault(one.notice_id, []).append(
            DeliveryRow(one.channel, one.place, state, one.tries, one.sent_at, one.said)
        )
    return [
        NoticeRow(
            row.pk,
            row.user.handle if row.user else "",
            row.kind,
            row.made_at,
            "new" if row.planned_at is None else row.said or "planned",
            tuple(parts.get(row.pk, ())),
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class BrowserRow:
    id: int
    device: str
    added_at: datetime


def same_words(one: Incident, other: Incident) -> bool:
    """Whether two tell the same of an incident."""
    said = [field.attname for field in Incident._meta.concrete_fields if field.attname != "told_at"]
    return all(getattr(one, name) == getattr(other, name) for name in said)


def incidents(user_id: int) -> list[Incident]:
    """The incidents that this user was told of, the newest first, for as long as their notices are kept."""
    names = Notice.objects.filter(user_id=user_id, once__startswith=BREACH_ONCE).values_list(
        "once", flat=True
    )
    numbers = [name.removeprefix(BREACH_ONCE) for name in names if name]
    return list(Incident.objects.filter(pk__in=numbers).order_by("-told_at", "pk"))


def told_since(user_id: int, kind: str, since: datetime) -> bool:
    return Notice.objects.filter(user_id=user_id, kind=kind, made_at__gt=since).exists()


def browsers(user_id: int) -> list[BrowserRow]:
    rows = Browser.objects.filter(user_id=user_id).order_by("id")
    return [BrowserRow(row.pk, row.device, row.added_at) for row in rows]


def browser_places(user_id: int) -> list[Place]:
    """The browsers in which a user is told."""
    rows = Browser.objects.filter(user_id=user_id).order_by("id")
    return [
        Place("push", place, row.device[:40])
        for row in rows
        if (place := sealed.unseal(row.place_enc, PLACE))
    ]


def overdue_since() -> datetime | None:
    """Since when the delivery that is longest due waits to be taken up, or a notice to be planned; None where none does."""
    now = clock.now()
    due = (
        Delivery.objects.filter(next_at__lte=now)
        .order_by("next_at")
        .values_list("next_at", flat=True)
        .first()
    )
    new = Notice.objects.filter(planned_at=None).order_by("id").values_list("made_at", flat=True).first()
    return min((at for at in (due, new) if at is not None), default=None)
