"""Rows of anomalies: how far was swept, by which rules, what was found of whom, and what people decided."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Position(models.Model):
    """Up to which batch of events was swept: one row."""

    one = models.BooleanField(primary_key=True, default=True)
    batch_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "anomalies_position"
        constraints = [models.CheckConstraint(condition=Q(one=True), name="anomalies_position_one")]


class Rule(models.Model):
    """A rule as it stood when it found something: `document` is canonical JSON, `version` its SHA-256 (quantify/anomalies.py).

    `grade` counts from 0 in the order of GRADES.
    """

    append_only = True

    version = models.BinaryField(primary_key=True, max_length=32)
    name = models.TextField()
    kind = models.TextField()
    grade = models.SmallIntegerField()
    document = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "anomalies_rule"


class Trace(models.Model):
    """The digest of what a rule of identical traces compares of a record, to find the same in another."""

    pk = models.CompositePrimaryKey("version", "digest", "party_id", "event_id")
    version = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)
    party_id = models.IntegerField()
    event_id = models.TextField(db_collation="C")
    person_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()

    class Meta:
        db_table = "anomalies_trace"
        indexes = [models.Index(fields=["party_id", "event_id"], name="anomalies_trace_of")]


class Case(models.Model):
    """What one rule found of one person: a record, a day, a month or a trace (`grp`), with the number that was compared.

    While it is open, later records of the group join it; once somebody proposed or decided they are the next `part`. `measured`
    is null where a distance took no time at all. `state` follows from the steps.
    """

    OPEN, CONFIRMED, DISMISSED, APPEALED, UPHELD, OVERTURNED, PROPOSED = range(1, 8)
    WORDS = ("open", "confirmed", "dismissed", "appealed", "upheld", "overturned", "proposed")

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(
        Rule, on_delete=models.PROTECT, db_column="version", related_name="+", db_index=False
    )
    person_id = models.BigIntegerField()
    grp = models.TextField(db_collation="C")
    part = models.SmallIntegerField()
    measured = models.DecimalField(max_digits=40, decimal_places=6, null=True)
    state = models.SmallIntegerField()
    opened_at = models.DateTimeField()

    class Meta:
        db_table = "anomalies_case"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "person_id", "grp", "part"], name="anomalies_case_once"
            ),
            models.CheckConstraint(condition=Q(state__gte=1, state__lte=7), name="anomalies_case_state"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="anomalies_case_state_idx"),
            models.Index(fields=["person_id", "id"], name="anomalies_case_person"),
        ]


class Record(models.Model):
    """A record of a case. `beside`: it is only what another was compared with, and stands whatever is decided.

    `came`: what a confirmed case, or its overturning, did with it (CAME of queries.py); before, of one that is proposed to be
    confirmed, whether it would be spared; else empty.
    """

    pk = models.CompositePrimaryKey("case", "party_id", "event_id")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="records", db_index=False)
    party_id = models.IntegerField()
    event_id = models.TextField(db_collation="C")
    measured = models.DecimalField(max_digits=40, decimal_places=6, null=True)
    beside = models.BooleanField()
    came = models.TextField(default="")

    class Meta:
        db_table = "anomalies_record"
        indexes = [models.Index(fields=["party_id", "event_id"], name="anomalies_record_of")]


class Step(models.Model):
    """That one proposes to confirm, a decision, the person's appeal, the decision on it: `stage` 0, 1, 2, 3, each once.

    A confirmation comes `after` its proposal (0), which the table asks for; what was confirmed before that was asked has none.
    `human` is whoever is behind the account; the table holds that nobody takes two steps of one case, under whatever account.
    `words_enc` are the person's, encrypted under their key. `until` is the last day for an appeal, as it was told with the
    decision, of one that confirms.
    """

    append_only = True
    PROPOSED, DECIDED, APPEALED, ENDED = range(4)

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps", db_index=False)
    stage = models.SmallIntegerField()
    state = models.SmallIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    human = models.BinaryField(max_length=32, null=True)
    reason = models.TextField()
    words_enc = models.BinaryField(null=True)
    until = models.DateField(null=True)
    after = models.SmallIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "anomalies_step"
        constraints = [
            models.UniqueConstraint(fields=["case", "stage"], name="anomalies_step_once"),
            models.UniqueConstraint(
                fields=["case", "human"],
                condition=Q(human__isnull=False),
                name="anomalies_step_another_human",
            ),
            models.CheckConstraint(
                condition=Q(stage=0, state=7)
                | Q(stage=1, state__in=[2, 3])
                | Q(stage=2, state=4)
                | Q(stage=3, state__in=[5, 6]),
                name="anomalies_step_state",
            ),
            models.CheckConstraint(
                condition=Q(stage=2, human__isnull=True, words_enc__isnull=False)
                | Q(stage__in=[0, 1, 3], human__isnull=False, user__isnull=False, words_enc__isnull=True),
                name="anomalies_step_by",
            ),
            models.CheckConstraint(
                condition=Q(state=2, until__isnull=False) | (~Q(state=2) & Q(until__isnull=True)),
                name="anomalies_step_until",
            ),
            models.CheckConstraint(
                condition=Q(state=2, after=0) | (~Q(state=2) & Q(after__isnull=True)),
                name="anomalies_step_proposed",
            ),
        ]
