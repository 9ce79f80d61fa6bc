import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0007_collecting"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="succeeds",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="successors",
                to="parties.client",
            ),
        ),
        migrations.AddField(
            model_name="client",
            name="overlap",
            field=models.DurationField(null=True),
        ),
    ]
