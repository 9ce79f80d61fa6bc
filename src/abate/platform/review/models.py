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
        """`staff`: who works for the operator, a party or an applicant. `till`: who burns codes for one acceptor, and can
        hold no role, other seat or password."""

        PERSON = "person"
        STAFF = "staff"
        TILL = "till"

    handle = models.CharField(max_length=36, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    is_active = models.BooleanField(default=True)
    made_up = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    always_second = models.BooleanField(default=False, db_default=False)
    """Whether its holder chose that no page of theirs opens before a second factor was shown (signin/factors.py)."""

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


class Opening(models.Model):
    """The one moment at which the empty system was given its first people. There is one row, or none, for ever."""

    append_only = True

    one = models.BooleanField(primary_key=True, default=True)
    document = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "review_opening"
        constraints = [models.CheckConstraint(condition=models.Q(one=True), name="review_opened_once")]


class Proposal(models.Model):
    """A change that somebody wants: `arguments`, `before` and `after` are canonical JSON (changes.canonical).

    `digest` is the SHA-256 of the whole (queries.document); `nonce` keeps it from being guessed. What became of it
    is told by its steps.
    """

    append_only = True

    id = models.BigAutoField(primary_key=True)
    action = models.TextField()
    arguments = models.TextField()
    before = models.TextField()
    after = models.TextField()
    reason = models.TextField()
    nonce = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "review_proposal"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("at")), name="review_proposal_expires"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="review_proposal_reason"),
        ]


class Step(models.Model):
    """What one human did with a proposal. `number` is 1, 2, 3 for propose, check, approve, and empty for a rejection.

    Each step names the one before it (`after`), so that no program can leave the check out; one human takes one of the
    three, whatever account is used; and a proposal ends once. Foreign keys over two columns (made by the migration):
    (user, human) is the account's own holder, (proposal, after) is a step of this proposal.
    """

    append_only = True
    PROPOSE, CHECK, APPROVE, REJECT = KINDS = ("propose", "check", "approve", "reject")

    id = models.BigAutoField(primary_key=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="steps", db_index=False)
    kind = models.TextField()
    number = models.SmallIntegerField(null=True)
    after = models.SmallIntegerField(null=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    human = models.BinaryField(max_length=32)
    role = models.TextField()
    reason = models.TextField(blank=True)
    signature = models.BinaryField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        db_table = "review_step"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="propose", number=1, after__isnull=True)
                | models.Q(kind="check", number=2, after=1)
                | models.Q(kind="approve", number=3, after=2)
                | (models.Q(kind="reject", number__isnull=True, after__isnull=True) & ~models.Q(reason="")),
                name="review_step_order",
            ),
            models.UniqueConstraint(fields=["proposal", "number"], name="review_step_once"),
            models.UniqueConstraint(
                fields=["proposal", "human"],
                condition=~models.Q(kind="reject"),
                name="review_step_three_humans",
            ),
            models.UniqueConstraint(
                fields=["proposal"],
                condition=models.Q(kind__in=["approve", "reject"]),
                name="review_step_one_end",
            ),
        ]


class Audit(models.Model):
    """One write, or one read of a sensitive field: who, as what, by which way in, what, to which key, when. Never changed.

    The one column that is set later, once, is the number of the seal that tells of the row in the log (sealing.py).
    """

    append_only = True
    may_change = ("seal",)
    ACTS = ("write", "read", "refused")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    account = models.TextField(blank=True)
    role = models.TextField(blank=True)
    via = models.TextField()
    act = models.TextField()
    what = models.TextField()
    subject = models.TextField(blank=True)
    detail = models.TextField()
    seal = models.BigIntegerField(null=True)

    class Meta:
        db_table = "review_audit"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(act__in=["write", "read", "refused"]), name="review_audit_act"
            ),
            models.CheckConstraint(
                condition=models.Q(via__in=["page", "interface", "command", "system"]),
                name="review_audit_via",
            ),
        ]
        indexes = [
            models.Index(fields=["at"], name="review_audit_at"),
            models.Index(fields=["account", "id"], name="review_audit_account"),
            models.Index(fields=["subject", "id"], name="review_audit_subject"),
            models.Index(fields=["seal"], name="review_audit_of_seal"),
            models.Index(fields=["id"], condition=models.Q(seal__isnull=True), name="review_audit_unsealed"),
        ]


class AuditSeal(models.Model):
    """The digest of rows of the trail that came since the last one; told in the log by a leaf.

    `pruned_at`: its rows were removed by the rule of retention; the digest stays.
    """

    append_only = True

    id = models.BigIntegerField(primary_key=True)
    rows = models.IntegerField()
    nonce = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32)
    at = models.DateTimeField()
    pruned_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "review_audit_seal"


class SignInLink(models.Model):
    """A single-use link that signs a user in; only its keyed digest is kept."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "review_signin_link"
