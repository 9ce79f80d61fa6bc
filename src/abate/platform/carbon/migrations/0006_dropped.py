"""What credits nothing lets go of its record when that has had its time (carbon/dropping.py)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("carbon", "0005_acts"),
    ]

    operations = [
        migrations.AlterField("Kept", "record", models.TextField(null=True)),
        migrations.AddField("Kept", "dropped_at", models.DateTimeField(null=True)),
        migrations.AddConstraint(
            "Kept",
            models.CheckConstraint(
                condition=models.Q(record__isnull=False, dropped_at=None)
                | models.Q(
                    record=None, be_mg=None, pe_mg=None, le_mg=None, er_mg=None, dropped_at__isnull=False
                ),
                name="carbon_kept_dropped",
            ),
        ),
    ]
