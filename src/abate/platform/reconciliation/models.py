"""Rows of reconciliation: files compared, breaks found, and what became of each. All of them are only added to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Side(models.TextChoices):
    """What is compared."""

    EVENTS = "events"
    CODES = "codes"


class Kind(models.TextChoices):
    """How an item breaks."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    DIFFERENT = "different"


class State(models.TextChoices):
    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    """A person decided, and said how."""
    CLEARED = "cleared"
    """A later file agrees."""


class Resolution(models.TextChoices):
    """How a person closed a break. The next file opens it again if it still differs, but for `accepted`."""

    RESENT = "resent"
    REVERSED = "reversed"
    CORRECTED_THERE = "corrected_there"
    ACCEPTED = "accepted"


class File(models.Model):
    """One file that was compared, whole. The same bytes for the same day are one file."""

    append_only = True

    # Only a number: the room of parties keeps no foreign keys towards it.
    party_id = models.IntegerField()
    side = models.TextField(choices=Side.choices)
    day = models.DateField()
    sha256 = models.BinaryField()
    via = models.TextField()
    client_id = models.TextField()
    at = models.DateTimeField()
    rows = models.IntegerField()
    matched = models.IntegerField()
    missing_here = models.IntegerField()
    missing_there = models.IntegerField()
    different = models.IntegerField()

    class Meta:
        db_table = "reconciliation_file"
        indexes = [models.Index(fields=["party_id", "side", "day", "id"], name="reconciliation_file_day")]
        constraints = [
            models.CheckConstraint(condition=Q(side__in=Side.values), name="reconciliation_file_side"),
            models.CheckConstraint(condition=Q(via__in=["http", "file"]), name="reconciliation_file_via"),
            # Every row of the file has one verdict; what is missing there has no row in it.
            models.CheckConstraint(
                condition=Q(rows=models.F("matched") + models.F("missing_here") + models.F("different")),
                name="reconciliation_file_adds_up",
            ),
        ]


class Break(models.Model):
    """One item that did not agree on one day. `item` is the event id, or the keyed digest of a code; `label` is what
    people are shown."""

    append_only = True

    party_id = models.IntegerField()
    side = models.TextField(choices=Side.choices)
    day = models.DateField()
    item = models.TextField(db_collation="C")
    label = models.TextField()
    opened_at = models.DateTimeField()

    class Meta:
        db_table = "reconciliation_break"
        constraints = [
            models.UniqueConstraint(
                fields=["party_id", "side", "day", "item"], name="reconciliation_break_item"
            ),
        ]


class Step(models.Model):
    """A state of a break, whole: the newest is the present one. `by` is who decided, empty where a file did."""

    append_only = True

    break_id = models.BigIntegerField()
    at = models.DateTimeField()
    state = models.TextField(choices=State.choices)
    kind = models.TextField(choices=Kind.choices)
    ours = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    owner = models.TextField()
    resolution = models.TextField(choices=Resolution.choices, null=True)
    note = models.TextField()
    by = models.TextField()
    file_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "reconciliation_step"
        indexes = [models.Index(fields=["break_id", "-id"], name="reconciliation_step_newest")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="reconciliation_step_state"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="reconciliation_step_kind"),
            models.CheckConstraint(
                condition=Q(state="resolved", resolution__in=Resolution.values)
                | ~Q(state="resolved") & Q(resolution=None),
                name="reconciliation_step_resolution",
            ),
        ]
