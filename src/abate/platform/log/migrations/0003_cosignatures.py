"""Cosignatures of witnesses. Reversible: the heads they stand on stay as they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("log", "0002_access_and_readings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cosignature",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "size", "key_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("key_id", models.BinaryField()),
                ("line", models.TextField()),
                ("at", models.BigIntegerField()),
            ],
            options={
                "db_table": "log_cosignature",
                "indexes": [models.Index(fields=["key_id", "size"], name="log_cosignature_last")],
            },
        ),
    ]
