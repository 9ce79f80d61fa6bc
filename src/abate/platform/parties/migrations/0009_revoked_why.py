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
