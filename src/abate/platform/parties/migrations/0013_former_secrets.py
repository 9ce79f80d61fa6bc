"""Each secret of a webhook that was replaced is kept until its own end, so that a second exchange ends no first one early."""

import django.db.models.deletion
from django.db import migrations, models

KEPT = """
insert into parties_former_secret (endpoint_id, secret, until)
select id, old_secret, old_until from parties_endpoint
where old_secret is not null and old_until > now()
"""
AGAIN = """
update parties_endpoint e set old_secret = f.secret, old_until = f.until
from (
    select distinct on (endpoint_id) endpoint_id, secret, until from parties_former_secret order by endpoint_id, id desc
) f
where f.endpoint_id = e.id
"""


class Migration(migrations.Migration):
    dependencies = [("parties", "0012_slow_endpoint")]

    operations = [
        migrations.CreateModel(
            name="FormerSecret",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("secret", models.BinaryField()),
                ("until", models.DateTimeField()),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former",
                        to="parties.endpoint",
                    ),
                ),
            ],
            options={"db_table": "parties_former_secret"},
        ),
        migrations.RunSQL(KEPT, AGAIN),
        migrations.RemoveField(model_name="endpoint", name="old_secret"),
        migrations.RemoveField(model_name="endpoint", name="old_until"),
    ]
