"""Passkeys, time-based codes and recovery codes: allauth does the cryptography, this room the limits and the rules.

allauth's functions read and write the challenge in the session of the request at hand (its middleware).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Min

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.notices import actions as notices
from abate.platform.review import audit, changes
from abate.platform.review.audit import audited
from abate.platform.review.models import Audit, User
from abate.platform.signin import actions, proofs, recovery_codes
from abate.platform.signin.errors import (
    FactorFirst,
    FactorRefused,
    FactorUnknown,
    FirstFactorNeedsLink,
    LastFactor,
    ProofNeeded,
    RecoveryCodesTooOften,
)
from abate.platform.signin.models import UsedCode
from abate.platform.signin.recovery_codes import Drawn

Kind = Authenticator.Type
# Ten slow hashes each.
DRAWS_A_DAY = 5
_DAY = timedelta(days=1)
_LONGEST_NAME = 60
_MOST_SENT = 20_000
_NO_CREDENTIAL = (
    ValidationError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, AssertionError,
    struct.error,
)  # fmt: skip
"""What the library says of bytes that are no answer of a key's: anybody may send such, and none is a fault of ours."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of somebody's; `left` counts unused recovery codes."""

    id: int
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    left: int


def factors(user: User) -> list[Factor]:
    """The user's passkeys, app and recovery codes, in the order they were made."""
    return [_told(one) for one in Authenticator.objects.filter(user=user).order_by("id")]


def _told(one: Authenticator) -> Factor:
    left = recovery_codes.left(one) if one.type == Kind.RECOVERY_CODES else 0
    name = one.data.get("name", "") if one.type == Kind.WEBAUTHN else ""
    return Factor(one.pk, one.type, name, one.created_at, one.last_used_at, left)


def has_factor(user: User) -> bool:
    """Whether the user can show a second factor (recovery codes come only beside one)."""
    return Authenticator.objects.filter(user=user, type__in=(Kind.TOTP, Kind.WEBAUTHN)).exists()


def comes_back(user: User) -> bool:
    """Whether the user can sign in again without a new link: with a passkey, or with a password and the code of an app. A code
    alone opens nothing."""
    return user.has_usable_password() or Authenticator.objects.filter(user=user, type=Kind.WEBAUTHN).exists()


def may_change(session: proofs.Session, user: User) -> bool:
    """Whether this session may change how `user` signs in: by a passkey or a code shown in it minutes ago, or, where there is no
    factor to show yet, by a link that opened it minutes ago. A session alone, however it was come by, makes no factor.

    A person has the contact from the start, so for them a fresh code comes before the first passkey too. (ASVS 5, V7.5.1)
    """
    if proofs.fresh(session):
        return True
    return user.kind != User.Kind.PERSON and proofs.just_came(session) and not has_factor(user)


def require_change(session: proofs.Session, user: User) -> None:
    """Raises FirstFactorNeedsLink, or ProofNeeded where there is a factor or a contact to show, unless may_change."""
    if not may_change(session, user):
        raise ProofNeeded if user.kind == User.Kind.PERSON or has_factor(user) else FirstFactorNeedsLink


def _hold_for_change(user: User) -> User:
    """In the transaction that changes how its holder signs in: the account is held, as everywhere before the session's new key is
    listed, so of two first factors at once the second is no first one. Raises what require_change raises.

    Where there is no request no session asks: a database that was set back gets what its holder chose since.
    """
    held = User.objects.select_for_update().get(pk=user.pk)
    if context.request is not None:
        require_change(context.request.session, user)
    return held


def new_passkey_options(user: User) -> str:
    """JSON for the browser: make a key that it finds again by itself, its holder verified."""
    return json.dumps(webauthn.begin_registration(user, passwordless=True))


@audited("signin.passkey", lambda given, _: given["user"].handle)
def add_passkey(user: User, name: str, sent: str) -> None:
    """Keep the key the browser made for the last challenge. Raises FactorRefused, and what require_change raises."""
    credential = _read(sent)
    try:
        webauthn.parse_registration_response(credential)
        made = webauthn.complete_registration(credential)
    except _NO_CREDENTIAL:
        raise FactorRefused from None
    if not made.is_user_verified():
        raise FactorRefused
    name = " ".join(name.split())[:_LONGEST_NAME] or f"passkey {clock.today():%Y-%m-%d}"
    with transaction.atomic():
        _hold_for_change(user)
        webauthn.WebAuthn.add(user, name, credential)
        notices.write([user.pk], "sign-in.key")


