"""Whose a seat at a till is, as a keyed digest alone: so that nobody decides about a party whose till they sit at."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parties", "0010_tills")]

    operations = [
        migrations.AddField(
            model_name="till", name="human", field=models.BinaryField(max_length=32, null=True)
        ),
        migrations.AddIndex(
            model_name="till",
            index=models.Index(
                fields=["human"], condition=models.Q(("human__isnull", False)), name="parties_till_human"
            ),
        ),
    ]
