"""Why somebody of the operator's revoked a key; of keys revoked before it is not known."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0008_succeeding"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="revoked_why",
            field=models.TextField(db_default="", default=""),
        ),
    ]
