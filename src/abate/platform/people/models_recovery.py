"""Rows of recoveries of sign-in, and of changes of a contact that may be taken back."""

from __future__ import annotations

from django.db import models


class Recovery(models.Model):
    """Somebody asks to sign in to the account of an identity with a new contact, which they proved.

    The same row whether or not there is such an account: `looked_at` says that it was looked up, afterwards and by nobody who
    waits for an answer; `person` is null where there is none, or name or code did not fit. `notice_id`: what its owner is told
    by; `ready_at` is null until that was handed over somewhere, and counts from then. Texts are encrypted under the master
    key and empty once they are needed no more.
    """

    id = models.BigAutoField(primary_key=True)
    identity_hmac = models.BinaryField()
    name_hmac = models.BinaryField()
    contact_hmac = models.BinaryField()
    contact_enc = models.BinaryField()
    code_enc = models.BinaryField()
    how = models.TextField()
    asked_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    person = models.ForeignKey(
        "people.Person", on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    # No foreign key: notices are kept by a rule of their own.
    notice_id = models.BigIntegerField(null=True)
    ready_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "people_recovery"
        indexes = [
            models.Index(fields=["identity_hmac", "asked_at"], name="people_recovery_identity"),
            models.Index(fields=["contact_hmac"], name="people_recovery_contact"),
            models.Index(
                fields=["id"], condition=models.Q(looked_at__isnull=True), name="people_recovery_new"
            ),
            models.Index(
                fields=["notice_id"],
                condition=models.Q(notice_id__isnull=False, ready_at__isnull=True),
                name="people_recovery_untold",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="people_recovery_how", condition=models.Q(how__in=["identity", "code"])
            ),
            models.CheckConstraint(
                name="people_recovery_one_end",
                condition=models.Q(stopped_at__isnull=True) | models.Q(done_at__isnull=True),
            ),
        ]


class ContactUndo(models.Model):
    """The link by which the old contact takes a change back: a digest of its secret, and all contacts of before, encrypted
    under the person's key. `ended_at`: when it was used, or an earlier one was.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(
        "people.Person", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    token_hmac = models.BinaryField(unique=True)
    contacts_enc = models.BinaryField()
    changed_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "people_contact_undo"
