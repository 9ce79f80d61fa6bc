from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0006_standing"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="collect_by",
            field=models.DateTimeField(null=True),
        ),
    ]
