"""Credits that wait to be collected, as data of the rule. Reversible as long as no rule says so."""

from django.db import migrations, models

# What lot an award booked on a day goes to: until when (16: to be collected before it, bookkeeping/kinds.py) and of what
# origin.
UNTIL = """
create function credits_award_until(booked date) returns date language sql stable parallel safe
return coalesce((select booked + claim_days from credits_rule where from_day <= booked order by from_day desc limit 1),
                credits_expires_on(booked))
"""
ORIGIN = """
create function credits_award_origin(booked date) returns smallint language sql stable parallel safe
return case when (select claim_days from credits_rule where from_day <= booked order by from_day desc limit 1) is null
            then 1::smallint else 16::smallint end
"""
NONE = """
do $$ begin
    if exists (select from credits_rule where claim_days is not null) then
        raise exception 'credits wait to be collected under a rule: this migration cannot be taken back';
    end if;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0003_caps_as_balances"),
    ]

    operations = [
        migrations.AddField("Rule", "claim_days", models.IntegerField(null=True)),
        migrations.AddConstraint(
            "Rule",
            models.CheckConstraint(
                condition=models.Q(claim_days__isnull=True) | models.Q(claim_days__range=(1, 3660)),
                name="credits_rule_claim",
            ),
        ),
        migrations.RunSQL(UNTIL, "drop function credits_award_until(date)"),
        migrations.RunSQL(ORIGIN, "drop function credits_award_origin(date)"),
        migrations.RunSQL(migrations.RunSQL.noop, NONE),
    ]
