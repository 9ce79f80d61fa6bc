"""Quantities computed again: what was approved, and which quantity stands in the place of which."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("carbon", "0002_kept"), ("events", "0003_via_revalue")]

    operations = [
        migrations.CreateModel(
            name="Revaluation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("proposal", models.BinaryField(unique=True)),
                ("behaviour", models.TextField()),
                ("from_day", models.DateField()),
                ("to_day", models.DateField()),
                ("header", models.TextField()),
                ("reason_zh", models.TextField()),
                ("reason_en", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "carbon_revaluation"},
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id",
                        "batch_id",
                        "place",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("batch_id", models.BigIntegerField()),
                ("old_batch_id", models.BigIntegerField()),
                ("seen_batch_id", models.BigIntegerField()),
                ("revaluation_id", models.BigIntegerField()),
                ("place", models.IntegerField()),
                ("old_place", models.IntegerField()),
                ("seen_place", models.IntegerField()),
            ],
            options={
                "db_table": "carbon_revision",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["person_id", "old_batch_id", "old_place"], name="carbon_revision_once"
                    )
                ],
                "indexes": [
                    models.Index(
                        fields=["person_id", "seen_batch_id", "seen_place"], name="carbon_revision_seen"
                    ),
                    models.Index(fields=["revaluation_id"], name="carbon_revision_of"),
                ],
            },
        ),
    ]
