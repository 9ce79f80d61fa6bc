from django.db import migrations, models

ROOM = "alter table credits_day set (fillfactor = 70)"


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Cap",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("behaviour", models.TextField()),
                ("from_day", models.DateField()),
                ("to_day", models.DateField(null=True)),
                ("max_mg", models.BigIntegerField()),
                ("reason_zh", models.TextField()),
                ("reason_en", models.TextField()),
            ],
            options={
                "db_table": "credits_cap",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("max_mg__gte", 0)), name="credits_cap_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("to_day__isnull", True), ("to_day__gte", models.F("from_day")), _connector="OR"
                        ),
                        name="credits_cap_days",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Day",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id",
                        "behaviour",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("counted_mg", models.BigIntegerField()),
                ("eligible_mg", models.BigIntegerField()),
                ("max_mg", models.BigIntegerField()),
                ("day", models.DateField()),
                ("behaviour", models.TextField(db_collation="C")),
            ],
            options={
                "db_table": "credits_day",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("counted_mg__gte", 0),
                            ("eligible_mg__gte", 0),
                            ("eligible_mg__lte", models.F("counted_mg")),
                            ("eligible_mg__lte", models.F("max_mg")),
                        ),
                        name="credits_day_within",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_day", models.DateField(unique=True)),
                ("mg_per_credit", models.BigIntegerField()),
                ("title_zh", models.TextField()),
                ("title_en", models.TextField()),
            ],
            options={
                "db_table": "credits_rule",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mg_per_credit__gt", 0)), name="credits_rule_positive"
                    )
                ],
            },
        ),
        migrations.RunSQL(ROOM, "alter table credits_day reset (fillfactor)"),
    ]
