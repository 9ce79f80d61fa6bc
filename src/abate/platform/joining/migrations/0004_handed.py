"""Since when an application waits for the contact that took it over."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("joining", "0003_answers_by_key")]

    operations = [
        migrations.AddField(
            model_name="application",
            name="handed_at",
            field=models.DateTimeField(null=True),
        ),
    ]
