"""A fourth way into a batch: messages of a broker."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0005_files")]

    operations = [
        migrations.RemoveConstraint("Batch", "events_batch_via"),
        migrations.AddConstraint(
            "Batch",
            models.CheckConstraint(
                condition=models.Q(via__in=["http", "file", "stream", "revalue"]), name="events_batch_via"
            ),
        ),
    ]
