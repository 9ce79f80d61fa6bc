"""Who may open which entries, and who was shown what. Reversible: the tables go, no leaf depends on them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("log", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Access",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("party_id", models.IntegerField()),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("given_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "log_access",
                "indexes": [models.Index(fields=["party_id", "first"], name="log_access_party")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("first__gte", 0),
                            ("last__gte", models.F("first")),
                            ("until__gt", models.F("given_at")),
                        ),
                        name="log_access_span",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("party_id", models.IntegerField(null=True)),
                ("client_id", models.TextField()),
                ("what", models.TextField()),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("access_id", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "log_reading",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("what__in", ["leaves", "openings"])), name="log_reading_what"
                    )
                ],
            },
        ),
    ]
