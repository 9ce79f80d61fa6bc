"""Rows of quarantine: by which rules events are kept back, which ones are, and what two people decided of them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Rule(models.Model):
    """One version of a rule as three people set it; the newest of a code that has begun holds, on its days, both included.

    `reason` is for those who decide, `told` for the people whose records are kept back (both empty: the sentence of its cause).
    `party_id` null is every party, no `behaviours` all of them. `older_than_days` is set for what comes late alone, `source`
    (the code of a declared source of the party) for a mark alone.
    """

    append_only = True
    PROBATION, DATA_FAULT, LATE, MARK = CAUSES = ("probation", "data_fault", "late", "mark")

    id = models.AutoField(primary_key=True)
    code = models.TextField(db_collation="C")
    version = models.IntegerField()
    party_id = models.IntegerField(null=True)
    behaviours = ArrayField(models.TextField(db_collation="C"))
    cause = models.TextField()
    older_than_days = models.IntegerField(null=True)
    source = models.TextField(null=True, db_collation="C")
    reason_zh = models.TextField()
    reason_en = models.TextField()
    told_zh = models.TextField(db_default="")
    told_en = models.TextField(db_default="")
    valid_from = models.DateField()
    valid_until = models.DateField()
    at = models.DateTimeField()

    class Meta:
        db_table = "quarantine_rule"
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="quarantine_rule_version"),
            models.CheckConstraint(
                condition=Q(valid_from__lte=F("valid_until")), name="quarantine_rule_days"
            ),
            models.CheckConstraint(
                condition=Q(cause="late", older_than_days__gte=1, source=None)
                | Q(cause="mark", older_than_days=None, source__isnull=False, party_id__isnull=False)
                | Q(cause="probation", older_than_days=None, source=None, party_id__isnull=False)
                | Q(cause="data_fault", older_than_days=None, source=None),
                name="quarantine_rule_cause",
            ),
            models.CheckConstraint(
                condition=Q(told_zh="", told_en="") | ~Q(told_zh="") & ~Q(told_en=""),
                name="quarantine_rule_told",
            ),
        ]
        indexes = [models.Index(fields=["valid_until"], name="quarantine_rule_until")]


class Ruling(models.Model):
    """What one of the staff proposes for some records, and what another one decided. The table holds that they are two humans,
    under whatever accounts, and that it is decided once.

    `about` are the numbers of its records, written once: a record that waits again can be proposed anew. `came`, in the same
    order, is what the decision left each as (CAME of queries.py, empty: it waits on), and null before.
    """

    RELEASE, DISMISS = 1, 2
    WORDS = ("release", "dismiss")

    id = models.BigAutoField(primary_key=True)
    verdict = models.SmallIntegerField()
    count = models.IntegerField()
    about = ArrayField(models.BigIntegerField())
    came = ArrayField(models.TextField(), null=True)
    reason = models.TextField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    human = models.BinaryField(max_length=32)
    at = models.DateTimeField()
    accepted = models.BooleanField(null=True)
    decider = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decider_human = models.BinaryField(max_length=32, null=True)
    decided_why = models.TextField(default="")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "quarantine_proposal"
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__gte=1, verdict__lte=2), name="quarantine_proposal_verdict"
            ),
            models.CheckConstraint(
                condition=Q(accepted=None, decider=None, decider_human=None, decided_at=None)
                | Q(
                    accepted__isnull=False,
                    decider__isnull=False,
                    decider_human__isnull=False,
                    decided_at__isnull=False,
                ),
                name="quarantine_proposal_decided",
            ),
            models.CheckConstraint(
                condition=Q(decider_human=None) | ~Q(decider_human=F("human")),
                name="quarantine_proposal_another_human",
            ),
        ]
        indexes = [models.Index(fields=["accepted", "-id"], name="quarantine_proposal_open")]


class Record(models.Model):
    """An event that a rule kept back: its quantity stands with the outcome `quarantined` until it is decided.

    `proposal` is the newest about it; `came` what a decision did with it (CAME of queries.py), empty before.
    """

    WAITING, PROPOSED, DECIDED = range(1, 4)
    WORDS = ("waiting", "proposed", "decided")

    id = models.BigAutoField(primary_key=True)
    party_id = models.IntegerField()
    event_id = models.TextField(db_collation="C")
    person_id = models.BigIntegerField()
    behaviour = models.TextField(db_collation="C")
    batch_id = models.BigIntegerField()
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+", db_index=False)
    held_at = models.DateTimeField()
    state = models.SmallIntegerField()
    proposal = models.ForeignKey(Ruling, on_delete=models.PROTECT, null=True, related_name="records")
    came = models.TextField(default="")

    class Meta:
        db_table = "quarantine_record"
        constraints = [
            models.UniqueConstraint(fields=["party_id", "event_id"], name="quarantine_record_once"),
            models.CheckConstraint(condition=Q(state__gte=1, state__lte=3), name="quarantine_record_state"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="quarantine_record_state_idx"),
            models.Index(fields=["person_id", "id"], name="quarantine_record_person"),
        ]
