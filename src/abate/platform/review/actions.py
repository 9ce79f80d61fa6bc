"""The only writer of users, roles and sign-in links."""

from __future__ import annotations

import base64
from datetime import timedelta

from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.review.errors import LinkSpent
from abate.platform.review.models import Grant, SignInLink, User


def create_user(kind: str, *, made_up: bool = False) -> User:
    """A new principal without password, role or name."""
    user = User(handle=str(randomness.new_uuid()), kind=kind, made_up=made_up, created_at=clock.now())
    user.set_unusable_password()
    user.save()
    return user


def deactivate(user: User) -> None:
    """Let `user` sign in no more; sessions that are open end with their next request."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def grant(user: User, role: str) -> None:
    Grant.objects.get_or_create(user=user, role=role, defaults={"granted_at": clock.now()})


def issue_link(user: User, *, valid: timedelta = timedelta(hours=24)) -> str:
    """A token that signs `user` in once. It is shown now and never again: only its digest is kept."""
    token = base64.urlsafe_b64encode(randomness.token_bytes(24)).decode()
    now = clock.now()
    SignInLink.objects.create(
        digest=keyring().code_hmac(token), user=user, created_at=now, expires_at=now + valid
    )
    return token


def use_link(token: str) -> User:
    """Spend a sign-in link; of two that try at once, one wins. Raises LinkSpent."""
    now = clock.now()
    digest = keyring().code_hmac(token)
    # Conditions on the link's own row only: one through a join would be judged before the lock is waited for, and two
    # would win.
    spent = SignInLink.objects.filter(digest=digest, used_at=None, expires_at__gt=now).update(used_at=now)
    user = SignInLink.objects.select_related("user").get(digest=digest).user if spent else None
    if user is None or not user.is_active:
        raise LinkSpent
    return user
