"""What a request asks of each group; one of before asked for all of it."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0004_shared_with"),
    ]

    operations = [
        migrations.AddField(
            model_name="request",
            name="fields",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                db_default=["people", "acts", "carbon_mg", "credits"],
                size=None,
            ),
        ),
        migrations.AddConstraint(
            model_name="request",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("fields__contained_by", ["people", "acts", "carbon_mg", "credits"]),
                    ("fields__len__gte", 1),
                ),
                name="sharing_request_fields",
            ),
        ),
    ]
