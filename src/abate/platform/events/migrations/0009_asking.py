"""A partner asks for its own events by when they arrived: from its batches to their events, and refusals by id.

Each index holds back writers from when it is made to the end of the upgrade, which is one transaction
(docs/decisions/0039): intake waits for the sum of them, some minutes for a hundred million events.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0008_shared_with")]

    operations = [
        migrations.AddIndex(
            "Batch", models.Index(fields=["party_id", "received_at", "id"], name="events_batch_of")
        ),
        migrations.AddIndex("Seen", models.Index(fields=["batch_id"], name="events_seen_batch")),
        migrations.AddIndex("Refusal", models.Index(fields=["batch_id"], name="events_refusal_batch")),
        migrations.AddIndex(
            "Refusal", models.Index(fields=["party_id", "event_id"], name="events_refusal_of")
        ),
    ]
