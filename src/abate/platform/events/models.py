"""Rows of the intake: batches received, event ids seen, refusals. Nothing here says what a person did."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Batch(models.Model):
    """One request or one chunk of a file: who sent it, when, and the digest of its bytes.

    Via `revalue`: quantities computed again of what a partner sent before; the digest is that of the proposal.
    """

    append_only = True

    party_id = models.IntegerField()
    via = models.CharField(max_length=8)
    received_at = models.DateTimeField()
    body_sha256 = models.BinaryField()
    count = models.IntegerField()
    client_id = models.CharField(max_length=100)

    class Meta:
        db_table = "events_batch"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(via__in=["http", "file", "stream", "revalue"]), name="events_batch_via"
            ),
            models.CheckConstraint(condition=models.Q(count__gt=0), name="events_batch_count"),
        ]
        indexes = [models.Index(fields=["party_id", "received_at", "id"], name="events_batch_of")]


class Seen(models.Model):
    """The registry of event ids: one row per event that was accepted, whatever became of it.

    `digest` is the SHA-256 of behaviour, subject, time and canonical record: the id may only ever mean this.
    `place` is the event's position in its batch.
    """

    append_only = True

    pk = models.CompositePrimaryKey("party_id", "event_id")
    person_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    party_id = models.IntegerField()
    place = models.IntegerField()
    event_id = models.TextField(db_collation="C")
    digest = models.BinaryField()

    class Meta:
        db_table = "events_seen"
        # Batches only ever rise: written at its right edge, and one number for all events of a batch.
        indexes = [models.Index(fields=["batch_id"], name="events_seen_batch")]


class Refusal(models.Model):
    """An event that was not accepted, and why. It carries no subject and no record; its id stays free."""

    append_only = True
    # Nothing booked rests on a refusal: its month may leave for an archive file.
    by_month = True
    stays = ""

    batch_id = models.BigIntegerField()
    party_id = models.IntegerField()
    event_id = models.TextField(db_collation="C", null=True)
    at = models.DateTimeField()
    behaviour = models.TextField(null=True)
    code = models.TextField()
    detail = models.TextField()

    class Meta:
        db_table = "events_refusal"
        indexes = [
            models.Index(fields=["batch_id"], name="events_refusal_batch"),
            models.Index(fields=["party_id", "event_id"], name="events_refusal_of"),
        ]


class Archived(models.Model):
    """A month of refusals that is in an archive file and no longer here: how many rows, and the file's digest.

    The row goes when the month comes back.
    """

    month = models.TextField(primary_key=True)
    rows = models.BigIntegerField()
    sha256 = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        db_table = "events_archived"


class Withdrawal(models.Model):
    """An event that its party took back, by which event of its own, and why. An event is taken back once.

    By a withdrawal (kind 1, whose id stands in `events_seen` and nowhere else) or by the event that corrects it (kind 2).
    """

    append_only = True

    pk = models.CompositePrimaryKey("party_id", "event_id")
    party_id = models.IntegerField()
    event_id = models.TextField(db_collation="C")
    by_id = models.TextField(db_collation="C")
    kind = models.SmallIntegerField()
    cause = models.TextField()
    person_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    decided_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        db_table = "events_withdrawal"
        constraints = [
            models.UniqueConstraint(fields=["party_id", "by_id"], name="events_withdrawal_by"),
            models.CheckConstraint(condition=models.Q(kind__in=[1, 2]), name="events_withdrawal_kind"),
        ]


class File(models.Model):
    """A file of events: who sent it and how far it is booked. `rows` and `counts` move with each chunk, in its transaction.

    `name` is what its sender calls it, never a place. `declaration` as in declared.py. A rehearsal books nothing. What came
    in over HTTP lies in the data folder under the id, for as long as `kept`.
    """

    OPEN, DONE, REFUSED = 1, 2, 3

    id = models.UUIDField(primary_key=True)
    party_id = models.IntegerField()
    name = models.TextField()
    sha256 = models.BinaryField()
    size = models.BigIntegerField()
    declaration = models.TextField()
    rehearsal = models.BooleanField()
    via = models.CharField(max_length=8)
    client_id = models.CharField(max_length=100)
    at = models.DateTimeField()
    state = models.SmallIntegerField()
    rows = models.BigIntegerField()
    counts = models.JSONField()
    refusal = models.TextField(null=True)
    """Why the rest was not read: code and place of files_errors.py."""
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "events_file"
        constraints = [
            models.CheckConstraint(condition=models.Q(via__in=["http", "command"]), name="events_file_via"),
            models.CheckConstraint(condition=models.Q(state__in=[1, 2, 3]), name="events_file_state"),
        ]
        indexes = [
            models.Index(fields=["party_id", "-at"], name="events_file_of"),
            models.Index(fields=["at"], condition=models.Q(state=1), name="events_file_open"),
        ]


class FileRow(models.Model):
    """A row of a file that was not accepted, and why: `line` is its number in the file."""

    append_only = True

    pk = models.CompositePrimaryKey("file_id", "line")
    file_id = models.UUIDField()
    line = models.BigIntegerField()
    event_id = models.TextField(db_collation="C", null=True)
    outcome = models.SmallIntegerField()
    reason = models.TextField()

    class Meta:
        db_table = "events_filerow"


class Source(models.Model):
    """A source of public data as its party declared it and three people agreed: one row a version, the newest in force.

    `mark` and `level` (1 to 4) are the declarer's; `uses` are of sources.USES. `shared_with`: who may be told figures that
    hold its data, as sources.recipients reads it. Clause P-8.5-d.
    """

    append_only = True

    id = models.AutoField(primary_key=True)
    party_id = models.IntegerField()
    code = models.TextField(db_collation="C")
    version = models.IntegerField()
    mark = models.TextField()
    level = models.SmallIntegerField()
    uses = ArrayField(models.TextField())
    shared_with = ArrayField(models.TextField(), default=list, db_default=["*"])
    retention_days = models.IntegerField()
    valid_from = models.DateField()
    valid_until = models.DateField()
    at = models.DateTimeField()

    class Meta:
        db_table = "events_source"
        constraints = [
            models.UniqueConstraint(fields=["party_id", "code", "version"], name="events_source_version"),
            models.CheckConstraint(
                condition=models.Q(level__gte=1, level__lte=4, retention_days__gte=1, version__gte=1),
                name="events_source_terms",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_from__lte=models.F("valid_until")), name="events_source_days"
            ),
        ]


class Marked(models.Model):
    """Which version of a source an accepted event came from. An event of no declared source has no row here."""

    append_only = True

    pk = models.CompositePrimaryKey("party_id", "event_id")
    party_id = models.IntegerField()
    event_id = models.TextField(db_collation="C")
    source_id = models.IntegerField()
    day = models.DateField()
    """When it arrived: from then on the source's days of retention count."""

    class Meta:
        db_table = "events_marked"
        indexes = [models.Index(fields=["source_id"], name="events_marked_source")]
