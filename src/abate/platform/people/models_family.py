"""Rows of guardians, households and the members of organisations; and of accounts that are kept and no more."""

from __future__ import annotations

from django.db import models


class Guardianship(models.Model):
    """A guardian opened the account of a child and acts for it until `until`, the child's 14th birthday.

    `until` is all that is kept of the child's age, and goes when `ended_at` is set, once: the account was closed or passed
    to its owner. By date the guardian's time is over without it.
    """

    class Relation(models.TextChoices):
        PARENT = "parent"
        OTHER = "other"

    append_only = True
    may_change = ("ended_at", "until", "name_enc")

    id = models.BigAutoField(primary_key=True)
    # One account of a child has one guardian: who opened it.
    child = models.OneToOneField(
        "people.Person", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    guardian = models.ForeignKey(
        "people.Person", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    relation = models.TextField(choices=Relation.choices)
    # What the guardian calls the child, under the guardian's key: no page opens the child's identity to say whose it is.
    name_enc = models.BinaryField()
    given_at = models.DateTimeField()
    until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "people_guardianship"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(child=models.F("guardian")), name="people_guardianship_two"
            ),
            models.CheckConstraint(
                condition=models.Q(relation__in=["parent", "other"]), name="people_guardianship_relation"
            ),
            models.CheckConstraint(
                condition=models.Q(until__isnull=False, ended_at__isnull=True)
                | models.Q(until__isnull=True, ended_at__isnull=False),
                name="people_guardianship_until",
            ),
        ]


class Group(models.Model):
    """A household, or the members of an organisation (`party`). It has no name: its members know what they joined."""

    class Kind(models.TextChoices):
        HOUSEHOLD = "household"
        ORGANISATION = "organisation"

    append_only = True

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField(choices=Kind.choices)
    party = models.OneToOneField("parties.Party", on_delete=models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        db_table = "people_group"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="household", party__isnull=True)
                | models.Q(kind="organisation", party__isnull=False),
                name="people_group_kind",
            ),
        ]


class Member(models.Model):
    """A person is in a group from `joined_at` until `left_at`, having agreed under a version of the notice.

    History: rows are added, `left_at` is set once, and a later version of the notice is noted where they agreed to it (what
    it was before stands in the trail). Nobody is in two households at a time.
    """

    append_only = True
    may_change = ("left_at", "notice_version")

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    kind = models.TextField(choices=Group.Kind.choices)
    notice_version = models.TextField()
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "people_member"
        constraints = [
            models.UniqueConstraint(
                fields=["group", "person"],
                condition=models.Q(left_at__isnull=True),
                name="people_member_live",
            ),
            models.UniqueConstraint(
                fields=["person"],
                condition=models.Q(left_at__isnull=True, kind="household"),
                name="people_member_one_household",
            ),
            models.CheckConstraint(
                condition=models.Q(left_at__isnull=True) | models.Q(left_at__gte=models.F("joined_at")),
                name="people_member_order",
            ),
        ]


class Invitation(models.Model):
    """A code that lets up to `most` people into a group until `expires_at`. Its keyed digest only; `used` counts up."""

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    most = models.IntegerField()
    used = models.IntegerField(default=0)

    class Meta:
        db_table = "people_invitation"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(most__gte=1, used__gte=0, used__lte=models.F("most")),
                name="people_invitation_used",
            ),
        ]


class Freeze(models.Model):
    """An account whose person left while a duty obliges to keep its records: kept until `until` (that day included), and
    nothing else is done with it. `grounds` are the duties in words, Chinese and English; `ended_at` is when it was erased.
    """

    append_only = True
    # A duty that was laid down since prolongs it.
    may_change = ("until", "grounds", "ended_at")

    person = models.OneToOneField(
        "people.Person", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    at = models.DateTimeField()
    until = models.DateField()
    grounds = models.JSONField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "people_freeze"
        indexes = [
            models.Index(
                fields=["until"], condition=models.Q(ended_at__isnull=True), name="people_freeze_due"
            )
        ]
