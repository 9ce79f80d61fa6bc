"""Who signs in with one factor may choose to be asked for a second one always."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("review", "0005_tills")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="always_second",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
