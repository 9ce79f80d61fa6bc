"""Sessions that end for somebody: by a security administrator, or because an account has too many. Each browser is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet

from abate.platform.doors import clock
from abate.platform.doors.words import on_one_line
from abate.platform.notices import actions as notices
from abate.platform.review import audit, rights
from abate.platform.review import queries as accounts
from abate.platform.review.models import User
from abate.platform.signin.errors import AccountNotKnown, EndingNeedsReason
from abate.platform.signin.models import EndedSession, OpenSession
from abate.platform.signin.policy import policy

ADMINISTRATOR, TOO_MANY = "administrator", "too-many"
CAUSES = (ADMINISTRATOR, TOO_MANY)
LONGEST_REASON = 200
_TOLD_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account of the staff's or a party's that is signed in now. `roles` of the operator's; empty for a party's."""

    handle: str
    roles: tuple[str, ...]
    sessions: int
    began_at: datetime
    seen_at: datetime


def end_all(by: User, user: User | None, why: str) -> int:
    """End every session of `user`, whose account and ways of signing in stay; returns how many there were.

    Where there were some, the holder is told by a notice, and each browser, with `why`, when it comes again. Raises NoRight,
    EndingNeedsReason, AccountNotKnown for None. (ASVS 5, V7.4.5)
    """
    rights.require(by, "delete", "sessions")
    said = why.strip()
    if not 0 < len(said) <= LONGEST_REASON or not on_one_line(said):
        raise EndingNeedsReason
    if user is None:
        raise AccountNotKnown
    with transaction.atomic():
        keys = [row.key for row in _live(user)]
        _end(user, keys, ADMINISTRATOR, said)
        audit.note("signin.sessions-end", user.handle, sessions=len(keys), why=said)
        # Where nothing ended, as when it is asked again, there is nothing to tell.
        if keys:
            notices.write([user.pk], "sign-in.ended")
    return len(keys)


def end_most_unused(user: User, kept: str) -> None:
    """Called when the session `kept` is a new row: of more than policy.sessions_at_a_time the ones longest unused end."""
    with transaction.atomic():
        _in_turn(user)
        keys = _over(user, kept)
        if keys:
            _end(user, keys, TOO_MANY, "")
            audit.note("signin.sessions-over", user.handle, sessions=len(keys))


def told(key: str) -> tuple[str, str] | None:
    """(cause, why) of a session that was ended for its holder; told once, and None ever after."""
    with transaction.atomic():
        found = (
            EndedSession.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(pk=_digest(key))
            .first()
        )
        if found is None:
            return None
        found.delete()
        audit.note("signin.end-told", found.user.handle, cause=found.cause)
    return found.cause, found.why


def open_accounts() -> list[OpenAccount]:
    """Accounts of the staff's and of parties' with an open session, the last used first; people are not listed."""
    rows = (
        OpenSession.objects.filter(_STANDS)
        .exclude(user__kind=User.Kind.PERSON)
        .values("user")
        .annotate(sessions=Count("key"), began=Min("began_at"), seen=Max("seen_at"))
        .order_by("-seen", "user")
    )
    users = User.objects.in_bulk([row["user"] for row in rows])
    return [
        OpenAccount(
            users[row["user"]].handle,
            tuple(accounts.roles(users[row["user"]])),
            row["sessions"],
            row["began"],
            row["seen"],
        )
        for row in rows
    ]


def _over(user: User, kept: str) -> list[str]:
    """The keys of the sessions that are too many beside `kept`, those used last being kept too."""
    others = _live(user).exclude(key=kept).order_by("-seen_at", "-began_at", "key")
    return list(others.values_list("key", flat=True)[policy().sessions_at_a_time - 1 :])


def _in_turn(user: User) -> None:
    """Of two sessions that are opened at once the second counts the first."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


_STANDS = Exists(Session.objects.filter(session_key=OuterRef("key")))


def _live(user: User) -> QuerySet[OpenSession]:
    return OpenSession.objects.filter(_STANDS, user=user)


def _end(user: User, keys: Iterable[str], cause: str, why: str) -> None:
    now, ended = clock.now(), list(keys)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for key in ended:
        store.delete(key)
    OpenSession.objects.filter(key__in=ended).delete()
    EndedSession.objects.filter(at__lt=now - _TOLD_FOR).delete()
    EndedSession.objects.bulk_create(
        [EndedSession(key_sha256=_digest(key), user=user, cause=cause, why=why, at=now) for key in ended],
        ignore_conflicts=True,
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
