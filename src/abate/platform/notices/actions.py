"""The only writer of notices. Any room writes one inside the transaction of what it tells of: both are there, or neither."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.db import InterfaceError, OperationalError, connection, transaction

from abate.platform.doors import clock, messages, push, rounds, sealed
from abate.platform.doors.errors import SetupError
from abate.platform.doors.keyring import keyring
from abate.platform.doors.statements import statements
from abate.platform.notices import queries
from abate.platform.notices.errors import BrowserRefused, Compulsory, IncidentTold, KindUnknown, NoticeUnsent
from abate.platform.notices.kinds import CHANNELS, kinds
from abate.platform.notices.models import Browser, Delivery, Incident, Notice, Preference, Reader
from abate.platform.notices.queries import Place
from abate.platform.review.audit import audited
from abate.platform.review.models import User

SQL = statements(Path(__file__).parent / "sql")
MOST_BROWSERS = 5
_DEVICE = 120
_AT_A_TIME = 5_000
_log = logging.getLogger("abate.notices")


Book = Callable[[int], Sequence[Place]]
"""User's number -> phones and mail addresses at which they are reached (platform/reaching.py)."""


def write(
    users: Iterable[int | None],
    kind: str,
    *,
    to: Sequence[Place] | None = None,
    once: str | None = None,
    **fields: object,
) -> list[int]:
    """Put one notice of `kind` for each of `users` into the outbox; returns the numbers of those that were written.

    To be called inside the transaction of what it tells of. `to`: these places instead of those of the moment of sending, for
    what goes to contacts that just ended. `once`: whoever was written to under this name already is passed over, so that a job
    can run late or twice. None among `users` is nobody: it costs the same and goes nowhere. Raises ValueError where the fields
    are not those of the kind.
    """
    rule = kinds()[kind]
    if set(fields) != set(rule.fields):
        raise ValueError(f"a notice {kind} has the fields {sorted(rule.fields)}")
    now, told = clock.now(), json.dumps({name: str(value) for name, value in fields.items()})
    concerned = list(users)
    values = {
        "users": concerned,
        "fields": [sealed.seal(told, queries.FIELDS) for _ in concerned],
        "kind": kind,
        "now": now,
        "planned": None if to is None else now,
        "once": once,
    }
    with connection.cursor() as cursor:
        cursor.execute(SQL["write"], values)
        made = [number for (number,) in cursor.fetchall()]
    for number in made if to is not None else ():
        _deliver(number, now, to or (), now, keep=True)
    return made


def _deliver(
    notice_id: int, made_at: datetime, places: Iterable[Place], now: datetime, *, keep: bool = False
) -> None:
    """`keep` a place whose channel is not set up too: it cannot be looked up once more."""
    rows = []
    for place in places:
        carried = messages.carries(place.channel)
        rows.append(
            Delivery(
                notice_id=notice_id,
                made_at=made_at,
                channel=place.channel,
                place=place.shown,
                to_enc=sealed.seal(place.to, queries.PLACE) if carried or keep else b"",
                next_at=now if carried else None,
                said="" if carried else queries.NOT_CONFIGURED,
            )
        )
    Delivery.objects.bulk_create(rows)


def plan_due(book: Book, most: int = 100) -> int:
    """See where notices go that were not looked at yet; returns how many. A kill leaves them as they were.

    One that cannot be read is said to be `unreadable` and keeps nothing from the others.
    """
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["claim_new"], {"most": most})
        found = cursor.fetchall()
        for number, user, kind, made_at in found:
            try:
                with transaction.atomic():
                    said = _plan(book, number, user, kind, made_at, now)
            except (OperationalError, InterfaceError, SetupError, ImportError):
                raise  # The database or the installation, not this notice: all of them wait.
            except Exception as fault:  # noqa: BLE001 (whatever a row may hold: the others go on)
                said = queries.UNREADABLE
                _log.warning("notice %s cannot be planned: %s", number, type(fault).__name__)
            Notice.objects.filter(pk=number).update(planned_at=now, said=said)
    return len(found)


def _plan(book: Book, number: int, user: int | None, kind: str, made_at: datetime, now: datetime) -> str:
    """Write down where one notice goes beside where it went already; what is said of it where that is nowhere."""
    there = [*book(user), *queries.browser_places(user)] if user is not None else []
    places = queries.wanted(user, kind, there) if user is not None and there else []
    went = Counter(Delivery.objects.filter(notice_id=number).values_list("channel", "place"))
    missing = []
    for place in places:
        if went[place.channel, place.shown]:
            went[place.channel, place.shown] -= 1
        else:
            missing.append(place)
    _deliver(number, made_at, missing, now)
    return "" if places or went else "no-contact" if not there else "switched-off"


def send_due(channels: Sequence[str] = CHANNELS, most: int = 50) -> int:
    """Carry up to so many deliveries by these channels that are due, each claimed when its turn comes; returns how many."""
    for count in range(most):
        now = clock.now()
        lease = now + rounds.LEASE
        with connection.cursor() as cursor:
            cursor.execute(SQL["claim_due"], {"now": now, "lease": lease, "channels": list(channels)})
            row = cursor.fetchone()
        if row is None:
            return count
        _carry(lease, *row)
    return most


