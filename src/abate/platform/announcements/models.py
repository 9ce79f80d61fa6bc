"""Rows of announcements: what the operator says, to whom, from which day to which."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Announcement(models.Model):
    """One version of what is said under a code; the newest version is what holds, and `ended` that nothing does.

    Plain text in both languages, to people, to partners, or to both, on the days from `from_day` to `to_day`, both included.
    """

    append_only = True
    PEOPLE, PARTNERS, EVERYBODY = AUDIENCES = ("people", "partners", "everybody")

    id = models.BigAutoField(primary_key=True)
    code = models.TextField(db_collation="C")
    version = models.IntegerField()
    audience = models.TextField()
    title_zh = models.TextField()
    title_en = models.TextField()
    text_zh = models.TextField()
    text_en = models.TextField()
    from_day = models.DateField()
    to_day = models.DateField()
    ended = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        db_table = "announcements_announcement"
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="announcements_version_once"),
            models.CheckConstraint(
                condition=Q(audience__in=["people", "partners", "everybody"]),
                name="announcements_audience",
            ),
            models.CheckConstraint(condition=Q(to_day__gte=F("from_day")), name="announcements_days"),
            models.CheckConstraint(
                condition=~Q(title_zh="") & ~Q(title_en="") & ~Q(text_zh="") & ~Q(text_en=""),
                name="announcements_both_languages",
            ),
        ]
