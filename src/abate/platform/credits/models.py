"""Rows of the credit rules: what a credit is worth, caps as data, and the day totals they hold against."""

from __future__ import annotations

from django.db import models


class Rule(models.Model):
    """From `from_day` on, every `mg_per_credit` eligible milligrams of a person make one credit.

    Credits booked under the rule expire `expiry_days` days later, or with the end of the `expiry_years`-th
    following year, or never.
    """

    append_only = True

    from_day = models.DateField(unique=True)
    mg_per_credit = models.BigIntegerField()
    expiry_days = models.IntegerField(null=True)
    expiry_years = models.IntegerField(null=True)
    title_zh = models.TextField()
    title_en = models.TextField()

    class Meta:
        db_table = "credits_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expiry_days__isnull=True, expiry_years__isnull=True)
                | models.Q(expiry_days__range=(1, 36600), expiry_years__isnull=True)
                | models.Q(expiry_days__isnull=True, expiry_years__range=(0, 100)),
                name="credits_rule_expiry",
            ),
            models.CheckConstraint(condition=models.Q(mg_per_credit__gt=0), name="credits_rule_positive"),
        ]


class Cap(models.Model):
    """At most `max_mg` of one behaviour are eligible per person and day of the event; dated by that day."""

    append_only = True

    behaviour = models.TextField()
    from_day = models.DateField()
    to_day = models.DateField(null=True)
    max_mg = models.BigIntegerField()
    reason_zh = models.TextField()
    reason_en = models.TextField()

    class Meta:
        db_table = "credits_cap"
        constraints = [
            models.CheckConstraint(condition=models.Q(max_mg__gte=0), name="credits_cap_not_negative"),
            models.CheckConstraint(
                condition=models.Q(to_day__isnull=True) | models.Q(to_day__gte=models.F("from_day")),
                name="credits_cap_days",
            ),
        ]


class Day(models.Model):
    """A person's day of one capped behaviour: all that was counted, and the part that is eligible."""

    pk = models.CompositePrimaryKey("person_id", "behaviour", "day")
    person_id = models.BigIntegerField()
    counted_mg = models.BigIntegerField()
    eligible_mg = models.BigIntegerField()
    max_mg = models.BigIntegerField()
    day = models.DateField()
    behaviour = models.TextField(db_collation="C")

    class Meta:
        db_table = "credits_day"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    counted_mg__gte=0, eligible_mg__gte=0, eligible_mg__lte=models.F("counted_mg")
                )
                & models.Q(eligible_mg__lte=models.F("max_mg")),
                name="credits_day_within",
            ),
        ]
