"""An act earns at the rate of its own day; 0005 asked for that of its booking (decision 45)."""

from django.db import migrations

# The rate of an act of that day; before the first rule, that of the first.
OF_THE_ACT = """
drop function if exists credits_per_kg(timestamptz, text);
create or replace function credits_per_kg(act date) returns bigint language sql stable parallel safe
return coalesce((select credits_per_kg from credits_rule where from_day <= act order by from_day desc limit 1),
                (select credits_per_kg from credits_rule order by from_day limit 1))
"""
OF_THE_BOOKING = """
drop function credits_per_kg(date);
create function credits_per_kg(booked timestamptz, zone text) returns bigint language sql stable parallel safe
return (select credits_per_kg from credits_rule where from_day <= (booked at time zone zone)::date
        order by from_day desc limit 1)
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0005_conversion")]

    operations = [migrations.RunSQL(OF_THE_ACT, OF_THE_BOOKING)]
