"""An address that takes long to answer is told apart from the others, so that nobody else waits for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parties", "0011_till_human")]

    operations = [
        migrations.AddField(model_name="endpoint", name="slow_until", field=models.DateTimeField(null=True)),
        migrations.RemoveIndex(model_name="message", name="parties_message_due"),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                fields=["endpoint", "next_at"],
                condition=models.Q(("next_at__isnull", False)),
                name="parties_message_due",
            ),
        ),
    ]
