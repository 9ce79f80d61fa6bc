"""What kind of purpose a request has, and which sources are in a group: what a source permits is asked at every read."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0003_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="request",
            name="kind",
            field=models.TextField(db_default="statistics", default="statistics"),
        ),
        migrations.AddField(
            model_name="cell",
            name="sources",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), db_default=[], default=list, size=None
            ),
        ),
    ]
