"""Who can sign in at all, and which role of the operator's each has. No password exists until one is set."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Accounts(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(handle=username)


class User(AbstractBaseUser):
    """A principal that can hold a session. It carries no name and no contact: those are the person's, encrypted."""

    class Kind(models.TextChoices):
        PERSON = "person"
        STAFF = "staff"

    handle = models.CharField(max_length=36, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    is_active = models.BooleanField(default=True)
    made_up = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects: ClassVar[Accounts] = Accounts()
    USERNAME_FIELD = "handle"

    class Meta:
        db_table = "review_user"


class Grant(models.Model):
    """A role of the operator's that a user holds."""

    class Role(models.TextChoices):
        OPERATOR = "operator"

    pk = models.CompositePrimaryKey("user", "role")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=16, choices=Role.choices)
    granted_at = models.DateTimeField()

    class Meta:
        db_table = "review_grant"


class SignInLink(models.Model):
    """A single-use link that signs a user in; only its keyed digest is kept."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "review_signin_link"
