"""Declared sources of public data, and which event came from which."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_via_stream"),
    ]

    operations = [
        migrations.CreateModel(
            name="Marked",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "party_id", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("party_id", models.IntegerField()),
                ("event_id", models.TextField(db_collation="C")),
                ("source_id", models.IntegerField()),
                ("day", models.DateField()),
            ],
            options={
                "db_table": "events_marked",
                "indexes": [models.Index(fields=["source_id"], name="events_marked_source")],
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("party_id", models.IntegerField()),
                ("code", models.TextField(db_collation="C")),
                ("version", models.IntegerField()),
                ("mark", models.TextField()),
                ("level", models.SmallIntegerField()),
                ("uses", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("retention_days", models.IntegerField()),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "events_source",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("party_id", "code", "version"), name="events_source_version"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("level__gte", 1),
                            ("level__lte", 4),
                            ("retention_days__gte", 1),
                            ("version__gte", 1),
                        ),
                        name="events_source_terms",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("valid_from__lte", models.F("valid_until"))),
                        name="events_source_days",
                    ),
                ],
            },
        ),
    ]
