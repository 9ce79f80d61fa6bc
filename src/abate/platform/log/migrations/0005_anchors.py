"""Which heads were anchored elsewhere, and which one waits for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("log", "0004_leaf_with_sm3"),
    ]

    operations = [
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("at", models.DateTimeField()),
                ("kept_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "log_anchor"},
        ),
    ]
