"""The only writer of tries, passwords and open sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.doors.origin import sender
from abate.platform.notices import actions as notices
from abate.platform.review import actions as review
from abate.platform.review import audit, rights
from abate.platform.review import queries as accounts
from abate.platform.review.audit import audited
from abate.platform.review.models import User
from abate.platform.signin import ending, passwords, queries
from abate.platform.signin.errors import (
    LinkForStaffOnly,
    LinkNeedsAdministrator,
    PasswordRefused,
    SignInRefused,
    TooManyTries,
)
from abate.platform.signin.models import EndedSession, Kept, OpenSession, Password, Try, UsedCode
from abate.platform.signin.policy import policy

_DEVICE = 200
_LONGEST_HANDLE = User._meta.get_field("handle").max_length or 0


def count_try(account: str, address: str | None) -> Callable[[], None]:
    """Count a try before it is compared; the answer is to be called when it was right, and takes the account's away.

    Simultaneous tries for one account, or from one address, count in turn. Not to be called inside a transaction.
    Raises TooManyTries. (GB/T 22239 8.1.4.1 b)
    """
    limits, now = policy(), clock.now()
    own = keyring().identity_hmac(f"try\x00{account}")
    origin = keyring().identity_hmac(f"address\x00{sender(address)}") if address else None
    # Durable: a try that the caller rolls back would be a try for nothing, and its locks are held no longer than this.
    with transaction.atomic(durable=True):
        # Deleted first, whoever's they are: nobody's address is kept longer than it is needed.
        Try.objects.filter(at__lt=now - limits.window).delete()
        _limit("account_hmac", own, now, limits.window, limits.tries_per_account)
        if origin:
            _limit("address_hmac", origin, now, limits.window, limits.tries_per_address)
        Try.objects.create(account_hmac=own, address_hmac=origin, at=now)
    return lambda: _forget(own)


def _forget(account: bytes) -> None:
    Try.objects.filter(account_hmac=account).delete()


def _limit(column: str, digest: bytes, now: datetime, span: timedelta, most: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
        cursor.execute(f"select count(*), min(at) from signin_try where {column} = %s", [digest])
        count, oldest = cursor.fetchone()
    if count >= most:
        raise TooManyTries(max(1, int((oldest + span - now).total_seconds()) + 1))


def check_password(handle: str, text: str, address: str | None) -> User:
    """The staff account of this name and password. Raises SignInRefused, TooManyTries.

    The work is the same whether or not there is such an account. A password alone opens no page of the staff's.
    """
    # One form for the count and for the account: two spellings of one name would be two sets of tries.
    name = handle.strip().lower()
    if not 0 < len(name) <= _LONGEST_HANDLE:
        raise SignInRefused
    return _right(name, text, f"password\x00{name}", address)


def check_present(user: User, text: str, address: str | None) -> None:
    """The present password, asked of who is signed in already. Raises what check_password raises.

    Counted by itself: whoever tries passwords at the door keeps nobody from changing theirs.
    """
    _right(user.handle, text, f"present\x00{user.pk}", address)


def _right(name: str, text: str, counted: str, address: str | None) -> User:
    if not text:
        raise SignInRefused
    done = count_try(counted, address)
    # A longer one cannot be anybody's, and hashing it would be work for an attacker's asking; cut, it could be somebody's.
    user = authenticate(username=name, password=text if len(text) <= passwords.MOST else "")
    if not isinstance(user, User) or user.kind != User.Kind.STAFF:
        # Without the name that was typed: it may be a password in the wrong field.
        audit.note("signin.password-try", act="refused")
        raise SignInRefused
    done()
    audit.note("signin.password-try", user.handle)
    return user


@audited("signin.password", lambda given, _: given["user"].handle)
def set_password(user: User, text: str) -> None:
    """Give `user` a password that the profile takes. Raises PasswordRefused. Other sessions of theirs end."""
    rules = policy()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        earlier = Password.objects.filter(user=user).order_by("-id")[: rules.passwords_kept]
        faults = passwords.faults(text, user.handle, [one.encoded for one in earlier], rules)
        if faults:
            raise PasswordRefused(faults)
        user.set_password(text)
        user.save(update_fields=["password"])
        Password.objects.create(user=user, encoded=user.password, at=clock.now())


def seen(key: str, user: User, began: datetime, device: str) -> None:
    """Note that a session is in use; what nobody can be signed in with any more is taken away."""
    now = clock.now()
    OpenSession.objects.filter(user=user, began_at__lt=now - policy().longest).delete()
    values = {"user": user, "began_at": began, "seen_at": now, "device": device[:_DEVICE]}
    with transaction.atomic():
        _, new = OpenSession.objects.update_or_create(key=key, defaults=values)
        if new:
            ending.end_most_unused(user, key)


@audited("signin.enter", lambda given, _: given["user"].handle)
def entered(user: User) -> None:
    """Somebody signed in as `user`: who wants to know it is told."""
    notices.write([user.pk], "sign-in.new")


@audited("signin.link", lambda given, _: given["user"].handle)
def new_link(user: User, by: User | None) -> str:
    """A single-use link for an account of the staff, whose holder is told. `by`: who is signed in, None for nobody.

    Raises LinkForStaffOnly for an account of a party's or an applicant's; LinkNeedsAdministrator where nobody is signed
    in and the set-up is over or the account has its second factor; NoRight.
    """
    if accounts.human_of(user) is None:
        raise LinkForStaffOnly(user.handle)
    if by is not None:
        rights.require(by, "add", "links")
    elif not queries.nobodys_yet(user):
        raise LinkNeedsAdministrator
    notices.write([user.pk], "sign-in.link")
    return review.issue_link(user)


@audited("signin.sessions", lambda given, _: given["user"].handle)
def end_sessions(user: User, keys: list[str]) -> int:
    """End these sessions of `user`'s, here and at once; returns how many there were."""
    own = list(OpenSession.objects.filter(user=user, key__in=keys).values_list("key", flat=True))
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for key in own:
        store.delete(key)
    OpenSession.objects.filter(key__in=own).delete()
    return len(own)


