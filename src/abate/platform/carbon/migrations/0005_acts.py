"""What each credited event takes up, so that another record of the same act is not counted too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("carbon", "0004_adoption"),
    ]

    operations = [
        migrations.CreateModel(
            name="Act",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id",
                        "rule",
                        "ends_at",
                        "party_id",
                        "event_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("party_id", models.IntegerField()),
                ("rule", models.TextField(db_collation="C")),
                ("behaviour", models.TextField(db_collation="C")),
                ("event_id", models.TextField(db_collation="C")),
                ("key", models.BinaryField()),
                ("own", models.BinaryField()),
            ],
            options={
                "db_table": "carbon_act",
            },
        ),
    ]