def _carry(
    lease: datetime,
    number: int,
    notice: int,
    channel: str,
    to_enc: bytes,
    tries: int,
    user: int,
    kind: str,
    fields: bytes,
) -> None:
    to, said, gone = sealed.unseal(to_enc, queries.PLACE), "", False
    try:
        if to is None:
            raise messages.Gone("the place does not open with this installation's key")
        subject, body = queries.words(kind, fields, queries.language_of(user), short=channel != "email")
        # The same at every try: a receiver, or a reader, knows a repeat by it.
        messages.send(kind=channel, to=to, subject=subject, body=body, name=f"notice-{notice}-{number}")
    except messages.Gone as fault:
        said, gone = str(fault), True
    except Exception as fault:  # noqa: BLE001 (whatever a library raises: this one waits, and the others go)
        # A fault may hold what was to be said, or to whom: only what a door put into words is kept.
        said = str(fault)[:200] if isinstance(fault, OSError) else type(fault).__name__
    wait = None if not said or gone else rounds.wait_after(tries)
    now = clock.now()
    done = {"next_at": None} if wait is None else {"next_at": now + wait}
    if not said:
        done |= {"sent_at": now}
    if not said or gone:
        done |= {"to_enc": b""}
    if gone and channel == "push" and to:
        Browser.objects.filter(digest=_digest(to)).delete()
    # Past its lease another may carry it, or have carried it: then what came is theirs to say.
    Delivery.objects.filter(pk=number, sent_at=None, tries=tries, next_at=lease).update(said=said, **done)


@audited("notice.again", lambda given, _: given["notice_id"])
def send_again(notice_id: int) -> int:
    """Send a notice once more, now, wherever it was not handed over; how many places. Raises NoticeUnsent."""
    with transaction.atomic():
        unsent = Delivery.objects.filter(notice_id=notice_id, sent_at=None)
        again = unsent.exclude(to_enc=b"").update(next_at=clock.now(), tries=0)
        # Without a place, or at none at all, it looks anew: a contact or a channel may be there by now.
        planned = Notice.objects.filter(pk=notice_id, planned_at__isnull=False, user__isnull=False)
        lost = unsent.filter(to_enc=b"", notice__in=planned)
        missing = list(lost.values_list("pk", flat=True))
        if missing or not Delivery.objects.filter(notice_id=notice_id).exists():
            Delivery.objects.filter(pk__in=missing).delete()
            again += planned.update(planned_at=None, said="") * max(len(missing), 1)
    if not again:
        raise NoticeUnsent(str(notice_id))
    return again


@audited("notice.breach", lambda given, _: given["incident"].number)
def tell_of_breach(users: Sequence[int], incident: Incident) -> int:
    """Everybody concerned by an incident is told, all of them or none, and reads its words on the page that the notice names.

    Who was told of it before is not told again; returns how many were. Raises IncidentTold.
    """
    with transaction.atomic():
        before = Incident.objects.select_for_update().filter(pk=incident.number).first()
        if before is not None and not queries.same_words(before, incident):
            raise IncidentTold(incident.number)
        incident.told_at = clock.now()
        incident.save()
        name, told = queries.BREACH_ONCE + incident.number, 0
        for at in range(0, len(users), _AT_A_TIME):
            told += len(write(users[at : at + _AT_A_TIME], "breach.told", once=name, number=incident.number))
    return told


@audited("notice.preference", lambda given, _: given["user"].handle)
def prefer(user: User, kind: str, channel: str, wanted: bool) -> None:
    """Whether `user` wants this kind by this channel. Raises KindUnknown, Compulsory."""
    rule = kinds().get(kind)
    if rule is None or channel not in CHANNELS:
        raise KindUnknown(f"{kind} {channel}"[:80])
    if rule.compulsory is not None:
        raise Compulsory(kind)
    Preference.objects.update_or_create(
        user_id=user.pk, kind=kind, channel=channel, defaults={"wanted": wanted}
    )


@audited("notice.language", lambda given, _: given["user"].handle)
def speak(user: User, language: str) -> None:
    """Tell `user` in `zh` or `en`; anything else means in both."""
    if language in ("zh", "en"):
        Reader.objects.update_or_create(user=user, defaults={"language": language})
    else:
        Reader.objects.filter(user=user).delete()


def _digest(place: str) -> bytes:
    return keyring().identity_hmac(f"push\x00{json.loads(place)['endpoint']}")


@audited("notice.browser", lambda given, _: given["user"].handle)
def add_browser(user: User, endpoint: str, p256dh: str, auth: str, device: str) -> bool:
    """Tell `user` in this browser too; a browser is one user's at a time. False where it is told already, under the same keys.

    Raises BrowserRefused.
    """
    try:
        place = push.subscription(endpoint, p256dh, auth)
    except ValueError:
        raise BrowserRefused from None
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        former = Browser.objects.filter(digest=_digest(place))
        if any(
            sealed.unseal(bytes(one.place_enc), queries.PLACE) == place for one in former.filter(user=user)
        ):
            return False
        former.delete()
        if Browser.objects.filter(user=user).count() >= MOST_BROWSERS:
            raise BrowserRefused
        Browser.objects.create(
            user=user,
            digest=_digest(place),
            place_enc=sealed.seal(place, queries.PLACE),
            device=device[:_DEVICE],
            added_at=clock.now(),
        )
    return True


@audited("notice.browser-end", lambda given, _: given["user"].handle)
def end_browser(user: User, number: int) -> None:
    """Tell nothing more in this browser of `user`'s."""
    Browser.objects.filter(user=user, pk=min(number, 2**63 - 1)).delete()


@audited("notice.forget", lambda given, _: given["user"].handle)
def forget(user: User) -> None:
    """Whoever leaves is told nothing more; what they were told and where is kept no longer."""
    Notice.objects.filter(user=user).delete()
    Browser.objects.filter(user=user).delete()
    Preference.objects.filter(user_id=user.pk).delete()
    Reader.objects.filter(user=user).delete()
