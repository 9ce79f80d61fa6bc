"""A corrected identity keeps what it said before."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0006_recovery")]

    operations = [
        migrations.CreateModel(
            name="Former",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "person",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.person",
                    ),
                ),
                ("identity_enc", models.BinaryField()),
                ("what", models.TextField()),
                ("replaced_at", models.DateTimeField()),
            ],
            options={
                "db_table": "people_former",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(what__in=["name", "number"]), name="people_former_what"
                    )
                ],
            },
        ),
    ]
