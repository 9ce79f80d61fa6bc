"""Rows of alarms: what is or was wrong, whom it is for, since when and until when."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Alarm(models.Model):
    """One cause from its beginning to its end: `rule` is the name of a finding, `key` tells causes of it apart.

    `words` is canonical JSON: (name, what, remedy) in `zh` and `en`, as they were said last; `state` is the gravest since it
    began. `party` is the code of the party that must act, empty where it is the operator's `role`. While it is open there is
    no second one of the same cause. `quiet` is one that was opened again, and nobody was told since.
    """

    rule = models.TextField()
    key = models.TextField()
    role = models.TextField()
    party = models.TextField()
    state = models.TextField()
    words = models.TextField()
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    quiet = models.BooleanField(db_default=False)

    class Meta:
        db_table = "alarms_alarm"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "key"], condition=Q(ended_at__isnull=True), name="alarms_alarm_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["warning", "fault"], seen_at__gte=F("began_at")),
                name="alarms_alarm_state",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("began_at")), name="alarms_alarm_end"
            ),
        ]
        indexes = [models.Index(fields=["role", "-id"], name="alarms_alarm_of")]
