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


class Human(models.Model):
    """Somebody of the operator's staff, by the keyed digest of their identity, and the one side they work on.

    No name and no number: two accounts of one person meet here, and that is all that is known.
    """

    class Side(models.TextChoices):
        ADMINISTRATION = "administration"
        OPERATION = "operation"

    human = models.BinaryField(primary_key=True, max_length=32)
    side = models.TextField(choices=Side.choices)

    class Meta:
        db_table = "review_human"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(side__in=["administration", "operation"]), name="review_human_side"
            ),
            models.UniqueConstraint(fields=["human", "side"], name="review_human_on_side"),
        ]


class Staff(models.Model):
    """Whose account this is. It never changes hands."""

    append_only = True

    user = models.OneToOneField(User, primary_key=True, on_delete=models.PROTECT, related_name="staff")
    human = models.ForeignKey(Human, on_delete=models.PROTECT, db_column="human")

    class Meta:
        db_table = "review_staff"
        constraints = [models.UniqueConstraint(fields=["user", "human"], name="review_staff_human")]


class Grant(models.Model):
    """A role of the operator's that a user holds. Rows are added and removed, never changed.

    `human` and `side` repeat what Staff and Human say; foreign keys over both columns (made by the migration) keep
    them true, so that the two rules below hold for a person across all accounts, whatever program writes.
    """

    class Role(models.TextChoices):
        SYSTEM_ADMIN = "system_admin"
        SECURITY_ADMIN = "security_admin"
        AUDIT_ADMIN = "audit_admin"
        ENTRY = "entry"
        CHECK = "check"
        APPROVE = "approve"
        QUERY = "query"
        FINANCE = "finance"
        CONTENT = "content"

    ADMINISTRATORS = ("system_admin", "security_admin", "audit_admin")

    pk = models.CompositePrimaryKey("user", "role")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=16, choices=Role.choices)
    human = models.BinaryField(max_length=32)
    side = models.TextField()
    granted_at = models.DateTimeField()

    class Meta:
        db_table = "review_grant"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    role__in=["system_admin", "security_admin", "audit_admin"], side="administration"
                )
                | models.Q(
                    role__in=["entry", "check", "approve", "query", "finance", "content"], side="operation"
                ),
                name="review_grant_side",
            ),
            models.UniqueConstraint(
                fields=["human"],
                condition=models.Q(side="administration"),
                name="review_one_administrator_role",
            ),
        ]


class SignInLink(models.Model):
    """A single-use link that signs a user in; only its keyed digest is kept."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "review_signin_link"
