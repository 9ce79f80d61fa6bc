"""The audit trail and the digests of it that the log tells of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0003_proposals"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("rows", models.IntegerField()),
                ("nonce", models.BinaryField(max_length=16)),
                ("digest", models.BinaryField(max_length=32)),
                ("at", models.DateTimeField()),
                ("pruned_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "review_audit_seal",
            },
        ),
        migrations.CreateModel(
            name="Audit",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("account", models.TextField(blank=True)),
                ("role", models.TextField(blank=True)),
                ("via", models.TextField()),
                ("act", models.TextField()),
                ("what", models.TextField()),
                ("subject", models.TextField(blank=True)),
                ("detail", models.TextField()),
                ("seal", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "review_audit",
                "indexes": [
                    models.Index(fields=["at"], name="review_audit_at"),
                    models.Index(fields=["account", "id"], name="review_audit_account"),
                    models.Index(fields=["subject", "id"], name="review_audit_subject"),
                    models.Index(fields=["seal"], name="review_audit_of_seal"),
                    models.Index(
                        condition=models.Q(("seal__isnull", True)),
                        fields=["id"],
                        name="review_audit_unsealed",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("act__in", ["write", "read", "refused"])), name="review_audit_act"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("via__in", ["page", "interface", "command", "system"])),
                        name="review_audit_via",
                    ),
                ],
            },
        ),
    ]
