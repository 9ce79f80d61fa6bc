"""What others may know of users and roles."""

from __future__ import annotations

from abate.platform.review.models import Grant, User


def has_role(user: User, role: str) -> bool:
    """Whether the signed-in `user` holds the operator's `role` now."""
    return (
        bool(user.is_authenticated and user.is_active) and Grant.objects.filter(user=user, role=role).exists()
    )
