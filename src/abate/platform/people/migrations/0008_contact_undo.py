"""A change of contact that the old contact can take back."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0007_former")]

    operations = [
        migrations.CreateModel(
            name="ContactUndo",
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
                ("token_hmac", models.BinaryField(unique=True)),
                ("contacts_enc", models.BinaryField()),
                ("changed_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "people_contact_undo"},
        ),
    ]