@audited("signin.sessions-everybody", lambda _, made: f"{made} sessions")
def end_everybodys() -> int:
    """End all sessions of all accounts, and the codes that parties' apps were about to exchange; returns how many there were.

    For a database that was set back: it does not know which of them were ended since.
    """
    with transaction.atomic():
        Session.objects.all().delete()
        Kept.objects.all().delete()
        EndedSession.objects.all().delete()
        ended, _ = OpenSession.objects.all().delete()
    return ended


@audited("signin.forget-since", lambda given, _: given["user"].handle)
def forget_since(user: User, moment: datetime) -> None:
    """Take away what `user` was given to sign in with since `moment`, and every open session."""
    with transaction.atomic():
        _end_all(user)
        Authenticator.objects.filter(user=user, created_at__gte=moment).delete()
        held = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
        if not held.exists():
            _ask_no_second(user)


def _end_all(user: User, but: str = "") -> None:
    open_ = OpenSession.objects.filter(user=user).exclude(key=but)
    end_sessions(user, list(open_.values_list("key", flat=True)))


def _ask_no_second(user: User) -> None:
    """Who has no second factor any more is asked for none: a recovery that ended would otherwise lead nowhere."""
    User.objects.filter(pk=user.pk).update(always_second=False)
    user.always_second = False


@audited("signin.forget", lambda given, _: given["user"].handle)
def forget(user: User, *, but: str = "") -> None:
    """Take away everything `user` signs in with, and every open session but the one of the key `but`.

    What allauth keeps for minutes (signin_kept) stays: it names no account. A code in it for a partner's app is one of a person,
    and worth nothing once they left (web/binding.py).
    """
    with transaction.atomic():
        _end_all(user, but)
        Authenticator.objects.filter(user=user).delete()
        UsedCode.objects.filter(user=user).delete()
        _ask_no_second(user)
        user.set_unusable_password()
        user.save(update_fields=["password"])