def passkey_options(user: User | None = None) -> str:
    """JSON for the browser: show one of this user's keys, or, with None, any key made here."""
    return json.dumps(webauthn.begin_authentication(user))


def use_passkey(sent: str, user: User | None = None) -> User:
    """Whose key the browser showed for the last challenge; told either way (where nobody is known, at the door). Raises
    FactorRefused."""
    try:
        return _shown(sent, user)
    except FactorRefused:
        if user is not None:
            audit.note("signin.passkey-try", user.handle, act="refused")
        raise


def _shown(sent: str, user: User | None) -> User:
    credential = _read(sent)
    try:
        webauthn.parse_authentication_response(credential)
        owner = user or webauthn.extract_user_from_response(credential)
        shown = webauthn.complete_authentication(owner, credential)
    except _NO_CREDENTIAL:
        raise FactorRefused from None
    if not owner.is_active:
        raise FactorRefused
    with transaction.atomic():
        shown.record_usage()
        audit.note("signin.passkey-try", owner.handle)
    return owner


def _read(sent: str) -> dict[str, object]:
    """A browser's answer. Raises FactorRefused for what is none, or what no table holds: a new key is kept as it was sent."""
    try:
        # Keys answer in texts, truth values and lists: a number with a point may be one that JSON has not.
        credential = (
            json.loads(sent, parse_float=_no_number, parse_constant=_no_number)
            if len(sent) <= _MOST_SENT
            else None
        )
    except (ValueError, RecursionError):
        credential = None
    if not isinstance(credential, dict) or not changes.kept(credential):
        raise FactorRefused
    return credential


def _no_number(text: str) -> None:
    raise ValueError(text)


def new_app_secret(user: User) -> tuple[str, str]:
    """(secret, what its QR code says) for an app; the secret waits in the session until its first code comes."""
    # Encrypted there too: a session is a row.
    session = context.request.session
    adapter = get_adapter()
    if _WAITING not in session:
        session[_WAITING] = adapter.encrypt(totp.generate_totp_secret())
    secret = adapter.decrypt(session[_WAITING])
    return secret, adapter.build_totp_url(user, secret)


_WAITING = "signin_app_secret"


def check_app(code: str) -> None:
    """Raises FactorRefused where add_app would refuse this code of the app whose secret waits."""
    session = context.request.session
    if _WAITING not in session:
        raise FactorRefused
    if not totp.validate_totp_code(get_adapter().decrypt(session[_WAITING]), _plain(code)):
        raise FactorRefused


@audited("signin.app", lambda given, _: given["user"].handle)
def add_app(user: User, code: str) -> None:
    """Keep the app whose secret waits, once it gives a right code; in place of an earlier one. Raises FactorRefused, and what
    require_change raises."""
    check_app(code)
    session = context.request.session
    secret = get_adapter().decrypt(session[_WAITING])
    with transaction.atomic():
        _hold_for_change(user)
        Authenticator.objects.filter(user=user, type=Kind.TOTP).delete()
        totp.TOTP.activate(user, secret)
        _spend(user, code)
        notices.write([user.pk], "sign-in.key")
    del session[_WAITING]


def draw_recovery_codes(user: User) -> Drawn:
    """Ten codes that are none of the user's yet (new_recovery_codes). Not to be called inside a transaction: they take seconds,
    and are counted first, whatever comes of them. Raises RecoveryCodesTooOften.
    """
    _count_draw(user)
    return recovery_codes.draw(user.pk)


def _count_draw(user: User) -> None:
    now, what = clock.now(), "signin.recovery-draw"
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        earlier = Audit.objects.filter(what=what, subject=user.handle, at__gt=now - _DAY)
        count, oldest = earlier.aggregate(count=Count("id"), oldest=Min("at")).values()
        if count >= DRAWS_A_DAY:
            raise RecoveryCodesTooOften(int((oldest + _DAY - now).total_seconds()) + 1)
        audit.note(what, user.handle)


def new_recovery_codes(user: User, drawn: Drawn | None = None) -> list[str]:
    """Ten codes, each good once, in place of the earlier ones. They are shown now and never again. Raises what require_change
    raises.

    Inside a transaction only with what was `drawn` before it; without, see draw_recovery_codes.
    """
    made = drawn or draw_recovery_codes(user)
    _keep_codes(user, made)
    return made.codes


