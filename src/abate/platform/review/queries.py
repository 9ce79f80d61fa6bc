"""What others may know of users and roles."""

from __future__ import annotations

from abate.platform.review.models import Grant, User


def roles(user: User) -> list[str]:
    """The operator's roles that the signed-in `user` holds now; none where the account is closed."""
    if not (user.is_authenticated and user.is_active):
        return []
    return sorted(Grant.objects.filter(user=user).values_list("role", flat=True))


def has_role(user: User, role: str) -> bool:
    """Whether the signed-in `user` holds the operator's `role` now."""
    return role in roles(user)
