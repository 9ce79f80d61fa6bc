from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_via_revalue")]

    operations = [
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "party_id", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("party_id", models.IntegerField()),
                ("event_id", models.TextField(db_collation="C")),
                ("by_id", models.TextField(db_collation="C")),
                ("kind", models.SmallIntegerField()),
                ("cause", models.TextField()),
                ("person_id", models.BigIntegerField()),
                ("batch_id", models.BigIntegerField()),
                ("decided_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "events_withdrawal",
                "constraints": [
                    models.UniqueConstraint(fields=["party_id", "by_id"], name="events_withdrawal_by"),
                    models.CheckConstraint(
                        condition=models.Q(kind__in=[1, 2]), name="events_withdrawal_kind"
                    ),
                ],
            },
        ),
    ]
