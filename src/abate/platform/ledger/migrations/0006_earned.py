"""What eligible milligrams earned, in millionths of a credit: until now all were booked at one rate."""

from django.db import migrations, models

CARRY = """
do $$ begin
    if (select count(distinct credits_per_kg) from credits_rule) > 1 then
        raise exception 'accounts without what they earned under rules of several rates';
    end if;
end $$;
update ledger_balance set earned = eligible_mg * (select credits_per_kg from credits_rule limit 1) where eligible_mg > 0;
"""
ONE_RATE = """
do $$ begin
    if (select count(distinct credits_per_kg) from credits_rule) > 1 then
        raise exception 'rules of several rates: what was earned cannot be counted from eligible milligrams: no way back';
    end if;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_duties"),
        ("credits", "0005_conversion"),
    ]

    operations = [
        migrations.AddField("Balance", "earned", models.BigIntegerField(db_default=0)),
        migrations.RunSQL(CARRY, ONE_RATE),
        migrations.AddConstraint(
            "Balance",
            models.CheckConstraint(condition=models.Q(earned__gte=0), name="ledger_balance_earned"),
        ),
    ]
