"""With whom figures that hold a source's data may be shared: with anyone, for what was declared before."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0007_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="shared_with",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=["*"], default=list, size=None
            ),
        ),
    ]
