"""What was mended of a returned application, and what a contact asks about the one to come."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("joining", "0004_handed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="application",
            name="found_from",
            field=models.BigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name="ContactRequest",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("contact", models.BinaryField()),
                ("reach", models.BinaryField(max_length=32)),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("void", "Void"),
                        ]
                    ),
                ),
                ("note", models.TextField(default="")),
                ("asked_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contact_requests",
                        to="joining.application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "joining_contact_request",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("application",),
                        name="joining_contact_request_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "waiting")),
                            models.Q(
                                models.Q(("state", "waiting"), _negated=True),
                                ("contact", b""),
                                ("ended_at__isnull", False),
                                ("reach", b""),
                            ),
                            _connector="OR",
                        ),
                        name="joining_contact_request_over",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "refused"), models.Q(("note", ""), _negated=True)),
                            models.Q(models.Q(("state", "refused"), _negated=True), ("note", "")),
                            _connector="OR",
                        ),
                        name="joining_contact_request_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("note", models.TextField(default="")),
                ("changed", models.JSONField(default=dict)),
                ("at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="joining.application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "joining_revision",
                "indexes": [models.Index(fields=["application", "id"], name="joining_revision_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("changed", {}), ("kind", "returned"), models.Q(("note", ""), _negated=True)
                            ),
                            models.Q(
                                ("kind", "mended"), ("note", ""), models.Q(("changed", {}), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="joining_revision_kind",
                    )
                ],
            },
        ),
    ]
