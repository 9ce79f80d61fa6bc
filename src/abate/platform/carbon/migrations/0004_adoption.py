"""What quantities rest on, as three people put it in force."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("carbon", "0003_revaluation"),
    ]

    operations = [
        migrations.CreateModel(
            name="Adoption",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.BinaryField(max_length=32)),
                ("document", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "carbon_adoption",
            },
        ),
    ]
