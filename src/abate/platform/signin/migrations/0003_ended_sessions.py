"""Whose session was ended for them is told so when their browser comes again."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signin", "0002_kept")]

    operations = [
        migrations.CreateModel(
            name="EndedSession",
            fields=[
                ("key_sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("cause", models.TextField()),
                ("why", models.TextField(blank=True)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "signin_ended"},
        ),
    ]
