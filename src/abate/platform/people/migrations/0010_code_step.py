"""A code says which step it was asked for, so that a new one ends those of its own step alone.

A code sent before says none, and is good for nothing: whoever waits for one asks again.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0009_consent_by_purpose")]

    operations = [migrations.AddField("Code", "step", models.TextField(db_default=""))]
