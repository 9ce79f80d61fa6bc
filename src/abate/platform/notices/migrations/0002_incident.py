"""What those whom an incident concerns read of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("number", models.TextField(db_collation="C", primary_key=True, serialize=False)),
                ("since", models.DateField()),
                ("happened_zh", models.TextField()),
                ("happened_en", models.TextField()),
                ("data_zh", models.TextField()),
                ("data_en", models.TextField()),
                ("follows_zh", models.TextField()),
                ("follows_en", models.TextField()),
                ("done_zh", models.TextField()),
                ("done_en", models.TextField()),
                ("advice_zh", models.TextField()),
                ("advice_en", models.TextField()),
                ("contact", models.TextField()),
                ("told_at", models.DateTimeField()),
            ],
            options={
                "db_table": "notices_incident",
            },
        ),
    ]
