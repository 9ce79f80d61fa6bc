"""When credits expire, as data of the rule. Reversible: without the columns credits are for good, as before."""

from django.db import migrations, models

# The day on which credits booked on `booked` can no longer be spent. 9999-12-31 stands for never.
EXPIRES_ON = """
create function credits_expires_on(booked date) returns date language sql stable parallel safe
return coalesce((select case when expiry_days is not null then booked + expiry_days
                             when expiry_years is not null
                                 then make_date(extract(year from booked)::int + expiry_years + 1, 1, 1) end
                 from credits_rule where from_day <= booked order by from_day desc limit 1), date '9999-12-31')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="rule",
            name="expiry_days",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="expiry_years",
            field=models.IntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("expiry_days__isnull", True), ("expiry_years__isnull", True)),
                    models.Q(("expiry_days__range", (1, 36600)), ("expiry_years__isnull", True)),
                    models.Q(("expiry_days__isnull", True), ("expiry_years__range", (0, 100))),
                    _connector="OR",
                ),
                name="credits_rule_expiry",
            ),
        ),
        migrations.RunSQL(EXPIRES_ON, "drop function credits_expires_on(date)"),
    ]
