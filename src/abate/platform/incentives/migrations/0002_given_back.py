"""A code can be given back before use. Reversible as long as none was: two ends would look like none."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incentives", "0001_initial"),
        ("people", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="code",
            name="cancelled_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="code",
            constraint=models.CheckConstraint(
                condition=models.Q(("burnt_at", None), ("cancelled_at", None), _connector="OR"),
                name="incentives_code_one_end",
            ),
        ),
    ]
