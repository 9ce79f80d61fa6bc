"""Rows of joining: applications, what was mended, documents, findings, contacts to come, agreements, conformance, notices,
settlements at the end."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from abate.platform.parties.models import Party


class Application(models.Model):
    """An organisation asks to take part. `contact` (name, address) is wrapped under the master key; `reach` its keyed digest.

    `token` is the keyed digest of what the interface knows its applicant by. `proved_at`: its contact's address was reached.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        SUBMITTED = "submitted"
        RETURNED = "returned"
        ADMITTED = "admitted"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    OPEN = (State.DRAFT, State.SUBMITTED, State.RETURNED)

    id = models.UUIDField(primary_key=True)
    code = models.TextField()
    kind = models.TextField(choices=Party.Kind.choices)
    grants = ArrayField(models.TextField())
    behaviours = ArrayField(models.TextField())
    title_zh = models.TextField()
    title_en = models.TextField()
    registration = models.TextField()
    contact = models.BinaryField()
    reach = models.BinaryField(max_length=32, db_index=True)
    token = models.BinaryField(max_length=32, null=True, unique=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="application"
    )
    party = models.OneToOneField(Party, on_delete=models.PROTECT, null=True, related_name="application")
    state = models.TextField(choices=State.choices)
    note = models.TextField(default="")
    terms = models.TextField(default="")
    made_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    """Since when it waits for another contact, whose digest three people decided on, to ask for its link; till then
    `contact` is empty. Null where the contact is known."""
    former = ArrayField(models.BinaryField(max_length=32), default=list)
    """Keyed digests of the contacts that were reached before this one: whoever has one of them decides nothing about it."""
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    found_from = models.BigIntegerField(default=0)
    """Findings up to this number were made of what it said before it was mended, and count no more."""

    class Meta:
        db_table = "joining_application"
        indexes = [models.Index(fields=["state", "made_at"], name="joining_application_state")]
        constraints = [
            # One code is asked for by one at a time; what was refused or withdrawn makes room.
            models.UniqueConstraint(
                fields=["code"],
                condition=~Q(state__in=["refused", "withdrawn"]),
                name="joining_application_code",
            ),
            models.CheckConstraint(
                condition=Q(state="admitted", party__isnull=False)
                | (~Q(state="admitted") & Q(party__isnull=True)),
                name="joining_application_admitted",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "refused", "withdrawn"]) | Q(submitted_at__isnull=False),
                name="joining_application_submitted",
            ),
        ]


class Revision(models.Model):
    """A turn of an application: it was sent back, with a `note`, or mended. `changed`: field -> [before, after]; a contact that
    changed is named with null, for its values are kept nowhere."""

    append_only = True
    RETURNED, MENDED = KINDS = ("returned", "mended")

    id = models.BigAutoField(primary_key=True)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="revisions")
    kind = models.TextField()
    note = models.TextField(default="")
    changed = models.JSONField(default=dict)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        db_table = "joining_revision"
        indexes = [models.Index(fields=["application", "id"], name="joining_revision_of")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="returned", changed={}) & ~Q(note="")
                | (Q(kind="mended", note="") & ~Q(changed={})),
                name="joining_revision_kind",
            )
        ]


