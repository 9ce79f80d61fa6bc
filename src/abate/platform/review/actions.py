"""The only writer of users, roles and sign-in links."""

from __future__ import annotations

import base64
from datetime import timedelta

from django.db import IntegrityError, connection, transaction

from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.review.audit import audited
from abate.platform.review.errors import EnrolledOtherwise, LinkSpent, NotEnrolled, RolesExclude, RoleUnknown
from abate.platform.review.models import Grant, Human, SignInLink, Staff, User


@audited("user.create", lambda _, made: made.handle)
def create_user(kind: str, *, made_up: bool = False, handle: str = "") -> User:
    """A new principal without password, role or name."""
    user = User(
        handle=handle or str(randomness.new_uuid()), kind=kind, made_up=made_up, created_at=clock.now()
    )
    user.set_unusable_password()
    user.save()
    return user


@audited("user.close", lambda given, _: given["user"].handle)
def deactivate(user: User) -> None:
    """Let `user` sign in no more; sessions that are open end with their next request."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def enrol(user: User, identity: str) -> None:
    """Tie a staff account to its holder by the keyed digest of `identity` (an identity number, kept nowhere), normalised as a
    person's is.

    Raises EnrolledOtherwise where the account is another person's.
    """
    enrol_digest(user, keyring().number_hmac(identity))


@audited("staff.enrol", lambda given, _: given["user"].handle)
def enrol_digest(user: User, digest: bytes) -> None:
    """The same from the digest (32 bytes)."""
    with transaction.atomic():
        # The side is the first role's to say; a person without a role can be moved by any grant.
        Human.objects.get_or_create(human=digest, defaults={"side": Human.Side.OPERATION})
        staff, _ = Staff.objects.get_or_create(user=user, defaults={"human_id": digest})
    if bytes(staff.human_id) != digest:
        raise EnrolledOtherwise


@audited("role.grant", lambda given, _: f"{given['user'].handle} {given['role']}")
def grant(user: User, role: str) -> None:
    """Give `user` a role; giving it again changes nothing. Raises RoleUnknown, NotEnrolled, RolesExclude.

    The rules about administrators are constraints of the tables: of two grants at once that exclude each other one
    is refused.
    """
    if role not in Grant.Role.values:
        raise RoleUnknown(role[:40])
    staff = Staff.objects.filter(user=user).first()
    if staff is None:
        raise NotEnrolled
    side = Human.Side.ADMINISTRATION if role in Grant.ADMINISTRATORS else Human.Side.OPERATION
    own = bytes(staff.human_id)
    try:
        with transaction.atomic():
            # Refused by the grants' foreign key while the person holds a role of the other side.
            Human.objects.filter(human=own).exclude(side=side).update(side=side)
            values = {"human": own, "side": side, "granted_at": clock.now()}
            Grant.objects.get_or_create(user=user, role=role, defaults=values)
    except IntegrityError as fault:
        raise RolesExclude(role) from fault


@audited("role.withdraw", lambda given, _: f"{given['user'].handle} {given['role']}")
def withdraw(user: User, role: str) -> None:
    """Take a role back; it ends with the next request."""
    Grant.objects.filter(user=user, role=role).delete()


@audited("link.issue", lambda given, _: given["user"].handle if given["user"] else "")
def issue_link(user: User | None, *, valid: timedelta = timedelta(hours=24)) -> str:
    """A token that signs `user` in once. It is shown now and never again: only its digest is kept.

    None is nobody: it costs the same, and the token opens nothing.
    """
    token = base64.urlsafe_b64encode(randomness.token_bytes(24)).decode()
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into review_signin_link (digest, user_id, created_at, expires_at)"
            " select %s, id, %s, %s from review_user where id = %s",
            [keyring().code_hmac(token), now, now + valid, user.pk if user else None],
        )
    return token


@audited("link.end-all", lambda _, made: f"{made} links")
def end_links() -> int:
    """End every link that waits to be used; returns how many. A database that was set back takes used ones for waiting."""
    ended, _ = SignInLink.objects.filter(used_at=None).delete()
    return ended


@audited("link.end", lambda given, _: given["user"].handle)
def end_links_of(user: User) -> None:
    """End the links of `user`'s that wait to be used: where they were sent, nobody is reached any more."""
    SignInLink.objects.filter(user=user, used_at=None).delete()


@audited("link.use", lambda _, made: made.handle)
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
