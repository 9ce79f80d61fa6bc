"""A third way into a batch: quantities of earlier events, computed again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0002_refusals_by_month")]

    operations = [
        migrations.RemoveConstraint("Batch", "events_batch_via"),
        migrations.AddConstraint(
            "Batch",
            models.CheckConstraint(
                condition=models.Q(via__in=["http", "file", "revalue"]), name="events_batch_via"
            ),
        ),
    ]