class ContactRequest(models.Model):
    """A party's contact asks that another one looks after it. `contact` (name, address) is wrapped under the master key,
    `reach` its keyed digest; both are empty once it is over. `note`: why it was refused."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        VOID = "void"

    id = models.BigAutoField(primary_key=True)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="contact_requests")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    contact = models.BinaryField()
    reach = models.BinaryField(max_length=32)
    state = models.TextField(choices=State.choices)
    note = models.TextField(default="")
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "joining_contact_request"
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(state="waiting"), name="joining_contact_request_one"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True)
                | (~Q(state="waiting") & Q(ended_at__isnull=False, contact=b"", reach=b"")),
                name="joining_contact_request_over",
            ),
            models.CheckConstraint(
                condition=(Q(state="refused") & ~Q(note="")) | (~Q(state="refused") & Q(note="")),
                name="joining_contact_request_why",
            ),
        ]


class Document(models.Model):
    """A paper of an application. `body` is encrypted under its own key; it is never opened here, only handed out."""

    id = models.BigAutoField(primary_key=True)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="documents")
    kind = models.TextField()
    name = models.TextField()
    media = models.TextField()
    size = models.IntegerField()
    sha256 = models.BinaryField(max_length=32)
    valid_until = models.DateField(null=True)
    key = models.BinaryField()
    body = models.BinaryField()
    added_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    """Since when the party stands on it: three people admitted or renewed it."""
    ended_at = models.DateTimeField(null=True)
    """Since when it counts for nothing: another one was approved in its place, or its application is over."""

    class Meta:
        db_table = "joining_document"
        indexes = [models.Index(fields=["application", "kind", "id"], name="joining_document_of")]


class Finding(models.Model):
    """What a reviewer found of one document: in order or not, and why not. The last one counts."""

    append_only = True

    # Only a number: the document leaves when its time is over, the finding stays.
    document_id = models.BigIntegerField()
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="findings")
    in_order = models.BooleanField()
    note = models.TextField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        db_table = "joining_finding"
        constraints = [
            models.CheckConstraint(condition=Q(in_order=True) | ~Q(note=""), name="joining_finding_why")
        ]


class Agreement(models.Model):
    """The contract with a party: which terms, from when to when, which duties. A new one follows the old one."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="agreements")
    terms = models.TextField()
    from_day = models.DateField()
    to_day = models.DateField()
    duties = ArrayField(models.TextField())
    at = models.DateTimeField()

    class Meta:
        db_table = "joining_agreement"
        constraints = [
            models.CheckConstraint(
                condition=Q(to_day__gte=models.F("from_day")), name="joining_agreement_period"
            )
        ]


class Report(models.Model):
    """A conformance run that the sandbox signed and this platform took. `body` is the statement as it was signed."""

    append_only = True

    sha256 = models.BinaryField(primary_key=True, max_length=32)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="reports")
    run = models.TextField()
    made_at = models.DateTimeField()
    body = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "joining_report"


class Run(models.Model):
    """A conformance run in the sandbox: its lines as JSON, and where all of them passed the statement that was signed.

    `refusal` says why a run that passed was not signed. Live has none of these: what it took stands in Report.
    """

    append_only = True
    VIAS = ("page", "command")

    id = models.BigAutoField(primary_key=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="runs")
    run = models.TextField()
    via = models.TextField()
    lines = models.JSONField()
    failed = models.IntegerField()
    statement = models.TextField(default="")
    signature = models.TextField(default="")
    refusal = models.TextField(default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "joining_run"
        indexes = [models.Index(fields=["party", "-id"], name="joining_run_of")]
        constraints = [
            models.CheckConstraint(condition=Q(via__in=["page", "command"]), name="joining_run_via"),
            # Signed is what passed whole, and nothing else.
            models.CheckConstraint(
                condition=Q(statement="", signature="") | (Q(failed=0, refusal="") & ~Q(signature="")),
                name="joining_run_signed",
            ),
        ]


class Notice(models.Model):
    """Something about a party's data that it has to answer. What became of it is told by its steps."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="notices")
    subject = models.TextField()
    text = models.TextField()
    answer_by = models.DateField()
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "joining_notice"
        indexes = [models.Index(fields=["party", "-id"], name="joining_notice_of")]


class NoticeStep(models.Model):
    """An answer of the party, or the operator's closing or reopening; `kind` answered, closed, reopened.

    By an account, or, where the party answered over the interface, by its key.
    """

    append_only = True
    ANSWERED, CLOSED, REOPENED = KINDS = ("answered", "closed", "reopened")

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="steps")
    kind = models.TextField()
    text = models.TextField()
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    client_id = models.TextField(default="")

    class Meta:
        db_table = "joining_notice_step"
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, client_id="")
                | (Q(user__isnull=True, kind="answered") & ~Q(client_id="")),
                name="joining_notice_step_by",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["answered", "closed", "reopened"]), name="joining_notice_step_kind"
            ),
        ]


class Settlement(models.Model):
    """What stood between a party and the platform when it left: canonical JSON and its SHA-256."""

    append_only = True

    party = models.OneToOneField(Party, primary_key=True, on_delete=models.PROTECT, related_name="settlement")
    body = models.TextField()
    sha256 = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        db_table = "joining_settlement"
