from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Refusal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("batch_id", models.BigIntegerField()),
                ("party_id", models.IntegerField()),
                ("event_id", models.TextField(db_collation="C", null=True)),
                ("at", models.DateTimeField()),
                ("behaviour", models.TextField(null=True)),
                ("code", models.TextField()),
                ("detail", models.TextField()),
            ],
            options={
                "db_table": "events_refusal",
            },
        ),
        migrations.CreateModel(
            name="Seen",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "party_id", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("batch_id", models.BigIntegerField()),
                ("party_id", models.IntegerField()),
                ("place", models.IntegerField()),
                ("event_id", models.TextField(db_collation="C")),
                ("digest", models.BinaryField()),
            ],
            options={
                "db_table": "events_seen",
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("party_id", models.IntegerField()),
                ("via", models.CharField(max_length=8)),
                ("received_at", models.DateTimeField()),
                ("body_sha256", models.BinaryField()),
                ("count", models.IntegerField()),
                ("client_id", models.CharField(max_length=100)),
            ],
            options={
                "db_table": "events_batch",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("via__in", ["http", "file"])), name="events_batch_via"
                    ),
                    models.CheckConstraint(condition=models.Q(("count__gt", 0)), name="events_batch_count"),
                ],
            },
        ),
    ]
