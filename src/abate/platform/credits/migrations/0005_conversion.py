"""How many credits a kilogram makes, in place of how many milligrams make a credit: sums of it are exact at any rate."""

from django.db import migrations, models

CARRY = """
do $$ begin
    if exists (select from credits_rule where 1000000 % mg_per_credit <> 0) then
        raise exception 'a rule whose rate is no whole number of credits a kilogram';
    end if;
end $$;
update credits_rule set credits_per_kg = 1000000 / mg_per_credit;
"""
CARRY_BACK = """
do $$ begin
    if (select count(distinct credits_per_kg) from credits_rule) > 1
       or exists (select from credits_rule where 1000000 % credits_per_kg <> 0) then
        raise exception 'rules of several rates, or of one that is no whole number of milligrams: no way back';
    end if;
end $$;
update credits_rule set mg_per_credit = 1000000 / credits_per_kg;
"""
# The rate of the rule that a booking of that moment falls under, by the platform's day.
RATE = """
create function credits_per_kg(booked timestamptz, zone text) returns bigint language sql stable parallel safe
return (select credits_per_kg from credits_rule where from_day <= (booked at time zone zone)::date
        order by from_day desc limit 1)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0004_claim_days"),
    ]

    operations = [
        migrations.AddField(
            "Rule", "credits_per_kg", models.IntegerField(default=1000), preserve_default=False
        ),
        # Django gives no way to say "the column as it was" of a column that had no default.
        migrations.AlterField("Rule", "mg_per_credit", models.BigIntegerField(default=1000)),
        migrations.RunSQL(CARRY, CARRY_BACK),
        migrations.RemoveConstraint("Rule", "credits_rule_positive"),
        migrations.RemoveField("Rule", "mg_per_credit"),
        migrations.AddConstraint(
            "Rule",
            models.CheckConstraint(
                condition=models.Q(credits_per_kg__range=(1, 1_000_000)), name="credits_rule_rate"
            ),
        ),
        migrations.RunSQL(RATE, "drop function credits_per_kg(timestamptz, text)"),
    ]
