"""Rows of people. What names a person is encrypted or a keyed digest; behaviour knows a number only.

Registry tables (identity, contact, subject) are unique across people and therefore carry no database foreign
key to the person: on a database spread over machines they live elsewhere than the person's rows.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abate.platform.parties.models import Party
from abate.platform.people.models_family import Freeze, Group, Guardianship, Invitation, Member
from abate.platform.people.models_recovery import ContactUndo, Recovery

__all__ = [
    "Authorisation", "Code", "Consent", "Contact", "ContactUndo", "Former", "Freeze", "Group", "Guardianship", "Identity",
    "Invitation", "Member", "Person", "Recovery", "Request", "Subject",
]  # fmt: skip


class Person(models.Model):
    """One real person, one account. `wrapped_key` and `commit_key` are null once the person was erased."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        # Left, and kept by a duty (Freeze): no page, no partner, nothing booked, until it is erased.
        FROZEN = "frozen"
        ERASED = "erased"

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="person")
    pseudonym = models.TextField(unique=True)
    commit_key = models.BinaryField(null=True)
    wrapped_key = models.BinaryField(null=True)
    identity_enc = models.BinaryField()
    contact_enc = models.BinaryField()
    notice_version = models.TextField()
    made_up = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    status = models.TextField(choices=Status.choices, default=Status.ACTIVE)

    class Meta:
        db_table = "people_person"
        verbose_name_plural = "people"
        constraints = [
            # Either kept with both keys, or erased with neither: nothing between.
            models.CheckConstraint(
                name="people_person_keys",
                condition=models.Q(
                    status__in=["active", "frozen"], commit_key__isnull=False, wrapped_key__isnull=False
                )
                | models.Q(status="erased", commit_key__isnull=True, wrapped_key__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"person {self.pk}"


class Identity(models.Model):
    """One row per identity number, by keyed digest. Its primary key decides who was first."""

    identity_hmac = models.BinaryField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    key_version = models.SmallIntegerField(default=1)

    class Meta:
        db_table = "people_identity"


class Former(models.Model):
    """What a person's identity said before it was corrected, under the person's key: unreadable with it, gone with the
    account. The number of then stays in `people_identity`, so that no second account is opened with it.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    identity_enc = models.BinaryField()
    what = models.TextField()
    replaced_at = models.DateTimeField()

    class Meta:
        db_table = "people_former"
        constraints = [
            models.CheckConstraint(condition=models.Q(what__in=["name", "number"]), name="people_former_what")
        ]


class Contact(models.Model):
    """One row per phone number or e-mail address that a person signs in with, by keyed digest."""

    contact_hmac = models.BinaryField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    kind = models.TextField()

    class Meta:
        db_table = "people_contact"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["phone", "email"]), name="people_contact_kind"
            )
        ]


class Code(models.Model):
    """A one-time code for one step: keyed digests only, of the code, the contact and the address it was asked from.

    Of the codes of one contact and step the latest that is not used is good; one that could not be sent is used up at once.
    """

    id = models.BigAutoField(primary_key=True)
    contact_hmac = models.BinaryField()
    code_hmac = models.BinaryField()
    address_hmac = models.BinaryField(null=True)
    step = models.TextField(db_default="")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.SmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "people_code"
        indexes = [
            models.Index(fields=["contact_hmac", "created_at"], name="people_code_contact"),
            models.Index(fields=["address_hmac", "created_at"], name="people_code_address"),
        ]


class Subject(models.Model):
    """The name by which one party knows one person; it outlives withdrawals."""

    pk = models.CompositePrimaryKey("party_id", "subject")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, db_index=False, related_name="+")
    subject = models.TextField()
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )

    class Meta:
        db_table = "people_subject"
        constraints = [models.UniqueConstraint(fields=["person", "party"], name="people_subject_person")]


class Authorisation(models.Model):
    """A person lets a party send events of one behaviour, from `granted_at` until `withdrawn_at` (excluded).

    `ends_at`: what a guardian gave for a child ends by itself at the 14th birthday, whether or not a row is written then.
    History: rows are added, and `withdrawn_at` is set once. `id` counts across people; the database makes it.
    """

    append_only = True
    # The one column that the application's role may still change (config/grants.py).
    may_change = ("withdrawn_at",)

    pk = models.CompositePrimaryKey("person_id", "id")
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, db_index=False, related_name="authorisations"
    )
    id = models.BigIntegerField()
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    behaviour = models.TextField()
    granted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    notice_version = models.TextField()

    class Meta:
        db_table = "people_authorisation"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "party", "behaviour"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="people_authorisation_live",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at__isnull=True)
                | models.Q(withdrawn_at__gte=models.F("granted_at")),
                name="people_authorisation_order",
            ),
        ]
        indexes = [
            models.Index(
                fields=["person", "party", "behaviour"],
                include=["granted_at", "withdrawn_at", "ends_at"],
                name="people_authorisation_when",
            )
        ]


class Consent(models.Model):
    """A person agreed to one purpose under one version of the notice, from `given_at` until `withdrawn_at`.

    Partners that send have rows of their own (Authorisation); a party that is told of the person has one for each of its
    requests (disclosing.py). `given_by`: the guardian who agreed for a child; null where the person
    did. History: rows are added, and `withdrawn_at` is set once.
    """

    append_only = True
    may_change = ("withdrawn_at",)

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    purpose = models.TextField()
    notice_version = models.TextField()
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    given_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+"
    )

    class Meta:
        db_table = "people_consent"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "purpose"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="people_consent_live",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at__isnull=True)
                | models.Q(withdrawn_at__gte=models.F("given_at")),
                name="people_consent_order",
            ),
        ]
        indexes = [
            models.Index(
                fields=["purpose", "person"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="people_consent_by_purpose",
            )
        ]


class Request(models.Model):
    """What a person asked of the operator about their own data. Texts are encrypted under the person's key.

    `due` is the day by which it must be answered; the answer is written once.
    """

    class Kind(models.TextChoices):
        CORRECTION = "correction"
        EXPLANATION = "explanation"
        RESTRICTION = "restriction"
        COMPLAINT = "complaint"

    append_only = True
    may_change = ("answered_at", "answer_enc", "answered_by_id")

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    kind = models.TextField(choices=Kind.choices)
    text_enc = models.BinaryField()
    asked_at = models.DateTimeField()
    due = models.DateField()
    answered_at = models.DateTimeField(null=True)
    answer_enc = models.BinaryField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        db_table = "people_request"
        indexes = [
            models.Index(
                fields=["due"], condition=models.Q(answered_at__isnull=True), name="people_request_open"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["correction", "explanation", "restriction", "complaint"]),
                name="people_request_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    answered_at__isnull=True, answer_enc__isnull=True, answered_by__isnull=True
                )
                | models.Q(answered_at__isnull=False, answer_enc__isnull=False, answered_by__isnull=False),
                name="people_request_answered",
            ),
        ]
