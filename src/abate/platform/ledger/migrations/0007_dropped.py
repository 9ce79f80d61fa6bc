"""The view of all quantities says of each whether its record was dropped; of an award it never is."""

from django.db import migrations

VIEW = """
create or replace view carbon_quantity as
select person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason, be_mg, pe_mg, le_mg,
       er_mg, 0::bigint as eligible_mg, 0::bigint as credits, false as capped, null::bigint as entry_id, record{kept}
from carbon_kept
union all
select person_id, batch_id, place, cause_party, cause, basis_id, occurred_at, act_day, 8::smallint, reason, be_mg, pe_mg,
       le_mg, carbon_mg, eligible_mg, credits, eligible_mg < carbon_mg, id, record{award}
from ledger_entry where kind = 1
"""
NOW = VIEW.format(kept=", dropped_at", award=", null::timestamptz")
BEFORE = "drop view carbon_quantity;" + VIEW.format(kept="", award="")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_earned"), ("carbon", "0006_dropped")]

    operations = [migrations.RunSQL(NOW, BEFORE)]
