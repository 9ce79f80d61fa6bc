"""Rows of notices: what somebody is told, where it went, and what each wants to be told."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """The outbox: one thing to tell one user, written with the work it tells of. `user` is null where it is nobody's.

    `fields_enc`: the named fields of its kind, encrypted. `planned_at`: when it was seen where it goes; `said`: why nowhere.
    `once`: a name under which this user is told one time, however often a job finds the reason for it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.TextField()
    fields_enc = models.BinaryField()
    made_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True)
    said = models.TextField(default="")
    once = models.TextField(null=True)

    class Meta:
        db_table = "notices_notice"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "once"], condition=models.Q(once__isnull=False), name="notices_notice_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(planned_at__isnull=True), name="notices_notice_new"
            ),
            models.Index(fields=["user", "-id"], name="notices_notice_of"),
        ]


class Delivery(models.Model):
    """A notice on its way to one place. `to_enc` is the place, encrypted, and empty once nothing more is sent to it; `made_at`
    the notice's, so that both are kept equally long.

    `next_at` is null when it is done: `sent_at` says when it was handed over, else `said` why it was not.
    """

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    made_at = models.DateTimeField()
    channel = models.TextField()
    place = models.TextField()
    to_enc = models.BinaryField()
    next_at = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    said = models.TextField(default="")

    class Meta:
        db_table = "notices_delivery"
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(next_at__isnull=False), name="notices_delivery_due"
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="notices_delivery_channel", condition=models.Q(channel__in=["email", "phone", "push"])
            )
        ]


class Preference(models.Model):
    """Whether a user wants one kind of notice by one channel, where they said so; else the kind's own rule counts."""

    pk = models.CompositePrimaryKey("user_id", "kind", "channel")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    kind = models.TextField()
    channel = models.TextField()
    wanted = models.BooleanField()

    class Meta:
        db_table = "notices_preference"


class Reader(models.Model):
    """In which language a user is told; without a row in both."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    language = models.TextField()

    class Meta:
        db_table = "notices_reader"
        constraints = [
            models.CheckConstraint(
                name="notices_reader_language", condition=models.Q(language__in=["zh", "en"])
            )
        ]


class Browser(models.Model):
    """A browser that a user wants notices in: its subscription, encrypted, and the keyed digest of its address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(unique=True)
    place_enc = models.BinaryField()
    device = models.TextField()
    added_at = models.DateTimeField()

    class Meta:
        db_table = "notices_browser"


class Incident(models.Model):
    """What those whom an incident concerns read of it: plain text in both languages, under the number of their notice.

    `since`: the first day of it; `told_at`: when its notices were last written, so that both are kept equally long.
    """

    number = models.TextField(primary_key=True, db_collation="C")
    since = models.DateField()
    happened_zh = models.TextField()
    happened_en = models.TextField()
    data_zh = models.TextField()
    data_en = models.TextField()
    follows_zh = models.TextField()
    follows_en = models.TextField()
    done_zh = models.TextField()
    done_en = models.TextField()
    advice_zh = models.TextField()
    advice_en = models.TextField()
    contact = models.TextField()
    told_at = models.DateTimeField()

    class Meta:
        db_table = "notices_incident"