@audited("signin.recovery", lambda given, _: given["user"].handle)
def _keep_codes(user: User, drawn: Drawn) -> None:
    with transaction.atomic():
        _hold_for_change(user)
        Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).delete()
        Authenticator.objects.create(user=user, type=Kind.RECOVERY_CODES, data=drawn.data)
        notices.write([user.pk], "sign-in.key")


def use_code(
    user: User, code: str, address: str | None, opens: Callable[[str], None] = lambda how: None
) -> str:
    """Which of proofs.TOTP and proofs.RECOVERY this code is. Each is taken once. Raises FactorRefused, TooManyTries.

    `opens` is called with it in the transaction that spends the code. Not to be called inside a transaction: the try counts,
    whatever came of it.
    """
    done = actions.count_try(f"second\x00{user.pk}", address)
    with transaction.atomic():
        how = _taken(user, _plain(code))
        if how:
            done()
            opens(how)
        audit.note("signin.code-try", user.handle, act="write" if how else "refused")
    if not how:
        raise FactorRefused
    return how


def _taken(user: User, given: str) -> str:
    """What `given` is (see use_code), which is spent by this; empty where it is none that is good."""
    for one in Authenticator.objects.filter(user=user, type__in=(Kind.TOTP, Kind.RECOVERY_CODES)):
        if one.type == Kind.TOTP:
            right = totp.validate_totp_code(get_adapter().decrypt(one.data["secret"]), given)
            right = right and _spend(user, given)
        else:
            right = _spend_recovery(one, given)
        if right:
            # A fresh look: using a recovery code wrote into the row.
            Authenticator.objects.get(pk=one.pk).record_usage()
            return proofs.TOTP if one.type == Kind.TOTP else proofs.RECOVERY
    return ""


@audited("signin.recovery-use", lambda given, _: given["user"].handle)
def spend_recovery_code(user: User, code: str) -> bool:
    """Whether this is one of the user's recovery codes that was not used; it is from now on. The caller limits the tries."""
    held = Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).first()
    return held is not None and _spend_recovery(held, _plain(code))


def _spend_recovery(one: Authenticator, code: str) -> bool:
    """Whether this was a code of the row's; it is spent by this. To be called in a transaction."""
    held = Authenticator.objects.select_for_update().filter(pk=one.pk).first()
    if held is None:
        # New ones took its place since it was read.
        return False
    right, data = recovery_codes.without(held, code)
    if data != held.data:
        held.data = data
        held.save(update_fields=["data"])
    return right


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "")[:32]


def _spend(user: User, code: str) -> bool:
    """Whether this code was not used before. allauth keeps used codes per process; two processes share this table."""
    now = clock.now()
    UsedCode.objects.filter(user=user, at__lt=now - timedelta(days=1)).delete()
    digest = keyring().code_hmac(f"totp\x00{user.pk}\x00{_plain(code)}")
    try:
        with transaction.atomic():
            UsedCode.objects.create(user=user, code_hmac=digest, at=now)
    except IntegrityError:
        return False
    return True


@audited("signin.remove", lambda given, _: given["user"].handle)
def remove(user: User, factor_id: int, *, keep_one: bool) -> None:
    """Take a factor away. Raises FactorUnknown, and LastFactor where no other would be left and one is needed: with `keep_one`,
    or because its holder is always asked for it; and what require_change raises.
    """
    with transaction.atomic():
        keep_one = _hold_for_change(user).always_second or keep_one
        own = Authenticator.objects.filter(user=user)
        one = own.filter(pk=factor_id).first()
        if one is None:
            raise FactorUnknown
        others = own.filter(type__in=(Kind.TOTP, Kind.WEBAUTHN)).exclude(pk=factor_id)
        if keep_one and one.type != Kind.RECOVERY_CODES and not others.exists():
            raise LastFactor
        one.delete()
        notices.write([user.pk], "sign-in.key")


@audited("signin.always-second", lambda given, _: given["user"].handle)
def ask_always(user: User, wanted: bool) -> None:
    """From now on no page of this account's opens before a second factor was shown, or, not `wanted`, with one as before.

    Raises FactorFirst where there is none, and what require_change raises. (ASVS 5, V6.3.3)
    """
    with transaction.atomic():
        held = _hold_for_change(user)
        if wanted and not has_factor(held):
            raise FactorFirst
        # What is as it was wanted already is told to nobody again.
        if held.always_second != wanted:
            User.objects.filter(pk=user.pk).update(always_second=wanted)
            notices.write([user.pk], "sign-in.key")
    user.always_second = wanted
