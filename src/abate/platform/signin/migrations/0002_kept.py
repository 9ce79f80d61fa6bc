"""Codes that a partner exchanges may come to another process than the one that made them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signin", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Kept",
            fields=[
                ("name_sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("value", models.TextField()),
                ("until", models.DateTimeField(null=True)),
            ],
            options={"db_table": "signin_kept"},
        ),
    ]
