"""Who looked after an application before its present contact, by keyed digest."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("joining", "0005_mended_and_contacts")]

    operations = [
        migrations.AddField(
            model_name="application",
            name="former",
            field=ArrayField(base_field=models.BinaryField(max_length=32), default=list, size=None),
        ),
    ]
