from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.TextField(db_collation="C")),
                ("version", models.IntegerField()),
                ("audience", models.TextField()),
                ("title_zh", models.TextField()),
                ("title_en", models.TextField()),
                ("text_zh", models.TextField()),
                ("text_en", models.TextField()),
                ("from_day", models.DateField()),
                ("to_day", models.DateField()),
                ("ended", models.BooleanField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "announcements_announcement",
                "constraints": [
                    models.UniqueConstraint(fields=["code", "version"], name="announcements_version_once"),
                    models.CheckConstraint(
                        condition=Q(audience__in=["people", "partners", "everybody"]),
                        name="announcements_audience",
                    ),
                    models.CheckConstraint(condition=Q(to_day__gte=F("from_day")), name="announcements_days"),
                    models.CheckConstraint(
                        condition=~Q(title_zh="") & ~Q(title_en="") & ~Q(text_zh="") & ~Q(text_en=""),
                        name="announcements_both_languages",
                    ),
                ],
            },
        ),
    ]
