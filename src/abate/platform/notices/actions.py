"""The only writer of notices. Any room writes one inside the transaction of what it tells of: both are there, or neither."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from abate.platform.doors import clock, messages, push, rounds, sealed
from abate.platform.doors.keyring import keyring
from abate.platform.doors.statements import statements
from abate.platform.notices import queries
from abate.platform.notices.errors import BrowserRefused, Compulsory, KindUnknown, NoticeUnsent
from abate.platform.notices.kinds import CHANNELS, kinds
from abate.platform.notices.models import Browser, Delivery, Notice, Preference, Reader
from abate.platform.notices.queries import Place
from abate.platform.review.audit import audited
from abate.platform.review.models import User

SQL = statements(Path(__file__).parent / "sql")
MOST_BROWSERS = 5
_DEVICE = 120
_AT_A_TIME = 5_000


Book = Callable[[int], Sequence[Place]]
"""User's number -> phones and mail addresses at which they are reached (platform/reaching.py)."""


def write(
    users: Iterable[int | None], kind: str, *, to: Sequence[Place] | None = None, **fields: object
) -> list[int]:
    """Put one notice of `kind` for each of `users` into the outbox; returns their numbers.

    To be called inside the transaction of what it tells of. `to`: these places instead of those of the moment of sending, for
    what goes to contacts that just ended. None among `users` is nobody: it costs the same and goes nowhere. Raises ValueError
    where the fields are not those of the kind.
    """
    rule = kinds()[kind]
    if set(fields) != set(rule.fields):
        raise ValueError(f"a notice {kind} has the fields {sorted(rule.fields)}")
    now, told = clock.now(), json.dumps({name: str(value) for name, value in fields.items()})
    made = Notice.objects.bulk_create(
        [
            Notice(
                user_id=user,
                kind=kind,
                fields_enc=sealed.seal(told, queries.FIELDS),
                made_at=now,
                planned_at=None if to is None else now,
            )
            for user in users
        ]
    )
    for one in made if to is not None else ():
        _deliver(one.pk, now, to or (), now)
    return [one.pk for one in made]


def _deliver(notice_id: int, made_at: datetime, places: Iterable[Place], now: datetime) -> None:
    rows = []
    for place in places:
        carried = messages.carries(place.channel)
        rows.append(
            Delivery(
                notice_id=notice_id,
                made_at=made_at,
                channel=place.channel,
                place=place.shown,
                to_enc=sealed.seal(place.to, queries.PLACE) if carried else b"",
                next_at=now if carried else None,
                said="" if carried else queries.NOT_CONFIGURED,
            )
        )
    Delivery.objects.bulk_create(rows)


def plan_due(book: Book, most: int = 100) -> int:
    """See where notices go that were not looked at yet; returns how many. A kill leaves them as they were."""
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["claim_new"], {"most": most})
        found = cursor.fetchall()
        for number, user, kind, made_at in found:
            there = [*book(user), *queries.browser_places(user)] if user is not None else []
            places = queries.wanted(user, kind, there) if there else []
            said = "" if places else "no-contact" if not there else "switched-off"
            _deliver(number, made_at, places, now)
            Notice.objects.filter(pk=number).update(planned_at=now, said=said)
    return len(found)


def send_due(most: int = 50) -> int:
    """Carry up to so many deliveries that are due; returns how many were claimed."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(SQL["claim_due"], {"now": now, "lease": now + rounds.LEASE, "most": most})
        due = cursor.fetchall()
    for row in due:
        _carry(*row)
    return len(due)


def _carry(
    number: int, notice: int, channel: str, to_enc: bytes, tries: int, user: int, kind: str, fields: bytes
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
    if gone and channel == "push" and to:
        Browser.objects.filter(digest=_digest(to)).delete()
    Delivery.objects.filter(pk=number).update(said=said, **done)
    if not said or gone:
        Delivery.objects.filter(pk=number).update(to_enc=b"")


@audited("notice.again", lambda given, _: given["notice_id"])
def send_again(notice_id: int) -> int:
    """Send a notice once more, now, wherever it was not handed over; how many places. Raises NoticeUnsent."""
    waiting = Delivery.objects.filter(notice_id=notice_id, sent_at=None).exclude(to_enc=b"")
    again = waiting.update(next_at=clock.now(), tries=0)
    # What went nowhere looks anew: a contact or a channel may be there by now.
    nowhere = Notice.objects.filter(pk=notice_id, planned_at__isnull=False, user__isnull=False)
    nowhere = nowhere.exclude(deliveries__sent_at__isnull=False).exclude(deliveries__next_at__isnull=False)
    if not again and nowhere.exists():
        Delivery.objects.filter(notice_id=notice_id).delete()
        again = nowhere.update(planned_at=None, said="")
    if not again:
        raise NoticeUnsent(str(notice_id))
    return again


@audited("notice.breach", lambda given, _: given["number"])
def tell_of_breach(users: Sequence[int], number: str) -> None:
    """Everybody concerned by an incident is told, all of them or none."""
    for at in range(0, len(users), _AT_A_TIME):
        write(users[at : at + _AT_A_TIME], "breach.told", number=number)


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
def add_browser(user: User, endpoint: str, p256dh: str, auth: str, device: str) -> None:
    """Tell `user` in this browser too; a browser is one user's at a time. Raises BrowserRefused."""
    try:
        place = push.subscription(endpoint, p256dh, auth)
    except ValueError:
        raise BrowserRefused from None
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        Browser.objects.filter(digest=_digest(place)).delete()
        if Browser.objects.filter(user=user).count() >= MOST_BROWSERS:
            raise BrowserRefused
        Browser.objects.create(
            user=user,
            digest=_digest(place),
            place_enc=sealed.seal(place, queries.PLACE),
            device=device[:_DEVICE],
            added_at=clock.now(),
        )


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
